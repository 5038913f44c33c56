/* program: the fake run-time compiler's state of one program. */
#ifndef SIMT_PROGRAM_H
#define SIMT_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

typedef struct text { /* grows; NUL-terminated once something is in it */
  char *at;
  size_t n, most;
} text;

__attribute__((format(printf, 2, 3))) void text_put(text *t, const char *format, ...);
void text_put_n(text *t, const char *bytes, size_t n);

typedef struct nvrtcProgram_st {
  char *source, *name;
  text log;
  char *image; /* what stands for a cubin */
  size_t image_bytes;
} program;

/* Of what every text starts with. */
uint64_t hash_headers(void);
/* The table of the __global__ functions in SOURCE, as C++. */
void entries_put(text *to, const char *source);
/* Compiled, or found in the cache; false: the log says why not. */
int compile(program *p, const char *source, const text *flags, int checked);

#endif
