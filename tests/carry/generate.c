#include "carry/generate.h"

#include <math.h>
#include <string.h>

enum { INDICES = 5, POINTS = 20000 };

typedef struct maker {
  base_arena *arena;
  uint64_t state;
  made *made;
  base_text text;
  int64_t extent[INDICES]; /* of the indices i, j, k, l, m */
  bool bound[INDICES];     /* those that stand here */
  int64_t points;          /* iterated over here */
} maker;

static const char *const letters[INDICES] = {"i", "j", "k", "l", "m"};

typedef enum kind { REAL, WHOLE, TRUTH } kind;
static kind kind_of(ir_type type) {
  return ir_type_real(type) ? REAL : type == IR_BOOL ? TRUTH : WHOLE;
}

/* ---- chance ---------------------------------------------------------------------------------- */

static uint32_t draw(maker *m, uint32_t below) {
  m->state += 0x9e3779b97f4a7c15u;
  uint64_t z = m->state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static bool chance(maker *m, uint32_t percent) { return draw(m, 100) < percent; }
static const char *one_of(maker *m, int n, const char *const *word) {
  return word[draw(m, (uint32_t)n)];
}
#define ONE_OF(m, ...)                                                       \
  one_of((m), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
         (const char *[]){__VA_ARGS__})

static void put(maker *m, const char *word) { base_put(&m->text, word); }

/* ---- leaves ---------------------------------------------------------------------------------- */

static double real_number(maker *m, bool wild) {
  static const double odd[] = {0, -0.0, INFINITY, -INFINITY, NAN, 6e-8, -3e-6, 6e4, 1e-40, 1e30};
  if (wild && chance(m, 4)) return odd[draw(m, sizeof odd / sizeof *odd)];
  return (int)draw(m, 401) / 100.0 - 2;
}

static void fill_leaf(maker *m, made_tensor *t, bool wild) {
  t->value = BASE_NEWS(m->arena, double, t->count + 1);
  for (int64_t i = 0; i < t->count; i++) {
    if (ir_type_real(t->type))
      t->value[i] = real_number(m, wild);
    else
      t->value[i] = t->type == IR_BOOL ? (double)draw(m, 2) : (double)draw(m, 24) - 4;
  }
}

static const ir_type types[] = {IR_F16, IR_BF16, IR_F32, IR_F32, IR_F64, IR_I32, IR_I64, IR_BOOL};

static made_tensor *new_tensor(maker *m, const char *name, ir_type type, bool leaf) {
  made_tensor *t = &m->made->tensor[m->made->n++];
  *t = (made_tensor){.name = name, .type = type, .count = 1, .leaf = leaf};
  return t;
}

static void declare(maker *m, const made_tensor *t) {
  base_putf(&m->text, "%s : %s", t->name, ir_type_name(t->type));
  for (int k = 0; k < t->rank; k++) base_putf(&m->text, "%s%d", k ? ", " : "[", (int)t->size[k]);
  put(m, t->rank ? "]\n" : "\n");
}

static void make_leaf(maker *m, int number, bool wild) {
  made_tensor *t = new_tensor(m, base_format(m->arena, "X%d", number), types[draw(m, 8)], true);
  int rank = (int)draw(m, MADE_RANK + 1);
  for (int k = 0; k < rank; k++) {
    int64_t extent = m->extent[draw(m, INDICES)];
    if (t->count * extent > POINTS) break;
    t->size[t->rank++] = extent;
    t->count *= extent;
  }
  fill_leaf(m, t, wild);
  declare(m, t);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static bool has_index(const maker *m, int64_t extent) {
  for (int i = 0; i < INDICES; i++)
    if (m->bound[i] && m->extent[i] == extent) return true;
  return false;
}

static const char *index_of(maker *m, int64_t extent) {
  int i;
  do i = (int)draw(m, INDICES);
  while (!m->bound[i] || m->extent[i] != extent);
  return letters[i];
}

static bool readable(const maker *m, const made_tensor *t) {
  for (int k = 0; k < t->rank; k++)
    if (!has_index(m, t->size[k])) return false;
  return true;
}

static const made_tensor *some(maker *m, kind of, bool exact);
static void put_read(maker *m, const made_tensor *t, bool plain);

/* Bare mostly; else shifted, spread, halved or gathered: outside it is 0. */
static void put_position(maker *m, int64_t extent, bool plain) {
  const char *i = index_of(m, extent);
  const made_tensor *t = plain || chance(m, 90) ? NULL : some(m, WHOLE, true);
  if (t)
    put_read(m, t, true);
  else if (plain || chance(m, 75))
    put(m, i);
  else
    base_putf(&m->text, ONE_OF(m, "%s+1", "%s-1", "2*%s", "%s/2", "2*%s-3", "%s+2", "%s%%3"), i);
}

static void put_read(maker *m, const made_tensor *t, bool plain) {
  put(m, t->name);
  for (int k = 0; k < t->rank; k++) {
    put(m, k ? "," : "[");
    put_position(m, t->size[k], plain);
  }
  if (t->rank) put(m, "]");
}

/* A tensor of this kind that can be read here; EXACT: a leaf. */
static const made_tensor *some(maker *m, kind of, bool exact) {
  for (int tries = 0; tries < 12; tries++) {
    const made_tensor *t = &m->made->tensor[draw(m, (uint32_t)m->made->n)];
    if (kind_of(t->type) == of && (t->leaf || !exact) && (t->leaf || t->value == NULL) &&
        readable(m, t))
      return t;
  }
  return NULL;
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void put_real(maker *m, int depth);
static void put_whole(maker *m, int depth);

/* Only of what both devices compute to the last bit. */
static void put_truth(maker *m, int depth) {
  const made_tensor *t = some(m, TRUTH, false), *x = some(m, REAL, true);
  if (t && chance(m, 40)) {
    put_read(m, t, false);
  } else if (x && chance(m, 50)) {
    put_read(m, x, false);
    put(m, ONE_OF(m, " < 0.5", " >= 0", " <= -0.25", " != 1", " > 1"));
  } else {
    put(m, "(");
    put_whole(m, depth - 1);
    put(m, ONE_OF(m, " < ", " <= ", " == ", " != ", " > "));
    put_whole(m, depth - 1);
    put(m, ")");
  }
}

static void put_whole(maker *m, int depth) {
  const made_tensor *t = some(m, WHOLE, false);
  if (depth <= 0 || chance(m, 35)) {
    int i = (int)draw(m, INDICES);
    if (t && chance(m, 60))
      put_read(m, t, false);
    else if (m->bound[i])
      put(m, letters[i]);
    else
      base_putf(&m->text, "%d", (int)draw(m, 9));
    return;
  }
  put(m, "(");
  put_whole(m, depth - 1);
  put(m, ONE_OF(m, " + ", " - ", " * ", " * ", " % "));
  put_whole(m, depth - 1);
  put(m, ")");
}

static void put_call(maker *m, const char *function, int depth) {
  put(m, function);
  put(m, "(");
  put_real(m, depth - 1);
  put(m, ")");
}

static void put_two(maker *m, const char *open, const char *between, int depth) {
  put(m, open);
  put_real(m, depth - 1);
  put(m, between);
  put_real(m, depth - 1);
  put(m, ")");
}

static void put_leaf(maker *m) {
  const made_tensor *t = some(m, REAL, false), *w = some(m, WHOLE, true);
  if (t && chance(m, 80))
    put_read(m, t, false);
  else if (w && chance(m, 40))
    put_read(m, w, false);
  else
    put(m, ONE_OF(m, "0.5", "2", "-0.75", "1.5", "0.1"));
}

/* max[r](A[..r..] ..): the projected index stands bare in one factor. */
static bool put_reduction(maker *m, int depth) {
  for (int tries = 0; tries < 8; tries++) {
    int r = (int)draw(m, INDICES);
    if (m->bound[r] || m->points * m->extent[r] > POINTS) continue;
    m->bound[r] = true;
    const made_tensor *t = some(m, REAL, false);
    bool holds = false;
    for (int k = 0; t && k < t->rank; k++) holds = holds || t->size[k] == m->extent[r];
    int64_t before = m->points;
    m->points *= m->extent[r] ? m->extent[r] : 1;
    if (holds) {
      base_putf(&m->text, "%s[%s](", ONE_OF(m, "sum", "sum", "sum", "max", "min"), letters[r]);
      put(m, t->name);
      bool placed = false;
      for (int k = 0; k < t->rank; k++) {
        put(m, k ? "," : "[");
        bool here = !placed && t->size[k] == m->extent[r];
        if (here)
          put(m, letters[r]);
        else
          put_position(m, t->size[k], true);
        placed = placed || here;
      }
      put(m, "]");
      if (chance(m, 60)) {
        put(m, " * ");
        put_real(m, depth - 1);
      }
      put(m, ")");
    }
    m->points = before;
    m->bound[r] = false;
    if (holds) return true;
  }
  return false;
}

static void put_real(maker *m, int depth) {
  if (depth <= 0) {
    put_leaf(m);
    return;
  }
  switch (draw(m, 14)) {
  case 0:
  case 1: put_two(m, "(", " + ", depth); break;
  case 2:
  case 3: put_two(m, "(", " * ", depth); break;
  case 4: put_two(m, "(", " - ", depth); break;
  case 5: put_two(m, chance(m, 50) ? "min(" : "max(", ", ", depth); break;
  case 6: put_call(m, ONE_OF(m, "tanh", "sig", "sin", "cos", "erf"), depth); break;
  case 7: put_call(m, ONE_OF(m, "relu", "abs", "gelu", "silu", "-"), depth); break;
  case 8:
    put(m, "where(");
    put_truth(m, 2);
    put_two(m, ", ", ", ", depth);
    break;
  case 9:
    put_call(m, "exp(-abs", depth);
    put(m, ")");
    break;
  case 10:
    put(m, "(");
    put_real(m, depth - 1);
    put_call(m, chance(m, 50) ? " / (1 + abs" : " * rsqrt(1 + abs", depth);
    put(m, "))");
    break;
  case 11:
  case 12:
    if (put_reduction(m, depth)) break;
    put_leaf(m);
    break;
  default: put_leaf(m);
  }
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void choose_left(maker *m, made_tensor *t) {
  int rank = (int)draw(m, MADE_RANK + 1);
  m->points = 1;
  for (int i = 0; i < INDICES; i++) m->bound[i] = false;
  for (int k = 0; k < rank; k++) {
    int i = (int)draw(m, INDICES);
    if (m->bound[i] || m->points * m->extent[i] > POINTS) continue;
    m->bound[i] = true;
    t->size[t->rank++] = m->extent[i];
    m->points *= m->extent[i];
  }
  t->count = m->points;
  if (m->points == 0) m->points = 1;
}

/* The positions of t's sizes, each index once, in the order in which they were chosen. */
static void put_left(maker *m, const made_tensor *t) {
  bool used[INDICES] = {false};
  for (int k = 0; k < t->rank; k++) {
    int i = 0;
    while (!m->bound[i] || used[i] || m->extent[i] != t->size[k]) i++;
    used[i] = true;
    base_putf(&m->text, "%s%s", k ? "," : "[", letters[i]);
  }
  if (t->rank) put(m, "]");
}

static void put_value(maker *m, const made_tensor *t) {
  kind of = kind_of(t->type);
  if (of == TRUTH)
    put_truth(m, 3);
  else if (of == WHOLE)
    put_whole(m, 4);
  else if (t->type != IR_F16)
    put_real(m, 5);
  else {
    put(m, "clamp("); /* far from the largest f16 */
    put_real(m, 5);
    put(m, ", -1000, 1000)");
  }
}

/* Y[i,j] = f(sum[k](A[..] * B[..])), A and B made for it. */
static void make_product(maker *m, int number) {
  static const ir_type real[] = {IR_F16, IR_BF16, IR_F32, IR_F64};
  int at[3];
  for (int k = 0; k < 3; k++) {
    at[k] = (int)draw(m, INDICES);
    for (int n = 0; n < k; n++)
      if (at[n] == at[k]) return;
  }
  const int pair[2][2] = {{at[0], at[2]}, {at[2], at[1]}};
  const char *read[2];
  for (int k = 0; k < 2; k++) {
    made_tensor *t =
        new_tensor(m, base_format(m->arena, "P%d%c", number, "AB"[k]), real[draw(m, 4)], true);
    int turn = (int)draw(m, 2);
    t->rank = 2;
    for (int n = 0; n < 2; n++) t->count *= t->size[n] = m->extent[pair[k][n ^ turn]];
    fill_leaf(m, t, false);
    declare(m, t);
    read[k] = base_format(m->arena, "%s[%s,%s]", t->name, letters[pair[k][turn]],
                          letters[pair[k][!turn]]);
  }
  made_tensor *y = new_tensor(m, base_format(m->arena, "Y%d", number), real[draw(m, 4)], false);
  y->rank = 2;
  for (int k = 0; k < 2; k++) y->count *= y->size[k] = m->extent[at[k]];
  declare(m, y);
  for (int i = 0; i < INDICES; i++) m->bound[i] = i == at[0] || i == at[1];
  m->points = POINTS;
  base_putf(&m->text, "%s[%s,%s] = ", y->name, letters[at[0]], letters[at[1]]);
  put(m, ONE_OF(m, "(", "relu(", "tanh(", "0.5 * (", "-("));
  base_putf(&m->text, "sum[%s](%s * %s)", letters[at[2]], read[0], read[1]);
  static double hidden;
  y->value = &hidden;
  if (chance(m, 50)) {
    put(m, " + ");
    put_real(m, 2);
  }
  y->value = NULL;
  put(m, ")\n");
}

/* S[N[i],j] += value, N a leaf, S declared. */
static void make_scatter(maker *m, int number) {
  made_tensor left = {.count = 1};
  choose_left(m, &left);
  const made_tensor *n = some(m, WHOLE, true);
  if (!n || left.rank == 0) return;
  made_tensor *y = new_tensor(m, base_format(m->arena, "Y%d", number), types[draw(m, 7)], false);
  y->rank = left.rank;
  for (int k = 0; k < y->rank; k++) y->count *= y->size[k] = left.size[k];
  declare(m, y);
  static double hidden;
  y->value = &hidden;
  put(m, y->name);
  size_t from = m->text.n;
  bool used[INDICES] = {false};
  for (int k = 0; k < y->rank; k++) {
    put(m, k ? "," : "[");
    int i = 0;
    while (i < INDICES && (!m->bound[i] || used[i] || m->extent[i] != y->size[k])) i++;
    used[i] = true;
    if (k == 0)
      put_read(m, n, true);
    else
      put(m, letters[i]);
  }
  for (int i = 0; i < INDICES; i++) /* what is not on the left would be summed over */
    m->bound[i] = m->bound[i] && strstr(m->text.at + from, letters[i]);
  put(m, "] += ");
  put_value(m, y);
  put(m, "\n");
  y->value = NULL;
}

/* R[t+1,..] from R[t,..]: t runs along the first position. */
static void make_recurrence(maker *m, int number) {
  made_tensor left = {.count = 1};
  choose_left(m, &left);
  if (left.rank == 0 || left.size[0] < 2 || left.count == 0) return;
  made_tensor *y =
      new_tensor(m, base_format(m->arena, "Y%d", number), chance(m, 70) ? IR_F64 : IR_F32, false);
  y->rank = left.rank;
  for (int k = 0; k < y->rank; k++) y->count *= y->size[k] = left.size[k];
  declare(m, y);
  static double hidden;
  y->value = &hidden;
  int first = 0;
  while (!m->bound[first] || m->extent[first] != y->size[0]) first++;
  m->bound[first] = false; /* what stands beside is free of time */
  base_text rest = base_text_open(m->arena);
  bool used[INDICES] = {false};
  for (int k = 1; k < y->rank; k++) {
    int i = 0;
    while (!m->bound[i] || used[i] || m->extent[i] != y->size[k]) i++;
    used[i] = true;
    base_putf(&rest, ",%s", letters[i]);
  }
  base_putf(&m->text, "%s[0%s] = 0.5\n%s[t+1%s] = tanh(0.9 * %s[t%s] + ", y->name, rest.at, y->name,
            rest.at, y->name, rest.at);
  put_real(m, 2);
  put(m, ")\n");
  y->value = NULL;
}

static void make_head(maker *m, int number) {
  int before = m->made->n;
  switch (draw(m, 10)) {
  case 0:
  case 1: make_product(m, number); break;
  case 2: make_scatter(m, number); break;
  case 3: make_recurrence(m, number); break;
  default: break;
  }
  if (m->made->n > before) return;
  made_tensor *t = new_tensor(m, base_format(m->arena, "Y%d", number), types[draw(m, 8)], false);
  static double hidden;
  choose_left(m, t);
  declare(m, t);
  t->value = &hidden; /* its own equation does not read it */
  put(m, t->name);
  put_left(m, t);
  put(m, " = ");
  put_value(m, t);
  put(m, "\n");
  t->value = NULL;
}

made make_program(base_arena *arena, uint64_t seed) {
  static const int64_t extents[] = {0, 1, 2, 3, 7, 16, 17, 64, 100};
  made *p = BASE_NEW(arena, made);
  maker m = {.arena = arena, .state = seed, .made = p, .text = base_text_open(arena)};
  for (int i = 0; i < INDICES; i++) m.extent[i] = extents[chance(&m, 90) ? 1 + draw(&m, 8) : 0];
  bool wild = chance(&m, 25);
  int leaves = 3 + (int)draw(&m, 5), heads = 1 + (int)draw(&m, 5);
  for (int i = 0; i < leaves; i++) make_leaf(&m, i, wild);
  for (int i = 0; i < heads; i++) make_head(&m, i);
  base_text wanted = base_text_open(arena);
  for (int i = 0; i < heads; i++)
    if (i == heads - 1 || chance(&m, 30)) base_putf(&wanted, "%sY%d", wanted.n ? " " : "", i);
  static const double tolerance[IR_TYPES] = {[IR_F16] = 2e-2, [IR_BF16] = 1e-1, [IR_F32] = 1e-4};
  p->tolerance = 1e-9;
  for (int i = 0; i < p->n; i++)
    if (!p->tensor[i].leaf) p->tolerance = fmax(p->tolerance, tolerance[p->tensor[i].type]);
  for (int i = 0; i < p->n; i++) /* what is read of a 16-bit or 32-bit type is computed in f32 */
    if (p->tensor[i].type != IR_F64) p->tolerance = fmax(p->tolerance, 1e-4);
  p->text = m.text.at;
  p->wanted = wanted.at;
  return *p;
}
