/* A printed tree is program text, and parses to the same tree. */
#include <string.h>

#include "syntax.h"

/* What the language's description says must run as written. */
static const char *const as_written[] = {
  "Y = step(W[i] X[i])",
  "Y[i] = step(W[i] X[i])",
  "X[i,j] = sig(W[i,j,k] X[i-1,k])",
  "X[i,*t+1] = sig(W[i,j] X[j,*t] + V[i,j] U[j,t])",
  "Features[x,y] = relu(Filter[dx,dy,ch] Image[x+dx,y+dy,ch])",
  "Pooled[x/S,y/S] = Features[x,y]",
  "Pooled[x/S,y/S] max= relu(Filter[dx,dy,ch] Image[x+dx,y+dy,ch])",
  "Z[n,l,d'] = relu(WP[l,d',d] Emb[n,l,d])",
  "Agg[n,l,d] = Neig(n,n') Z[n',l,d]",
  "Emb[n,0,d] = X[n,d]",
  "Emb[n,l+1,d] = relu(WAgg Agg[n,l,d] + WSelf Emb[n,l,d])",
  "Y[n] = sig(WOut[d] Emb[n,L,d])",
  "Y[n,n'] = sig(Emb[n,L,d] Emb[n',L,d])",
  "EmbX[p,d] = X(p,t) Emb[t,d]",
  "PosEnc[p,d] = Even(d) sin(p/L^(d/De)) + Odd(d) cos(p/L^((d-1)/De))",
  "Stream[0,p,d] = EmbX[p,d] + PosEnc[p,d]",
  "Query[b,h,p,dk] = WQ[b,h,dk,d] Stream[b,p,d]",
  "Comp[b,h,p,p'.] = softmax(Query[b,h,p,dk] Key[b,h,p',dk] / sqrt(Dk))",
  "Attn[b,h,p,dv] = Comp[b,h,p,p'] Val[b,h,p',dv]",
  "Merge[b,p,dm] = concat(Attn[b,h,p,dv])",
  "Stream[b+1,p,d.] = lnorm(WS[b,d,dm] Merge[b,p,dm] + Stream[b,p,d])",
  "Y[p,t.] = softmax(WO[t,d] Stream[B,p,d])",
  "Loss = (Y[e,j] - X[*e,N,j])^2",
  "Y[Q] = f(A[i] T[i] K[Q,i] + B)",
  "K[i,i'] = (X[i,j] X[i',j])^n",
  "K[i,i'] = exp(-(X[i,j] - X[i',j])^2 / Var)",
  "PX[x] = CPTX[x,par1,par2] P1[par1] P2[par2]",
  "A[i,j,k] = M[i,p] M'[j,q] M''[k,r] C[p,q,r]",
  "S[d] = V[x] Emb[x,d]",
  "EmbR[i,j] = R(x,y) Emb[x,i] Emb[y,j]",
  "D[A,y] = EmbR[i,j] Emb[A,i] Emb[y,j]",
  "Sim[x,x'] = Emb[x,d] Emb[x',d]",
  "Y = sig(X, T)",
  "Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)",
  "Y[k] = concat(X[i,j])",
  "C = softmax[p'](where(p' <= p, S[p,p'], -inf))",
};

/* What a printer may get wrong. */
static const char *const tricky[] = {
  "Y = (a b) c (d e)", "Y = a^(b c)", "Y = (a^b)^c", "Y = a^b^c", "Y = (-a)^2", "Y = -a^2",
  "Y = -(a b)", "Y = (-2)^2", "Y = 2^-2", "Y = a - -1", "Y = a - 1", "Y = a - (-b)",
  "Y = a - -b c", "Y = (a + b) + c", "Y = a + (b + c)", "Y = a - (b - c)", "Y = a / (b c)",
  "Y = (a / b) c", "Y = a / (b / c)", "Y = a b / c", "Y = a * (b * c)", "Y = a % (b % c)",
  "Y = (a < b) == c", "Y = not (a and b) or c", "Y = (not a) < b", "Y = a and (b and c)",
  "Y = (a or b) and c", "Y = not not a", "Y = (not a) b", "Y = A (B + C)", "Y = A ([1,2])",
  "Y = [1,2] A", "Y = A (\"s\")", "Y = A ([1,2])^2", "Y = A (-1)", "Y = -1 A", "Y = a <-1",
  "Y = X[(a < b), 2 * *t, *t * 2, -*t]", "Y = X[2 (*t)]", "Y = X[:, 1:, :2, i+1:2*i]",
  "Y = 2.0 + 1e300 + 1e-300",
  "Y = 0.1 + 123456789012345678 + 9223372036854775808 + 0.30000000000000004",
  "Y = -inf - inf + -0.0", "Y[\"a\\\"\\\\\\n\\t\"]?", "Y[t., p] = X[p,t]", "Rain.",
  "P(), Q(_, \"x y\", -3)", "Q(x, y+1) <- P(x, y), not R(x), n = a == b, x != Alice",
  "W : f32[2*D, (a b)] ~ [1;2] fixed", "W : bool(Person, 3)", "T : {A, \"b\", 3}", "T : domain(X)",
  "f(x, y) = x (y + 1)", "g() = 1", "print (a) b, c=1:2", "default bf16", "X = \"f.npy\"",
  "\"f.npy\" = X + 1", "Y[1:]? with X = Z, T = \"a.npy\", W[i] = V[i]", "gelu(x, tanh)?",
  "(\"s\") Y?", "(print) X?", "(print) - 3 < Y?", "(print(X)) + 1?", "-(print) X?", "seed?",
  "Y avg= sum[i](max[j](X[i,j]))",
};

static const char *printed(const syntax *s, const lang_ast *ast) {
  base_text text = base_text_open(s->arena);
  lang_print(&text, ast);
  return text.at;
}

static void assert_round_trip(const syntax *s, const char *text) {
  const lang_ast *ast = parse(s, text);
  const char *once = printed(s, ast);
  const lang_ast *again = parse(s, once);
  assert_string_equal(tree_of(s, again), tree_of(s, ast));
  assert_string_equal(printed(s, again), once);
}

static void what_must_run_as_written_parses(void **state) {
  syntax *s = *state;
  for (size_t i = 0; i < sizeof as_written / sizeof *as_written; i++) {
    const lang_ast *ast = parse(s, as_written[i]);
    assert_int_equal(ast->n, 1);
    lang_form form = strstr(as_written[i], "<-") ? LANG_RULE : LANG_EQUATION;
    assert_int_equal(ast->at[0]->form, form);
    assert_round_trip(s, as_written[i]);
  }
}

static void what_must_run_as_written_has_its_structure(void **state) {
  syntax *s = *state;
  static const char *const samples[][2] = {
    {"X[i,*t+1] = sig(W[i,j] X[j,*t] + V[i,j] U[j,t])",
     "(= (X[] i (+ *t 1)) (sig (+ (join (W[] i j) (X[] j *t)) (join (V[] i j) (U[] j t)))))"},
    {"PosEnc[p,d] = Even(d) sin(p/L^(d/De)) + Odd(d) cos(p/L^((d-1)/De))",
     "(= (PosEnc[] p d) (+ (join (Even() d) (sin (/ p (^ L (/ d De)))))"
     " (join (Odd() d) (cos (/ p (^ L (/ (+ d -1) De)))))))"},
    {"K[i,i'] = exp(-(X[i,j] - X[i',j])^2 / Var)",
     "(= (K[] i i') (exp (/ (- (^ (+ (X[] i j) (- (X[] i' j))) 2)) Var)))"},
    {"Comp[b,h,p,p'.] = softmax(Query[b,h,p,dk] Key[b,h,p',dk] / sqrt(Dk))",
     "(= (Comp[] b h p p'.) (softmax (/ (join (Query[] b h p dk) (Key[] b h p' dk)) (sqrt Dk))))"},
    {"Loss = (Y[e,j] - X[*e,N,j])^2", "(= Loss (^ (+ (Y[] e j) (- (X[] *e N j))) 2))"},
    {"Agg[n,l,d] = Neig(n,n') Z[n',l,d]", "(= (Agg[] n l d) (join (Neig() n n') (Z[] n' l d)))"},
    {"Pooled[x/S,y/S] max= relu(F[dx] I[x+dx])",
     "(max= (Pooled[] (/ x S) (/ y S)) (relu (join (F[] dx) (I[] (+ x dx)))))"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
    assert_string_equal(tree_of(s, parse(s, samples[i][0])), samples[i][1]);
}

static void what_is_tricky_comes_back(void **state) {
  for (size_t i = 0; i < sizeof tricky / sizeof *tricky; i++) assert_round_trip(*state, tricky[i]);
}

static void the_house_style_is_kept(void **state) {
  static const char *const samples[] = {
    "S[l+1,b,p,d] = T[l,b,p,d] + W2[l,d,f] gelu(W1[l,f,e] R[l,b,p,e])",
    "Y[p,t.] = softmax(X[p,t] / sqrt(32))",
    "Pooled[x/S] max= -F[x] - 2", "W : f32[784, 128] ~ normal(0.02) fixed",
    "Q(x) <- P(x,y), not R(y), y < -3",
    "minimize(Loss, adamw(lr=0.001), batch=e:64)", "Y[0:4]? with X = Z", "f(x, T) = sig(x, T)",
  };
  syntax *s = *state;
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    base_text text = base_text_open(s->arena);
    lang_print_stmt(&text, parse(s, samples[i])->at[0]);
    assert_string_equal(text.at, samples[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_SYNTAX(what_must_run_as_written_parses),
    WITH_SYNTAX(what_must_run_as_written_has_its_structure),
    WITH_SYNTAX(what_is_tricky_comes_back),
    WITH_SYNTAX(the_house_style_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
