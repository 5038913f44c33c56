/* Random programs on the processor, each instruction set in turn, or on the device that
 * TL_TEST_DEVICE names, beside ref. A program that fails is printed. */
#include "carry/carry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carry/generate.h"
#include "device/cpu/isa.h"

enum { PROGRAMS = 200 };

static const uint64_t seeds[] = {1, 1000003, 77777777};

/* WHERE: an instruction set of the processor, or the name of another device; NULL: ref. */
static carry *open_made(const made *p, const char *where) {
  if (where) setenv("TL_ISA", where, 1);
  carry *c = open_carry(where ? carry_device() : "ref", NULL);
  unsetenv("TL_ISA");
  for (int i = 0; i < p->n; i++)
    if (p->tensor[i].leaf) set(c, p->tensor[i].name, (int)p->tensor[i].count, p->tensor[i].value);
  return c;
}

static void close_made(carry *c) {
  void *state = c;
  assert_int_equal(close_carry(&state), 0);
}

static bool same(double got, double want, double slack) {
  return got == want || (isnan(got) && isnan(want)) || fabs(got - want) <= slack;
}

/* The first element that differs by more than the tolerance of the largest; -1: none. */
static int difference(int n, const double *got, const double *want, double tolerance) {
  double scale = 1e-3;
  for (int i = 0; i < n; i++)
    if (isfinite(want[i]) && fabs(want[i]) > scale) scale = fabs(want[i]);
  for (int i = 0; i < n; i++)
    if (!same(got[i], want[i], tolerance * scale)) return i;
  return -1;
}

static int compare(carry *got, carry *want, const made *p, const char *isa) {
  for (int i = 0; i < want->p->outputs.n; i++) {
    const char *name = want->out_name[i];
    int n = count(want, name);
    if (count(got, name) != n) return 1;
    bool exact = !ir_type_real(want->p->outputs.at[i]->type);
    int at = difference(n, values(got, name), values(want, name), exact ? 0 : p->tolerance);
    if (at < 0) continue;
    print_message("%s[%d] is %.9g on %s, %.9g on ref:\n%s", name, at, element(got, name, at), isa,
                  element(want, name, at), p->text);
    return 1;
  }
  return 0;
}

static int check(uint64_t seed) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  made p = make_program(arena, seed);
  int wrong = 0;
  carry *ref = open_made(&p, NULL);
  load(ref, p.text);
  const char *refused = refusal(ref, p.wanted);
  if (*refused) {
    print_message("ref: %s\n%s", refused, p.text);
    wrong++;
  }
  bool on_cpu = strcmp(carry_device(), "cpu") == 0;
  for (int isa = CPU_PLAIN; isa <= (on_cpu ? (int)cpu_isa_machine() : CPU_PLAIN) && !wrong; isa++) {
    const char *name = on_cpu ? cpu_isa_name((cpu_isa)isa) : carry_device();
    carry *cpu = open_made(&p, name);
    load(cpu, p.text);
    refused = refusal(cpu, p.wanted);
    if (*refused) print_message("%s: %s\n%s", name, refused, p.text);
    wrong += *refused ? 1 : compare(cpu, ref, &p, name);
    close_made(cpu);
  }
  if (wrong) print_message("# seed %llu, wanted: %s\n", (unsigned long long)seed, p.wanted);
  close_made(ref);
  base_arena_close(arena);
  base_close(ctx);
  return wrong;
}

static void random_programs(void **state) {
  (void)state;
  int wrong = 0;
  for (int i = 0; i < PROGRAMS; i++) wrong += check(seeds[i % 3] + (uint64_t)i);
  assert_int_equal(wrong, 0);
}

int main(int n, char **arg) {
  if (n > 1) { /* test_random FROM TO: other seeds */
    uint64_t from = strtoull(arg[1], NULL, 10), to = n > 2 ? strtoull(arg[2], NULL, 10) : from + 1;
    int wrong = 0;
    for (; from < to; from++) wrong += check(from);
    return wrong > 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
