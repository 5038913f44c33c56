/* All inline PTX, as small functions. */

/* Wait until the kernels before this one are done and their writes are seen; for stages that are
 * launched with `overlap`, before they touch memory. */
static __device__ __forceinline__ void ptx_wait_for_previous(void) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* The next kernel may start: what remains of this one does not matter to it until it waits. */
static __device__ __forceinline__ void ptx_allow_next(void) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
