/* arena: memory that goes together. Blocks are zeroed when they come, so allocation is a bump.
 * The arena itself is the first thing in its first block. */
#include <limits.h>
#include <string.h>

#include "base/private.h"

/* Under AddressSanitizer what is not handed out is poisoned, with a gap behind each piece. */
#if defined(__SANITIZE_ADDRESS__)
#define TL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TL_ASAN 1
#endif
#endif
#ifdef TL_ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
enum { GAP = 0 };
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

enum { FIRST_BLOCK = 2048, LAST_BLOCK = 65536, UNIT = 16 };

typedef struct block {
  struct block *next;
  size_t bytes;  /* of what follows this head */
} block;

typedef struct deferred {
  struct deferred *next;
  void (*call)(void *);
  void *object;
} deferred;

struct base_arena {
  base_ctx *ctx;
  base_arena *parent, *children, *younger, *older;  /* children: youngest first */
  deferred *deferred;
  block *blocks;  /* the first holds this struct and is freed last */
  char *free;     /* where the current block goes on */
  size_t left;
  size_t next_block;
};

static size_t rounded(size_t bytes) { return (bytes + UNIT - 1) & ~(size_t)(UNIT - 1); }

/* NULL: no memory. */
static block *new_block(base_ctx *ctx, size_t bytes) {
  block *b = base_try_calloc(ctx, sizeof(block) + bytes);
  if (b) b->bytes = bytes;
  return b;
}

base_arena *base_arena_open(base_ctx *ctx) {
  block *first = base_calloc(ctx, FIRST_BLOCK);
  first->bytes = FIRST_BLOCK - sizeof(block);
  base_arena *arena = (base_arena *)(first + 1);
  size_t own = rounded(sizeof *arena);
  *arena = (base_arena){.ctx = ctx, .blocks = first, .next_block = 2 * FIRST_BLOCK};
  arena->free = (char *)arena + own;
  arena->left = first->bytes - own;
  HIDE(arena->free, arena->left);
  return arena;
}

base_arena *base_arena_child(base_arena *parent) {
  base_arena *arena = base_arena_open(parent->ctx);
  arena->parent = parent;
  arena->older = parent->children;
  if (parent->children) parent->children->younger = arena;
  parent->children = arena;
  return arena;
}

static void leave_parent(base_arena *arena) {
  if (!arena->parent) return;
  if (arena->older) arena->older->younger = arena->younger;
  if (arena->younger)
    arena->younger->older = arena->older;
  else
    arena->parent->children = arena->older;
}

void base_arena_close(base_arena *arena) {
  if (!arena) return;
  while (arena->children) base_arena_close(arena->children);
  leave_parent(arena);
  while (arena->deferred) {
    deferred *d = arena->deferred;
    arena->deferred = d->next;
    d->call(d->object);
  }
  base_ctx *ctx = arena->ctx;
  for (block *b = arena->blocks, *next; b; b = next) {
    next = b->next;
    SHOW(b + 1, b->bytes);
    base_free(ctx, b);
  }
}

base_ctx *base_arena_ctx(const base_arena *arena) { return arena->ctx; }

/* A block of its own for what is large, so that the rest of the current one is not lost. */
static void *alloc_alone(base_arena *arena, size_t bytes) {
  block *b = new_block(arena->ctx, rounded(bytes) + GAP);
  if (!b) return NULL;
  b->next = arena->blocks;
  arena->blocks = b;
  HIDE((char *)(b + 1) + bytes, b->bytes - bytes);
  return b + 1;
}

static bool refill(base_arena *arena) {
  block *b = new_block(arena->ctx, arena->next_block - sizeof(block));
  if (!b) return false;
  b->next = arena->blocks;
  arena->blocks = b;
  arena->free = (char *)(b + 1);
  arena->left = b->bytes;
  if (arena->next_block < LAST_BLOCK) arena->next_block *= 2;
  HIDE(arena->free, arena->left);
  return true;
}

static void *try_alloc(base_arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX / 4) return NULL;
  size_t step = rounded(bytes ? bytes : 1) + GAP;
  if (step > arena->left) {
    if (step > arena->next_block / 4) return alloc_alone(arena, bytes);
    if (!refill(arena)) return NULL;
  }
  void *p = arena->free;
  SHOW(p, bytes);
  arena->free += step;
  arena->left -= step;
  return p;
}

static _Noreturn void raise_memory(base_arena *arena, size_t bytes) {
  base_raise(arena->ctx, BASE_MEMORY, base_nowhere, "out of memory: %zu bytes wanted, %zu in use",
             bytes, base_heap_bytes(arena->ctx));
}

void *base_alloc(base_arena *arena, size_t bytes) {
  void *p = try_alloc(arena, bytes);
  if (!p) raise_memory(arena, bytes);
  return p;
}

void base_defer(base_arena *arena, void (*call)(void *), void *object) {
  deferred *d = try_alloc(arena, sizeof *d);
  if (!d) {
    call(object);
    raise_memory(arena, sizeof *d);
  }
  *d = (deferred){arena->deferred, call, object};
  arena->deferred = d;
}

void *base_grow(base_arena *arena, void *at, int *cap, int n, size_t size) {
  int more = *cap < 4 ? 8 : *cap > INT_MAX / 2 ? INT_MAX : 2 * *cap;
  if (more == *cap || (size_t)more > SIZE_MAX / 4 / size) raise_memory(arena, SIZE_MAX / 4);
  void *grown = base_alloc(arena, (size_t)more * size);
  if (n > 0) memcpy(grown, at, (size_t)n * size);
  *cap = more;
  return grown;
}
