/* simt: the emulated GPU from outside, for tests: what its libcuda.so.1 has besides the driver's
 * functions. Tests of the device find these by dlsym, the emulator's own tests link them. */
#ifndef TEST_SIMT_H
#define TEST_SIMT_H

#include <stddef.h>
#include <stdint.h>

/* AFTER further calls of a function of the driver succeed, the next one answers CODE. "kernel":
 * a kernel as it is executed. Codes that mean a lost device are answered by all later calls. */
void simt_fail(const char *name, int after, int code);
/* How often a function was called; "kernel": executed. */
uint64_t simt_calls(const char *name);
void simt_memory(size_t bytes); /* there is; 0: as an H200 has */
/* TL_SIMT_NAME of the environment, NAME in lower case; NULL: as it was. */
void simt_option(const char *name, const char *value);
/* What the last kernel that failed said; "" */
const char *simt_message(void);
/* The device works again, as in a new process. */
void simt_recover(void);

#endif
