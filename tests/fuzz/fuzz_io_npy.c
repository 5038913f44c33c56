#include "fuzz_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  return fuzz("input.npy", data, size, fuzz_set);
}
