/* Private to src/device/cuda: the NVIDIA driver and its run-time compiler, opened at run time. Our
 * own declarations of the little of either interface that is used: no CUDA header is needed to
 * build. Names without their version suffix; cuda_driver_open looks for the suffixed ones. */
#ifndef TL_DEVICE_CUDA_DRIVER_H
#define TL_DEVICE_CUDA_DRIVER_H

#include "base/base.h"

typedef int CUresult;                 /* 0: success */
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;

enum {                                /* of CUresult */
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_DEINITIALIZED = 4,
  CUDA_ERROR_STUB_LIBRARY = 34,
  CUDA_ERROR_DEVICE_UNAVAILABLE = 46,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803,
  CUDA_ERROR_UNKNOWN = 999,
};

enum {                                /* of cuDeviceGetAttribute */
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_COMPUTE_MODE = 20,
  CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
  CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR = 39,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
  CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR = 82,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};

enum {                                /* of cuFuncGetAttribute, cuFuncSetAttribute */
  CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
  CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
  CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
  CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
  CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
  CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14,
};

enum {
  CU_STREAM_NON_BLOCKING = 1,
  CU_EVENT_DEFAULT = 0,
  CU_EVENT_DISABLE_TIMING = 2,
  CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2,
  CU_MEMORYTYPE_HOST = 1,
  CU_MEMORYTYPE_DEVICE = 2,
};

typedef struct CUlaunchAttribute {
  int id;
  int pad;
  union {
    char pad[64];
    unsigned cluster[3];              /* CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION */
    int on;                           /* PROGRAMMATIC_STREAM_SERIALIZATION */
  } value;
} CUlaunchAttribute;
enum {
  CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION = 4,
  CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
};

typedef struct CUlaunchConfig {
  unsigned grid[3], block[3], shared;
  CUstream stream;
  CUlaunchAttribute *attribute;
  unsigned attributes;
} CUlaunchConfig;

typedef struct CUDA_KERNEL_NODE_PARAMS {   /* _v2 */
  CUfunction function;
  unsigned grid[3], block[3], shared;
  void **params, **extra;
  void *kernel;                       /* a CUkernel, looked at where function is NULL */
  CUcontext context;
} CUDA_KERNEL_NODE_PARAMS;

typedef struct CUDA_MEMSET_NODE_PARAMS {
  CUdeviceptr to;
  size_t pitch;
  unsigned value, element;            /* element: 1, 2 or 4 bytes */
  size_t width, height;               /* width in elements */
} CUDA_MEMSET_NODE_PARAMS;

typedef struct CUgraphEdgeData {
  unsigned char from_port, to_port, type, reserved[5];
} CUgraphEdgeData;
enum { CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC = 1, CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC = 1 };

typedef struct CUtensorMap {
  _Alignas(64) uint64_t opaque[16];
} CUtensorMap;
enum {                                /* of cuTensorMapEncodeTiled */
  CU_TENSOR_MAP_DATA_TYPE_UINT8 = 0,
  CU_TENSOR_MAP_DATA_TYPE_UINT16 = 1,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7,
  CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9,
  CU_TENSOR_MAP_DATA_TYPE_TFLOAT32 = 11,
  CU_TENSOR_MAP_SWIZZLE_NONE = 0,
  CU_TENSOR_MAP_SWIZZLE_32B = 1,
  CU_TENSOR_MAP_SWIZZLE_64B = 2,
  CU_TENSOR_MAP_SWIZZLE_128B = 3,
  CU_TENSOR_MAP_L2_PROMOTION_NONE = 0,
  CU_TENSOR_MAP_L2_PROMOTION_L2_128B = 2,
  CU_TENSOR_MAP_L2_PROMOTION_L2_256B = 3,
};

/* The driver's functions: name, name in the library, parameters. Those of the second list may be
 * missing in an old driver and are NULL then. */
#define CUDA_FUNCTIONS(X)                                                                          \
  X(cuInit, "cuInit", (unsigned flags))                                                            \
  X(cuDriverGetVersion, "cuDriverGetVersion", (int *version))                                      \
  X(cuGetErrorName, "cuGetErrorName", (CUresult error, const char **text))                         \
  X(cuGetErrorString, "cuGetErrorString", (CUresult error, const char **text))                     \
  X(cuDeviceGetCount, "cuDeviceGetCount", (int *count))                                            \
  X(cuDeviceGet, "cuDeviceGet", (CUdevice *device, int ordinal))                                   \
  X(cuDeviceGetName, "cuDeviceGetName", (char *name, int bytes, CUdevice device))                  \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int *value, int attribute, CUdevice device))    \
  X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t *bytes, CUdevice device))                     \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext *context, CUdevice device))   \
  X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice device))                  \
  X(cuCtxGetCurrent, "cuCtxGetCurrent", (CUcontext *context))                                      \
  X(cuCtxSetCurrent, "cuCtxSetCurrent", (CUcontext context))                                       \
  X(cuStreamCreate, "cuStreamCreate", (CUstream *stream, unsigned flags))                          \
  X(cuStreamDestroy, "cuStreamDestroy_v2", (CUstream stream))                                      \
  X(cuStreamSynchronize, "cuStreamSynchronize", (CUstream stream))                                 \
  X(cuStreamWaitEvent, "cuStreamWaitEvent", (CUstream stream, CUevent event, unsigned flags))      \
  X(cuEventCreate, "cuEventCreate", (CUevent *event, unsigned flags))                              \
  X(cuEventDestroy, "cuEventDestroy_v2", (CUevent event))                                          \
  X(cuEventRecord, "cuEventRecord", (CUevent event, CUstream stream))                              \
  X(cuEventQuery, "cuEventQuery", (CUevent event))                                                 \
  X(cuEventSynchronize, "cuEventSynchronize", (CUevent event))                                     \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float *ms, CUevent from, CUevent to))               \
  X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *to, size_t bytes))                                  \
  X(cuMemFree, "cuMemFree_v2", (CUdeviceptr at))                                                   \
  X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t *free, size_t *total))                                \
  X(cuMemHostAlloc, "cuMemHostAlloc", (void **to, size_t bytes, unsigned flags))                   \
  X(cuMemFreeHost, "cuMemFreeHost", (void *at))                                                    \
  X(cuPointerGetAttribute, "cuPointerGetAttribute", (void *value, int attribute, CUdeviceptr at))  \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2",                                                     \
    (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                             \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2",                                                     \
    (void *to, CUdeviceptr from, size_t bytes, CUstream stream))                                   \
  X(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2",                                                     \
    (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))                             \
  X(cuMemsetD8Async, "cuMemsetD8Async",                                                            \
    (CUdeviceptr to, unsigned char value, size_t n, CUstream stream))                              \
  X(cuModuleLoadData, "cuModuleLoadData", (CUmodule *module, const void *image))                   \
  X(cuModuleUnload, "cuModuleUnload", (CUmodule module))                                           \
  X(cuModuleGetFunction, "cuModuleGetFunction",                                                    \
    (CUfunction *function, CUmodule module, const char *name))                                     \
  X(cuFuncGetAttribute, "cuFuncGetAttribute", (int *value, int attribute, CUfunction function))    \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", (CUfunction function, int attribute, int value))     \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor, "cuOccupancyMaxActiveBlocksPerMultiprocessor",    \
    (int *blocks, CUfunction function, int block, size_t shared))                                  \
  X(cuLaunchKernelEx, "cuLaunchKernelEx",                                                          \
    (const CUlaunchConfig *config, CUfunction function, void **params, void **extra))              \
  X(cuGraphCreate, "cuGraphCreate", (CUgraph *graph, unsigned flags))                              \
  X(cuGraphDestroy, "cuGraphDestroy", (CUgraph graph))                                             \
  X(cuGraphAddKernelNode, "cuGraphAddKernelNode_v2",                                               \
    (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t n,                         \
     const CUDA_KERNEL_NODE_PARAMS *params))                                                       \
  X(cuGraphKernelNodeSetAttribute, "cuGraphKernelNodeSetAttribute",                                \
    (CUgraphNode node, int attribute, const void *value))                                          \
  X(cuGraphAddMemsetNode, "cuGraphAddMemsetNode",                                                  \
    (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t n,                         \
     const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context))                                    \
  X(cuGraphInstantiate, "cuGraphInstantiateWithFlags",                                             \
    (CUgraphExec *exec, CUgraph graph, unsigned long long flags))                                  \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", (CUgraphExec exec))                                  \
  X(cuGraphExecKernelNodeSetParams, "cuGraphExecKernelNodeSetParams_v2",                           \
    (CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params))                   \
  X(cuGraphExecMemsetNodeSetParams, "cuGraphExecMemsetNodeSetParams",                              \
    (CUgraphExec exec, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params,                    \
     CUcontext context))                                                                           \
  X(cuGraphUpload, "cuGraphUpload", (CUgraphExec exec, CUstream stream))                           \
  X(cuGraphLaunch, "cuGraphLaunch", (CUgraphExec exec, CUstream stream))

#define CUDA_OPTIONAL_FUNCTIONS(X)                                                                 \
  X(cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled",                                              \
    (CUtensorMap *map, int type, unsigned rank, void *at, const uint64_t *size,                    \
     const uint64_t *stride, const uint32_t *box, const uint32_t *step, int interleave,            \
     int swizzle, int promotion, int fill))                                                        \
  X(cuTensorMapEncodeIm2col, "cuTensorMapEncodeIm2col",                                            \
    (CUtensorMap *map, int type, unsigned rank, void *at, const uint64_t *size,                    \
     const uint64_t *stride, const int *lower, const int *upper, uint32_t channels,                \
     uint32_t pixels, const uint32_t *step, int interleave, int swizzle, int promotion, int fill)) \
  X(cuTensorMapReplaceAddress, "cuTensorMapReplaceAddress", (CUtensorMap *map, void *at))          \
  X(cuGraphAddDependencies, "cuGraphAddDependencies_v2",                                           \
    (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, const CUgraphEdgeData *edge,   \
     size_t n))

#define CUDA_MEMBER(name, symbol, parameters) CUresult(*name) parameters;
typedef struct cuda_driver {
  void *library;
  int version;                        /* of CUDA that the driver knows: 13000 */
  char release[32];                   /* of the driver: "580.65.06"; "": not known */
  CUDA_FUNCTIONS(CUDA_MEMBER)
  CUDA_OPTIONAL_FUNCTIONS(CUDA_MEMBER)
} cuda_driver;

typedef struct nvrtcProgram_st *nvrtcProgram;
#define CUDA_COMPILER_FUNCTIONS(X)                                                                 \
  X(nvrtcVersion, "nvrtcVersion", (int *major, int *minor))                                        \
  X(nvrtcGetNumSupportedArchs, "nvrtcGetNumSupportedArchs", (int *n))                              \
  X(nvrtcGetSupportedArchs, "nvrtcGetSupportedArchs", (int *archs))                                \
  X(nvrtcCreateProgram, "nvrtcCreateProgram",                                                      \
    (nvrtcProgram *program, const char *source, const char *name, int n,                           \
     const char *const *headers, const char *const *names))                                        \
  X(nvrtcDestroyProgram, "nvrtcDestroyProgram", (nvrtcProgram *program))                           \
  X(nvrtcCompileProgram, "nvrtcCompileProgram",                                                    \
    (nvrtcProgram program, int n, const char *const *options))                                     \
  X(nvrtcGetProgramLogSize, "nvrtcGetProgramLogSize", (nvrtcProgram program, size_t *bytes))       \
  X(nvrtcGetProgramLog, "nvrtcGetProgramLog", (nvrtcProgram program, char *log))                   \
  X(nvrtcGetCUBINSize, "nvrtcGetCUBINSize", (nvrtcProgram program, size_t *bytes))                 \
  X(nvrtcGetCUBIN, "nvrtcGetCUBIN", (nvrtcProgram program, char *cubin))

#define CUDA_COMPILER_MEMBER(name, symbol, parameters) int(*name) parameters;
typedef struct cuda_nvrtc {
  void *library;
  int major, minor;
  char file[256];                     /* where it was found */
  CUDA_COMPILER_FUNCTIONS(CUDA_COMPILER_MEMBER)
} cuda_nvrtc;

/* NULL, or why it cannot be used, in the arena: "libcuda.so.1 not found: ...", "driver 535 is too
 * old for ...". Where TL_CUDA_DRIVER or TL_NVRTC names a file, only that one is tried. */
const char *cuda_driver_open(base_arena *arena, cuda_driver *driver);
void cuda_driver_close(cuda_driver *driver);
const char *cuda_nvrtc_open(base_arena *arena, cuda_nvrtc *nvrtc, int driver_version);
void cuda_nvrtc_close(cuda_nvrtc *nvrtc);

#endif
