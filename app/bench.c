/* tl bench: each case is verified, measured, and set beside the peer's; then a summary. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double CLOSE = 0.01; /* relative to the largest element, in 16 bits */
enum { COPIES = 32, LARGE = 64 << 20 };

typedef struct row { /* of the table; microseconds a call; 0: not measured */
  const char *category, *name;
  int64_t n;
  double flop, bytes;
  bench_times call, plan, apart;
  bench_answer peer;
} row;

typedef struct bench {
  tl_context *ctx, *ref;
  const options *o;
  bench_peer *peer;
  bool gpu;
  int rows, failed;
  double flops, bytes; /* best, a microsecond */
  double ratio[3];     /* logarithms of ratios to the peer: sum, count, lost */
} bench;

static double best_of(const row *r) {
  double call = bench_median(&r->call), plan = bench_median(&r->plan);
  return plan > 0 && plan < call ? plan : call;
}

static double peer_best(const row *r) {
  double best = r->peer.call;
  if (r->peer.plan > 0 && r->peer.plan < best) best = r->peer.plan;
  if (r->peer.compiled > 0 && r->peer.compiled < best) best = r->peer.compiled;
  return best;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_json(const row *r) {
  printf(
      "{\"category\": \"%s\", \"name\": \"%s\", \"size\": %lld, \"us\": {\"min\": %.3f, "
      "\"mean\": %.3f, \"median\": %.3f, \"max\": %.3f}, \"first_us\": %.0f",
      r->category, r->name, (long long)r->n, r->call.at[0], bench_mean(&r->call),
      bench_median(&r->call), r->call.at[r->call.n - 1], r->call.first);
  if (r->plan.n) printf(", \"plan_us\": %.3f", bench_median(&r->plan));
  if (r->apart.n) printf(", \"apart_us\": %.3f", bench_median(&r->apart));
  if (r->flop > 0) printf(", \"gflops\": %.2f", r->flop / best_of(r) * 1e-3);
  printf(", \"gbs\": %.2f", r->bytes / best_of(r) * 1e-3);
  if (r->peer.call > 0) {
    printf(", \"peer\": {\"us\": %.3f, \"plan_us\": %.3f, \"compiled_us\": %.3f, \"ratio\": %.3f",
           r->peer.call, r->peer.plan, r->peer.compiled, peer_best(r) / best_of(r));
    if (r->peer.difference >= 0) printf(", \"difference\": %.2g", r->peer.difference);
    printf("}");
  }
  puts("}");
}

/* ---- tables ---------------------------------------------------------------------------------- */

typedef struct table { /* a line being printed */
  const bench *b;
  bool first;
} table;

static void put_cell(table *t, const char *text, int width) {
  const char *between = t->b->o->markdown ? (t->first ? "| " : " | ") : t->first ? "" : "  ";
  printf("%s%*s", between, width, text);
  t->first = false;
}

static void put_number(table *t, double x) {
  char text[32] = "";
  if (x > 0 && isfinite(x)) snprintf(text, sizeof text, "%.*f", x < 100 ? 2 : x < 10000 ? 1 : 0, x);
  put_cell(t, text, 9);
}

static void end_line(const table *t) { puts(t->b->o->markdown ? " |" : ""); }

static void print_head(const bench *b, const char *category) {
  bool apart = strcmp(category, "fusion") == 0, copies = strcmp(category, "transfers") == 0;
  int columns = 7 + (b->gpu && !copies) + apart - copies + 2 * (b->peer && !copies);
  table t = {b, true};
  put_cell(&t, category, -21);
  put_cell(&t, "size", 9);
  put_cell(&t, "min us", 9);
  put_cell(&t, "median", 9);
  put_cell(&t, "max", 9);
  if (b->gpu && !copies) put_cell(&t, "in a plan", 9);
  if (apart) put_cell(&t, "apart", 9);
  if (!copies) put_cell(&t, "GFLOP/s", 9);
  put_cell(&t, "GB/s", 9);
  if (b->peer && !copies) put_cell(&t, "peer us", 9), put_cell(&t, "ratio", 9);
  end_line(&t);
  for (int i = 0; i < columns && b->o->markdown; i++) printf(i ? "--:|" : "|---|");
  if (b->o->markdown) puts("");
}

static void print_row(const bench *b, const row *r) {
  bool copies = r->flop == 0;
  char size[24];
  table t = {b, true};
  snprintf(size, sizeof size, "%lld", (long long)r->n);
  put_cell(&t, r->name, -21);
  put_cell(&t, size, 9);
  put_number(&t, r->call.at[0]);
  put_number(&t, bench_median(&r->call));
  put_number(&t, r->call.at[r->call.n - 1]);
  if (b->gpu && !copies) put_number(&t, bench_median(&r->plan));
  if (r->apart.n) put_number(&t, bench_median(&r->apart));
  if (!copies) put_number(&t, r->flop / best_of(r) * 1e-3);
  put_number(&t, r->bytes / best_of(r) * 1e-3);
  if (b->peer && !copies) {
    put_number(&t, r->peer.call > 0 ? peer_best(r) : 0);
    put_number(&t, r->peer.call > 0 ? peer_best(r) / best_of(r) : 0);
  }
  end_line(&t);
}

static void count(bench *b, const row *r) {
  double best = best_of(r);
  if (r->flop / best > b->flops) b->flops = r->flop / best;
  if (r->bytes / best > b->bytes) b->bytes = r->bytes / best;
  if (r->peer.call > 0) {
    double ratio = peer_best(r) / best;
    b->ratio[0] += log(ratio);
    b->ratio[1]++;
    b->ratio[2] += ratio < 1;
  }
  b->rows++;
  if (b->o->json)
    print_json(r);
  else
    print_row(b, r);
  fflush(stdout);
}

static int complain(bench *b, const char *name, const char *what) {
  fprintf(stderr, "tl bench: %s: %s\n", name, what);
  b->failed++;
  return 1;
}

/* ---- a case ---------------------------------------------------------------------------------- */

/* Half of the rounds before the peer's, half behind them. */
static tl_status measure_half(row *r, bench_job *call, bench_job *plan, bench_job *apart) {
  tl_status status = bench_rounds(call, BENCH_ROUNDS / 2, &r->call);
  if (status == TL_OK && plan) status = bench_rounds(plan, BENCH_ROUNDS / 2, &r->plan);
  if (status == TL_OK && apart) status = bench_rounds(apart, BENCH_ROUNDS / 2, &r->apart);
  return status;
}

static int copies_of(int n, const bench_input *input) {
  size_t bytes = 0;
  for (int i = 0; i < n; i++) bytes += input[i].bytes;
  return bytes * COPIES <= LARGE ? COPIES : bytes * 4 <= LARGE * (size_t)16 ? 4 : 1;
}

static void ask_peer(bench *b, const bench_case *c, row *r, bench_job *call, int copies, int n,
                     const bench_input *input) {
  size_t bytes = bench_result_bytes(call);
  void *result = b->peer ? malloc(bytes + 1) : NULL;
  if (result && bench_result(call, result, bytes) == TL_OK)
    bench_peer_ask(b->peer, c, copies, n, input, result, bytes, &r->peer);
  free(result);
  if (r->peer.difference > 4 * CLOSE) complain(b, c->name, "the peer's result differs");
}

static int measure(bench *b, const bench_case *c, int64_t size) {
  bench_input input[BENCH_INPUTS];
  row r = {.category = c->category,
           .name = c->name,
           .n = size,
           .flop = bench_flop(c, size),
           .bytes = bench_bytes(c, size)};
  int n = bench_inputs(c, size, input), status = 1;
  if (n < 0) return complain(b, c->name, "out of memory");
  int copies = copies_of(n, input);
  bench_job *call = bench_job_new(b->ctx, c->text, 1, n, input);
  bench_job *plan = b->gpu ? bench_job_new(b->ctx, c->text, copies, n, input) : NULL;
  bench_job *apart = c->apart ? bench_job_new(b->ctx, c->apart, 1, n, input) : NULL;
  if (call && (plan || !b->gpu) && (apart || !c->apart) &&
      measure_half(&r, call, plan, apart) == TL_OK) {
    ask_peer(b, c, &r, call, copies, n, input);
    if (measure_half(&r, call, plan, apart) == TL_OK) status = 0;
  }
  if (status == 0) {
    bench_order(&r.call), bench_order(&r.plan), bench_order(&r.apart);
    count(b, &r);
  } else {
    complain(b, c->name, tl_message(b->ctx));
    tl_clear(b->ctx);
  }
  bench_job_free(call), bench_job_free(plan), bench_job_free(apart);
  bench_free_inputs(n, input);
  return status;
}

static int run_case(bench *b, const bench_case *c, int nsize, const int64_t *size) {
  double far = bench_difference(b->ctx, b->ref, c);
  if (far < 0) {
    complain(b, c->name, tl_message(b->ctx));
    tl_clear(b->ctx);
    return 1;
  }
  if (far > CLOSE)
    return complain(b, c->name, "its result differs from the reference's: not timed");
  for (int i = 0; i < nsize; i++) measure(b, c, size[i]);
  return 0;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static int transfer(bench *b, int64_t n, bool there) {
  static const bench_case copy = {"transfers", "", "", NULL, "A:n", {0}, {0, 1}, NULL};
  bench_input input[BENCH_INPUTS];
  row r = {.category = "transfers",
           .name = there ? "to the device" : "from the device",
           .n = n,
           .bytes = 2 * (double)n};
  if (bench_inputs(&copy, n, input) < 0) return complain(b, r.name, "out of memory");
  tl_tensor *t = tl_from(b->ctx, TL_F16, 1, input[0].size, input[0].data);
  double us[BENCH_ROUNDS];
  int status = t ? 0 : 1;
  for (int i = 0; i < BENCH_ROUNDS && status == 0; i++)
    status = bench_transfer(t, input[0].data, input[0].bytes, there, &us[i]) != TL_OK;
  if (status == 0) {
    memcpy(r.call.at, us, sizeof us);
    r.call.n = BENCH_ROUNDS;
    bench_order(&r.call);
    count(b, &r);
  } else {
    complain(b, r.name, tl_message(b->ctx));
  }
  tl_release(t);
  bench_free_inputs(1, input);
  return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool wanted(const options *o, const char *category) {
  for (int i = 0; i < o->n; i++)
    if (strcmp(o->word[i], category) == 0) return true;
  return o->n == 0;
}

/* "64,128,1000"; 0: wrong. */
static int read_sizes(const char *text, int64_t *size) {
  int n = 0;
  while (n < BENCH_SIZES) {
    char *end;
    long long x = strtoll(text, &end, 10);
    if (end == text || x < 1 || (*end != 0 && *end != ',')) return 0;
    size[n++] = x;
    if (*end == 0) return n;
    text = end + 1;
  }
  return 0;
}

static int check_words(const options *o, int *nsize, int64_t *size) {
  int known = 0;
  while (bench_categories[known]) known++;
  for (int i = 0; i < o->n; i++) {
    int k = 0;
    while (k < known && strcmp(bench_categories[k], o->word[i]) != 0) k++;
    if (k < known) continue;
    const char *near = options_near(o->word[i], bench_categories, known);
    char help[128];
    snprintf(help, sizeof help,
             near ? "did you mean `%s`?"
                  : "there are: matmul, elementwise, reductions, activations, "
                    "transfers, fusion",
             near);
    return options_wrong(o, help, "there is no category `%s`", o->word[i]);
  }
  *nsize = 0;
  if (o->sizes && (*nsize = read_sizes(o->sizes, size)) == 0)
    return options_wrong(o, "write `--sizes 64,128,256`", "--sizes takes numbers, not `%s`",
                         o->sizes);
  return 0;
}

static void run_category(bench *b, const char *category, int nsize, const int64_t *size) {
  int64_t usual[BENCH_SIZES];
  if (nsize == 0) {
    nsize = bench_default_sizes(category, usual);
    size = usual;
  }
  if (!b->o->json) print_head(b, category);
  for (int i = 0; i < bench_ncases; i++)
    if (strcmp(bench_cases[i].category, category) == 0) run_case(b, &bench_cases[i], nsize, size);
  for (int i = 0; i < nsize && strcmp(category, "transfers") == 0; i++)
    transfer(b, size[i], true), transfer(b, size[i], false);
  if (!b->o->json) puts("");
}

static void summarise(const bench *b) {
  double lead = b->ratio[1] > 0 ? exp(b->ratio[0] / b->ratio[1]) : 0;
  if (b->o->json) {
    printf("{\"summary\": {\"rows\": %d, \"failed\": %d, \"gflops\": %.1f, \"gbs\": %.1f", b->rows,
           b->failed, b->flops * 1e-3, b->bytes * 1e-3);
    if (b->peer)
      printf(", \"peer\": \"%s\", \"ratio\": %.3f, \"behind\": %.0f", bench_peer_name(b->peer),
             lead, b->ratio[2]);
    puts("}}");
    return;
  }
  if (b->flops > 0)
    printf("best: %.1f GFLOP/s, %.1f GB/s\n", b->flops * 1e-3, b->bytes * 1e-3);
  else
    printf("best: %.1f GB/s\n", b->bytes * 1e-3);
  if (b->peer)
    printf(
        "peer: %s, its best of eager, graph and compiled: %.2fx its speed (geometric mean of "
        "%.0f rows), behind in %.0f\n",
        bench_peer_name(b->peer), lead, b->ratio[1], b->ratio[2]);
  if (b->failed) printf("%d failed\n", b->failed);
}

int bench_command(tl_context *ctx, const options *o) {
  int64_t size[BENCH_SIZES];
  int nsize, status = check_words(o, &nsize, size);
  if (status) return status;
  bench b = {.ctx = ctx, .o = o};
  b.gpu = o->open.device && strncmp(o->open.device, "cuda", 4) == 0;
  b.ref = tl_open(&(tl_options){.device = "ref"});
  if (!b.ref) return TL_MEMORY;
  if (o->peers) {
    const char *why;
    b.peer = bench_peer_open("bench/peers", b.gpu ? "cuda" : "cpu", o->open.threads, &why);
    if (!b.peer) fprintf(stderr, "tl bench: no peer: %s\n", why);
  }
  for (int i = 0; bench_categories[i]; i++)
    if (wanted(o, bench_categories[i])) run_category(&b, bench_categories[i], nsize, size);
  summarise(&b);
  bench_peer_close(b.peer);
  tl_close(b.ref);
  return b.failed ? TL_RUNTIME : TL_OK;
}
