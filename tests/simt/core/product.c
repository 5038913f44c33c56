/* Products of matrices: mma of a warp, wgmma of a warp group (each warp its 16 rows), and the loads
 * and stores of fragments. */
#include "grid.h"
#include "tensor_map.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 16, MOST_K = 16, MOST_N = 256 };

static float element(simt_type type, const void *p) {
  switch (type) {
  case SIMT_F16: return simt_half(*(const uint16_t *)p);
  case SIMT_BF16: return simt_brain(*(const uint16_t *)p);
  case SIMT_F32: return *(const float *)p;
  default: { /* tf32: the low 13 bits are not looked at */
    uint32_t bits = *(const uint32_t *)p & 0xffffe000u;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
  }
  }
}

static int depth(simt_type type) { return type == SIMT_F16 || type == SIMT_BF16 ? 16 : 8; }
static unsigned width(simt_type type) { return type == SIMT_F16 || type == SIMT_BF16 ? 2 : 4; }

/* The fragment A of 16 rows: registers of lane 4 g + t hold rows g and g + 8. */
static void spread_a(simt_type type, const unsigned *r, int lane, float a[ROWS][MOST_K]) {
  int g = lane / 4, t = lane % 4;
  for (int i = 0; i < 4; i++) {
    int row = g + i % 2 * 8;
    if (width(type) == 4) {
      a[row][t + i / 2 * 4] = element(type, &r[i]);
      continue;
    }
    for (int c = 0; c < 2; c++)
      a[row][2 * t + i / 2 * 8 + c] = element(type, (const uint16_t *)&r[i] + c);
  }
}

static void multiply(int n, int k, float a[ROWS][MOST_K], const float *b, float *c) {
  for (int i = 0; i < ROWS; i++)
    for (int l = 0; l < k; l++) {
      float x = a[i][l];
      for (int j = 0; j < n; j++) c[i * n + j] += x * b[l * n + j];
    }
}

/* ---- mma ------------------------------------------------------------------------------------- */

typedef struct fragments {
  float *d;
  const unsigned *a, *b;
  const float *c;
  simt_type type;
} fragments;

static void do_mma(unsigned mask, void *const *arg) {
  (void)mask;
  float a[ROWS][MOST_K], b[MOST_K * 8], c[ROWS * 8];
  simt_type type = ((const fragments *)arg[0])->type;
  for (int lane = 0; lane < WARP; lane++) {
    const fragments *f = arg[lane];
    int g = lane / 4, t = lane % 4;
    spread_a(type, f->a, lane, a);
    for (int i = 0; i < 2; i++) {
      if (width(type) == 4) b[(t + 4 * i) * 8 + g] = element(type, &f->b[i]);
      for (int e = 0; e < 2 && width(type) == 2; e++)
        b[(2 * t + 8 * i + e) * 8 + g] = element(type, (const uint16_t *)&f->b[i] + e);
    }
    for (int i = 0; i < 4; i++) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = f->c[i];
  }
  multiply(8, depth(type), a, b, c);
  for (int lane = 0; lane < WARP; lane++)
    for (int i = 0; i < 4; i++)
      ((const fragments *)arg[lane])->d[i] = c[(lane / 4 + i / 2 * 8) * 8 + 2 * (lane % 4) + i % 2];
}

void simt_mma(float *d, const unsigned *a, const unsigned *b, const float *c, simt_type type) {
  fragments f = {d, a, b, c, type};
  simt_meet(0xffffffff, "mma", &f, do_mma);
}

/* ---- wgmma ----------------------------------------------------------------------------------- */

typedef struct sums { /* of a warp while products that add to them are under way */
  float *d[WARP];
  int n, uses;
  float *value; /* [16, n] */
  struct sums *next;
} sums;

typedef struct product {
  simt_product of;
  bool from_registers;
  float a[ROWS][MOST_K];
  sums *sums;
  int group;
  struct product *next;
} product;

struct products {
  product *first;
  sums *sums;
  int groups;
  bool fenced;
};

static struct products *products_of(void) {
  thread *t = grid_now();
  warp *w = &t->block->warp[t->here.warp];
  if (!w->products) w->products = calloc(1, sizeof *w->products);
  return w->products;
}

void products_drop(warp *w) {
  struct products *p = w->products;
  while (p && p->first) {
    product *next = p->first->next;
    free(p->first);
    p->first = next;
  }
  while (p && p->sums) {
    sums *next = p->sums->next;
    free(p->sums->value);
    free(p->sums);
    p->sums = next;
  }
  free(p);
  w->products = NULL;
}

/* Register I of a lane: row g + 8 (I / 2 % 2), column 8 (I / 4) + 2 t + I % 2. */
static float *place(const sums *s, int lane, int i) {
  return &s->value[(lane / 4 + i / 2 % 2 * 8) * s->n + i / 4 * 8 + lane % 4 * 2 + i % 2];
}

/* From now on the registers hold nothing that may be read. */
static sums *take_sums(struct products *p, void *const *arg, int n) {
  for (sums *s = p->sums; s; s = s->next)
    if (s->d[0] == ((const simt_product *)arg[0])->d) {
      if (s->n != n) simt_stop("wgmma: the same sums as of n = %d and n = %d", s->n, n);
      return s;
    }
  sums *s = calloc(1, sizeof *s);
  s->n = n;
  s->value = malloc(sizeof(float) * ROWS * (size_t)n);
  for (int lane = 0; lane < WARP; lane++) {
    s->d[lane] = ((const simt_product *)arg[lane])->d;
    for (int i = 0; i < n / 2; i++) {
      const uint32_t word = POISON;
      *place(s, lane, i) = s->d[lane][i];
      memcpy(&s->d[lane][i], &word, sizeof word);
    }
  }
  s->next = p->sums;
  p->sums = s;
  return s;
}

static void give_sums_back(struct products *p) {
  for (sums **at = &p->sums; *at;) {
    sums *s = *at;
    if (s->uses) {
      at = &s->next;
      continue;
    }
    for (int lane = 0; lane < WARP; lane++)
      for (int i = 0; i < s->n / 2; i++) s->d[lane][i] = *place(s, lane, i);
    *at = s->next;
    free(s->value);
    free(s);
  }
}

static void start(unsigned mask, void *const *arg) {
  (void)mask;
  struct products *p = products_of();
  const simt_product *first = arg[0];
  product *new = calloc(1, sizeof *new);
  new->of = *first;
  new->group = -1;
  if (!p->fenced) simt_stop("wgmma without wgmma.fence since the last wait");
  for (int lane = 0; lane < WARP; lane++) {
    const simt_product *o = arg[lane];
    if (o->a_tile != first->a_tile || o->b_tile != first->b_tile || !o->more != !first->more ||
        o->n != first->n || !o->a != !first->a)
      simt_stop("wgmma: the lanes of a warp give different descriptors");
    if (o->a) spread_a(o->type, o->a, lane, new->a);
  }
  new->from_registers = first->a != NULL;
  new->sums = take_sums(p, arg, first->n);
  new->sums->uses++;
  product **at = &p->first;
  while (*at) at = &(*at)->next;
  *at = new;
}

void simt_wgmma(const simt_product *p) {
  if (p->n % 8 || p->n < 8 || p->n > MOST_N) simt_stop("wgmma of n = %d", p->n);
  if (width(p->type) == 4 && (p->a_mn || p->b_mn)) simt_stop("wgmma of tf32 wants k contiguous");
  if (grid_now()->block->threads < 128) simt_stop("wgmma wants a warp group of 128 threads");
  simt_meet(0xffffffff, "wgmma", (void *)p, start);
}

/* A matrix in shared memory as a descriptor has it: of 8x8 (8x4) cores, swizzled. */
typedef struct matrix {
  block *block;
  unsigned start, leading, stride, swizzle, width;
  int mn; /* the contiguous axis is not k */
} matrix;

static matrix matrix_of(block *b, unsigned long long tile, int mn, simt_type type) {
  static const unsigned char swizzle[] = {0, 3, 2, 1};
  if (tile >> 49 & 7) simt_stop("wgmma: a descriptor with a base offset is not modelled");
  return (matrix){.block = b,
                  .start = (unsigned)(tile & 0x3fff) << 4,
                  .leading = (unsigned)(tile >> 16 & 0x3fff) << 4,
                  .stride = (unsigned)(tile >> 32 & 0x3fff) << 4,
                  .swizzle = swizzle[tile >> 62],
                  .width = width(type),
                  .mn = mn};
}

/* The 16 bytes that hold element (MN, K), of which it is number *in. */
static const char *unit(const matrix *m, unsigned mn, unsigned k, unsigned *in) {
  unsigned per = 16 / m->width, row = 16u << m->swizzle, at, units = 1u << m->swizzle;
  if (!m->mn) {
    *in = k % per;
    at = mn % 8 * row + mn / 8 * m->stride;
    at += m->swizzle ? k / per * 16 : k / per * m->leading;
  } else {
    *in = mn % per;
    at = k % 8 * row + mn / per % units * 16;
    at += m->swizzle ? mn / per / units * m->leading + k / 8 * m->stride
                     : mn / per * m->stride + k / 8 * m->leading;
  }
  unsigned address = map_swizzle(m->swizzle, m->start + at);
  const char *p = shared_place(m->block, address, 16);
  if (!p)
    simt_stop(
        "wgmma reads outside of shared memory, at 0x%x (element %u, k %u of the tile at 0x%x)",
        address, mn, k, m->start);
  return p;
}

/* to[k * kstride + mn * stride] */
static void fetch(const matrix *m, int first, int n, int k, simt_type type, float *to, int kstride,
                  int stride) {
  int per = (int)(16 / m->width), outer = m->mn ? k : n, inner = m->mn ? n : k;
  for (int o = 0; o < outer; o++)
    for (int i = 0; i < inner; i += per) {
      unsigned in;
      int mn = m->mn ? i : o, kk = m->mn ? o : i;
      const char *p = unit(m, (unsigned)(first + mn), (unsigned)kk, &in);
      for (int e = 0; e < per; e++)
        to[(m->mn ? kk : kk + e) * kstride + (m->mn ? mn + e : mn) * stride] =
            element(type, p + e * (int)m->width);
    }
}

static void do_product(thread *t, product *p) {
  const simt_product *o = &p->of;
  int n = o->n, k = depth(o->type), w = (int)(t->here.warp % 4);
  static float b[MOST_K * MOST_N];
  if (!p->from_registers) {
    matrix a = matrix_of(t->block, o->a_tile, o->a_mn, o->type);
    fetch(&a, 16 * w, ROWS, k, o->type, &p->a[0][0], 1, MOST_K);
  }
  matrix bm = matrix_of(t->block, o->b_tile, o->b_mn, o->type);
  fetch(&bm, 0, n, k, o->type, b, n, 1);
  float sign = (float)((o->a_sign < 0 ? -1 : 1) * (o->b_sign < 0 ? -1 : 1));
  for (int i = 0; i < ROWS * MOST_K && sign < 0; i++) (&p->a[0][0])[i] *= sign;
  float *value = p->sums->value;
  if (!o->more) memset(value, 0, sizeof(float) * ROWS * (size_t)n);
  multiply(n, k, p->a, b, value);
  p->sums->uses--;
}

static void fence(unsigned mask, void *const *arg) {
  (void)mask, (void)arg;
  products_of()->fenced = true;
}
void simt_wgmma_fence(void) { simt_meet(0xffffffff, "wgmma.fence", NULL, fence); }

static void commit(unsigned mask, void *const *arg) {
  (void)mask, (void)arg;
  struct products *p = products_of();
  for (product *q = p->first; q; q = q->next)
    if (q->group < 0) q->group = p->groups;
  p->groups++;
}
void simt_wgmma_commit(void) { simt_meet(0xffffffff, "wgmma.commit_group", NULL, commit); }

static void finish(unsigned mask, void *const *arg) {
  (void)mask;
  struct products *p = products_of();
  int keep = (int)*(const unsigned *)arg[grid_now()->here.lane];
  while (p->first && p->first->group >= 0 && p->first->group < p->groups - keep) {
    product *q = p->first;
    do_product(grid_now(), q);
    p->first = q->next;
    free(q);
  }
  give_sums_back(p);
  p->fenced = p->first != NULL;
}
void simt_wgmma_wait(unsigned groups) {
  simt_meet(0xffffffff, "wgmma.wait_group", &groups, finish);
}

/* ---- fragments in shared memory -------------------------------------------------------------- */

typedef struct fragment {
  unsigned *r;
  unsigned address;
  int count, transposed;
} fragment;

/* Row R of matrix M has the address that lane 8 M + R gives. */
static uint16_t *row_of(void *const *arg, int m, int r) {
  const fragment *f = arg[8 * m + r];
  return simt_shared_at(f->address, 16);
}

static uint16_t *in_matrix(void *const *arg, int m, int lane, int c, bool transposed) {
  int g = lane / 4, t = 2 * (lane % 4) + c;
  return transposed ? row_of(arg, m, t) + g : row_of(arg, m, g) + t;
}

static void load_matrices(unsigned mask, void *const *arg) {
  (void)mask;
  for (int lane = 0; lane < WARP; lane++) {
    const fragment *f = arg[lane];
    for (int m = 0; m < f->count; m++)
      for (int c = 0; c < 2; c++)
        ((uint16_t *)&f->r[m])[c] = *in_matrix(arg, m, lane, c, f->transposed);
  }
}

static void store_matrices(unsigned mask, void *const *arg) {
  (void)mask;
  for (int lane = 0; lane < WARP; lane++) {
    const fragment *f = arg[lane];
    for (int m = 0; m < f->count; m++)
      for (int c = 0; c < 2; c++)
        *in_matrix(arg, m, lane, c, f->transposed) = ((const uint16_t *)&f->r[m])[c];
  }
}

void simt_matrix_load(unsigned *r, unsigned address, int count, int transposed) {
  fragment f = {r, address, count, transposed};
  simt_meet(0xffffffff, "ldmatrix", &f, load_matrices);
}

void simt_matrix_store(const unsigned *r, unsigned address, int count, int transposed) {
  fragment f = {(unsigned *)r, address, count, transposed};
  simt_meet(0xffffffff, "stmatrix", &f, store_matrices);
}
