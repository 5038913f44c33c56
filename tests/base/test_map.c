#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void a_map_gets_what_was_put(void **state) {
  base_arena *arena = base_arena_open(*state);
  base_map *map = base_map_open(arena);
  int one, two;
  assert_null(base_map_get_s(map, "W"));
  base_map_put_s(map, "W", &one);
  base_map_put(map, "", 0, &two);
  base_map_put(map, "a\0b", 3, &one);
  assert_ptr_equal(base_map_get_s(map, "W"), &one);
  assert_ptr_equal(base_map_get(map, NULL, 0), &two);
  assert_ptr_equal(base_map_get(map, "a\0b", 3), &one);
  assert_null(base_map_get(map, "a\0c", 3));
  assert_null(base_map_get_s(map, "a"));
  base_map_put_s(map, "W", &two);
  assert_ptr_equal(base_map_get_s(map, "W"), &two);
  assert_int_equal(base_map_count(map), 3);
  base_arena_close(arena);
}

static void keys_are_copied(void **state) {
  base_arena *arena = base_arena_open(*state);
  base_map *map = base_map_open(arena);
  char key[] = "bias";
  base_map_put_s(map, key, map);
  key[0] = 'B';
  assert_ptr_equal(base_map_get_s(map, "bias"), map);
  assert_null(base_map_get_s(map, "Bias"));
  base_arena_close(arena);
}

/* Random puts, against an array that is searched in a line. */
static void a_map_agrees_with_a_list(void **state) {
  base_arena *arena = base_arena_open(*state);
  base_map *map = base_map_open(arena);
  enum { KEYS = 500 };
  struct { char key[16]; void *value; } list[KEYS];
  int n = 0;
  uint64_t random = 11;
  for (int round = 0; round < 5000; round++) {
    char key[16];
    sprintf(key, "%d", (int)(next_random(&random) % KEYS));
    void *value = key + next_random(&random) % 16;
    int i = 0;
    while (i < n && strcmp(list[i].key, key) != 0) i++;
    assert_ptr_equal(base_map_get_s(map, key), i < n ? list[i].value : NULL);
    if (i == n) strcpy(list[n++].key, key);
    list[i].value = value;
    base_map_put_s(map, key, value);
  }
  assert_int_equal(base_map_count(map), n);
  for (int i = 0; i < n; i++) {
    const void *key;
    size_t size;
    assert_ptr_equal(base_map_at(map, i, &key, &size), list[i].value);
    assert_int_equal(size, strlen(list[i].key));
    assert_memory_equal(key, list[i].key, size);
  }
  base_arena_close(arena);
}

/* Flipping any bit of the input flips each bit of the hash about half the time. */
static void hashes_spread(void **state) {
  (void)state;
  uint64_t random = 5;
  int flips[64] = {0}, trials = 0;
  for (int round = 0; round < 200; round++) {
    unsigned char bytes[24];
    for (int i = 0; i < 24; i++) bytes[i] = (unsigned char)next_random(&random);
    size_t n = 1 + next_random(&random) % 24;
    uint64_t before = base_hash(bytes, n, 0);
    assert_int_equal(base_hash(bytes, n, 0), before);
    assert_true(base_hash(bytes, n, 1) != before);
    for (size_t bit = 0; bit < 8 * n; bit++, trials++) {
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
      uint64_t change = base_hash(bytes, n, 0) ^ before;
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
      for (int i = 0; i < 64; i++) flips[i] += change >> i & 1;
    }
  }
  for (int i = 0; i < 64; i++) {
    assert_true(flips[i] > 0.45 * trials);
    assert_true(flips[i] < 0.55 * trials);
  }
}

static void mixing_depends_on_order(void **state) {
  (void)state;
  assert_true(base_hash_mix(1, 2) != base_hash_mix(2, 1));
  assert_true(base_hash_mix(0, 0) != 0);
  assert_true(base_hash("ab", 2, 0) != base_hash("ab\0", 3, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(a_map_gets_what_was_put),  WITH_CTX(keys_are_copied),
    WITH_CTX(a_map_agrees_with_a_list), cmocka_unit_test(hashes_spread),
    cmocka_unit_test(mixing_depends_on_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
