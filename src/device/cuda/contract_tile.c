/* Which tile: a model of time ranks the candidates. Its constants were measured on an H200. */
#include <math.h>
#include <stdlib.h>

#include "device/cuda/contract.h"

enum {
  DEEP = 64,
  RESERVED = 3072,
  PATCH = 16 * 33 * 4
}; /* k of a stage; shared memory besides the ring */

static const double CYCLES_PER_US = 1700;                   /* under load */
static const double BYTES_PER_CYCLE = 58;                   /* into one multiprocessor */
static const double MEMORY = 4.3e6, L2 = 9e6; /* bytes a microsecond */
static const double START = 1.6, SPLIT = 5, STAGED = 0.4; /* microseconds */
static const double STORE = 0.11; /* cycles an element of a tile, where nothing hides it */

/* rows, cols, stages, cluster, split, staged, turned */
static const contract_tile tiles[] = {
    {128, 256, 4, 1, 1, false, false}, {128, 128, 6, 1, 1, false, false},
    {64, 256, 5, 1, 1, false, false},  {64, 128, 4, 1, 1, false, false},
    {64, 64, 6, 1, 1, false, false},   {128, 128, 6, 1, 3, true, false},
    {128, 128, 6, 1, 2, true, false},  {64, 128, 4, 1, 2, true, false},
    {64, 64, 6, 1, 2, true, false},    {64, 8, 16, 1, 2, true, true},
    {64, 16, 16, 1, 2, true, true},    {64, 32, 12, 1, 2, true, true},
    {64, 64, 8, 1, 2, true, true},     {128, 64, 6, 1, 3, true, true},
    {128, 128, 6, 1, 3, true, true},   {64, 8, 8, 1, 1, true, true},
    {64, 16, 8, 1, 1, true, true},     {64, 32, 8, 1, 1, true, true},
    {64, 64, 8, 1, 1, true, true},     {128, 128, 6, 1, 1, true, true},
    {128, 256, 4, 1, 1, true, true},
};

static int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int contract_shared(const contract *c, const contract_tile *t) {
  int ring = t->stages * (t->rows + t->cols) * DEEP * 2;
  int lines = t->turned ? t->cols : t->rows, wide = t->turned ? t->rows : t->cols;
  int staged = t->staged ? lines * (wide + 8) * 4 : 0;
  if (!t->staged && contract_vector(c) == 1) ring += t->rows / 16 * PATCH; /* each warp has one */
  return ring > staged ? ring : staged;
}

/* Tiles whose columns are read 64 at a time have that many. */
static bool fits(const cuda_device *d, const contract *c, const contract_tile *t) {
  const contract_factor *b = t->turned ? c->a : c->b;
  bool wide = true;
  for (int i = 0; i < c->terms; i++) wide = wide && (t->cols >= 64 || !contract_by_rows(&b[i]));
  return wide && contract_shared(c, t) + RESERVED <= d->shared_per_block;
}

double contract_microseconds(const cuda_device *d, const contract *c, const contract_tile *t) {
  int64_t rows = t->turned ? c->n.count : c->m.count, cols = t->turned ? c->m.count : c->n.count;
  int64_t steps = c->terms * up(c->k.count, DEEP), each = up(steps, t->split);
  int64_t blocks = up(rows, t->rows) * up(cols, t->cols) * c->batch.count * t->split;
  int64_t at_once = d->sms / t->split * t->split;
  double products = 2.0 * t->cols * (t->rows / 64),
         loads = (t->rows + t->cols) * DEEP * 2 / BYTES_PER_CYCLE;
  double tile = (double)each * fmax(products, loads) + STORE * t->rows * t->cols / t->split;
  double work = (double)up(blocks, at_once) * tile / CYCLES_PER_US;
  double bytes =
      2.0 * (double)c->batch.count *
      ((double)c->terms * (double)c->k.count * (double)(rows + cols) + (double)rows * (double)cols);
  double loaded = (double)(blocks * each) * (t->rows + t->cols) * DEEP * 2;
  return START + fmax(work, fmax(bytes / MEMORY, loaded / L2)) + (t->split > 1 ? SPLIT : 0) +
         (t->staged ? STAGED : 0);
}

/* TL_CUDA_TILE, a row of the table, is taken wherever it fits: for tests and measurements. */
contract_tile contract_choose(const cuda_device *d, const contract *c) {
  const contract_tile *best = NULL;
  const char *told = getenv("TL_CUDA_TILE");
  double least = 0;
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
    if (!fits(d, c, &tiles[i])) continue;
    if (told && (size_t)atoi(told) == i) return tiles[i];
    double time = contract_microseconds(d, c, &tiles[i]);
    if (best && time >= least) continue;
    best = &tiles[i];
    least = time;
  }
  contract_tile t = best ? *best : tiles[4];
  int64_t steps = c->terms * up(c->k.count, DEEP) / t.split + 1;
  while (t.stages > 2 && t.stages > steps) t.stages--; /* so that the next kernel fits beside it */
  return t;
}
