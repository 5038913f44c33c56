/* Opening the driver and the run-time compiler: where they are looked for, and why not. */
#include "device/cuda/driver.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEEDS_CUDA = 12000, NEEDS_RELEASE = 525 };   /* thread block clusters, tensor maps */

/* ---- loading --------------------------------------------------------------------------------- */

typedef struct symbol {
  const char *name;
  size_t at;               /* of the pointer, in the table */
  bool optional;
} symbol;

/* The first symbol that is needed and not there; NULL: none. */
static const char *resolve(void *library, void *table, const symbol *symbols, size_t n) {
  for (size_t i = 0; i < n; i++) {
    void *found = dlsym(library, symbols[i].name);
    if (!found && !symbols[i].optional) return symbols[i].name;
    memcpy((char *)table + symbols[i].at, &found, sizeof found);
  }
  return NULL;
}

static void *load(const char *file) { return dlopen(file, RTLD_NOW | RTLD_LOCAL); }

/* What dlerror says, without the name of the library in front of it. */
static const char *load_error(base_arena *arena, const char *file) {
  const char *text = dlerror();
  if (!text) return "no reason given";
  size_t n = strlen(file);
  if (strncmp(text, file, n) == 0 && strncmp(text + n, ": ", 2) == 0) text += n + 2;
  return base_copy(arena, text);
}

/* ---- driver ---------------------------------------------------------------------------------- */

#define MEMBER(name, text, parameters) {text, offsetof(cuda_driver, name), false},
#define OPTIONAL_MEMBER(name, text, parameters) {text, offsetof(cuda_driver, name), true},
static const symbol driver_symbols[] = {
    CUDA_FUNCTIONS(MEMBER) CUDA_OPTIONAL_FUNCTIONS(OPTIONAL_MEMBER)};

/* Where distributions and containers put it when the loader does not know. */
static const char *const driver_files[] = {
    "libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
    "/run/opengl-driver/lib/libcuda.so.1",
    "/usr/local/nvidia/lib64/libcuda.so.1",
    NULL,
};

static const char *load_driver(base_arena *arena, cuda_driver *driver) {
  const char *told = getenv("TL_CUDA_DRIVER"), *why = NULL;
  const char *const only[] = {told, NULL};
  for (const char *const *file = told ? only : driver_files; *file; file++) {
    driver->library = load(*file);
    if (driver->library) return NULL;
    const char *reason = load_error(arena, *file);
    if (!why) why = base_format(arena, "%s not found: %s", *file, reason);
  }
  return why;
}

/* The release of the kernel's module, "580.65.06"; "": not known. */
static void read_release(cuda_driver *driver) {
  FILE *file = fopen("/sys/module/nvidia/version", "re");
  if (!file) return;
  if (!fgets(driver->release, sizeof driver->release, file)) driver->release[0] = 0;
  driver->release[strcspn(driver->release, "\n")] = 0;
  fclose(file);
}

static const char *too_old(base_arena *arena, const cuda_driver *driver) {
  const char *release = driver->release[0] ? driver->release : "that is installed";
  return base_format(arena,
                     "driver %.*s is too old for TensorLogic: it knows CUDA %d.%d, and %d.%d is "
                     "needed (driver %d or newer)",
                     (int)(driver->release[0] ? strcspn(release, ".") : strlen(release)), release,
                     driver->version / 1000, driver->version % 1000 / 10, NEEDS_CUDA / 1000,
                     NEEDS_CUDA % 1000 / 10, NEEDS_RELEASE);
}

const char *cuda_driver_open(base_arena *arena, cuda_driver *driver) {
  *driver = (cuda_driver){0};
  const char *why = load_driver(arena, driver);
  if (why) return why;
  read_release(driver);
  CUresult (*version)(int *) = NULL;
  void *found = dlsym(driver->library, "cuDriverGetVersion");
  memcpy(&version, &found, sizeof found);
  if (version) version(&driver->version);
  if (version && driver->version < NEEDS_CUDA) why = too_old(arena, driver);
  const char *missing = why ? NULL
                            : resolve(driver->library, driver, driver_symbols,
                                      sizeof driver_symbols / sizeof *driver_symbols);
  if (missing) why = base_format(arena, "libcuda.so.1 is not usable: it has no %s", missing);
  if (why) cuda_driver_close(driver);
  return why;
}

void cuda_driver_close(cuda_driver *driver) {
  if (driver->library) dlclose(driver->library);
  driver->library = NULL;
}

/* ---- compiler -------------------------------------------------------------------------------- */

#define COMPILER_MEMBER(name, text, parameters) {text, offsetof(cuda_nvrtc, name), false},
static const symbol compiler_symbols[] = {CUDA_COMPILER_FUNCTIONS(COMPILER_MEMBER)};

/* Where it lies where the loader does not know: CUDA's folders, Python's packages. %d: major. */
static const char *const compiler_places[] = {
    "/usr/local/cuda*/lib/libnvrtc.so.%d",
    "/usr/local/cuda*/lib64/libnvrtc.so.%d",
    "/usr/local/cuda*/targets/*/lib/libnvrtc.so.%d",
    "/opt/cuda*/lib64/libnvrtc.so.%d",
    "/usr/local/lib/python3*/*-packages/nvidia/*/lib/libnvrtc.so.%d",
    "/usr/lib/python3*/*-packages/nvidia/*/lib/libnvrtc.so.%d",
    "/opt/*/lib/python3*/*-packages/nvidia/*/lib/libnvrtc.so.%d",
    NULL,
};

static bool try_compiler(cuda_nvrtc *nvrtc, const char *file) {
  nvrtc->library = load(file);
  if (!nvrtc->library) return false;
  if (resolve(nvrtc->library, nvrtc, compiler_symbols,
              sizeof compiler_symbols / sizeof *compiler_symbols) == NULL &&
      nvrtc->nvrtcVersion(&nvrtc->major, &nvrtc->minor) == 0) {
    Dl_info info;
    bool known = dladdr(dlsym(nvrtc->library, "nvrtcVersion"), &info) != 0 && info.dli_fname;
    snprintf(nvrtc->file, sizeof nvrtc->file, "%s", known ? info.dli_fname : file);
    return true;
  }
  cuda_nvrtc_close(nvrtc);
  return false;
}

/* Files that match a pattern, the last name first: cuda-13.1 before cuda-13.0. */
static bool try_pattern(cuda_nvrtc *nvrtc, const char *pattern) {
  glob_t found = {0};
  bool done = false;
  if (glob(pattern, 0, NULL, &found) == 0)
    for (size_t i = found.gl_pathc; i-- > 0 && !done;)
      done = try_compiler(nvrtc, found.gl_pathv[i]);
  globfree(&found);
  return done;
}

/* Of one major version: as the loader knows it, then CUDA_HOME, VIRTUAL_ENV, then the places. */
static bool try_major(base_arena *arena, cuda_nvrtc *nvrtc, int major) {
  const char *home = getenv("CUDA_HOME"), *env = getenv("VIRTUAL_ENV");
  if (try_compiler(nvrtc, base_format(arena, "libnvrtc.so.%d", major))) return true;
  if (home && try_pattern(nvrtc, base_format(arena, "%s/lib*/libnvrtc.so.%d", home, major)))
    return true;
  if (env && try_pattern(nvrtc, base_format(arena, "%s/lib/python3*/*-packages/nvidia/*/lib/"
                                                   "libnvrtc.so.%d", env, major)))
    return true;
  for (const char *const *place = compiler_places; *place; place++) {
    const char *mark = strstr(*place, "%d");
    const char *pattern = base_format(arena, "%.*s%d", (int)(mark - *place), *place, major);
    if (try_pattern(nvrtc, pattern)) return true;
  }
  return false;
}

/* What a newer compiler makes an older driver does not load: its own major version comes first. */
const char *cuda_nvrtc_open(base_arena *arena, cuda_nvrtc *nvrtc, int driver_version) {
  *nvrtc = (cuda_nvrtc){0};
  const char *told = getenv("TL_NVRTC");
  if (told && try_compiler(nvrtc, told)) return NULL;
  if (told)
    return base_format(arena, "libnvrtc not found: TL_NVRTC names %s, which cannot be loaded",
                       told);
  int newest = driver_version > 0 ? driver_version / 1000 : 13;
  for (int major = newest; major >= 12; major--)
    if (try_major(arena, nvrtc, major)) return NULL;
  if (try_major(arena, nvrtc, newest + 1)) {
    cuda_nvrtc_close(nvrtc);
    return base_format(arena,
                       "driver is too old for the libnvrtc that was found: libnvrtc.so.%d, and the "
                       "driver knows CUDA %d.%d",
                       newest + 1, driver_version / 1000, driver_version % 1000 / 10);
  }
  return base_format(arena,
                     "libnvrtc not found: looked for libnvrtc.so.%d down to libnvrtc.so.12 in "
                     "LD_LIBRARY_PATH, CUDA_HOME, /usr/local/cuda*, and Python's nvidia packages",
                     newest);
}

void cuda_nvrtc_close(cuda_nvrtc *nvrtc) {
  if (nvrtc->library) dlclose(nvrtc->library);
  nvrtc->library = NULL;
}
