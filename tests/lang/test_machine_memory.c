/* Each allocation of a few small runs fails in turn: a status, nothing lost, nothing broken. */
#include <string.h>

#include "lang/lang.h"
#include "lang/syntax.h"

/* Between them they use every construct that is carried out. */
static const char *const programs[] = {
    "X = [1, 2; 3, 4; 5, 6]; Y = [0, 1, 1]\n"
    "W : f32[2] ~ normal(0.1); B : f32 ~ zeros; N : f32[3]; N[e] = 0.01 normal()\n"
    "P[e] = sig(W[d] X[e,d] + B + N[e])\n"
    "Loss avg= (P[e] - Y[e])^2\n"
    "minimize(Loss, adamw(lr=0.1), steps=3, batch=e:2, every=1)\n"
    "Loss?; P? with X = [0, 0; 0, 0; 0, 0]\n",

    "default f64; A = [1, 2; 3, 5]; Thing : {Ann, Bob}; E : f32[Thing, 2]; E[Ann,0] = 2; seed 7\n"
    "S[i,j.] = softmax(A[i,j]); B[i] = argmax(A[i,j]); T[i] = topk[i](A[0,i], 1)\n"
    "C[i,j.] = cumsum(A[i,j]); M[k] = concat(A[i,j]); Z[i] = sort[i](A[i,0])\n"
    "X[0] = 4; X[t+1] = 0.5 X[t] + A[0,t]; V[i,*t+1] = sig(A[i,j] V[j,*t] + A[i,t])\n"
    "R = 0.5 R + 1; settle(R, 1e-6); Q max= A[i,j]; U[i] = B[i] uniform() + bernoulli(0.5)\n"
    "f(x) = x / (1 + abs(x)); G[i] = f(A[i,j] A[j,i]); H[i/2] += A[i,0]\n"
    "S?; B?; T?; C?; M?; Z?; X?; V?; R?; Q?; U?; G?; H?; E[Ann, :]?; A[0:1, :]?; A[1,1] > 4?\n"
    "print(\"q\", Q, A)\n",

    "Parent(Ann, Bob), Parent(Bob, Cy), Parent(Cy, Di); Old(Ann)\n"
    "Anc(x,y) <- Parent(x,y); Anc(x,z) <- Anc(x,y), Parent(y,z)\n"
    "Young(x) <- Parent(y,x), not Old(x)\n"
    "Emb : f32[4, 2]; Link(0, 1), Link(1, 2), Link(2, 3); Agg[n,d] = Link(n,m) (Emb[m,d] + 1)\n"
    "D[0,1] = 2; D[1,2] = 3; Near(i,j) <- D[i,j] > 0\n"
    "Anc(Ann, x)?; Anc(Ann, Di)?; Young(x)?; Agg?; Near(i, j)?\n",

    "T = words(\"tests/fuzz/corpus/io_text/words.txt\"); N = size(T)\n"
    "P[p,c.] = softmax(where(c == (T[p] + 1) % 2, 5, 0)); P : f32[N, N]\n"
    "decode(T)?; size(T)?\n",
};

static void put(void *user, const char *bytes, size_t n) {
  (void)bytes;
  *(size_t *)user += n;
}
static void progress(void *user, const char *line) { *(size_t *)user += strlen(line); }

typedef struct world {
  base_arena *arena;
  run_session *session;
  lang_machine *machine;
  size_t said;
} world;

static void carry_out(base_ctx *ctx, world *w, const char *text, bool json) {
  w->arena = base_arena_open(ctx);
  w->session = run_open(ctx, &(run_config){.device = "cpu", .threads = 1});
  lang_program *program = lang_check(w->arena, NULL, text, strlen(text), NULL);
  w->machine =
      lang_machine_open(w->session, program, &(lang_output){put, progress, &w->said, json, false});
  lang_machine_run(w->machine);
}

/* The status with the N-th allocation failing. */
static base_status attempt(base_ctx *ctx, const char *text, int64_t n) {
  world w = {0};
  base_trap trap;
  base_status status = BASE_OK;
  base_clear(ctx);
  base_fail_after(ctx, n);
  if (BASE_TRY(ctx, &trap)) {
    carry_out(ctx, &w, text, n % 2);
    base_untrap(ctx, &trap);
  } else {
    status = base_last(ctx)->status;
  }
  base_fail_after(ctx, -1);
  lang_machine_close(w.machine);
  run_close(w.session);
  base_arena_close(w.arena);
  return status;
}

/* Some allocations are tried again, or done without: the end has come when many in a row fail no
 * run. */
static void sweep(base_ctx *ctx, const char *text) {
  if (attempt(ctx, text, -1) != BASE_OK) fail_msg("%s\n%s", text, base_last(ctx)->message);
  size_t blocks = base_heap_count(ctx);
  int64_t failed = 0, well = 0;
  for (int64_t n = 0; well < 100; n++) {
    base_status status = attempt(ctx, text, n);
    if (status != BASE_OK && status != BASE_MEMORY)
      fail_msg("allocation %lld: status %d: %s", (long long)n, status, base_last(ctx)->message);
    if (base_heap_count(ctx) != blocks)
      fail_msg("allocation %lld: %zu blocks, not %zu", (long long)n, base_heap_count(ctx), blocks);
    failed += status == BASE_MEMORY;
    well = status == BASE_OK ? well + 1 : 0;
  }
  if (failed < 20) fail_msg("%s\nfailed only %d times", text, (int)failed);
}

static void test_each_allocation(void **state) {
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    sweep(((syntax *)*state)->ctx, programs[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_SYNTAX(test_each_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
