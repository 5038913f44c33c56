/* The fake libnvrtc.so: the functions that the device uses, over the host's C++ compiler. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define DOOR __attribute__((visibility("default")))

enum { /* nvrtcResult */
       SUCCESS = 0,
       ERROR_PROGRAM_CREATION = 2,
       ERROR_INVALID_INPUT = 3,
       ERROR_INVALID_PROGRAM = 4,
       ERROR_INVALID_OPTION = 5,
       ERROR_COMPILATION = 6,
};

/* ---- texts ----------------------------------------------------------------------------------- */

void text_put_n(text *t, const char *bytes, size_t n) {
  if (t->n + n + 1 > t->most) {
    t->most = 2 * (t->n + n) + 256;
    t->at = realloc(t->at, t->most);
    if (!t->at) abort();
  }
  memcpy(t->at + t->n, bytes, n);
  t->n += n;
  t->at[t->n] = 0;
}

void text_put(text *t, const char *format, ...) {
  char small[1024];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(small, sizeof small, format, args);
  if ((size_t)n < sizeof small) {
    text_put_n(t, small, (size_t)n);
  } else {
    char *large = malloc((size_t)n + 1);
    vsnprintf(large, (size_t)n + 1, format, again);
    text_put_n(t, large, (size_t)n);
    free(large);
  }
  va_end(again);
  va_end(args);
}

/* ---- what it is and knows -------------------------------------------------------------------- */

/* The minor number follows the headers, so that what the device keeps on disk goes with them. */
DOOR int nvrtcVersion(int *major, int *minor);
DOOR int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = 100000 + (int)(hash_headers() % 900000);
  return SUCCESS;
}

static const int archs[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

DOOR int nvrtcGetNumSupportedArchs(int *n);
DOOR int nvrtcGetNumSupportedArchs(int *n) {
  *n = sizeof archs / sizeof *archs;
  return SUCCESS;
}

DOOR int nvrtcGetSupportedArchs(int *to);
DOOR int nvrtcGetSupportedArchs(int *to) {
  memcpy(to, archs, sizeof archs);
  return SUCCESS;
}

DOOR const char *nvrtcGetErrorString(int result);
DOOR const char *nvrtcGetErrorString(int result) {
  static const char *const name[] = {"NVRTC_SUCCESS",
                                     "NVRTC_ERROR_OUT_OF_MEMORY",
                                     "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
                                     "NVRTC_ERROR_INVALID_INPUT",
                                     "NVRTC_ERROR_INVALID_PROGRAM",
                                     "NVRTC_ERROR_INVALID_OPTION",
                                     "NVRTC_ERROR_COMPILATION"};
  return result >= 0 && result < 7 ? name[result] : "unknown";
}

/* ---- programs -------------------------------------------------------------------------------- */

DOOR int nvrtcCreateProgram(program **to, const char *source, const char *name, int n,
                            const char *const *headers, const char *const *names);
DOOR int nvrtcCreateProgram(program **to, const char *source, const char *name, int n,
                            const char *const *headers, const char *const *names) {
  (void)headers, (void)names;
  if (!source || n != 0) return ERROR_INVALID_INPUT; /* the device brings no headers */
  program *p = calloc(1, sizeof *p);
  if (!p) return ERROR_PROGRAM_CREATION;
  p->source = strdup(source);
  p->name = strdup(name ? name : "default_program");
  *to = p;
  return SUCCESS;
}

DOOR int nvrtcDestroyProgram(program **at);
DOOR int nvrtcDestroyProgram(program **at) {
  program *p = at ? *at : NULL;
  if (!p) return ERROR_INVALID_PROGRAM;
  free(p->source);
  free(p->name);
  free(p->log.at);
  free(p->image);
  free(p);
  *at = NULL;
  return SUCCESS;
}

/* ---- options --------------------------------------------------------------------------------- */

static const char *behind(const char *option, const char *start) {
  size_t n = strlen(start);
  return strncmp(option, start, n) == 0 ? option + n : NULL;
}

/* sm_90a, compute_80 */
static int take_arch(text *flags, const char *arch) {
  const char *number = behind(arch, "sm_");
  if (!number) number = behind(arch, "compute_");
  char *end;
  long n = number ? strtol(number, &end, 10) : 0;
  for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
    if (archs[i] == n && (!*end || strcmp(end, "a") == 0 || strcmp(end, "f") == 0)) {
      text_put(flags, "-D__CUDA_ARCH__=%ld\n", 10 * n);
      if (*end) text_put(flags, "-D__CUDA_ARCH_FEAT_SM%ld_ALL=1\n", n);
      return 1;
    }
  return 0;
}

static int is_ignored(const char *option) {
  static const char *const known[] = {"--device-as-default-execution-space",
                                      "-default-device",
                                      "--maxrregcount=",
                                      "-maxrregcount=",
                                      "--generate-line-info",
                                      "-lineinfo",
                                      "--fmad=",
                                      "-fmad=",
                                      "--restrict",
                                      "-restrict",
                                      "--extra-device-vectorization",
                                      "--std=c++17",
                                      "-std=c++17",
                                      "--ptxas-options=",
                                      "-Xptxas",
                                      "--no-cache",
                                      "-no-cache",
                                      "--minimal",
                                      "-minimal",
                                      "--diag-suppress=",
                                      "-diag-suppress=",
                                      "--disable-warnings",
                                      "-w",
                                      "--dlink-time-opt",
                                      "--use_fast_math",
                                      "-use_fast_math",
                                      "--ftz=",
                                      "--prec-div=",
                                      "--prec-sqrt=",
                                      "--split-compile=",
                                      "--fdevice-time-trace="};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (behind(option, known[i])) return 1;
  return 0;
}

static int take_option(program *p, text *flags, const char *option) {
  const char *rest;
  if ((rest = behind(option, "--gpu-architecture=")) || (rest = behind(option, "-arch=")) ||
      (rest = behind(option, "--gpu-arch="))) {
    if (take_arch(flags, rest)) return 1;
  } else if ((rest = behind(option, "--define-macro=")) || (rest = behind(option, "-D"))) {
    text_put(flags, "-D%s\n", rest);
    return 1;
  } else if (is_ignored(option)) {
    return 1;
  }
  text_put(&p->log, "nvrtc: error: unrecognized option %s found\n", option);
  return 0;
}

DOOR int nvrtcCompileProgram(program *p, int n, const char *const *options);
DOOR int nvrtcCompileProgram(program *p, int n, const char *const *options) {
  text flags = {0}, source = {0};
  if (!p) return ERROR_INVALID_PROGRAM;
  p->log.n = 0;
  int result = SUCCESS;
  for (int i = 0; i < n && result == SUCCESS; i++)
    if (!take_option(p, &flags, options[i])) result = ERROR_INVALID_OPTION;
  if (result == SUCCESS) {
    const char *check = getenv("TL_SIMT_CHECK");
    text_put(&source, "#include \"simt.h\"\n#line 1 \"%s\"\n%s\n#line 1 \"the table of kernels\"\n",
             p->name, p->source);
    entries_put(&source, p->source);
    int checked = check && *check == '1';
    if (checked) text_put(&source, "#include \"checks.h\"\n");
    if (!compile(p, source.at, &flags, checked)) result = ERROR_COMPILATION;
  }
  free(flags.at);
  free(source.at);
  return result;
}

DOOR int nvrtcGetProgramLogSize(program *p, size_t *bytes);
DOOR int nvrtcGetProgramLogSize(program *p, size_t *bytes) {
  if (!p) return ERROR_INVALID_PROGRAM;
  *bytes = p->log.n + 1;
  return SUCCESS;
}

DOOR int nvrtcGetProgramLog(program *p, char *log);
DOOR int nvrtcGetProgramLog(program *p, char *log) {
  if (!p) return ERROR_INVALID_PROGRAM;
  if (p->log.n) memcpy(log, p->log.at, p->log.n);
  log[p->log.n] = 0;
  return SUCCESS;
}

DOOR int nvrtcGetCUBINSize(program *p, size_t *bytes);
DOOR int nvrtcGetCUBINSize(program *p, size_t *bytes) {
  if (!p || !p->image) return ERROR_INVALID_PROGRAM;
  *bytes = p->image_bytes;
  return SUCCESS;
}

DOOR int nvrtcGetCUBIN(program *p, char *cubin);
DOOR int nvrtcGetCUBIN(program *p, char *cubin) {
  if (!p || !p->image) return ERROR_INVALID_PROGRAM;
  memcpy(cubin, p->image, p->image_bytes);
  return SUCCESS;
}
