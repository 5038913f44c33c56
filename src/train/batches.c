/* batches: a random order of the examples for each epoch. */
#include "train/train.h"

void train_batches_open(train_batches *b, base_arena *arena, int64_t n, int64_t size, int64_t key) {
  *b = (train_batches){.n = n, .size = size < n ? size : n, .at = n, .epoch = -1, .key = key};
  b->order = BASE_NEWS(arena, int64_t, n);
  for (int64_t i = 0; i < n; i++) b->order[i] = i;
}

/* A number in [0, n) from 32 random bits and as many more. */
static int64_t draw(const train_batches *b, int64_t i, int64_t n) {
  uint64_t high = ir_random_bits(b->key, b->epoch, 2 * i);
  uint64_t low = ir_random_bits(b->key, b->epoch, 2 * i + 1);
  return (int64_t)((unsigned __int128)(high << 32 | low) * (uint64_t)n >> 64);
}

/* Fisher and Yates. */
static void shuffle(train_batches *b) {
  for (int64_t i = b->n - 1; i > 0; i--) {
    int64_t k = draw(b, i, i + 1), swap = b->order[i];
    b->order[i] = b->order[k];
    b->order[k] = swap;
  }
}

const int64_t *train_batches_next(train_batches *b) {
  if (b->at + b->size > b->n) {
    b->epoch++;
    b->at = 0;
    shuffle(b);
  }
  const int64_t *batch = &b->order[b->at];
  b->at += b->size;
  return batch;
}
