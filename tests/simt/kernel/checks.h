/* What -fsanitize=thread calls at each access; no run-time library of its is linked. */
#pragma once

#define SIMT_HOOK extern "C" __attribute__((visibility("hidden"), no_sanitize("thread")))
#define SIMT_HOOKS(n)                                                                          \
  SIMT_HOOK void __tsan_read##n(void *p) { simt_touch(p, n, 0); }                              \
  SIMT_HOOK void __tsan_write##n(void *p) { simt_touch(p, n, 1); }                             \
  SIMT_HOOK void __tsan_unaligned_read##n(void *p) { simt_touch(p, n, 0); }                    \
  SIMT_HOOK void __tsan_unaligned_write##n(void *p) { simt_touch(p, n, 1); }                   \
  SIMT_HOOK void __tsan_volatile_read##n(void *p) { simt_touch(p, n, 0); }                     \
  SIMT_HOOK void __tsan_volatile_write##n(void *p) { simt_touch(p, n, 1); }
SIMT_HOOKS(1)
SIMT_HOOKS(2)
SIMT_HOOKS(4)
SIMT_HOOKS(8)
SIMT_HOOKS(16)
SIMT_HOOK void __tsan_read_range(void *p, unsigned long n) { simt_touch(p, (unsigned)n, 0); }
SIMT_HOOK void __tsan_write_range(void *p, unsigned long n) { simt_touch(p, (unsigned)n, 1); }
SIMT_HOOK void __tsan_init() {}
SIMT_HOOK void __tsan_func_entry(void *) {}
SIMT_HOOK void __tsan_func_exit(void *) {}
