/* Each implementation of a device in turn, beside ref, on programs of its shape: sizes that are
 * aligned and not, all types, what is fused before and behind. TL_TEST_DEVICE names the device. */
#include "carry/carry.h"

#include <stdio.h>
#include <string.h>

typedef struct program {
  kernel_shape shape;
  const char *types; /* each in turn */
  const char *wanted, *text;
} program;

/* ---- programs -------------------------------------------------------------------------------- */

static const program programs[] = {
    {KERNEL_MAP, "f16 f32", "Y", "X : T[7, 33]\nC : T[33]\nY[i,j] = relu(X[i,j] + C[j])"},
    {KERNEL_MAP, "f16 bf16 f32 f64", "Y Z",
     "X : T[24, 128]\nC : T[128]\nR : T[24, 128]\n"
     "Y[i,j] = gelu(0.5 X[i,j] + C[j])\nZ[i,j] = Y[i,j] + R[i,j]"},
    {KERNEL_MAP, "f16 f32", "Y", "X : T[40, 72]\nY[j,i] = tanh(X[i,j])"},
    {KERNEL_MAP, "bf16 f32", "Y", "X : T[1001]\nY[i] = X[i+1] - X[i] / 3"},
    {KERNEL_MAP, "f32", "Y Z",
     "X : T[300]\nN : i64[300]\nY[i] = exp(X[i]) + N[i]\nZ[i] = N[i] % 2 + i"},
    {KERNEL_MAP, "f16", "Y",
     "E : T[11, 24]\nN : i64[50]\nY[p,d] = where(p % 3 == 0, E[N[p],d], sig(E[N[p],d]))"},
    {KERNEL_MAP, "f32", "Y", "X : T[5, 6, 7, 8]\nY[b,c,a,d] = max(X[a,b,c,d], 0)"},

    {KERNEL_ROW, "f16 f32", "Y", "X : T[5, 100]\nY[i,j.] = softmax(X[i,j])"},
    {KERNEL_ROW, "bf16 f32", "Y", "X : T[3, 1032]\nY[i,j.] = logsoftmax(3 X[i,j])"},
    {KERNEL_ROW, "f16 f32", "Y",
     "X : T[9, 64]\nR : T[9, 64]\nG : T[64]\nY[i,j.] = lnorm(X[i,j] + R[i,j])\n"},
    {KERNEL_ROW, "f32 f64", "Y", "X : T[4, 257]\nY[i,j.] = rmsnorm(X[i,j])"},
    {KERNEL_ROW, "f16 f32", "S", "X : T[5003]\nS = X[i]"},
    {KERNEL_ROW, "f32", "S M", "X : T[70, 50]\nS[j] = X[i,j]^2\nM[j] max= X[i,j]"},
    {KERNEL_ROW, "f16", "L",
     "X : T[12, 40]\nN : i64[12]\nP[i,j.] = logsoftmax(X[i,j])\nL = -P[i,N[i]] / 12"},
    {KERNEL_ROW, "f32", "A C",
     "X : T[6, 90]\nA[i] = argmax[j](X[i,j])\nC[i] = count[j](X[i,j] > 0.2)"},

    {KERNEL_CONTRACT, "f16 f32 f64", "Y", "X : T[33, 17]\nW : T[17, 9]\nY[m,n] = X[m,k] W[k,n]"},
    {KERNEL_CONTRACT, "f16 bf16 f32", "Y",
     "X : T[128, 64]\nW : T[64, 96]\nC : T[96]\nY[m,n] = relu(X[m,k] W[k,n] + C[n])"},
    {KERNEL_CONTRACT, "f16", "Y",
     "X : T[200, 136]\nW : T[136, 152]\nR : T[200, 152]\nY[m,n] = gelu(X[m,k] W[k,n]) + R[m,n]"},
    {KERNEL_CONTRACT, "f16 bf16", "Y", "X : T[72, 88]\nW : T[104, 88]\nY[m,n] = X[m,k] W[n,k]"},
    {KERNEL_CONTRACT, "f16", "Y", "X : T[72, 88]\nW : T[72, 104]\nY[m,n] = X[k,m] W[k,n]"},
    {KERNEL_CONTRACT, "f16", "Y", "X : T[72, 88]\nW : T[104, 72]\nY[n,m] = X[k,m] W[n,k]"},
    {KERNEL_CONTRACT, "bf16", "Y",
     "X : T[3, 40, 56]\nW : T[3, 56, 48]\nY[b,m,n] = tanh(X[b,m,k] W[b,k,n])"},
    {KERNEL_CONTRACT, "f16 f32", "Y", "X : T[1, 264]\nW : T[264, 72]\nY[m,n] = X[m,k] W[k,n]"},
    {KERNEL_CONTRACT, "f16", "Y", "X : T[16, 264]\nW : T[72, 264]\nY[m,n] = sig(X[m,k] W[n,k])"},
    {KERNEL_CONTRACT, "f16 f32", "Y",
     "X : T[40, 64]\nH : T[40, 48]\nW : T[64, 56]\nV : T[48, 56]\n"
     "Y[m,n] = tanh(X[m,k] W[k,n] + H[m,h] V[h,n])"},
    {KERNEL_CONTRACT, "f16 f32", "Y",
     "X : T[2, 10, 11, 8]\nW : T[3, 3, 8, 16]\n"
     "Y[b,y,x,c] = relu(X[b,y+dy,x+dx,k] W[dy,dx,k,c])"},

    {KERNEL_ATTEND, "f16 f32", "O",
     "Q : T[2, 3, 40, 64]\nK : T[2, 3, 40, 64]\nV : T[2, 3, 40, 64]\n"
     "C[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,h,q,k] / 8)\nO[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]"},
    {KERNEL_ATTEND, "f32", "O",
     "Q : T[2, 21, 16]\nK : T[2, 21, 16]\nV : T[2, 21, 16]\n"
     "C[b,p,q.] = softmax(where(q <= p, Q[b,p,k] K[b,q,k] / 4, -inf))\n"
     "O[b,p,k] = C[b,p,q] V[b,q,k]"},

    {KERNEL_SCATTER, "f32", "Y", "X : T[60]\nN : i64[60]\nY : T[5]\nY[N[i]] += X[i]"},
    {KERNEL_SCATTER, "f16", "G", "X : T[50, 16]\nN : i64[50]\nG : T[7, 16]\nG[N[e],d] += X[e,d]"},

    {KERNEL_SCAN, "f32", "S",
     "X : T[9, 20]\nS[0,i] = X[0,i]\nS[l+1,i] = tanh(0.5 S[l,i] + X[l,i])"},
};

enum { PROGRAMS = sizeof programs / sizeof *programs };

/* ---- running --------------------------------------------------------------------------------- */

static double tolerance(const char *type) {
  return strcmp(type, "f16") == 0    ? 2e-3
         : strcmp(type, "bf16") == 0 ? 1.6e-2
         : strcmp(type, "f32") == 0  ? 1e-5
                                     : 1e-12;
}

/* TEXT with each T as a word of its own replaced. */
static const char *typed(char *to, size_t size, const char *text, const char *type) {
  size_t n = (size_t)snprintf(to, size, "default %s\n", type);
  for (const char *p = text; *p && n + 8 < size; p++)
    if (*p == 'T' && p[1] == '[' && p[-1] == ' ')
      n += (size_t)sprintf(to + n, "%s", type);
    else
      to[n++] = *p;
  to[n] = 0;
  return to;
}

static bool used(const carry *c, const char *impl) {
  static run_kernel_report report[256];
  int n = run_plan_report(c->plan, c->leaf, report, NULL);
  for (int i = 0; i < n; i++)
    if (strcmp(report[i].impl, impl) == 0) return true;
  return false;
}

/* Whether the implementation served it. Twice: what a kernel leaves behind must serve the next. */
static bool run_forced(const char *impl, const program *p, const char *text, carry *want,
                       double slack) {
  carry *c = open_carry(carry_device(), impl);
  load(c, text);
  run(c, p->wanted);
  bool served = used(c, impl);
  for (int round = 0; round < 2 && served; round++) {
    for (int i = 0; i < want->p->outputs.n; i++) {
      const char *name = want->out_name[i];
      bool exact = !ir_type_real(want->p->outputs.at[i]->type);
      close_to(name, count(want, name), values(c, name), values(want, name), exact ? 0 : slack);
    }
    if (round == 0) again(c);
  }
  void *state = c;
  close_carry(&state);
  return served;
}

typedef struct served {
  const char *impl;
  int n, of;
} served;

static void run_program(const program *p, const char *type, const device_impl *impls,
                        served *list) {
  char text[2048];
  carry *ref = open_carry("ref", NULL);
  typed(text, sizeof text, p->text, type);
  load(ref, text);
  run(ref, p->wanted);
  for (int i = 0; impls[i].name; i++) {
    if (impls[i].shape != p->shape) continue;
    list[i].impl = impls[i].name;
    list[i].of++;
    list[i].n += run_forced(impls[i].name, p, text, ref, tolerance(type));
  }
  void *state = ref;
  close_carry(&state);
}

static void each_in_turn(void **state) {
  carry *c = *state;
  const device_impl *impls = run_device(c->session)->impls;
  served list[64] = {{0}};
  for (int i = 0; i < PROGRAMS; i++) {
    char types[64], *rest;
    snprintf(types, sizeof types, "%s", programs[i].types);
    for (char *type = strtok_r(types, " ", &rest); type; type = strtok_r(NULL, " ", &rest))
      run_program(&programs[i], type, impls, list);
  }
  int unused = 0;
  for (int i = 0; impls[i].name && i < 64; i++) {
    print_message("%s served %d of %d programs\n", impls[i].name, list[i].n, list[i].of);
    unused += list[i].n == 0;
  }
  assert_int_equal(unused, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      {"each_in_turn", each_in_turn, open_on_cpu, close_carry, NULL},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
