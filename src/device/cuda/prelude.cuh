/* What every kernel's source starts with. The run-time compiler brings no headers, and the tests
 * compile the same text for the host: so types are spelled out, and shared memory is named by a
 * macro. */
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

/* TL_SHARED(type, name): the dynamic shared memory of the launch, as an array; 1024-aligned. */
#ifndef TL_SHARED
#define TL_SHARED(type, name)                                          \
  extern __shared__ __align__(1024) unsigned char tl_shared_memory[]; \
  type *name = (type *)tl_shared_memory
#endif
