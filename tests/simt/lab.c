#include "simt/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver's and the compiler's functions, as their manuals have them. */
int cuInit(unsigned);
int cuDevicePrimaryCtxRetain(void **, int);
int cuDevicePrimaryCtxRelease_v2(int);
int cuCtxSetCurrent(void *);
int cuStreamCreate(lab_stream **, unsigned);
int cuStreamDestroy_v2(lab_stream *);
int cuStreamSynchronize(lab_stream *);
int cuMemAlloc_v2(uint64_t *, size_t);
int cuMemcpyHtoDAsync_v2(uint64_t, const void *, size_t, lab_stream *);
int cuMemcpyDtoHAsync_v2(void *, uint64_t, size_t, lab_stream *);
int cuModuleLoadData(lab_module **, const void *);
int cuModuleGetFunction(lab_function **, lab_module *, const char *);
int cuFuncSetAttribute(lab_function *, int, int);
int cuLaunchKernelEx(const void *, lab_function *, void **, void **);
int cuTensorMapEncodeTiled(void *, int, unsigned, void *, const uint64_t *, const uint64_t *,
                           const uint32_t *, const uint32_t *, int, int, int, int);
int nvrtcCreateProgram(void **, const char *, const char *, int, const char **, const char **);
int nvrtcDestroyProgram(void **);
int nvrtcCompileProgram(void *, int, const char *const *);
int nvrtcGetProgramLogSize(void *, size_t *);
int nvrtcGetProgramLog(void *, char *);
int nvrtcGetCUBINSize(void *, size_t *);
int nvrtcGetCUBIN(void *, char *);

static lab_stream *stream;
static char log_text[4096];

int lab_open(void **state) {
  void *context;
  (void)state;
  simt_recover();
  simt_option("seed", NULL);
  assert_int_equal(cuInit(0), 0);
  assert_int_equal(cuDevicePrimaryCtxRetain(&context, 0), 0);
  assert_int_equal(cuCtxSetCurrent(context), 0);
  assert_int_equal(cuStreamCreate(&stream, 1), 0);
  return 0;
}

int lab_close(void **state) {
  (void)state;
  simt_recover();
  cuStreamDestroy_v2(stream);
  return cuDevicePrimaryCtxRelease_v2(0);
}

/* ---- kernels --------------------------------------------------------------------------------- */

static const char types[] =
    "typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned uint32_t;\n"
    "typedef unsigned long long uint64_t; typedef long long int64_t;\n";

/* The image of TEXT, to be freed; NULL: log_text says why. */
static char *compile(const char *text) {
  static const char *const options[] = {"--gpu-architecture=sm_90a"};
  char *whole = malloc(sizeof types + strlen(text) + 2), *image = NULL;
  void *program;
  size_t bytes;
  sprintf(whole, "%s%s", types, text);
  assert_int_equal(nvrtcCreateProgram(&program, whole, "f.cu", 0, NULL, NULL), 0);
  if (nvrtcCompileProgram(program, 1, options) == 0) {
    nvrtcGetCUBINSize(program, &bytes);
    image = malloc(bytes);
    nvrtcGetCUBIN(program, image);
  } else {
    nvrtcGetProgramLogSize(program, &bytes);
    char *log = malloc(bytes);
    nvrtcGetProgramLog(program, log);
    snprintf(log_text, sizeof log_text, "%s", log);
    free(log);
  }
  nvrtcDestroyProgram(&program);
  free(whole);
  return image;
}

/* Tests run in the project's folder. */
static char *text_of(const char *name, const char *head) {
  char path[256];
  snprintf(path, sizeof path, "tests/simt/cases/%s.cu", name);
  FILE *file = fopen(path, "re");
  if (!file) fail_msg("%s cannot be read", path);
  char *text = calloc(1, 1 << 16);
  size_t n = (size_t)sprintf(text, "%s", head);
  n += fread(text + n, 1, (1 << 16) - 1 - n, file);
  fclose(file);
  return text;
}

lab_function *lab_kernel(const char *name, const char *head) {
  lab_module *module;
  lab_function *f;
  char *text = text_of(name, head), *image = compile(text);
  if (!image) fail_msg("%s", log_text);
  assert_int_equal(cuModuleLoadData(&module, image), 0);
  assert_int_equal(cuModuleGetFunction(&f, module, "f"), 0);
  assert_int_equal(cuFuncSetAttribute(f, 8, 200 << 10), 0);
  free(image);
  free(text);
  return f;
}

const char *lab_compile_error(const char *text) {
  char *image = compile(text);
  free(image);
  return image ? "" : log_text;
}

/* ---- memory ---------------------------------------------------------------------------------- */

uint64_t lab_bytes(size_t n, const void *value) {
  uint64_t p;
  assert_int_equal(cuMemAlloc_v2(&p, n), 0);
  if (value) assert_int_equal(cuMemcpyHtoDAsync_v2(p, value, n, stream), 0);
  return p;
}

uint64_t lab_floats(int n, const float *value) { return lab_bytes((size_t)n * 4, value); }

void lab_read(uint64_t from, size_t n, void *to) {
  assert_int_equal(cuMemcpyDtoHAsync_v2(to, from, n, stream), 0);
  assert_int_equal(cuStreamSynchronize(stream), 0);
}

lab_map lab_tiles(uint64_t at, int rows, int cols, int box_rows, int box_cols, int swizzle) {
  lab_map map;
  int code = swizzle == 128 ? 3 : swizzle / 32;
  uint64_t size[] = {(uint64_t)cols, (uint64_t)rows, 1},
           stride[] = {(uint64_t)cols * 2, (uint64_t)(rows * cols) * 2};
  uint32_t box[] = {(uint32_t)box_cols, (uint32_t)box_rows, 1}, step[] = {1, 1, 1};
  assert_int_equal(cuTensorMapEncodeTiled(&map, 6, 3, (void *)(uintptr_t)at, size, stride, box,
                                          step, 0, code, 0, 0),
                   0);
  return map;
}

/* ---- launches -------------------------------------------------------------------------------- */

int lab_launch(lab_function *f, lab_shape s, void **params) {
  struct attribute {
    int id, pad;
    unsigned value[16];
  } cluster = {.id = 4};
  struct {
    unsigned blocks[3], threads[3], shared;
    lab_stream *stream;
    struct attribute *attribute;
    unsigned attributes;
  } config = {
      .shared = s.shared, .stream = stream, .attribute = &cluster, .attributes = s.cluster[0] != 0};
  for (int k = 0; k < 3; k++) {
    config.blocks[k] = s.blocks[k] ? s.blocks[k] : 1;
    config.threads[k] = s.threads[k] ? s.threads[k] : 1;
    cluster.value[k] = s.cluster[k] ? s.cluster[k] : 1;
  }
  return cuLaunchKernelEx(&config, f, params, NULL);
}

int lab_finish(void) { return cuStreamSynchronize(stream); }

void lab_run(lab_function *f, lab_shape shape, void **params) {
  assert_int_equal(lab_launch(f, shape, params), 0);
  if (lab_finish() != 0) fail_msg("%s", simt_message());
}

void lab_stops(lab_function *f, lab_shape shape, void **params, const char *words) {
  simt_option("quiet", "1");
  assert_int_equal(lab_launch(f, shape, params), 0);
  assert_int_not_equal(lab_finish(), 0);
  simt_option("quiet", NULL);
  if (!strstr(simt_message(), words)) fail_msg("not \"%s\" but: %s", words, simt_message());
}

void lab_each_order(void (*job)(void)) {
  static const char *const seed[] = {NULL, "1", "2", "3"};
  for (int i = 0; i < 4; i++) {
    simt_option("seed", seed[i]);
    job();
  }
  simt_option("seed", NULL);
}
