/* heap: the one allocator. A block is 64-byte aligned and carries its raw address and size just
 * below, so that the hooks are told the size again on release. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/private.h"

enum { ALIGN = 64 };

typedef struct block_head {
  void *raw;
  size_t bytes;  /* as asked from the hook */
} block_head;

static block_head *head_of(void *p) { return (block_head *)p - 1; }

/* Zeroed memory comes from calloc where it can: fresh pages are zero without being touched. */
static void *raw_alloc(const base_hooks *hooks, size_t bytes, bool zeroed) {
  if (!hooks->alloc) return zeroed ? calloc(1, bytes) : malloc(bytes);
  void *raw = hooks->alloc(hooks->user, bytes);
  if (raw && zeroed) memset(raw, 0, bytes);
  return raw;
}

static void raw_release(const base_hooks *hooks, void *raw, size_t bytes) {
  if (hooks->release)
    hooks->release(hooks->user, raw, bytes);
  else
    free(raw);
}

base_ctx *base_open(const base_hooks *hooks) {
  base_hooks own = hooks ? *hooks : (base_hooks){0};
  assert(!own.alloc == !own.release);
  base_ctx *ctx = raw_alloc(&own, sizeof *ctx, true);
  if (!ctx) return NULL;
  ctx->hooks = own;
  ctx->fail_after = -1;
  return ctx;
}

void base_close(base_ctx *ctx) {
  if (!ctx) return;
  base_hooks hooks = ctx->hooks;
  raw_release(&hooks, ctx, sizeof *ctx);
}

static bool fails_now(base_ctx *ctx) {
  if (ctx->fail_after < 0) return false;
  return ctx->fail_after-- == 0;
}

enum { LARGE = 256 << 20 };

/* The system promises more memory than there is, and stops who takes the promise at its word: what
 * the machine, or the group this process is in, does not have is refused here. */
static bool has_room(const base_ctx *ctx, size_t bytes) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  size_t room = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
  unsigned long long limit;
  FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
  if (file && fscanf(file, "%llu", &limit) == 1 && limit < room) room = (size_t)limit;
  if (file) fclose(file);
  size_t used = base_heap_bytes(ctx);
  return used <= room && bytes <= room - used;
}

static void *block_alloc(base_ctx *ctx, size_t bytes, bool zeroed) {
  if (fails_now(ctx) || bytes > SIZE_MAX / 2) return NULL;
  if (bytes >= LARGE && !has_room(ctx, bytes)) return NULL;
  size_t total = sizeof(block_head) + ALIGN - 1 + bytes;
  char *raw = raw_alloc(&ctx->hooks, total, zeroed);
  if (!raw) return NULL;
  size_t skip = sizeof(block_head);
  skip += -((uintptr_t)raw + skip) & (ALIGN - 1);
  void *p = raw + skip;
  *head_of(p) = (block_head){raw, total};
  atomic_fetch_add_explicit(&ctx->bytes, total, memory_order_relaxed);
  atomic_fetch_add_explicit(&ctx->count, 1, memory_order_relaxed);
  return p;
}

void *base_try_malloc(base_ctx *ctx, size_t bytes) { return block_alloc(ctx, bytes, false); }
void *base_try_calloc(base_ctx *ctx, size_t bytes) { return block_alloc(ctx, bytes, true); }

static void *block_or_raise(base_ctx *ctx, size_t bytes, bool zeroed) {
  void *p = block_alloc(ctx, bytes, zeroed);
  if (!p) {
    base_raise(ctx, BASE_MEMORY, base_nowhere, "out of memory: %zu bytes wanted, %zu in use", bytes,
               base_heap_bytes(ctx));
  }
  return p;
}

void *base_malloc(base_ctx *ctx, size_t bytes) { return block_or_raise(ctx, bytes, false); }
void *base_calloc(base_ctx *ctx, size_t bytes) { return block_or_raise(ctx, bytes, true); }

void base_free(base_ctx *ctx, void *p) {
  if (!p) return;
  block_head head = *head_of(p);
  atomic_fetch_sub_explicit(&ctx->bytes, head.bytes, memory_order_relaxed);
  atomic_fetch_sub_explicit(&ctx->count, 1, memory_order_relaxed);
  raw_release(&ctx->hooks, head.raw, head.bytes);
}

size_t base_heap_bytes(const base_ctx *ctx) {
  return atomic_load_explicit(&ctx->bytes, memory_order_relaxed);
}

size_t base_heap_count(const base_ctx *ctx) {
  return atomic_load_explicit(&ctx->count, memory_order_relaxed);
}

void base_fail_after(base_ctx *ctx, int64_t n) { ctx->fail_after = n; }
