/* Text that is refused: where, and in which words. */
#include <stdlib.h>
#include <string.h>

#include "syntax.h"

typedef struct wrong { const char *text; int line, column, length; const char *message; } wrong;

static void check(const syntax *s, const wrong *samples, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const wrong *w = &samples[i];
    const base_error *e = refusal(s, w->text, strlen(w->text));
    assert_int_equal(e->status, BASE_REFUSED);
    assert_string_equal(e->message, w->message);
    if (e->span.line != w->line || e->span.column != w->column || e->span.length != w->length)
      fail_msg("%s: refused at %d:%d, %d characters", w->text, e->span.line, e->span.column,
               e->span.length);
  }
}

#define CHECK(state, samples) check(*(state), samples, sizeof(samples) / sizeof *(samples))

#define GOES_ON \
  "\nhelp: a statement goes on in the next line if its line ends in an operator or comma, or " \
  "inside brackets"

static void operators(void **state) {
  static const wrong samples[] = {
    {"Y[i] = 1/2 X[i]", 1, 8, 8, "a join right behind `/` can be read two ways\n"
     "help: write `(1 / 2) X[i]` or `1 / (2 X[i])`"},
    {"Y = a * b / c d e", 1, 5, 13, "a join right behind `/` can be read two ways\n"
     "help: write `(a * b / c) d e` or `a * b / (c d e)`"},
    {"Y = X[i/2 j]", 1, 7, 5, "a join right behind `/` can be read two ways\n"
     "help: write `(i / 2) j` or `i / (2 j)`"},
    {"Y = a < b <= c", 1, 11, 2,
     "comparisons do not chain\nhelp: write `a < b and b <= ...`"},
    {"Y = a + not b", 1, 9, 3, "`not` binds less tightly than the operator before it\n"
     "help: put it in parentheses: `(not ...)`"},
    {"Y = a **b", 1, 8, 1, "expected an expression, found `*`\nhelp: the power is written `^`"},
    {"Y = a // b", 1, 8, 1, "expected an expression, found `/`\n"
     "help: a comment begins with `#`; the quotient rounded down is `floor(a / b)`, between "
     "brackets `a / b`"},
    {"Y = +a", 1, 5, 1, "expected an expression, found `+`\nhelp: there is no unary plus"},
    {"Y = a + and", 1, 9, 3, "expected an expression, found `and`"},
    {"Y = a +", 1, 8, 1, "expected an expression, found the end of the program"},
    {"Y = ;", 1, 5, 1, "expected an expression, found `;`"},
    {"Y = (a b", 1, 5, 1, "`(` is not closed\nhelp: `)` closes it"},
    {"Y = ()", 1, 6, 1, "expected an expression, found `)`"},
    {"Y = (a, b)", 1, 7, 1, "expected `)`, found `,`\n"
     "help: parentheses hold one expression; a list is written `[1, 2, 3]`"},
    {"Y = a \xE2\x86\x90 b", 1, 7, 1,
     "expected the end of the statement, found `\xE2\x86\x90`\nhelp: `<-` stands behind a head, "
     "once"},
  };
  CHECK(state, samples);
}

static void operands(void **state) {
  static const wrong samples[] = {
    {"Y = relu X[i]", 1, 5, 4, "`relu` is a function and wants its argument in parentheses right "
     "behind it\n"
     "help: write relu(x); as a name of your own choose another"},
    {"Y = X[max]", 1, 7, 3, "`max` is a function and wants its argument in parentheses right "
     "behind it\n"
     "help: write max(a, b) of two values or max[i](x) over an index; as a name of your own "
     "choose another"},
    {"Y = default", 1, 5, 7, "`default` is a reserved word"},
    {"Y = X[]", 1, 5, 3, "`X[]` has no positions\n"
     "help: a scalar is written `X`, an element of a tensor `X[i]`"},
    {"Y = X[i][j]", 1, 5, 7, "all positions stand in one pair of brackets\n"
     "help: write `X[i,j]`"},
    {"Y = X[i;j]", 1, 8, 1, "expected `]` or `,` in the positions of `X`, found `;`"},
    {"Y = X[i < j]", 1, 9, 1, "expected `]` or `,` in the positions of `X`, found `<`"},
    {"Y = X[*3]", 1, 8, 1, "expected the name of a virtual index, found `3`\n"
     "help: `*t` keeps only the current slice of t"},
    {"Y = X[p.]", 1, 8, 1, "a dot marks an index on the left side only\n"
     "help: on the right the index is named: `softmax[t](...)`"},
    {"Y[Next[p.]] = X", 1, 9, 1, "a dot marks an index on the left side only\n"
     "help: on the right the index is named: `softmax[t](...)`"},
    {"Y[*t.] = X", 1, 5, 1, "a dot marks an index, not a virtual index"},
    {"Y = sum[J](X[J])", 1, 9, 1, "expected the name of an index for `sum`, found `J`\n"
     "help: an index begins with a lower-case letter: `sum[i](X[i])`"},
    {"Y = sum[i+1](X[i])", 1, 10, 1, "expected `]` or `,` behind the index of `sum`, found `+`"},
    {"Y = _", 1, 5, 1, "`_` is an index and stands in an index position only"},
    {"Y = f(a b=2)", 1, 10, 1, "expected `)` or `,` in the arguments of `f`, found `=`\n"
     "help: `==` compares, `=` defines"},
    {"Y = f(a=1, 2)", 1, 12, 1, "an argument without a name stands behind one with a name\n"
     "help: arguments by position come first"},
    {"Y = f(a=1, a=2)", 1, 12, 1, "`a=` is given twice"},
    {"W = [1 2 3]", 1, 6, 5, "two numbers side by side in a list are a product\n"
     "help: put `,` between elements, `;` between rows, `*` for the product"},
    {"W = [1, 2,]", 1, 11, 1, "expected an expression, found `]`\n"
     "help: a comma stands between two things: leave out the last one"},
    {"W = [1, 2 = 3]", 1, 11, 1, "expected `]` or `,` to end the list, found `=`\n"
     "help: `==` compares, `=` defines"},
  };
  CHECK(state, samples);
}

static void statements(void **state) {
  static const wrong samples[] = {
    {"Y", 1, 1, 1, "an expression alone does nothing\nhelp: `Y?` prints it"},
    {"Y == 3", 1, 1, 6, "a comparison alone does nothing\n"
     "help: `Y = 3` defines, `Y == 3?` prints"},
    {"P(A) Q(B)", 1, 1, 9, "an expression alone does nothing\nhelp: `P(A) Q(B)?` prints it"},
    {"parent(a, b)", 1, 1, 12, "an expression alone does nothing\nhelp: `parent(a, b)?` prints "
     "it; the relation of a fact begins with a capital"},
    {"Y = a\n+ b", 2, 1, 1, "expected a statement, found `+`" GOES_ON},
    {"Y = a\n - b", 2, 2, 3, "an expression alone does nothing" GOES_ON},
    {"with X", 1, 1, 4, "expected a statement, found `with`"},
    {"3 = Y", 1, 1, 1, "a number cannot be defined\n"
     "help: the left side of `=` is a name with or without positions: `Y[i, j] = ...`"},
    {"A + B = Y", 1, 1, 5, "a sum cannot be defined\n"
     "help: the left side of `=` is a name with or without positions: `Y[i, j] = ...`"},
    {"Y = A = B", 1, 7, 1, "expected the end of the statement, found `=`\n"
     "help: `==` compares; statements on one line are separated by `;`"},
    {"Y -= 3", 1, 3, 2, "there is no operator `-=`\n"
     "help: equations of one head are added: write `Y = -X` beside it"},
    {"Y sum= X", 1, 3, 4, "there is no operator `sum=`\n"
     "help: `=` sums over what the left side lacks"},
    {"sum = 3", 1, 1, 3, "`sum` is a function of the language and cannot be defined\n"
     "help: choose another name"},
    {"default = 3", 1, 1, 7, "`default` is a reserved word and cannot be defined\n"
     "help: choose another name"},
    {"Y[2:3] = X", 1, 4, 1, "a slice stands on the right side\n"
     "help: write into a part with an index function: `X[i+4] = Y[i]`"},
    {"Y = A, B", 1, 6, 1, "expected the end of the statement, found `,`\n"
     "help: a list is written `[1, 2, 3]`; statements on one line are separated by `;`"},
    {"Y = A \"b\"", 1, 7, 3, "expected the end of the statement, found `\"b\"`\n"
     "help: statements on one line are separated by `;`"},
    {"X += \"f.npy\"", 1, 3, 2, "a file is read by `=`, not by `+=`"},
    {"\"f.npy\" Y", 1, 9, 1, "expected `=` behind the name of a file, found `Y`\n"
     "help: `\"y.npy\" = Y` writes a file, `X = \"x.npy\"` reads one"},
    {"f(x, x) = x", 1, 6, 1, "`f` has two parameters `x`"},
    {"f(3) = x", 1, 3, 1, "expected the name of a parameter of `f`, found `3`"},
    {"f(sum) = 2", 1, 3, 3, "`sum` is reserved and cannot be a parameter"},
    {"f(x) += x", 1, 6, 2, "expected `=` to define the function, found `+=`"},
    {"sig(x) = x", 1, 1, 3, "`sig` is a function of the language and cannot be defined again"},
    {"print", 1, 1, 5, "`print` wants an argument\n"
     "help: `print \"loss\", Loss`"},
    {"print()", 1, 1, 5, "`print` wants an argument\n"
     "help: `print \"loss\", Loss`"},
    {"save(\"x\") Y", 1, 11, 1, "expected the end of the statement, found `Y`\n"
     "help: statements on one line are separated by `;`"},
  };
  CHECK(state, samples);
}

static void queries(void **state) {
  static const wrong samples[] = {
    {"Y? X?", 1, 4, 1, "expected the end of the statement, found `X`\n"
     "help: statements on one line are separated by `;`"},
    {"Y = X?", 1, 6, 1, "expected the end of the statement, found `?`\n"
     "help: a query prints an expression: define it first, then ask `Y?`"},
    {"Y = X with Z = 3", 1, 7, 4, "expected the end of the statement, found `with`\n"
     "help: `with` stands behind the `?` of a query: `Loss? with X = Z`"},
    {"Y? with X", 1, 10, 1, "expected a replacement behind `with`, found the end of the program\n"
     "help: `Loss? with X = Z, T = \"t.npy\"`"},
    {"Y? with 3 = X", 1, 9, 1, "expected a replacement behind `with`, found `3`\n"
     "help: `Loss? with X = Z, T = \"t.npy\"`"},
    {"Y? with X[i] += 2", 1, 14, 2, "expected a replacement behind `with`, found `+=`\n"
     "help: `Loss? with X = Z, T = \"t.npy\"`"},
    {"A(x), B(x)?", 1, 11, 1, "a query asks one thing\nhelp: define the conjunction by a rule, "
     "`Q(x) <- A(x), B(x)`, and ask `Q(x)?`"},
  };
  CHECK(state, samples);
}

static void relations(void **state) {
  static const wrong samples[] = {
    {"P(A), 3", 1, 7, 1,
     "expected a fact, found a number\nhelp: `Parent(Alice, Bob), Parent(Bob, Carol)`"},
    {"parent(x) <- Q(x)", 1, 1, 9, "the head of a rule begins with a capital, `parent` does not\n"
     "help: relations are capitalised, what is lower-case before `(` is a function"},
    {"P[x] <- Q(x)", 1, 1, 4, "the head of a rule has parentheses, not brackets\n"
     "help: `P(...) <- ...` is a rule, `P[...] = ...` a tensor equation"},
    {"P(x) <-", 1, 8, 1, "expected the body of the rule, found the end of the program\n"
     "help: a fact is written without an arrow: `P(A)`"},
    {"P(x) Q(x) \xE2\x86\x90 R(x)", 1, 11, 1, "`<-` stands behind a head, once\n"
     "help: a rule is written `Head(x, y) <- Body(x, z), Other(z, y)`"},
    {"P(x) :- Q(x)", 1, 6, 1, "expected an operator or the end of the statement, found `:`\n"
     "help: the arrow of a rule is `<-`"},
    {"P :- Q", 1, 4, 1, "the arrow of a rule is `<-`\nhelp: write `P <- ...`"},
    {"Q(x) -> P(x)", 1, 7, 1, "expected an expression, found `>`\n"
     "help: the arrow of a rule points to its head: `Q(x) <- P(x)`"},
    {"P(x) <- Q(x), n = ", 1, 18, 1, "expected an expression, found the end of the program"},
  };
  CHECK(state, samples);
}

#define TYPES "the types are f16 bf16 f32 f64 i32 i64 bool"

static void declarations(void **state) {
  static const wrong samples[] = {
    {"W : float32[3]", 1, 5, 7, "there is no type `float32`\nhelp: did you mean `f32`? " TYPES},
    {"W : f31", 1, 5, 3, "there is no type `f31`\nhelp: did you mean `f32`? " TYPES},
    {"W : complex", 1, 5, 7, "there is no type `complex`\nhelp: " TYPES},
    {"W : [3]", 1, 5, 1, "expected a type behind `:`, found `[`\n"
     "help: a type stands before the sizes: `W : f32[784, 128]`"},
    {"W : f32[]", 1, 8, 1, "no sizes\nhelp: a scalar is declared `W : f32`"},
    {"W : f32[3", 1, 8, 1, "`[` is not closed\nhelp: `]` closes it"},
    {"W : f32[3] = [1]", 1, 12, 1, "a declaration gives no value\nhelp: give `W` its value by an "
     "equation, `W = ...`, or an initialiser by `~`, which makes it a parameter"},
    {"W : f32[3] fixed", 1, 12, 5, "`fixed` without an initialiser\n"
     "help: what has none is no parameter and is not learned"},
    {"W : f32[3] ~", 1, 13, 1, "expected an expression, found the end of the program"},
    {"W : f32[3] 4", 1, 12, 1, "expected the end of the statement, found `4`"},
    {"relu : f32", 1, 1, 4, "`relu` is reserved and cannot be declared"},
    {"T : {}", 1, 6, 1, "expected a symbol of the domain, found `}`\n"
     "help: symbols are names, strings or integers: `Thing : {Alice, \"New York\", 7}`"},
    {"T : {A, 1.5}", 1, 9, 3, "expected a symbol of the domain, found `1.5`\n"
     "help: symbols are names, strings or integers: `Thing : {Alice, \"New York\", 7}`"},
    {"T : {A B}", 1, 8, 1, "expected `}` or `,` to end the domain, found `B`"},
    {"T : domain(3)", 1, 12, 1, "expected the name of a tensor read from a text file, found `3`\n"
     "help: `Text = chars(\"t.txt\")`, then `Char : domain(Text)`"},
    {"Y = X fixed", 1, 7, 5, "expected the end of the statement, found `fixed`\n"
     "help: `fixed` stands behind the initialiser of a declaration"},
  };
  CHECK(state, samples);
}

/* ---- bombs ----------------------------------------------------------------------------------- */

static void refuse_repeated(const syntax *s, const char *before, const char *part, int times,
                            const char *message) {
  base_text text = base_text_open(s->arena);
  base_put(&text, before);
  for (int i = 0; i < times; i++) base_put(&text, part);
  base_put(&text, "1");
  const base_error *e = refusal(s, text.at, text.n);
  assert_int_equal(e->status, BASE_REFUSED);
  assert_non_null(strstr(e->message, message));
}

static void bombs(void **state) {
  enum { MANY = 100000 };
  static const char deep[] = "nested more than 500 deep";
  refuse_repeated(*state, "Y = ", "(", MANY, deep);
  refuse_repeated(*state, "Y = ", "[", MANY, deep);
  refuse_repeated(*state, "Y = ", "X[", MANY, deep);
  refuse_repeated(*state, "Y = ", "f(", MANY, deep);
  refuse_repeated(*state, "Y = ", "(X + ", MANY, deep);
  refuse_repeated(*state, "Y = ", "-", MANY, deep);
  refuse_repeated(*state, "Y = ", "not ", MANY, deep);
  refuse_repeated(*state, "Y = ", "2^", MANY, deep);
  refuse_repeated(*state, "Y = ", "2 * ", MANY, deep);
  refuse_repeated(*state, "Y = ", "a and\n", MANY, deep);
  refuse_repeated(*state, "Y = ", "a or ", MANY, deep);
  refuse_repeated(*state, "Y", "yyyyyyyyyy", MANY, "a name of 1000002 bytes; 255 are allowed");
}

static void what_is_just_deep_enough_passes(void **state) {
  syntax *s = *state;
  base_text text = base_text_open(s->arena);
  base_put(&text, "Y = ");
  for (int i = 0; i < 400; i++) base_put(&text, "f(");
  base_put(&text, "x");
  for (int i = 0; i < 400; i++) base_put(&text, ")");
  assert_int_equal(parse(s, text.at)->at[0]->equation.right->depth, 401);
}

/* Each cut of a program is refused or parsed, never worse. */
static void every_prefix_is_read(void **state) {
  static const char program[] =
      "W : f32[Thing, 2*D] ~ normal(0.02) fixed # p\nThing : {A, \"b\\n\", 3}; f(x, y) = x^-y\n"
      "Pooled[x/S, *t+1, p.] max= softmax[p'](where(p' <= p, S[p,p'], -inf)) / (2 X[4:8])\n"
      "P(A, 1), P(B, -2.5e-3). Q(x) <- P(x, _), not R(x), n = x % 2\n\"y\" = [1,2;3,4]\n"
      "minimize(L, adamw(lr=1e-3), batch=e:64)\nY[3]? with X = Z, T = \"t.npy\"\n";
  syntax *s = *state;
  for (size_t n = 0; n < sizeof program; n++) {
    base_trap trap;
    char *cut = malloc(n + 1);   /* so that a sanitizer sees what is read beyond */
    memcpy(cut, program, n);
    if (BASE_TRY(s->ctx, &trap)) {
      lang_parse(s->arena, NULL, cut, n);
      base_untrap(s->ctx, &trap);
    } else {
      assert_int_equal(base_last(s->ctx)->status, BASE_REFUSED);
      assert_true(base_last(s->ctx)->span.line >= 1);
    }
    free(cut);
  }
}

/* Memory that ends at any allocation ends the parse, and nothing stays behind. */
static void lack_of_memory_is_an_error(void **state) {
  syntax *s = *state;
  base_text text = base_text_open(s->arena);
  for (int i = 0; i < 400; i++) base_putf(&text, "Y%d[i, *t+1] = sig(W[i,j] X[j,*t])\n", i);
  bool parsed = false;
  for (volatile int n = 1; !parsed; n++) {
    base_trap trap;
    base_arena *arena = base_arena_open(s->ctx);
    base_fail_after(s->ctx, n);
    if (BASE_TRY(s->ctx, &trap)) {
      parsed = lang_parse(arena, NULL, text.at, text.n)->n == 400;
      base_untrap(s->ctx, &trap);
    } else {
      assert_int_equal(base_last(s->ctx)->status, BASE_MEMORY);
    }
    base_arena_close(arena);
    assert_true(n < 1000);
  }
  base_fail_after(s->ctx, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_SYNTAX(operators),
    WITH_SYNTAX(operands),
    WITH_SYNTAX(statements),
    WITH_SYNTAX(queries),
    WITH_SYNTAX(relations),
    WITH_SYNTAX(declarations),
    WITH_SYNTAX(bombs),
    WITH_SYNTAX(what_is_just_deep_enough_passes),
    WITH_SYNTAX(every_prefix_is_read),
    WITH_SYNTAX(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
