/* The GPU: an H200 in its numbers, and its context. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "../core/device_memory.h"
#include "driver.h"

static bool initialised;
static int context, retained; /* the address of `context` is the handle */
static void *current;

static const long long memory = 150ll << 30;

/* Kernels are loaded as shared objects that call into this one. */
static void be_seen(void) {
  Dl_info me;
  if (dladdr((void *)be_seen, &me))
    dlopen(me.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL | RTLD_NODELETE);
}

DOOR int cuInit(unsigned flags);
DOOR int cuInit(unsigned flags) {
  ENTER("cuInit");
  if (flags) return INVALID_VALUE;
  if (driver_number("gpus", 1) <= 0) return NO_DEVICE;
  be_seen();
  initialised = true;
  return SUCCESS;
}

DOOR int cuDriverGetVersion(int *version);
DOOR int cuDriverGetVersion(int *version) {
  *version = (int)driver_number("driver", 13000);
  return SUCCESS;
}

typedef struct error_name {
  int code;
  const char *name, *text;
} error_name;

static const error_name errors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "system has unsupported display driver / cuda driver "
     "combination"},
    {912, "CUDA_ERROR_INVALID_CLUSTER_SIZE", "invalid cluster size"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

static const error_name *error_of(int code) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].code == code) return &errors[i];
  return NULL;
}

DOOR int cuGetErrorName(int code, const char **to);
DOOR int cuGetErrorName(int code, const char **to) {
  const error_name *e = error_of(code);
  *to = e ? e->name : NULL;
  return e ? SUCCESS : INVALID_VALUE;
}

DOOR int cuGetErrorString(int code, const char **to);
DOOR int cuGetErrorString(int code, const char **to) {
  const error_name *e = error_of(code);
  *to = e ? e->text : NULL;
  return e ? SUCCESS : INVALID_VALUE;
}

/* ---- devices --------------------------------------------------------------------------------- */

static bool is_device(int device) { return device >= 0 && device < driver_number("gpus", 1); }

DOOR int cuDeviceGetCount(int *count);
DOOR int cuDeviceGetCount(int *count) {
  ENTER("cuDeviceGetCount");
  if (!initialised) return NOT_INITIALIZED;
  *count = (int)driver_number("gpus", 1);
  return SUCCESS;
}

DOOR int cuDeviceGet(int *device, int ordinal);
DOOR int cuDeviceGet(int *device, int ordinal) {
  ENTER("cuDeviceGet");
  if (!is_device(ordinal)) return INVALID_DEVICE;
  *device = ordinal;
  return SUCCESS;
}

DOOR int cuDeviceGetName(char *name, int bytes, int device);
DOOR int cuDeviceGetName(char *name, int bytes, int device) {
  ENTER("cuDeviceGetName");
  if (!is_device(device)) return INVALID_DEVICE;
  snprintf(name, (size_t)bytes, "emulated H200");
  return SUCCESS;
}

DOOR int cuDeviceTotalMem_v2(size_t *bytes, int device);
DOOR int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  ENTER("cuDeviceTotalMem_v2");
  if (!is_device(device)) return INVALID_DEVICE;
  *bytes = (size_t)driver_number("memory", memory);
  return SUCCESS;
}

typedef struct attribute {
  int which, value;
} attribute;

static const attribute attributes[] = {
    {1, 1024},                               /* threads per block */
    {2, 1024},       {3, 1024},  {4, 64},    /* of a block, by axis */
    {5, 2147483647}, {6, 65535}, {7, 65535}, /* of a grid */
    {8, 48 << 10},                           /* shared memory per block */
    {9, 64 << 10},                           /* constant memory */
    {10, 32},                                /* warp size */
    {12, 65536},                             /* registers per block */
    {13, 1980000},                           /* clock, kHz */
    {20, 0},                                 /* compute mode */
    {36, 2619000},                           /* memory clock, kHz */
    {37, 6144},                              /* memory bus, bits */
    {38, 60 << 20},                          /* L2 */
    {39, 2048},                              /* threads per multiprocessor */
    {41, 1},                                 /* unified addressing */
    {76, 0},                                 /* compute capability, minor */
    {81, 228 << 10},                         /* shared memory per multiprocessor */
    {82, 65536},                             /* registers per multiprocessor */
    {95, 1},                                 /* cooperative launch */
    {97, 227 << 10},                         /* shared memory per block, opted in */
    {106, 32},                               /* blocks per multiprocessor */
    {111, 1 << 10},                          /* reserved shared memory per block */
    {120, 1},                                /* cluster launch */
};

DOOR int cuDeviceGetAttribute(int *value, int which, int device);
DOOR int cuDeviceGetAttribute(int *value, int which, int device) {
  ENTER("cuDeviceGetAttribute");
  if (!is_device(device)) return INVALID_DEVICE;
  int arch = (int)driver_number("capability", 90);
  switch (which) {
  case 16: *value = (int)driver_number("sms", 132); return SUCCESS;
  case 75: *value = arch / 10; return SUCCESS;
  case 76: *value = arch % 10; return SUCCESS;
  default: break;
  }
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
    if (attributes[i].which == which) {
      *value = attributes[i].value;
      return SUCCESS;
    }
  fprintf(stderr, "simt: device attribute %d is not modelled\n", which);
  return INVALID_VALUE;
}

/* ---- contexts -------------------------------------------------------------------------------- */

DOOR int cuDevicePrimaryCtxRetain(void **to, int device);
DOOR int cuDevicePrimaryCtxRetain(void **to, int device) {
  ENTER("cuDevicePrimaryCtxRetain");
  if (!is_device(device)) return INVALID_DEVICE;
  retained++;
  *to = &context;
  return SUCCESS;
}

DOOR int cuDevicePrimaryCtxRelease_v2(int device);
DOOR int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER("cuDevicePrimaryCtxRelease_v2");
  if (!is_device(device) || !retained) return INVALID_CONTEXT;
  if (--retained == 0) {
    stream_finish_all(false);
    module_drop_all();
    device_memory_drop_all();
    current = NULL;
  }
  return SUCCESS;
}

DOOR int cuCtxGetCurrent(void **to);
DOOR int cuCtxGetCurrent(void **to) {
  ENTER("cuCtxGetCurrent");
  *to = current;
  return SUCCESS;
}

DOOR int cuCtxSetCurrent(void *to);
DOOR int cuCtxSetCurrent(void *to) {
  ENTER("cuCtxSetCurrent");
  if (to && (to != &context || !retained)) return INVALID_CONTEXT;
  current = to;
  return SUCCESS;
}

DOOR int cuCtxSynchronize(void);
DOOR int cuCtxSynchronize(void) {
  ENTER("cuCtxSynchronize");
  return stream_finish_all(false);
}
