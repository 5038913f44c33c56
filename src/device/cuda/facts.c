/* What there is of the driver, its compiler and GPUs, and why not: without a context. */
#include "device/cuda/cuda.h"

static int attribute(const cuda_driver *v, CUdevice id, int which) {
  int value = 0;
  v->cuDeviceGetAttribute(&value, which, id);
  return value;
}

static void add_gpu(device_facts *facts, const cuda_driver *v, int ordinal) {
  CUdevice id;
  char name[128] = "?";
  size_t bytes = 0;
  const char *label = base_format(facts->arena, "GPU %d", ordinal);
  if (v->cuDeviceGet(&id, ordinal) != CUDA_SUCCESS) {
    device_fact_add(facts, label, "does not answer");
    return;
  }
  v->cuDeviceGetName(name, sizeof name, id);
  v->cuDeviceTotalMem(&bytes, id);
  int major = attribute(v, id, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  int minor = attribute(v, id, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  device_fact_add(facts, label,
                  base_format(facts->arena,
                              "%s, compute capability %d.%d%s, %d multiprocessors, %.1f GB", name,
                              major, minor, major < 8 ? " (8.0 is needed)" : "",
                              attribute(v, id, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                              (double)bytes / 1e9));
}

static void add_gpus(device_facts *facts, const cuda_driver *v) {
  int count = 0;
  const char *why = cuda_start_error(facts->arena, v, v->cuInit(0));
  if (!why) why = cuda_start_error(facts->arena, v, v->cuDeviceGetCount(&count));
  if (!why && count == 0) why = cuda_start_error(facts->arena, v, CUDA_ERROR_NO_DEVICE);
  if (why) device_fact_add(facts, "GPU", why);
  for (int i = 0; i < count; i++) add_gpu(facts, v, i);
}

void device_facts_cuda(device_facts *facts) {
  base_arena *arena = facts->arena;
  cuda_driver driver;
  cuda_nvrtc nvrtc;
  const char *why = cuda_driver_open(arena, &driver);
  device_fact_add(facts, "CUDA driver",
                  why ? why
                      : base_format(arena, "%s, CUDA %d.%d",
                                    driver.release[0] ? driver.release : "of unknown release",
                                    driver.version / 1000, driver.version % 1000 / 10));
  if (!why) add_gpus(facts, &driver);
  const char *no_compiler = cuda_nvrtc_open(arena, &nvrtc, driver.version);
  device_fact_add(facts, "CUDA compiler",
                  no_compiler ? no_compiler
                              : base_format(arena, "NVRTC %d.%d, %s", nvrtc.major, nvrtc.minor,
                                            nvrtc.file));
  if (!no_compiler) cuda_nvrtc_close(&nvrtc);
  if (!why) cuda_driver_close(&driver);
}
