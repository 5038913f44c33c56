/* Private to src/device/cpu: the device, and what its implementations share. */
#ifndef TL_DEVICE_CPU_H
#define TL_DEVICE_CPU_H

#include "device/cpu/gemm.h"
#include "device/cpu/nest.h"
#include "device/cpu/vm.h"
#include "device/device.h"

enum { CPU_CHUNKS = 16 };                   /* of partial results, whatever the number of threads */
static const double CPU_WORKER_COST = 1500; /* nanoseconds of work that are worth another thread */

typedef struct cpu_device {
  device head;
  cpu_isa isa;
  const vm_machine *vm;
  cpu_gemm *gemm;
  cpu_gemm **solo; /* one for each thread, for products inside jobs; made when needed */
} cpu_device;

static inline cpu_device *cpu_of(device *d) { return (cpu_device *)(void *)d; }

/* The implementations, one file or more each. */
device_launch *cpu_prepare_nests(device_bind *bind); /* map, row: a nest for each segment */
device_launch *cpu_prepare_contract(device_bind *bind);
const char *cpu_refuse_contract(const device *d, const kernel *k);
device_launch *cpu_prepare_attend(device_bind *bind);
device_launch *cpu_prepare_any(device_bind *bind); /* every shape: one equation after another */

device_launch *cpu_fall_back(device_bind *bind, const char *why); /* the same, said in the log */

cpu_gemm **cpu_solo_gemms(device *d); /* raises */
int cpu_threads(const device *d);
void *cpu_alloc(device_bind *bind, size_t bytes); /* work space of a launch, 64-byte aligned */

#endif
