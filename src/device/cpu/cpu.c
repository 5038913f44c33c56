/* cpu: the device, and its implementations in order of preference. */
#include "device/cpu/cpu.h"

#include <string.h>

#include "device/pool.h"

const vm_machine *vm_machine_for(cpu_isa isa) {
#if CPU_X86
  if (isa == CPU_AVX512) return &vm_avx512;
  if (isa == CPU_AVX2) return &vm_avx2;
#endif
  (void)isa;
  return &vm_plain;
}

void *cpu_alloc(device_bind *bind, size_t bytes) {
  char *p = base_alloc(bind->arena, bytes + 192);
  return (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
}

int cpu_threads(const device *d) { return d->threads ? base_pool_threads(d->threads) : 1; }

cpu_gemm **cpu_solo_gemms(device *d) {
  cpu_device *cpu = cpu_of(d);
  if (!cpu->solo) cpu->solo = base_calloc(d->ctx, sizeof *cpu->solo * (size_t)cpu_threads(d));
  for (int i = 0; i < cpu_threads(d); i++)
    if (!cpu->solo[i]) cpu->solo[i] = cpu_gemm_open(d->ctx, NULL, cpu->isa);
  return cpu->solo;
}

static const device_impl impls[] = {
    {"cpu.map", KERNEL_MAP, NULL, cpu_prepare_nests},
    {"cpu.row", KERNEL_ROW, NULL, cpu_prepare_nests},
    {"cpu.contract.gemm", KERNEL_CONTRACT, cpu_refuse_contract, cpu_prepare_contract},
    {"cpu.attend.gemm", KERNEL_ATTEND, NULL, cpu_prepare_attend},
    {"cpu.map.any", KERNEL_MAP, NULL, cpu_prepare_any},
    {"cpu.row.any", KERNEL_ROW, NULL, cpu_prepare_any},
    {"cpu.contract.any", KERNEL_CONTRACT, NULL, cpu_prepare_any},
    {"cpu.attend.any", KERNEL_ATTEND, NULL, cpu_prepare_any},
    {"cpu.scatter", KERNEL_SCATTER, NULL, cpu_prepare_any},
    {"cpu.scan", KERNEL_SCAN, NULL, cpu_prepare_any},
    {NULL, KERNEL_SHAPES, NULL, NULL},
};

void device_facts_cpu(device_facts *facts) {
  base_arena *arena = facts->arena;
  const char *machine = cpu_isa_name(cpu_isa_machine()), *used = cpu_isa_name(cpu_isa_detect());
  base_pool *pool = base_pool_open(base_arena_ctx(arena), 0);
  int threads = base_pool_threads(pool);
  base_pool_close(pool);
  device_fact_add(facts, "instructions",
                  strcmp(machine, used) == 0
                      ? machine
                      : base_format(arena, "%s of %s, by TL_ISA", used, machine));
  device_fact_add(facts, "threads", base_format(arena, "%d", threads));
}

static void close_cpu(device *d) {
  base_ctx *ctx = d->ctx;
  cpu_device *cpu = cpu_of(d);
  for (int i = 0; cpu->solo && i < cpu_threads(d); i++) cpu_gemm_close(cpu->solo[i]);
  base_free(ctx, cpu->solo);
  cpu_gemm_close(cpu->gemm);
  device_pool_close(d);
  base_pool_close(d->threads);
  base_free(ctx, d);
}

device *device_open_cpu(base_ctx *ctx, int threads) {
  cpu_device *d = base_calloc(ctx, sizeof *d);
  d->head = (device){.ctx = ctx, .name = "cpu", .impls = impls, .memory = &device_host_memory,
                     .close = close_cpu};
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    d->isa = cpu_isa_detect();
    d->vm = vm_machine_for(d->isa);
    device_pool_open(&d->head);
    d->head.threads = base_pool_open(ctx, threads);
    d->gemm = cpu_gemm_open(ctx, d->head.threads, d->isa);
    base_untrap(ctx, &trap);
  } else {
    close_cpu(&d->head);
    base_raise_again(ctx);
  }
  return &d->head;
}
