/* Choosing an implementation, and what all implementations share. */
#include "device/device.h"
#include "device/pool.h"

#include <math.h>
#include <string.h>

void device_close(device *d) {
  if (d) d->close(d);
}

/* The implementation of this name, if it is for the shape of K and serves it. */
static const device_impl *forced(const device *d, const kernel *k, const char *name) {
  bool known = false;
  for (const device_impl *impl = d->impls; impl->name; impl++) {
    if (strcmp(name, impl->name) != 0) continue;
    known = true;
    if (impl->shape == k->shape && !(impl->refuse && impl->refuse(d, k))) return impl;
  }
  if (!known)
    base_raise(d->ctx, BASE_DEVICE, base_nowhere, "device %s has no implementation %s", d->name,
               name);
  return NULL;
}

const device_impl *device_choose(const device *d, const kernel *k, const char *force) {
  const device_impl *first = force ? forced(d, k, force) : NULL;
  const char *why = "no implementation of the shape";
  if (first) return first;
  for (const device_impl *impl = d->impls; impl->name; impl++) {
    if (impl->shape != k->shape) continue;
    why = impl->refuse ? impl->refuse(d, k) : NULL;
    if (!why) return impl;
  }
  base_raise(d->ctx, BASE_DEVICE, base_nowhere, "device %s cannot run this %s kernel: %s", d->name,
             kernel_shape_name(k->shape), why);
}

device_launch *device_prepare(device_bind *bind, const char *force) {
  const device_impl *impl = device_choose(bind->device, bind->kernel, force);
  device_launch *launch = impl->prepare(bind);
  launch->impl = impl;
  return launch;
}

int64_t device_strides(const ir_tensor *t, const int64_t *symbols, int64_t *stride) {
  int64_t n = 1;
  for (int k = t->rank - 1; k >= 0; k--) {
    stride[k] = n;
    n *= ir_eval_size(t->size[k], symbols);
  }
  return n;
}

ir_value device_load_value(ir_type type, const void *data, int64_t i) {
  ir_value v = {.type = ir_type_computed(type)};
  switch (type) {
  case IR_F16: v.u.f = base_f16_to_f32(((const uint16_t *)data)[i]); break;
  case IR_BF16: v.u.f = base_bf16_to_f32(((const uint16_t *)data)[i]); break;
  case IR_F32: v.u.f = ((const float *)data)[i]; break;
  case IR_F64: v.u.f = ((const double *)data)[i]; break;
  case IR_I32: v.u.i = ((const int32_t *)data)[i]; break;
  case IR_I64: v.u.i = ((const int64_t *)data)[i]; break;
  default: v.u.i = ((const uint8_t *)data)[i] != 0; break;
  }
  return v;
}

double device_load(ir_type type, const void *data, int64_t i) {
  ir_value v = device_load_value(type, data, i);
  return ir_type_real(v.type) ? v.u.f : (double)v.u.i;
}

void device_store_value(ir_type type, void *data, int64_t i, ir_value v) {
  switch (type) {
  case IR_F16: ((uint16_t *)data)[i] = base_f64_to_f16(v.u.f); break;
  case IR_BF16: ((uint16_t *)data)[i] = base_f64_to_bf16(v.u.f); break;
  case IR_F32: ((float *)data)[i] = (float)v.u.f; break;
  case IR_F64: ((double *)data)[i] = v.u.f; break;
  case IR_I32: ((int32_t *)data)[i] = (int32_t)v.u.i; break;
  case IR_I64: ((int64_t *)data)[i] = v.u.i; break;
  default: ((uint8_t *)data)[i] = v.u.i != 0; break;
  }
}
