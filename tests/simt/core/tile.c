#include "tile.h"

#include <string.h>

tile tile_of(const void *map, int rank, const int *at, const char *what) {
  tile t = {0};
  if ((uintptr_t)map % 64) simt_stop("%s: the tensor map at %p is not aligned to 64", what, map);
  memcpy(&t.map, map, sizeof t.map);
  if (t.map.magic != MAP_MAGIC) simt_stop("%s: there is no tensor map at %p", what, map);
  if (t.map.rank != rank)
    simt_stop("%s: by %d coordinates, of a tensor map of %d", what, rank, t.map.rank);
  for (int k = 0; k < rank; k++) t.at[k] = at[k];
  return t;
}

unsigned tile_bytes(const tile *t) {
  unsigned n = map_type_bytes(t->map.type);
  for (int k = 0; k < t->map.rank; k++) n *= t->map.box[k];
  return n;
}

/* Where element I of the box lies in the tensor; NULL: outside. */
static char *element(const tile *t, unsigned i) {
  const tensor_map *m = &t->map;
  char *p = (char *)(uintptr_t)m->address;
  for (int k = 0; k < m->rank; k++) {
    int64_t x = t->at[k] + (int64_t)(i % m->box[k]) * m->step[k];
    if (x < 0 || x >= (int64_t)m->size[k]) return NULL;
    p += x * (k ? (int64_t)m->stride[k - 1] : (int64_t)map_type_bytes(m->type));
    i /= m->box[k];
  }
  return p;
}

static char *shared_element(block *b, const tile *t, unsigned start, unsigned i, unsigned bytes) {
  unsigned address = map_swizzle(t->map.swizzle, start + i * bytes);
  char *p = shared_place(b, address, bytes);
  if (!p) simt_stop("a tile in shared memory leaves it, at 0x%x", address);
  return p;
}

void tile_load(block *b, unsigned to, const tile *t) {
  unsigned bytes = map_type_bytes(t->map.type), n = tile_bytes(t) / bytes;
  for (unsigned i = 0; i < n; i++) {
    const char *from = element(t, i);
    char *place = shared_element(b, t, to, i, bytes);
    if (from)
      memcpy(place, from, bytes);
    else
      memset(place, 0, bytes);
  }
}

static double number(unsigned type, const void *p) {
  switch (type) {
  case MAP_U8: return *(const uint8_t *)p;
  case MAP_U16: return *(const uint16_t *)p;
  case MAP_U32: return *(const uint32_t *)p;
  case MAP_I32: return *(const int32_t *)p;
  case MAP_F16: return (double)simt_half(*(const uint16_t *)p);
  case MAP_BF16: return (double)simt_brain(*(const uint16_t *)p);
  case MAP_F64: return *(const double *)p;
  case MAP_U64:
  case MAP_I64: simt_stop("a tile of 64-bit integers is combined: not modelled");
  default: return (double)*(const float *)p;
  }
}

static void put_number(unsigned type, void *p, double x) {
  switch (type) {
  case MAP_U8: *(uint8_t *)p = (uint8_t)x; break;
  case MAP_U16: *(uint16_t *)p = (uint16_t)x; break;
  case MAP_U32: *(uint32_t *)p = (uint32_t)x; break;
  case MAP_I32: *(int32_t *)p = (int32_t)x; break;
  case MAP_F16: *(uint16_t *)p = simt_to_half((float)x); break;
  case MAP_BF16: *(uint16_t *)p = simt_to_brain((float)x); break;
  case MAP_F64: *(double *)p = x; break;
  default: *(float *)p = (float)x; break;
  }
}

static void combine(unsigned type, void *to, const void *from, int how) {
  double a = number(type, to), b = number(type, from);
  put_number(type, to, how == SIMT_ADD ? a + b : how == SIMT_MIN ? (a < b ? a : b) : a > b ? a : b);
}

void tile_store(block *b, unsigned from, const tile *t) {
  unsigned bytes = map_type_bytes(t->map.type), n = tile_bytes(t) / bytes;
  for (unsigned i = 0; i < n; i++) {
    char *to = element(t, i);
    const char *place = shared_element(b, t, from, i, bytes);
    if (!to) continue;
    if (t->how == SIMT_PLAIN)
      memcpy(to, place, bytes);
    else
      combine(t->map.type, to, place, t->how);
  }
}
