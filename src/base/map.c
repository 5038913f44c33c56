/* map: hashing, and byte strings to pointers in insertion order: an array of entries, and an open
 * table of entry numbers beside it. */
#include <string.h>

#include "base/private.h"

__extension__ typedef unsigned __int128 wide;

/* Both halves of the product, folded: every bit of a and b reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b) {
  wide product = (wide)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static const uint64_t salt_a = 0x9E3779B97F4A7C15u, salt_b = 0xD6E8FEB86659FD93u;

uint64_t base_hash_mix(uint64_t a, uint64_t b) { return fold(a ^ salt_a, b ^ salt_b); }

static uint64_t word_at(const unsigned char *p, size_t n) {
  uint64_t word = 0;
  memcpy(&word, p, n);
  return word;
}

uint64_t base_hash(const void *bytes, size_t n, uint64_t seed) {
  const unsigned char *p = bytes;
  uint64_t h = base_hash_mix(seed, n);
  for (; n >= 8; p += 8, n -= 8) h = base_hash_mix(h, word_at(p, 8));
  if (n > 0) h = base_hash_mix(h, word_at(p, n));
  return fold(h ^ salt_b, salt_a);
}

typedef struct entry {
  const char *key;
  size_t n;
  uint64_t hash;
  void *value;
} entry;

struct base_map {
  base_arena *arena;
  BASE_VEC(entry) entries;
  int *slots;  /* entry number + 1, 0 empty; a power of two of them, at most half in use */
  uint32_t mask;
};

enum { FIRST_SLOTS = 16 };

base_map *base_map_open(base_arena *arena) {
  base_map *map = BASE_NEW(arena, base_map);
  map->arena = arena;
  map->slots = BASE_NEWS(arena, int, FIRST_SLOTS);
  map->mask = FIRST_SLOTS - 1;
  return map;
}

/* The slot that holds the key, else the empty one where it belongs. */
static int *find_slot(const base_map *map, const void *key, size_t n, uint64_t hash) {
  for (uint32_t i = (uint32_t)hash & map->mask;; i = (i + 1) & map->mask) {
    int *slot = &map->slots[i];
    if (*slot == 0) return slot;
    const entry *e = &map->entries.at[*slot - 1];
    if (e->hash == hash && e->n == n && (n == 0 || memcmp(e->key, key, n) == 0)) return slot;
  }
}

static void widen(base_map *map) {
  size_t size = 2 * ((size_t)map->mask + 1);
  int *slots = BASE_NEWS(map->arena, int, size);
  uint32_t mask = (uint32_t)(size - 1);
  for (int e = 0; e < map->entries.n; e++) {
    uint32_t i = (uint32_t)map->entries.at[e].hash & mask;
    while (slots[i]) i = (i + 1) & mask;
    slots[i] = e + 1;
  }
  map->slots = slots;
  map->mask = mask;
}

void *base_map_get(const base_map *map, const void *key, size_t n) {
  const int *slot = find_slot(map, key, n, base_hash(key, n, 0));
  return *slot ? map->entries.at[*slot - 1].value : NULL;
}

void base_map_put(base_map *map, const void *key, size_t n, void *value) {
  uint64_t hash = base_hash(key, n, 0);
  int *slot = find_slot(map, key, n, hash);
  if (*slot) {
    map->entries.at[*slot - 1].value = value;
    return;
  }
  if (2 * (size_t)map->entries.n > map->mask) {
    widen(map);
    slot = find_slot(map, key, n, hash);
  }
  entry e = {base_copy_n(map->arena, key, n), n, hash, value};
  BASE_PUSH(map->arena, &map->entries, e);
  *slot = map->entries.n;
}

void *base_map_get_s(const base_map *map, const char *key) {
  return base_map_get(map, key, strlen(key));
}

void base_map_put_s(base_map *map, const char *key, void *value) {
  base_map_put(map, key, strlen(key), value);
}

int base_map_count(const base_map *map) { return map->entries.n; }

void *base_map_at(const base_map *map, int i, const void **key, size_t *n) {
  const entry *e = &map->entries.at[i];
  if (key) *key = e->key;
  if (n) *n = e->n;
  return e->value;
}
