/* base: what every other room stands on. Memory with one allocator, errors that unwind,
 * growable arrays, text, hashing, interned names, threads.
 *
 * Errors unwind. A function that meets bad input or lack of memory calls base_raise(), which
 * jumps to the innermost base_trap of its context; what was allocated since lies in arenas or
 * was handed to base_defer(), and goes with the arena. So inner code has no error paths, and
 * the entry points (src/api) are the only places that turn an error into a status. */
#ifndef TL_BASE_H
#define TL_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/half.h"

/* ---- status ---------------------------------------------------------------------------- */

typedef enum base_status {   /* the same numbers as TL_* in tensorlogic.h */
  BASE_OK = 0,
  BASE_RUNTIME = 1,          /* the program or call failed while it ran */
  BASE_ARGUMENT = 2,         /* the call or command line is wrong */
  BASE_REFUSED = 3,          /* the program text is refused: syntax, sizes, types */
  BASE_DEVICE = 4,           /* a device is missing, unfit or lost */
  BASE_MEMORY = 5,           /* out of memory */
  BASE_IO = 6,               /* a file is missing, unreadable or broken */
  BASE_INTERRUPTED = 130,    /* stopped by request */
} base_status;

/* A place in a source text; line and column count from 1; line 0 is "no place". */
typedef struct base_span {
  const char *file;          /* interned or static, NULL for text given on the command line */
  int line, column;
  int length;                /* characters to underline, at least 1 */
} base_span;

enum { BASE_MESSAGE = 4096 };

typedef struct base_error {
  base_status status;
  base_span span;
  char message[BASE_MESSAGE];
} base_error;

/* ---- context: heap hooks, the current trap, interruption --------------------------------- */

typedef struct base_hooks {  /* all NULL: malloc, realloc, free, silence */
  void *(*alloc)(void *user, size_t bytes);
  void (*release)(void *user, void *p, size_t bytes);
  void (*log)(void *user, int level, const char *line);
  void *user;
} base_hooks;

typedef struct base_trap {
  jmp_buf env;
  struct base_trap *outer;
} base_trap;

typedef struct base_ctx base_ctx;

/* NULL only when there is no memory for the context itself. One thread at a time. */
base_ctx *base_open(const base_hooks *hooks);
void base_close(base_ctx *ctx);

/* if (BASE_TRY(ctx, &trap)) { ...; base_untrap(ctx, &trap); } else { see base_last(ctx) }
 * Locals changed between the two and read in the else branch must be volatile; a function that
 * does little else has none. */
#define BASE_TRY(ctx, trap) (setjmp(*base_push_trap(ctx, trap)) == 0)
jmp_buf *base_push_trap(base_ctx *ctx, base_trap *trap);
void base_untrap(base_ctx *ctx, base_trap *trap);

/* Record the error and jump to the innermost trap. The message is for the user: it gives names,
 * sizes, types. */
_Noreturn void base_raise(base_ctx *ctx, base_status status, base_span span, const char *format,
                          ...) __attribute__((format(printf, 4, 5)));
_Noreturn void base_raise_again(base_ctx *ctx);  /* pass the last error on to the outer trap */
const base_error *base_last(const base_ctx *ctx);
void base_clear(base_ctx *ctx);
extern const base_span base_nowhere;

void base_interrupt(base_ctx *ctx);                      /* async-signal-safe, from any thread */
void base_poll(base_ctx *ctx);                           /* raises once after base_interrupt */
void base_log(base_ctx *ctx, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- heap: for what outlives an arena ---------------------------------------------------- */

void *base_malloc(base_ctx *ctx, size_t bytes);          /* raises; 64-byte aligned; never NULL */
void *base_calloc(base_ctx *ctx, size_t bytes);          /* the same, zeroed */
void *base_try_malloc(base_ctx *ctx, size_t bytes);      /* NULL instead of raising */
void base_free(base_ctx *ctx, void *p);                  /* NULL is fine; safe from any thread */
size_t base_heap_bytes(const base_ctx *ctx);             /* bytes in use */
size_t base_heap_count(const base_ctx *ctx);             /* blocks in use */
/* For tests: N allocations succeed from now, the one after them fails, once; < 0: none does. */
void base_fail_after(base_ctx *ctx, int64_t n);

/* ---- arena --------------------------------------------------------------------------------- */

typedef struct base_arena base_arena;

base_arena *base_arena_open(base_ctx *ctx);              /* raises */
void base_arena_close(base_arena *arena);                /* deferred calls run, last first */
base_ctx *base_arena_ctx(const base_arena *arena);
void *base_alloc(base_arena *arena, size_t bytes);       /* zeroed, 16-byte aligned; raises */
/* Call it when the arena closes. For lack of memory it is called at once, and then raises. */
void base_defer(base_arena *arena, void (*call)(void *), void *object);
/* Close ARENA when the surrounding trap fires: an arena opened between BASE_TRY and the raise is
 * closed by giving it as child of one that the catcher closes. */
base_arena *base_arena_child(base_arena *parent);        /* closed with its parent, or before */

#define BASE_NEW(arena, T) ((T *)base_alloc((arena), sizeof(T)))
#define BASE_NEWS(arena, T, n) ((T *)base_alloc((arena), sizeof(T) * (size_t)(n)))

/* ---- growable arrays, on an arena: struct { T *at; int n, cap; } --------------------------- */

#define BASE_VEC(T) struct { T *at; int n, cap; }
#define BASE_PUSH(arena, v, x)                                                                   \
  do {                                                                                           \
    if ((v)->n == (v)->cap)                                                                      \
      (v)->at = base_grow((arena), (v)->at, &(v)->cap, (v)->n, sizeof *(v)->at);                 \
    (v)->at[(v)->n++] = (x);                                                                     \
  } while (0)
void *base_grow(base_arena *arena, void *at, int *cap, int n, size_t size);

/* ---- text ------------------------------------------------------------------------------------ */

/* Grows on its arena; at is NUL-terminated, and never NULL after base_text_open. */
typedef struct base_text {
  base_arena *arena;
  char *at;
  size_t n, cap;
} base_text;

base_text base_text_open(base_arena *arena);
void base_put(base_text *text, const char *string);
void base_put_n(base_text *text, const char *bytes, size_t n);
void base_putf(base_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void base_put_quoted(base_text *text, const char *s, size_t n);   /* as a string of JSON */
void base_put_number(base_text *text, double value);     /* shortest that reads back; inf, nan */
void base_put_float(base_text *text, float value);       /* the same, reading back as a float */
char *base_copy(base_arena *arena, const char *string);
char *base_copy_n(base_arena *arena, const char *bytes, size_t n);
char *base_format(base_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
int base_edit_distance(const char *a, const char *b);    /* transpositions count 1 */

/* ---- hashing, maps, interned names ---------------------------------------------------------- */

uint64_t base_hash(const void *bytes, size_t n, uint64_t seed);
uint64_t base_hash_mix(uint64_t a, uint64_t b);

/* Byte strings to pointers, on an arena; insertion order is kept, keys are copied. */
typedef struct base_map base_map;
base_map *base_map_open(base_arena *arena);
void *base_map_get(const base_map *map, const void *key, size_t n);             /* NULL: absent */
void base_map_put(base_map *map, const void *key, size_t n, void *value);       /* replaces */
void *base_map_get_s(const base_map *map, const char *key);
void base_map_put_s(base_map *map, const char *key, void *value);
int base_map_count(const base_map *map);
void *base_map_at(const base_map *map, int i, const void **key, size_t *n);     /* i-th put */

/* ---- time and threads ------------------------------------------------------------------------ */

double base_seconds(void);                               /* monotonic clock */

/* A pool of spinning, then sleeping workers. base_parallel runs job(arg, i) for i in [0, n), the
 * caller taking part, and returns when all are done. Jobs must not raise. Not re-entrant: called
 * from inside a job, it runs in line. */
typedef struct base_pool base_pool;
base_pool *base_pool_open(base_ctx *ctx, int threads);   /* <= 0: as many as the process may use */
void base_pool_close(base_pool *pool);
int base_pool_threads(const base_pool *pool);
void base_parallel(base_pool *pool, int n, void (*job)(void *arg, int i), void *arg);

#endif
