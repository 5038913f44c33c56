/* What is generated, compiled by the real run-time compiler where one is installed: registers
 * within limits, nothing spilled, and as quickly as a first call may wait. The kernels are made by
 * the device on the emulated GPU; what it hands to its compiler is kept on the way. */
#include "cpu_lab.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/cuda/cuda.h"

enum { SOURCES = 256, OPTIONS = 16 };

typedef struct limits {
  int registers, spilled;
} limits;

static struct {
  cuda_nvrtc emulated;
  int n, noption;
  char *source[SOURCES];
  const char *about[SOURCES];
  limits most[SOURCES];
  char option[OPTIONS][64];
} kept;

static int keep_source(nvrtcProgram *program, const char *source, const char *name, int n,
                       const char *const *headers, const char *const *names) {
  assert_true(kept.n < SOURCES);
  kept.source[kept.n] = malloc(strlen(source) + 1);
  strcpy(kept.source[kept.n++], source);
  return kept.emulated.nvrtcCreateProgram(program, source, name, n, headers, names);
}

static int keep_options(nvrtcProgram program, int n, const char *const *options) {
  kept.noption = n < OPTIONS ? n : OPTIONS;
  for (int i = 0; i < kept.noption; i++)
    snprintf(kept.option[i], sizeof kept.option[i], "%s", options[i]);
  return kept.emulated.nvrtcCompileProgram(program, n, options);
}

/* ---- the real compiler ----------------------------------------------------------------------- */

/* The number in front of WORDS in the compiler's log; 0: it is not there. */
static int number_before(const char *log, const char *words) {
  const char *at = strstr(log, words);
  if (!at) return 0;
  while (at > log && at[-1] == ' ') at--;
  while (at > log && at[-1] >= '0' && at[-1] <= '9') at--;
  return atoi(at);
}

static int compile(const cuda_nvrtc *real, const char *source, limits most) {
  nvrtcProgram program = NULL;
  const char *option[OPTIONS + 1];
  int n = 0;
  for (; n < kept.noption; n++) option[n] = kept.option[n];
  option[n++] = "--ptxas-options=-v";
  if (real->nvrtcCreateProgram(&program, source, "kernel.cu", 0, NULL, NULL) != 0) return 1;
  int status = real->nvrtcCompileProgram(program, n, option);
  size_t bytes = 0;
  real->nvrtcGetProgramLogSize(program, &bytes);
  char *log = calloc(1, bytes + 1);
  real->nvrtcGetProgramLog(program, log);
  real->nvrtcDestroyProgram(&program);
  int registers = number_before(log, "registers"),
      spilled = number_before(log, "bytes spill stores") + number_before(log, "bytes stack frame");
  bool fits =
      status == 0 && registers > 0 && registers <= most.registers && spilled <= most.spilled;
  if (!fits || getenv("CPU_LAB_SHOW"))
    printf("%d registers, %d at most; %d bytes of stack, %d at most\n", registers, most.registers,
           spilled, most.spilled);
  if (!fits) printf("%.2000s\n", log);
  free(log);
  return !fits;
}

/* The kernels of TEXT are kept; none of them may need more than MOST. */
static void within(cpu_lab *lab, limits most, const char *wanted, const char *text) {
  int first = kept.n;
  cpu_lab_check(lab, 1e-3, wanted, "%s", text);
  for (int i = first; i < kept.n; i++) kept.most[i] = most, kept.about[i] = text;
}

static void maps(cpu_lab *lab) {
  static const char *const all[] = {
      "A : f16[64,64]\nB : f16[64,64]\nY : f16[64,64]\nY[i,j] = A[i,j] + B[i,j]",
      "A : f16[64,64]\nB : f16[64]\nY : f16[64,64]\nY[i,j] = gelu(A[i,j] + B[j])",
      "A : bf16[64,64]\nB : bf16[64,64]\nY : bf16[64,64]\nY[i,j] = sig(A[i,j]) B[i,j]",
      "A : f32[64,64]\nS : f32[64]\nY : f32[64,64]\nY[i,j] = exp(A[i,j] S[i]) / 3",
      "A : f16[65,63]\nY : f16[63,65]\nY[j,i] = A[i,j]",
      "T : i64[50]\nE : f16[13,64]\nY : f16[50,64]\nY[p,d] = E[T[p],d]",
      "A : f16[37,37]\nY : f16[37,37]\nY[p,q] = where(q <= p, A[p,q], -inf)",
      "A : f16[64,64]\nY : f16[64,64]\nY[i,j] = where(uniform() < 0.9, A[i,j] / 0.9, 0)",
      "P : f32[64,64]\nG : f16[64,64]\nM : f32[64,64]\nV : f32[64,64]\nS : f32\n"
      "N[i,j] = 0.9 M[i,j] + 0.1 G[i,j]\nW[i,j] = 0.99 V[i,j] + 0.01 G[i,j]^2\n"
      "Y[i,j] = P[i,j] - S N[i,j] / (sqrt(W[i,j]) + 0.000001)",
  };
  for (int i = 0; i < 9; i++) within(lab, (limits){64, 0}, "Y", all[i]);
}

static void rows(cpu_lab *lab) {
  static const char *const all[] = {
      "X : f16[8,1000]\nY : f16[8,1000]\nY[i,j.] = softmax(X[i,j])",
      "X : f16[300,1000]\nY : f16[300,1000]\nY[i,j.] = lnorm(X[i,j])",
      "X : f32[2,40000]\nY : f32[2,40000]\nY[i,j.] = softmax(X[i,j])",
      "X : f16[300,640]\nY : f32\nY = X[i,j]",
      "X : f16[300,640]\nY : f32[640]\nY[j] = X[i,j]",
      "X : f16[30,100]\nT : i64[30]\nP[b,i.] = logsoftmax(X[b,i])\nY avg= -P[b,T[b]]",
      "X : f32[9,100]\nY[i] = argmax[j](X[i,j])",
  };
  for (int i = 0; i < 7; i++) within(lab, (limits){96, 0}, "Y", all[i]);
}

static void products(cpu_lab *lab) {
  lab->force = "cuda.contract.simt";
  within(lab, (limits){128, 0}, "Y",
         "A : f32[1700,16]\nB : f32[16,1664]\nC : f32[1664]\n"
         "Y[i,j] = relu(A[i,k] B[k,j] + C[j])");
  within(lab, (limits){200, 0}, "Y",
         "A : f64[65,33]\nB : f64[33,72]\nY : f64[65,72]\nY[i,j] = A[i,k] B[k,j]");
  lab->force = NULL;
}

/* sin and cos of large numbers keep a table on the stack; pow is long. */
static void functions(cpu_lab *lab) {
  within(lab, (limits){96, 512}, "Y",
         "A : f32[256]\nB : f32[256]\nY[i] = sin(A[i]) + cos(B[i]) + tanh(A[i]) + erf(B[i])");
  within(lab, (limits){96, 0}, "Y",
         "A : f32[256]\nB : f32[256]\nY[i] = abs(A[i])^B[i] + log(A[i]) + A[i] % 3");
}

/* By its path: the emulated one has the same name. */
static const char *open_real(base_arena *arena, cuda_nvrtc *real) {
  glob_t found;
  const char *why = "no libnvrtc under /usr/local/cuda*";
  const char *name = getenv("TL_NVRTC");
  char *emulated = base_copy(arena, name ? name : "");
  if (glob("/usr/local/cuda*/lib*/libnvrtc.so.1?", 0, NULL, &found) != 0) return why;
  setenv("TL_NVRTC", found.gl_pathv[found.gl_pathc - 1], 1);
  why = cuda_nvrtc_open(arena, real, 13000);
  setenv("TL_NVRTC", emulated, 1);
  globfree(&found);
  return why;
}

static void write_all(cpu_lab *lab) {
  cuda_nvrtc *n = &cuda_of(lab->cpu)->nvrtc;
  kept.emulated = *n;
  n->nvrtcCreateProgram = keep_source;
  n->nvrtcCompileProgram = keep_options;
  maps(lab);
  rows(lab);
  products(lab);
  functions(lab);
}

/* One kernel's limits, options and source, as a file. */
static void write_source(FILE *file, int i) {
  fprintf(file, "%d %d %d\n", kept.most[i].registers, kept.most[i].spilled, kept.noption);
  for (int k = 0; k < kept.noption; k++) fprintf(file, "%s\n", kept.option[k]);
  fputs(kept.source[i], file);
  fclose(file);
  free(kept.source[i]);
}

/* The real compiler runs in processes of its own: this one has been a GPU's. */
static void cuda_compiles(void **state) {
  (void)state;
  int failed = 0;
  char folder[] = "/tmp/tensorlogic-XXXXXX", command[640];
  assert_non_null(mkdtemp(folder));
  setenv("XDG_CACHE_HOME", folder, 1); /* nothing is there: all is compiled */
  cpu_lab_on_cuda(write_all);
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
  assert_true(kept.n > 16);
  for (int i = 0; i < kept.n; i++) {
    char path[] = "/tmp/tensorlogic-XXXXXX", self[512] = "";
    int handle = mkstemp(path);
    assert_true(handle >= 0 && readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    write_source(fdopen(handle, "w"), i);
    snprintf(command, sizeof command, "'%s' %s", self, path);
    if (system(command) != 0) {
      print_message("%s\n", kept.about[i]);
      failed++;
    }
    unlink(path);
  }
  assert_int_equal(failed, 0);
}

/* What write_source wrote; the exit status. */
static int compile_file(base_arena *arena, const char *path) {
  cuda_nvrtc real = {0};
  const char *why = open_real(arena, &real);
  if (why) return printf("not run: %s\n", why), 0;
  FILE *file = fopen(path, "r");
  limits most;
  if (!file || fscanf(file, "%d %d %d ", &most.registers, &most.spilled, &kept.noption) != 3)
    return 1;
  for (int k = 0; k < kept.noption; k++)
    if (fscanf(file, "%63s ", kept.option[k]) != 1) return 1;
  char *source = base_alloc(arena, 1 << 20);
  source[fread(source, 1, (1 << 20) - 1, file)] = 0;
  fclose(file);
  int status = compile(&real, source, most);
  cuda_nvrtc_close(&real);
  return status;
}

int main(int n, char **arg) {
  if (n > 1) {
    base_ctx *ctx = base_open(NULL);
    base_arena *arena = base_arena_open(ctx);
    int status = compile_file(arena, arg[1]);
    base_arena_close(arena);
    base_close(ctx);
    return status;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(cuda_compiles)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
