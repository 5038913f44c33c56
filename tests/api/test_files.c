/* Programs that write files, and others that read them back. */
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

typedef struct folder {
  char path[64];
  char said[4096];
  size_t n;
} folder;

static void put(void *user, const char *text, size_t n) {
  folder *f = user;
  assert_true(f->n + n < sizeof f->said);
  memcpy(f->said + f->n, text, n);
  f->said[f->n += n] = 0;
}

/* TEXT, as a program of the folder; what it prints. */
static const char *run_in(folder *f, tl_context *ctx, const char *text, tl_status want) {
  char file[96];
  tl_sink sink = {.put = put, .user = f};
  f->n = 0;
  f->said[0] = 0;
  snprintf(file, sizeof file, "%s/program.tl", f->path);
  tl_program *p = tl_load(ctx, file, text, &sink);
  if (!p) fail_msg("%s", tl_message(ctx));
  assert_int_equal(tl_run(p), want);
  tl_program_release(p);
  return f->said;
}

static void make(folder *f) {
  strcpy(f->path, "/tmp/tl-files-XXXXXX");
  assert_non_null(mkdtemp(f->path));
}

static char *path_in(folder *f, const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", f->path, name);
  return path;
}

static void drop(folder *f, const char *const *names) {
  for (; *names; names++) assert_int_equal(unlink(path_in(f, *names)), 0);
  assert_int_equal(rmdir(f->path), 0);
}

static void test_there_and_back(void **state) {
  (void)state;
  static const char out[] =
      "Parent(Alice, Bob), Parent(Bob, \"C, D\"), Parent(Bob, 7)\n"
      "M = [1.5, 2; 3, inf]\n"
      "\"p.tsv\" = Parent\n\"p.csv\" = Parent(x, y)\n\"one.tsv\" = Parent(Bob, x)\n"
      "\"m.npz\" = M\n\"m.csv\" = M\n\"t.txt\" = \"some text\"\n";
  counts c;
  folder f;
  tl_context *ctx = fixture_open(&c);
  make(&f);
  run_in(&f, ctx, out, TL_OK);
  assert_string_equal(run_in(&f, ctx,
                             "P(x,y) = \"p.tsv\"\nQ(x,y) = \"p.csv\"\nP(x,y)?\n"
                             "D(x,y) <- P(x,y), not Q(x,y)\nE(x,y) <- Q(x,y), not P(x,y)\n"
                             "D(x,y)?\nE(x,y)?\nO(x) = \"one.tsv\"\nO(x)?\n",
                             TL_OK),
                      "Alice Bob\nBob 7\nBob \"C, D\"\n7\n\"C, D\"\n");
  assert_string_equal(
      run_in(&f, ctx, "N = \"m.npz\"\nC = \"m.csv\"\nN?\nC?\nT = chars(\"t.txt\")\ndecode(T)?\n",
             TL_OK),
      "N =\n[[1.5,   2],\n [  3, inf]]\nC =\n[[1.5,   2],\n [  3, inf]]\nsome text\n");
  drop(&f, NAMES("p.tsv", "p.csv", "one.tsv", "m.npz", "m.csv", "t.txt"));
  fixture_close(ctx, &c);
}

static void test_sparse(void **state) {
  (void)state;
  counts c;
  folder f;
  tl_context *ctx = fixture_open(&c);
  make(&f);
  run_in(&f, ctx, "W[A,B] = 0.1\nW[A,\"C d\"] = 4\nV[x,y] = 2 W[x,y]\n\"v.tsv\" = V\n", TL_OK);
  assert_string_equal(run_in(&f, ctx, "U[x,y] = \"v.tsv\"\nU?\n", TL_OK),
                      "A B 0.2\nA \"C d\" 8\n");
  run_in(&f, ctx, "W[A,B] = 0.1\n\"w.npy\" = W\n", TL_RUNTIME);
  fixture_error(ctx, TL_RUNTIME, "W is sparse: a table holds it, .tsv or .csv");
  run_in(&f, ctx, "P(A)\n\"p.npy\" = P\n", TL_RUNTIME);
  fixture_error(ctx, TL_RUNTIME, "P is a relation: a table holds it, .tsv or .csv");
  run_in(&f, ctx, "P(A)\n\"p.tsv\" = P(A)\n", TL_RUNTIME);
  fixture_error(ctx, TL_RUNTIME, "P(A) is one answer; a file holds all: leave positions open");
  run_in(&f, ctx, "\"p.npy\" = \"text\"\n", TL_RUNTIME);
  fixture_error(ctx, TL_RUNTIME, "is text: a .txt file holds it");
  drop(&f, NAMES("v.tsv"));
  fixture_close(ctx, &c);
}

/* A large file is mapped, and looked at when its values are needed. */
static void test_cut_short(void **state) {
  (void)state;
  counts c;
  folder f;
  char file[96];
  tl_context *ctx = fixture_open(&c);
  make(&f);
  run_in(&f, ctx, "X : f32[600, 600]\n\"x.npy\" = X\n", TL_OK);
  snprintf(file, sizeof file, "%s/program.tl", f.path);
  tl_program *p = tl_load(ctx, file, "X = \"x.npy\"\nS = X[i,j]\nS?\n", NULL);
  assert_non_null(p);
  assert_int_equal(truncate(path_in(&f, "x.npy"), 4096), 0);
  assert_int_equal(tl_run(p), TL_IO);
  fixture_error(ctx, TL_IO, "x.npy: offset 4096: the file was cut short while it was in use");
  tl_program_release(p);
  drop(&f, NAMES("x.npy"));
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_sparse),
      cmocka_unit_test(test_cut_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
