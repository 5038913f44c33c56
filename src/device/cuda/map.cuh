/* map: which segment a block belongs to, of N that start at FIRST. */

FN int segment_of(const int32_t *first, int n, int32_t block) {
  int low = 0;
  while (n - low > 1) {
    const int middle = (low + n) / 2;
    if (block >= first[middle]) low = middle;
    else n = middle;
  }
  return low;
}
