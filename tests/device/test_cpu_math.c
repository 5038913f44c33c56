/* The functions of the tile machine against libm in double, in units of the last place, on every
 * instruction set; and their special values. */
#include <math.h>
#include <string.h>

#include "cpu_lab.h"

enum { POINTS = 20000 };

static double sig(double x) { return 1 / (1 + exp(-x)); }
static double rsqrt(double x) { return 1 / sqrt(x); }

typedef struct function {
  const char *name;
  double (*exact)(double);
  double from, to, most; /* units of the last place allowed */
} function;

static const function functions[] = {
    {"exp", exp, -87, 88.7, 1.6},
    {"exp", exp, -1, 1, 1.6},
    {"exp", exp, -103.9, -87, 1.6},
    {"log", log, 1e-38, 3e38, 1.6},
    {"log", log, 0.5, 2, 1.6},
    {"log", log, 1e-45, 1e-38, 1.6},
    {"tanh", tanh, -10, 10, 2},
    {"tanh", tanh, -1e-3, 1e-3, 2},
    {"sig", sig, -80, 80, 3},
    {"erf", erf, -5, 5, 2},
    {"erf", erf, -1e-3, 1e-3, 2},
    {"sin", sin, -8, 8, 2},
    {"cos", cos, -8, 8, 2},
    {"sin", sin, -60000, 60000, 2},
    {"cos", cos, -60000, 60000, 2},
    {"sin", sin, -1e9, 1e9, 1},
    {"sqrt", sqrt, 1e-30, 1e30, 0.51},
    {"rsqrt", rsqrt, 1e-30, 1e30, 1.6},
};

static double units_apart(float got, double want) {
  if (want == (double)got || (isnan(got) && isnan(want))) return 0;
  float near = (float)want;
  double unit = fmax(fabs((double)nextafterf(near, INFINITY) - near), 1e-45);
  return fabs(got - want) / unit;
}

static void accuracy(cpu_lab *lab) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    const function *f = &functions[i];
    float *x = cpu_lab_floats(lab, POINTS), *y = cpu_lab_floats(lab, POINTS);
    double worst = 0;
    float where = 0;
    for (int k = 0; k < POINTS; k++) {
      double t = (k + 0.37) / POINTS;
      x[k] = (float)(f->from > 0 && f->to / f->from > 100 ? f->from * pow(f->to / f->from, t)
                                                          : f->from + t * (f->to - f->from));
    }
    cpu_lab_apply(lab, f->name, POINTS, x, y);
    for (int k = 0; k < POINTS; k++) {
      double apart = units_apart(y[k], f->exact(x[k]));
      if (apart > worst) worst = apart, where = x[k];
    }
    if (worst > f->most) fail_msg("%s at %.9g is %.3f units off", f->name, where, worst);
    cpu_lab_free(lab, x);
    cpu_lab_free(lab, y);
  }
}

static void special(cpu_lab *lab) {
  static const char *const names[] = {"exp",  "log",   "tanh", "sig",   "erf",   "sin", "cos",
                                      "sqrt", "rsqrt", "abs",  "floor", "round", "sign"};
  static double (*const exact[])(double) = {exp,  log,   tanh, sig,   erf,  sin, cos,
                                            sqrt, rsqrt, fabs, floor, rint, NULL};
  float x[] = {0.0f,   -0.0f, INFINITY, -INFINITY, NAN,   1e-45f, -1e-45f, 3e38f,
               -3e38f, 1,     -1,       0.5f,      -0.5f, 2.5f,   -2.5f};
  enum { N = sizeof x / sizeof *x };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    float y[N];
    cpu_lab_apply(lab, names[i], N, x, y);
    for (int k = 0; k < N; k++) {
      double want = exact[i] ? exact[i](x[k]) : isnan(x[k]) ? NAN : (x[k] > 0) - (x[k] < 0);
      if (units_apart(y[k], want) > 2)
        fail_msg("%s of %g is %g, not %g", names[i], x[k], y[k], want);
      if (want == 0 && exact[i] && !!signbit(want) != !!signbit(y[k]))
        fail_msg("%s of %g has the wrong zero", names[i], x[k]);
    }
  }
}

static void each_accuracy(void **state) {
  (void)state;
  cpu_lab_each(accuracy);
}
static void each_special(void **state) {
  (void)state;
  cpu_lab_each(special);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_accuracy),
                                     cmocka_unit_test(each_special)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
