/* Kernels from text, on the emulated GPU, without the device in between. */
#ifndef TEST_SIMT_LAB_H
#define TEST_SIMT_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "simt/simt.h"

typedef struct lab_module lab_module;
typedef struct lab_function lab_function;
typedef struct lab_stream lab_stream;

typedef struct lab_shape {
  unsigned blocks[3], threads[3], cluster[3], shared; /* 0: 1; no cluster */
} lab_shape;

int lab_open(void **state);
int lab_close(void **state);
#define LAB_TEST(test) cmocka_unit_test_setup_teardown(test, lab_open, lab_close)

/* The kernel `f` of cases/NAME.cu behind HEAD; fails the test with the compiler's log. */
lab_function *lab_kernel(const char *name, const char *head);
const char *lab_compile_error(const char *text); /* "" */
uint64_t lab_floats(int n, const float *value);  /* on the device; NULL: nan */
uint64_t lab_bytes(size_t n, const void *value);
void lab_read(uint64_t from, size_t n, void *to);
/* A tensor map of 16-bit floats over rows of COLS elements, for boxes; SWIZZLE: 0, 32, 64, 128. */
typedef struct lab_map {
  _Alignas(64) uint64_t opaque[16];
} lab_map;
lab_map lab_tiles(uint64_t at, int rows, int cols, int box_rows, int box_cols, int swizzle);
/* Queued; parameters by address. Returns the driver's answer. */
int lab_launch(lab_function *f, lab_shape shape, void **params);
int lab_finish(void);
/* Both, which must succeed. */
void lab_run(lab_function *f, lab_shape shape, void **params);
/* Must fail, with a message that has WORDS in it. */
void lab_stops(lab_function *f, lab_shape shape, void **params, const char *words);
/* Under several seeds. */
void lab_each_order(void (*job)(void));

#define PARAMS(...) ((void *[]){__VA_ARGS__, NULL})

#endif
