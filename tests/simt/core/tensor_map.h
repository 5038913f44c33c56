/* tensor_map: what cuTensorMapEncodeTiled packs into 128 bytes, here in the open. */
#ifndef SIMT_TENSOR_MAP_H
#define SIMT_TENSOR_MAP_H

#include <stdint.h>

enum { MAP_MAGIC = 0x544d4150, MAP_RANK = 5 };

typedef enum map_type { /* as CUtensorMapDataType numbers them */
                        MAP_U8,
                        MAP_U16,
                        MAP_U32,
                        MAP_I32,
                        MAP_U64,
                        MAP_I64,
                        MAP_F16,
                        MAP_F32,
                        MAP_F64,
                        MAP_BF16,
                        MAP_F32_FTZ,
                        MAP_TF32,
                        MAP_TF32_FTZ
} map_type;

typedef struct tensor_map {
  uint32_t magic;
  uint8_t type, rank, swizzle, fill; /* swizzle: 0 none, 1: 32, 2: 64, 3: 128 bytes */
  uint64_t address, size[MAP_RANK], stride[MAP_RANK - 1]; /* elements; bytes of the outer axes */
  uint16_t box[MAP_RANK];
  uint8_t step[MAP_RANK];
} tensor_map;

_Static_assert(sizeof(tensor_map) <= 128, "a tensor map is 128 bytes");

static inline unsigned map_type_bytes(unsigned type) {
  static const unsigned char bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return bytes[type];
}

/* Where in shared memory a 16-byte unit at ADDRESS really lies. */
static inline unsigned map_swizzle(unsigned swizzle, unsigned address) {
  unsigned mask = (1u << swizzle) - 1;
  return address ^ (address >> 7 & mask) << 4;
}

#endif
