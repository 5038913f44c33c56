/* Kernels that tell each access: what two threads do to one place without meeting between. */
#include <stdlib.h>

#include "simt/lab.h"

static void races(void **state) {
  (void)state;
  setenv("TL_SIMT_CHECK", "1", 1);
  lab_function *f = lab_kernel("races", "");
  unsetenv("TL_SIMT_CHECK");
  lab_shape shape = {.threads = {64}, .shared = 256};
  uint64_t y = lab_floats(64, NULL);
  for (int which = 1; which < 3; which++) lab_run(f, shape, PARAMS(&y, &which));
  int which = 0;
  lab_stops(f, shape, PARAMS(&y, &which), "a race in shared memory");
}

int main(void) {
  const struct CMUnitTest tests[] = {LAB_TEST(races)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
