/* tl_einsum against sums written out, and what it refuses. */
#include <math.h>

#include "sample.h"

typedef struct example {
  const char *labels, *shapes; /* of the operands, by blanks */
  const char *result;          /* its labels, written out: ellipses as capitals from X on */
  const char *meant;           /* the same for the operands */
} example;

/* MEANT is worked out here by counting through all labels, nothing else. */
static const example examples[] = {
    {"ij,jk->ik", "2,3 3,4", "ik", "ij,jk"},
    {"ij,jk", "2,3 3,4", "ik", "ij,jk"},
    {"ba", "2,3", "ab", "ba"},
    {"ii", "3,3", "", "ii"},
    {"ii->i", "3,3", "i", "ii"},
    {"i,i->", "3 3", "", "i,i"},
    {"i,j->ij", "2 3", "ij", "i,j"},
    {"bij,bjk->bik", "2,2,3 2,3,2", "bik", "bij,bjk"},
    {"ij,jk,kl->il", "2,3 3,2 2,2", "il", "ij,jk,kl"},
    {"i j , j k -> i k", "2,3 3,2", "ik", "ij,jk"},
    {"...ij,...jk->...ik", "2,2,3 3,2", "Xik", "Xij,jk"},
    {"...ii->...i", "2,3,3", "Xi", "Xii"},
    {"...", "2,3", "XY", "XY"},
    {"...i->...", "2,3", "X", "Xi"},
    {"...i,i", "2,3 3", "X", "Xi,i"},
    {"ij,ij->ij", "2,1 2,3", "ij", "i0,ij"},
    {"ij,ij", "1,3 2,3", "", "0j,ij"},
    {"Ab,bA->A", "2,3 3,2", "A", "Ab,bA"},
    {",i->i", "s 3", "i", ",i"},
    {"ijk->kji", "2,3,2", "kji", "ijk"},
    {"abc,cd,db->a", "2,2,3 3,2 2,2", "a", "abc,cd,db"},
};

typedef struct loop {
  int extent[128], at[128];
} loop;

static int64_t place(const loop *l, const sample_tensor *t, const char *labels) {
  int64_t at = 0;
  for (int k = 0; k < t->rank; k++)
    at = at * t->size[k] + (labels[k] == '0' ? 0 : l->at[(int)labels[k]]);
  return at;
}

static double sum_over(loop *l, const sample *s, const char *meant, int label) {
  while (label < 128 && (l->extent[label] == 0 || l->at[label] >= 0)) label++;
  if (label == 128) {
    double product = 1;
    for (int i = 0; i < s->n; i++) {
      product *= s->tensor[i].value[place(l, &s->tensor[i], meant)];
      meant += strcspn(meant, ",");
      meant += *meant == ',';
    }
    return product;
  }
  double total = 0;
  for (int k = 0; k < l->extent[label]; k++) {
    l->at[label] = k;
    total += sum_over(l, s, meant, label + 1);
  }
  l->at[label] = -1;
  return total;
}

static void find_extents(loop *l, const sample *s, const char *meant) {
  *l = (loop){{0}, {0}};
  for (int i = 0; i < s->n; i++) {
    for (int k = 0; k < s->tensor[i].rank; k++)
      if (meant[k] != '0') l->extent[(int)meant[k]] = (int)s->tensor[i].size[k];
    meant += strcspn(meant, ",");
    meant += *meant == ',';
  }
  for (int c = 0; c < 128; c++) l->at[c] = -1;
}

static void check_example(tl_context *ctx, const example *x, const sample *s) {
  tl_tensor *t[SAMPLE_TENSORS];
  double got[SAMPLE_ELEMENTS];
  for (int i = 0; i < s->n; i++) t[i] = sample_make(ctx, s, i, TL_F64);
  tl_tensor *y = tl_einsum(ctx, x->labels, s->n, t);
  if (!y) fail_msg("%s: %s", x->labels, tl_message(ctx));
  loop l;
  find_extents(&l, s, x->meant);
  assert_int_equal(tl_rank(y), strlen(x->result));
  for (int k = 0; k < tl_rank(y); k++) assert_int_equal(tl_size(y, k), l.extent[(int)x->result[k]]);
  int n = sample_read(y, got);
  for (int i = 0; i < n; i++) {
    for (int k = tl_rank(y) - 1, left = i; k >= 0; k--) {
      l.at[(int)x->result[k]] = left % l.extent[(int)x->result[k]];
      left /= l.extent[(int)x->result[k]];
    }
    double want = sum_over(&l, s, x->meant, 0);
    if (!(fabs(got[i] - want) <= 1e-12))
      fail_msg("%s: element %d is %g, not %g", x->labels, i, got[i], want);
  }
}

static void test_examples(void **state) {
  (void)state;
  tl_context *ctx = tl_open(NULL);
  static sample s;
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    const char *at = examples[i].shapes;
    operation_row row = {.name = "einsum"};
    assert_true(sample_next(&s, &row, &at));
    check_example(ctx, &examples[i], &s);
  }
  tl_close(ctx);
}

static void test_differentiated(void **state) {
  (void)state;
  tl_context *ctx = tl_open(NULL);
  double a[4] = {1, 2, 3, 4}, got[4];
  tl_tensor *x = tl_from(ctx, TL_F64, 2, (int64_t[]){2, 2}, a);
  tl_tensor *square = tl_einsum(ctx, "ij,jk->", 2, (tl_tensor *[]){x, x});
  sample_read(tl_grad(ctx, square, x), got); /* column sums and row sums of x */
  assert_true(got[0] == 7 && got[1] == 11 && got[2] == 9 && got[3] == 13);
  tl_close(ctx);
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *labels, *shapes, *words;
  } wrong[] = {
      {"ij,jk->ik", "2,3 4,2", "position 1 of A and position 0 of B"},
      {"ij->i", "2", "operand 0 (A) has 1 position"},
      {"ij,jk", "2,3", "more operands than the 1 given"},
      {"ij", "2,3 3", "has 1 operand; 2 are given"},
      {"ij->ii", "2,2", "`i` stands twice in the result"},
      {"ij->k", "2,2", "`k` stands in no operand"},
      {"i1->i", "2,2", "`1` is no label"},
      {"...i->i", "2,2", "the result has no `...`"},
      {"ij-ji", "2,2", "is no arrow"},
  };
  tl_context *ctx = tl_open(NULL);
  static sample s;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *at = wrong[i].shapes;
    operation_row row = {.name = "einsum"};
    tl_tensor *t[SAMPLE_TENSORS];
    assert_true(sample_next(&s, &row, &at));
    for (int k = 0; k < s.n; k++) t[k] = sample_make(ctx, &s, k, TL_F32);
    assert_null(tl_einsum(ctx, wrong[i].labels, s.n, t));
    assert_int_equal(tl_last(ctx), TL_ARGUMENT);
    if (!strstr(tl_message(ctx), wrong[i].words))
      fail_msg("%s: no `%s` in: %s", wrong[i].labels, wrong[i].words, tl_message(ctx));
    tl_clear(ctx);
  }
  tl_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples),
      cmocka_unit_test(test_differentiated),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
