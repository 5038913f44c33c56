/* Tensor maps: checked as the driver's manual has it, packed in the open. */
#include "../core/tensor_map.h"

#include <string.h>

#include "driver.h"

enum { NO_INTERLEAVE = 0, NO_SWIZZLE = 0 };

static bool is_aligned(const void *map, uint64_t address) {
  return (uintptr_t)map % 64 == 0 && address % 16 == 0;
}

static bool is_box(const tensor_map *m) {
  unsigned row = m->box[0] * map_type_bytes(m->type);
  if (row % 16 || (m->swizzle && row > 16u << m->swizzle)) return false;
  for (int k = 0; k < m->rank; k++)
    if (m->box[k] < 1 || m->box[k] > 256 || m->step[k] < 1 || m->step[k] > 8) return false;
  return true;
}

static bool is_tensor(const tensor_map *m) {
  for (int k = 0; k < m->rank; k++) {
    if (m->size[k] < 1 || m->size[k] > 1ull << 32) return false;
    if (k && (m->stride[k - 1] % 16 || m->stride[k - 1] >= 1ull << 40)) return false;
  }
  return true;
}

DOOR int cuTensorMapEncodeTiled(void *to, int type, unsigned rank, void *address,
                                const uint64_t *size, const uint64_t *stride, const uint32_t *box,
                                const uint32_t *step, int interleave, int swizzle, int promotion,
                                int fill);
DOOR int cuTensorMapEncodeTiled(void *to, int type, unsigned rank, void *address,
                                const uint64_t *size, const uint64_t *stride, const uint32_t *box,
                                const uint32_t *step, int interleave, int swizzle, int promotion,
                                int fill) {
  ENTER("cuTensorMapEncodeTiled");
  if (!is_aligned(to, (uintptr_t)address) || type < 0 || type > MAP_TF32_FTZ || rank < 1 ||
      rank > MAP_RANK || interleave != NO_INTERLEAVE || swizzle < NO_SWIZZLE || swizzle > 3 ||
      promotion < 0 || promotion > 3 || fill != 0)
    return INVALID_VALUE;
  tensor_map m = {.magic = MAP_MAGIC,
                  .type = (uint8_t)type,
                  .rank = (uint8_t)rank,
                  .swizzle = (uint8_t)swizzle,
                  .address = (uintptr_t)address};
  for (unsigned k = 0; k < rank; k++) {
    if (box[k] > 256 || step[k] > 8) return INVALID_VALUE;
    m.size[k] = size[k];
    m.box[k] = (uint16_t)box[k];
    m.step[k] = (uint8_t)step[k];
    if (k + 1 < rank) m.stride[k] = stride[k];
  }
  if (!is_tensor(&m) || !is_box(&m)) return INVALID_VALUE;
  memset(to, 0, 128);
  memcpy(to, &m, sizeof m);
  return SUCCESS;
}

DOOR int cuTensorMapReplaceAddress(void *map, void *address);
DOOR int cuTensorMapReplaceAddress(void *map, void *address) {
  ENTER("cuTensorMapReplaceAddress");
  tensor_map *m = map;
  if (!is_aligned(map, (uintptr_t)address) || m->magic != MAP_MAGIC) return INVALID_VALUE;
  m->address = (uintptr_t)address;
  return SUCCESS;
}
