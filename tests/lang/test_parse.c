/* Program text to trees: what each form of the language becomes. */
#include <string.h>

#include "syntax.h"

typedef struct sample { const char *text, *tree; } sample;

#define CHECK(s, samples)                                                          \
  for (size_t i_ = 0; i_ < sizeof(samples) / sizeof *(samples); i_++)               \
    assert_string_equal(tree_of(s, parse(s, (samples)[i_].text)), (samples)[i_].tree)

static void operators_bind_by_the_table(void **state) {
  static const sample samples[] = {
    {"Y = a^b^c", "(= Y (^ a (^ b c)))"},
    {"Y = -a^2", "(= Y (- (^ a 2)))"},
    {"Y = a^-b", "(= Y (^ a (- b)))"},
    {"Y = (-1)^2", "(= Y (^ -1 2))"},
    {"Y = -A[i] B[i]", "(= Y (join (- (A[] i)) (B[] i)))"},
    {"Y = A[i] -B[i]", "(= Y (+ (A[] i) (- (B[] i))))"},
    {"Y = A[i] * -B[i]", "(= Y (* (A[] i) (- (B[] i))))"},
    {"Y = A[i] B[i]^2 C", "(= Y (join (A[] i) (^ (B[] i) 2) C))"},
    {"Y = a b * c d / e % f", "(= Y (% (/ (* (join a b) (join c d)) e) f))"},
    {"Y = a - b + c - 2", "(= Y (+ a (- b) c -2))"},
    {"Y = a - (b + c) + (d + e)", "(= Y (+ a (- (+ b c)) (+ d e)))"},
    {"Y = a + b * c < d", "(= Y (< (+ a (* b c)) d))"},
    {"Y = not a < b and c == d or e != f",
     "(= Y (or (and (not (< a b)) (== c d)) (!= e f)))"},
    {"Y = a and not not b", "(= Y (and a (not (not b))))"},
    {"Y = a >= b", "(= Y (>= a b))"},
    {"Y = a > -b", "(= Y (> a (- b)))"},
    {"Y = a <-b", "(= Y (< a (- b)))"},
    {"Y = a<-3 b", "(= Y (< a (join -3 b)))"},
    {"Y = 1/(2 X)", "(= Y (/ 1 (join 2 X)))"},
    {"Y = (1/2) X", "(= Y (join (/ 1 2) X))"},
    {"Y = A B / sqrt(D)", "(= Y (/ (join A B) (sqrt D)))"},
    {"Y = (A B) C", "(= Y (join (join A B) C))"},
    {"Y = 2 * 3 4", "(= Y (* 2 (join 3 4)))"},
    {"Y = - - x", "(= Y (- (- x)))"},
    {"Y = (p <= q) X[p]", "(= Y (join (<= p q) (X[] p)))"},
  };
  CHECK((syntax *)*state, samples);
}

static void what_follows_a_name_says_what_it_is(void **state) {
  static const sample samples[] = {
    {"Y = X(p,t) Emb[t,d]", "(= Y (join (X() p t) (Emb[] t d)))"},
    {"Y = X (p + t)", "(= Y (join X (+ p t)))"},
    {"Y = f(x)", "(= Y (f x))"},
    {"Y = f (x)", "(= Y (join f x))"},
    {"Y = W[i] (X[i] + 1)", "(= Y (join (W[] i) (+ (X[] i) 1)))"},
    {"Y = W[i](X[i] + 1)", "(= Y (join (W[] i) (+ (X[] i) 1)))"},
    {"Y = softmax[p'](S[p,p'])", "(= Y (softmax { p' } (S[] p p')))"},
    {"Y = sum[i,j](S[i,j])", "(= Y (sum { i j } (S[] i j)))"},
    {"Y = x[i] (a)", "(= Y (join (x[] i) a))"},
    {"Y = Rain()", "(= Y (Rain()))"},
    {"Y = uniform()", "(= Y (uniform))"},
    {"Y = gelu(x, tanh)", "(= Y (gelu x tanh))"},
    {"Y = 2X", "(= Y (join 2 X))"},
    {"Y = inf", "(= Y real:inf)"},
    {"Y = -inf", "(= Y real:-inf)"},
    {"Y = where(p' <= p, S[p,p'], -inf)", "(= Y (where (<= p' p) (S[] p p') real:-inf))"},
    {"Y = generate(P[p,t], X[p], prompt=\"The \", steps=300)",
     "(= Y (generate (P[] p t) (X[] p) (prompt= \"The \"4) (steps= 300)))"},
    {"seed = 3", "(= seed 3)"},
    {"load[i] = X[i]", "(= (load[] i) (X[] i))"},
    {"max' = 3", "(= max' 3)"},
  };
  CHECK((syntax *)*state, samples);
}

static void positions_are_expressions(void **state) {
  static const sample samples[] = {
    {"Y = X[4:8, :, :n, 2*i:]", "(= Y (X[] (: 4 8) (: ~ ~) (: ~ n) (: (* 2 i) ~)))"},
    {"Y = E[Tok[p], L, \"a b\", 3, _, i/2]", "(= Y (E[] (Tok[] p) L \"a b\"3 3 _ (/ i 2)))"},
    {"Y[i,*t+1] = X[i-1,*t]", "(= (Y[] i (+ *t 1)) (X[] (+ i -1) *t))"},
    {"Y[i,2 * *t] = X", "(= (Y[] i (* 2 *t)) X)"},
    {"Y[p,t.] = X[p,t]", "(= (Y[] p t.) (X[] p t))"},
    {"Y[p . , t] = X", "(= (Y[] p. t) X)"},
    {"P[x/S,y/S] max= F[x,y]", "(max= (P[] (/ x S) (/ y S)) (F[] x y))"},
    {"Q(x, n + 1) <- P(x, n)", "(<- (Q() x (+ n 1)) (P() x n))"},
    {"Y = X[(i+1) % 2]", "(= Y (X[] (% (+ i 1) 2)))"},
  };
  CHECK((syntax *)*state, samples);
}

static void lists_nest(void **state) {
  static const sample samples[] = {
    {"W = [0.5, -2]", "(= W (list real:0.5 -2))"},
    {"W = [[1,2],[3,4]]", "(= W (list (list 1 2) (list 3 4)))"},
    {"W = [1, 2; 3, 4]", "(= W (list (list 1 2) (list 3 4)))"},
    {"W = [1; 2]", "(= W (list (list 1) (list 2)))"},
    {"W = [\n  1,\n  2 # two\n]", "(= W (list 1 2))"},
    {"W = []", "(= W (list))"},
    {"W = [Alice, \"Bob\"]", "(= W (list Alice \"Bob\"3))"},
  };
  CHECK((syntax *)*state, samples);
}

static void every_statement_has_its_form(void **state) {
  static const sample samples[] = {
    {"Y += X", "(+= Y X)"},
    {"Y min= X", "(min= Y X)"},
    {"Y avg = X", "(avg= Y X)"},
    {"Y prod= X", "(prod= Y X)"},
    {"Even(d) = d % 2 == 0", "(= (Even() d) (== (% d 2) 0))"},
    {"X = \"x.npy\"", "(file X \"x.npy\"5)"},
    {"Parent(x,y) = \"p.tsv\"", "(file (Parent() x y) \"p.tsv\"5)"},
    {"W[x,y] = \"w.tsv\"", "(file (W[] x y) \"w.tsv\"5)"},
    {"\"y.npy\" = Y[0:4]", "(write \"y.npy\"5 (Y[] (: 0 4)))"},
    {"Parent(Alice, Bob), Parent(Bob, 3)", "(fact (Parent() Alice Bob) (Parent() Bob 3))"},
    {"P(A). P(B).", "(fact (P() A))\n(fact (P() B))"},
    {"Rain.", "(fact Rain)"},
    {"Wet <- Rain", "(<- Wet Rain)"},
    {"Aunt(x,z) \xE2\x86\x90 Sister(x,y), not Parent(y,z), y != z, n = A[y] + 1",
     "(<- (Aunt() x z) (Sister() x y) (not (Parent() y z)) (!= y z) (bind n (+ (A[] y) 1)))"},
    {"f(x) = sig(x)", "(function f { x } (sig x))"},
    {"f(x, T) = x^T", "(function f { x T } (^ x T))"},
    {"Y?", "(? Y)"},
    {"Ancestor(Alice, x)?", "(? (Ancestor() Alice x))"},
    {"X[1] + 2 > 3?", "(? (> (+ (X[] 1) 2) 3))"},
    {"Y? with X = Z, T = \"t.npy\", W[i] = V[i] 2",
     "(? Y (= X Z) (file T \"t.npy\"5) (= (W[] i) (join (V[] i) 2)))"},
    {"-X?", "(? (- X))"},
  };
  CHECK((syntax *)*state, samples);
}

static void declarations_have_types_and_sizes(void **state) {
  static const sample samples[] = {
    {"W : f16[784, 2*D]", "(declare W f16[] 784 (* 2 D))"},
    {"Loss : f64", "(declare Loss f64)"},
    {"Parent : bool(Person, Person)", "(declare Parent bool() Person Person)"},
    {"W : f32(6, 6)", "(declare W f32() 6 6)"},
    {"W : bf16[D] ~ normal(0.02)", "(declare W bf16[] D ~ (normal real:0.02))"},
    {"W : f32[D, size(Text)] ~ normal(1) fixed",
     "(declare W f32[] D (size Text) ~ (normal 1) fixed)"},
    {"W : f32[2] ~ [1, 2]", "(declare W f32[] 2 ~ (list 1 2))"},
    {"W : f32[2] ~ \"w.npy\" fixed", "(declare W f32[] 2 ~ \"w.npy\"5 fixed)"},
    {"W : f32[2] ~ zeros", "(declare W f32[] 2 ~ zeros)"},
    {"Thing : {A, \"b c\", 3, d}", "(domain Thing A \"b c\"3 3 d)"},
    {"Char : domain(Text)", "(domain Char of Text)"},
  };
  CHECK((syntax *)*state, samples);
}

static void commands_take_arguments_either_way(void **state) {
  static const sample samples[] = {
    {"import \"x.tl\"", "(import! \"x.tl\"4)"},
    {"import(\"x.tl\")", "(import! \"x.tl\"4)"},
    {"default f16", "(default! f16)"},
    {"seed 7", "(seed! 7)"},
    {"print Y, \"a\"", "(print! Y \"a\"1)"},
    {"print [1, 2]", "(print! (list 1 2))"},
    {"print -Y", "(print! (- Y))"},
    {"print (a) b", "(print! (join a b))"},
    {"rounds(R, 1000)", "(rounds! R 1000)"},
    {"settle(R, 1e-9, start=0.5)", "(settle! R real:1.0000000000000001e-09 (start= real:0.5))"},
    {"save \"c.safetensors\"", "(save! \"c.safetensors\"13)"},
    {"load(\"c.safetensors\", W)", "(load! \"c.safetensors\"13 W)"},
    {"maximize(L, sgd(0.1))", "(maximize! L (sgd real:0.10000000000000001))"},
    {"minimize(Loss, adamw(lr=1e-3), steps=500,\n  batch=e:64, schedule=cosine(warmup=50))",
     "(minimize! Loss (adamw (lr= real:0.001)) (steps= 500) (batch= (: e 64))"
     " (schedule= (cosine (warmup= 50))))"},
  };
  CHECK((syntax *)*state, samples);
}

static void statements_end_where_they_end(void **state) {
  static const sample samples[] = {
    {"", ""},
    {"\n\n# nothing\n;;\n", ""},
    {"A = 1; B = 2", "(= A 1)\n(= B 2)"},
    {"A = 1\r\nB = 2\r\n", "(= A 1)\n(= B 2)"},
    {"A = b +\n  c # more\nD = 1", "(= A (+ b c))\n(= D 1)"},
    {"A = b *\n\n# a remark\n\n c", "(= A (* b c))"},
    {"A =\n b", "(= A b)"},
    {"A max=\n b", "(max= A b)"},
    {"P(x) <-\n  Q(x),\n  R(x)", "(<- (P() x) (Q() x) (R() x))"},
    {"A = (b\n + c)", "(= A (+ b c))"},
    {"P(A). Q(B). # end", "(fact (P() A))\n(fact (Q() B))"},
    {"Q(x) <- P(x).\nP(1).\nP(2)", "(<- (Q() x) (P() x))\n(fact (P() 1))\n(fact (P() 2))"},
    {"A = 1.", "(= A 1)"},
    {"\xEF\xBB\xBF" "A = 1", "(= A 1)"},
    {"Y? ; Z?", "(? Y)\n(? Z)"},
  };
  CHECK((syntax *)*state, samples);
}

static void a_statement_keeps_its_text(void **state) {
  syntax *s = *state;
  const lang_ast *ast = parse(s, "  A = (b # one\n + c)  # two\nY[3] ? ; P(A).\nZ? with X = 2");
  assert_int_equal(ast->n, 4);
  assert_string_equal(ast->at[0]->source, "A = (b # one\n + c)");
  assert_string_equal(ast->at[1]->source, "Y[3] ?");
  assert_string_equal(ast->at[2]->source, "P(A)");
  assert_string_equal(ast->at[3]->source, "Z? with X = 2");
  assert_string_equal(ast->at[3]->query.with[0]->source, "X = 2");
  assert_string_equal(ast->file, "test.tl");
}

static void assert_span(const lang_expr *e, int line, int column, int length) {
  assert_string_equal(e->span.file, "test.tl");
  assert_int_equal(e->span.line, line);
  assert_int_equal(e->span.column, column);
  assert_int_equal(e->span.length, length);
}

static void every_node_knows_its_place(void **state) {
  syntax *s = *state;
  const lang_ast *ast = parse(s, "# first\n\xC3\x84[i] = (a + W[i,j]) X'[j] -\n  sig(2 b)");
  const lang_stmt *stmt = ast->at[0];
  assert_int_equal(stmt->span.line, 2);
  assert_int_equal(stmt->span.column, 1);
  assert_int_equal(stmt->span.length, 27);   /* to the end of its first line */
  assert_span(stmt->equation.head, 2, 1, 4);
  const lang_expr *sum = stmt->equation.right;
  assert_span(sum, 2, 8, 20);
  assert_span(sum->at[0], 2, 8, 18);                  /* the join, with its parenthesis */
  assert_span(sum->at[0]->at[0], 2, 9, 10);           /* a + W[i,j] */
  assert_span(sum->at[0]->at[0]->at[1], 2, 13, 6);    /* W[i,j] */
  assert_span(sum->at[0]->at[0]->at[1]->at[1], 2, 17, 1);
  assert_span(sum->at[0]->at[1], 2, 21, 5);           /* X'[j] */
  assert_span(sum->at[1]->at[0], 3, 3, 8);            /* sig(2 b) */
  assert_span(sum->at[1]->at[0]->at[0], 3, 7, 3);
}

static void names_are_interned(void **state) {
  const lang_ast *ast = parse(*state, "Y[x\xE2\x80\xB2] = X[x']");
  const lang_stmt *s = ast->at[0];
  assert_string_equal(s->equation.head->at[0]->name, "x'");
  assert_ptr_equal(s->equation.head->at[0]->name, s->equation.right->at[0]->name);
}

static void a_long_sum_is_one_node(void **state) {
  syntax *s = *state;
  enum { TERMS = 20000 };
  base_text text = base_text_open(s->arena);
  base_put(&text, "Y = A0[i]");
  for (int i = 1; i < TERMS; i++) base_putf(&text, " %c A%d[i]", i % 2 ? '-' : '+', i);
  const lang_expr *sum = parse(s, text.at)->at[0]->equation.right;
  assert_int_equal(sum->kind, LANG_SUM);
  assert_int_equal(sum->n, TERMS);
  assert_int_equal(sum->depth, 4);
  assert_string_equal(sum->at[TERMS - 1]->at[0]->name, "A19999");
  assert_string_equal(sum->at[TERMS - 2]->name, "A19998");
}

static void ten_thousand_lines_parse_at_once(void **state) {
  syntax *s = *state;
  enum { LINES = 10000 };
  base_text text = base_text_open(s->arena);
  for (int i = 0; i < LINES; i++)
    base_putf(&text, "H%d[b,h] = relu(X%d[b,i] W[i,h,%d] + C[h]) + 0.5\n", i, i, i);
  double start = base_seconds();
  const lang_ast *ast = parse(s, text.at);
  assert_int_equal(ast->n, LINES);
  assert_true(base_seconds() - start < 1.0);   /* some 20 ms; more under a sanitizer */
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_SYNTAX(operators_bind_by_the_table),
    WITH_SYNTAX(what_follows_a_name_says_what_it_is),
    WITH_SYNTAX(positions_are_expressions),
    WITH_SYNTAX(lists_nest),
    WITH_SYNTAX(every_statement_has_its_form),
    WITH_SYNTAX(declarations_have_types_and_sizes),
    WITH_SYNTAX(commands_take_arguments_either_way),
    WITH_SYNTAX(statements_end_where_they_end),
    WITH_SYNTAX(a_statement_keeps_its_text),
    WITH_SYNTAX(every_node_knows_its_place),
    WITH_SYNTAX(names_are_interned),
    WITH_SYNTAX(a_long_sum_is_one_node),
    WITH_SYNTAX(ten_thousand_lines_parse_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
