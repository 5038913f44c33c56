/* From CUDA C to a kernel: found in memory, on disk, or compiled by NVRTC. A kernel is known by a
 * hash of all that went into it: source, entry, options, architecture, compiler. */
#include <stdio.h>
#include <string.h>

#include "device/cache.h"
#include "device/cuda/cuda.h"

struct cuda_cache {
  base_map *kernels;                  /* hash -> cuda_kernel */
  BASE_VEC(CUmodule) modules;
};

void cuda_cache_open(cuda_device *d) {
  d->cache = BASE_NEW(d->arena, struct cuda_cache);
  d->cache->kernels = base_map_open(d->arena);
}

void cuda_cache_close(cuda_device *d) {
  for (int i = 0; d->cache && i < d->cache->modules.n; i++)
    d->driver.cuModuleUnload(d->cache->modules.at[i]);
}

base_text cuda_source(device_bind *bind) {
  base_text text = base_text_open(bind->arena);
  base_put(&text, cuda_text_prelude);
  base_put(&text, cuda_text_ptx);
  return text;
}

/* ---- compiling ------------------------------------------------------------------------------- */

typedef BASE_VEC(const char *) option_list;

static void list_options(base_arena *arena, const cuda_device *d, const cuda_options *o,
                         option_list *list) {
  bool special = d->major >= 9;       /* wgmma and its like are in the "a" variants only */
  BASE_PUSH(arena, list, base_format(arena, "--gpu-architecture=sm_%d%d%s", d->major, d->minor,
                                     special ? "a" : ""));
  BASE_PUSH(arena, list, "--std=c++17");
  BASE_PUSH(arena, list, "--disable-warnings");   /* helpers that a body does not use */
  BASE_PUSH(arena, list, "--device-as-default-execution-space");
  if (d->nvrtc.major >= 13)
    BASE_PUSH(arena, list, "--minimal");          /* a quarter faster; no textures, no launches */
  if (o->max_registers)
    BASE_PUSH(arena, list, base_format(arena, "--maxrregcount=%d", o->max_registers));
  for (const char *const *define = o->defines; define && *define; define++)
    BASE_PUSH(arena, list, base_format(arena, "-D%s", *define));
}

static const char *compiler_log(base_arena *arena, const cuda_nvrtc *n, nvrtcProgram program) {
  size_t bytes = 0;
  n->nvrtcGetProgramLogSize(program, &bytes);
  char *log = base_alloc(arena, bytes + 1);
  if (bytes) n->nvrtcGetProgramLog(program, log);
  return log;
}

typedef struct compiling {
  const cuda_nvrtc *nvrtc;
  nvrtcProgram program;
} compiling;

static void destroy_program(void *arg) {
  compiling *c = arg;
  if (c->program) c->nvrtc->nvrtcDestroyProgram(&c->program);
}

/* The cubin of SOURCE, in ARENA. */
static char *cubin_of(base_arena *arena, cuda_device *d, const char *entry,
                      const base_text *source, const option_list *options, size_t *bytes) {
  const cuda_nvrtc *n = &d->nvrtc;
  compiling *c = BASE_NEW(arena, compiling);
  c->nvrtc = n;
  base_defer(arena, destroy_program, c);
  int status =
      n->nvrtcCreateProgram(&c->program, source->at, base_format(arena, "%s.cu", entry), 0, NULL,
                            NULL);
  if (status == 0) status = n->nvrtcCompileProgram(c->program, options->n, options->at);
  if (status == 0) status = n->nvrtcGetCUBINSize(c->program, bytes);
  if (status != 0)
    base_raise(d->head.ctx, BASE_DEVICE, base_nowhere, "%s does not compile (NVRTC %d.%d): %.3000s",
               entry, n->major, n->minor,
               c->program ? compiler_log(arena, n, c->program) : "no program was made");
  char *cubin = base_alloc(arena, *bytes + 1);
  n->nvrtcGetCUBIN(c->program, cubin);
  return cubin;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static void read_attributes(cuda_device *d, cuda_kernel *k, const cuda_options *o) {
  cuda_driver *v = &d->driver;
  v->cuFuncGetAttribute(&k->registers, CU_FUNC_ATTRIBUTE_NUM_REGS, k->function);
  v->cuFuncGetAttribute(&k->local, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, k->function);
  v->cuFuncGetAttribute(&k->shared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, k->function);
  v->cuFuncGetAttribute(&k->threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, k->function);
  if (o->shared)
    cuda_check(d,
               v->cuFuncSetAttribute(k->function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                     o->shared),
               k->entry);
  if (o->wide_clusters)
    v->cuFuncSetAttribute(k->function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1);
}

/* NULL: the image is not one for this GPU. */
static cuda_kernel *load(cuda_device *d, const char *entry, const char *cubin,
                         const cuda_options *o) {
  CUmodule module;
  CUresult r = d->driver.cuModuleLoadData(&module, cubin);
  if (r == CUDA_ERROR_INVALID_IMAGE || r == CUDA_ERROR_NO_BINARY_FOR_GPU) return NULL;
  cuda_check(d, r, entry);
  BASE_PUSH(d->arena, &d->cache->modules, module);
  cuda_kernel *k = BASE_NEW(d->arena, cuda_kernel);
  k->entry = cuda_name(d, entry);
  cuda_check(d, d->driver.cuModuleGetFunction(&k->function, module, entry), entry);
  read_attributes(d, k, o);
  return k;
}

typedef struct origin {
  uint64_t hash[2];
  char file[64];                      /* where it is kept */
} origin;

static origin origin_of(base_arena *arena, const cuda_device *d, const char *entry,
                        const base_text *source, const option_list *options) {
  origin o;
  base_text all = base_text_open(arena);
  base_putf(&all, "%s\nNVRTC %d.%d\n", entry, d->nvrtc.major, d->nvrtc.minor);
  for (int i = 0; i < options->n; i++) base_putf(&all, "%s\n", options->at[i]);
  base_put_n(&all, source->at, source->n);
  o.hash[0] = base_hash(all.at, all.n, 1);
  o.hash[1] = base_hash(all.at, all.n, 2);
  snprintf(o.file, sizeof o.file, "%016llx%016llx.cubin", (unsigned long long)o.hash[0],
           (unsigned long long)o.hash[1]);
  return o;
}

/* What was kept may be damaged in ways that show only when it is loaded. */
static cuda_kernel *make(base_arena *arena, cuda_device *d, const char *entry,
                         const base_text *source, const option_list *list, const origin *from,
                         const cuda_options *o) {
  size_t bytes = 0;
  cuda_alive(d);
  char *cubin = device_cache_get(arena, from->file, &bytes);
  cuda_kernel *k = cubin ? load(d, entry, cubin, o) : NULL;
  if (k) return k;
  cubin = cubin_of(arena, d, entry, source, list, &bytes);
  k = load(d, entry, cubin, o);
  if (!k)
    base_raise(d->head.ctx, BASE_DEVICE, base_nowhere,
               "%s: what NVRTC %d.%d compiled does not load: driver %s is too old for it", entry,
               d->nvrtc.major, d->nvrtc.minor, d->driver.release);
  device_cache_put(arena, from->file, cubin, bytes);
  return k;
}

cuda_kernel *cuda_compile(device_bind *bind, const char *entry, const base_text *source,
                          const cuda_options *options) {
  static const cuda_options plain;
  cuda_device *d = cuda_of(bind->device);
  base_arena *arena = base_arena_child(bind->arena);
  const cuda_options *o = options ? options : &plain;
  option_list list = {0};
  list_options(arena, d, o, &list);
  origin from = origin_of(arena, d, entry, source, &list);
  uint64_t key[4] = {from.hash[0], from.hash[1], (uint64_t)o->shared, o->wide_clusters};
  cuda_kernel *k = base_map_get(d->cache->kernels, key, sizeof key);
  if (!k) {
    k = make(arena, d, entry, source, &list, &from, o);
    base_map_put(d->cache->kernels, key, sizeof key, k);
  }
  base_arena_close(arena);
  return k;
}

int cuda_blocks_per_sm(device_bind *bind, const cuda_kernel *k, int block, int shared) {
  cuda_device *d = cuda_of(bind->device);
  int blocks = 0;
  cuda_alive(d);
  cuda_check(d,
             d->driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, k->function, block,
                                                                   (size_t)shared),
             k->entry);
  return blocks;
}
