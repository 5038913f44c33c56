/* Modules: an image becomes a shared object of its own, whose zero-initialised data is the static
 * shared memory of its kernels. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/image.h"
#include "driver.h"

static module *all;

/* What a cubin says of itself, and whether it is whole. */
static bool is_whole(const char *image, image_head *head) {
  memcpy(head, image, sizeof *head);
  return memcmp(head->magic, IMAGE_MAGIC, 8) == 0 && head->bytes < 1u << 30 &&
         image_hash(image + sizeof *head, head->bytes) == head->hash;
}

/* The loader knows objects by the names they were opened by, and descriptors come again: so each
 * file has a name of its own, its number spelled in the slashes. */
static void *open_image(const char *so, size_t bytes) {
  static unsigned number;
  char path[128], unique[80];
  size_t at = 0;
  for (unsigned k = ++number; k; k /= 2) at += (size_t)sprintf(unique + at, k % 2 ? "/." : "/");
  int file = memfd_create("kernel", MFD_CLOEXEC);
  if (file < 0 || write(file, so, bytes) != (ssize_t)bytes) return NULL;
  snprintf(path, sizeof path, "/proc/self%s/fd/%d", unique, file);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) fprintf(stderr, "simt: a kernel cannot be loaded: %s\n", dlerror());
  close(file);
  return library;
}

static int find_still(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  module *m = arg;
  struct link_map *map;
  if (dlinfo(m->library, RTLD_DI_LINKMAP, &map) != 0 || map->l_addr != info->dlpi_addr) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *h = &info->dlpi_phdr[i];
    if (h->p_type != PT_LOAD || !(h->p_flags & PF_W)) continue;
    m->still = (char *)(info->dlpi_addr + h->p_vaddr + h->p_filesz);
    m->still_bytes = h->p_memsz - h->p_filesz;
    size_t skew = (uintptr_t)m->still % 16; /* so that addresses are as aligned as places */
    m->still -= skew;
    m->still_bytes += skew;
  }
  return 1;
}

static void list_functions(module *m, const simt_entry *entry) {
  while (entry[m->functions].name) m->functions++;
  m->function = calloc((size_t)m->functions + 1, sizeof *m->function);
  for (int i = 0; i < m->functions; i++)
    m->function[i] = (function){.entry = &entry[i], .module = m, .dynamic_most = 48 << 10};
}

DOOR int cuModuleLoadData(module **to, const void *image);
DOOR int cuModuleLoadData(module **to, const void *image) {
  image_head head;
  ENTER("cuModuleLoadData");
  if (!is_whole(image, &head)) return INVALID_IMAGE;
  module *m = calloc(1, sizeof *m);
  if (!m) return OUT_OF_MEMORY;
  m->library = open_image((const char *)image + sizeof head, head.bytes);
  const simt_entry *entry = m->library ? dlsym(m->library, "simt_entries") : NULL;
  if (!entry) {
    free(m);
    return INVALID_IMAGE;
  }
  dl_iterate_phdr(find_still, m);
  list_functions(m, entry);
  m->next = all;
  all = m;
  *to = m;
  return SUCCESS;
}

static void drop(module *m) {
  dlclose(m->library);
  free(m->function);
  free(m);
}

void module_drop_all(void) {
  while (all) {
    module *m = all;
    all = m->next;
    drop(m);
  }
}

DOOR int cuModuleUnload(module *m);
DOOR int cuModuleUnload(module *m) {
  ENTER("cuModuleUnload");
  result r = stream_finish_all(false);
  for (module **at = &all; *at; at = &(*at)->next)
    if (*at == m) {
      *at = m->next;
      drop(m);
      return r;
    }
  return INVALID_HANDLE;
}

DOOR int cuModuleGetFunction(function **to, module *m, const char *name);
DOOR int cuModuleGetFunction(function **to, module *m, const char *name) {
  ENTER("cuModuleGetFunction");
  for (int i = 0; i < m->functions; i++)
    if (strcmp(m->function[i].entry->name, name) == 0) {
      *to = &m->function[i];
      return SUCCESS;
    }
  return NOT_FOUND;
}

enum { /* CUfunction_attribute */
       MAX_THREADS_PER_BLOCK = 0,
       SHARED_SIZE_BYTES = 1,
       CONST_SIZE_BYTES = 2,
       LOCAL_SIZE_BYTES = 3,
       NUM_REGS = 4,
       PTX_VERSION = 5,
       BINARY_VERSION = 6,
       MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
       PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
       NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14,
};

DOOR int cuFuncGetAttribute(int *value, int which, function *f);
DOOR int cuFuncGetAttribute(int *value, int which, function *f) {
  ENTER("cuFuncGetAttribute");
  int threads = f->entry->max_threads ? (int)f->entry->max_threads : 1024;
  switch (which) {
  case MAX_THREADS_PER_BLOCK: *value = threads; return SUCCESS;
  case SHARED_SIZE_BYTES: *value = (int)f->module->still_bytes; return SUCCESS;
  case CONST_SIZE_BYTES:
  case LOCAL_SIZE_BYTES: *value = 0; return SUCCESS;
  case NUM_REGS: *value = 32; return SUCCESS;
  case PTX_VERSION:
  case BINARY_VERSION: *value = (int)driver_number("capability", 90); return SUCCESS;
  case MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = f->dynamic_most; return SUCCESS;
  default: return INVALID_VALUE;
  }
}

DOOR int cuFuncSetAttribute(function *f, int which, int value);
DOOR int cuFuncSetAttribute(function *f, int which, int value) {
  ENTER("cuFuncSetAttribute");
  switch (which) {
  case MAX_DYNAMIC_SHARED_SIZE_BYTES:
    if (value < 0 || value > SHARED_MOST) return INVALID_VALUE;
    f->dynamic_most = value;
    return SUCCESS;
  case PREFERRED_SHARED_MEMORY_CARVEOUT: return SUCCESS;
  case NON_PORTABLE_CLUSTER_SIZE_ALLOWED: f->wide_clusters = value != 0; return SUCCESS;
  default: return INVALID_VALUE;
  }
}

DOOR int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, function *f, int threads,
                                                     size_t dynamic);
DOOR int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, function *f, int threads,
                                                     size_t dynamic) {
  ENTER("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  if (threads <= 0) return INVALID_VALUE;
  size_t shared = dynamic + f->module->still_bytes + 1024;
  int by_threads = 2048 / ((threads + 31) / 32 * 32), by_shared = (int)((228 << 10) / shared);
  *blocks = by_threads < by_shared ? by_threads : by_shared;
  if (*blocks > 32) *blocks = 32;
  return SUCCESS;
}
