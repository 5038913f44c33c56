/* image: what stands for a cubin: a head, then a shared object. */
#ifndef SIMT_IMAGE_H
#define SIMT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC "SIMTCUBI"

typedef struct image_head {
  char magic[8];
  uint64_t bytes, hash; /* of what follows */
} image_head;

static inline uint64_t image_hash(const char *p, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
  return h;
}

#endif
