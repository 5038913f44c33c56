/* The lock, options, failures on purpose: what is behind every function. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../simt.h"
#include "driver.h"

/* ---- the lock -------------------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static result lost;
static char message[2048];
static double clock_ms;

int driver_enter(void) {
  pthread_mutex_lock(&mutex);
  return 1;
}

void driver_leave(int *held) {
  if (*held) pthread_mutex_unlock(&mutex);
}

double driver_clock(void) { return clock_ms; }
void driver_tick(double ms) { clock_ms += ms; }

/* ---- options --------------------------------------------------------------------------------- */

typedef struct option {
  char name[32], value[128];
} option;

enum { OPTIONS = 16 };
static option options[OPTIONS];

const char *driver_option(const char *name) {
  char variable[64] = "TL_SIMT_";
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0) return options[i].value;
  for (size_t i = 0; name[i] && i < 50; i++) {
    char c = name[i];
    variable[8 + i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return getenv(variable);
}

long long driver_number(const char *name, long long otherwise) {
  const char *value = driver_option(name);
  return value && *value ? strtoll(value, NULL, 10) : otherwise;
}

DOOR void simt_option(const char *name, const char *value) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  option *to = NULL;
  for (int i = 0; i < OPTIONS && !to; i++)
    if (strcmp(options[i].name, name) == 0) to = &options[i];
  for (int i = 0; i < OPTIONS && !to; i++)
    if (!options[i].name[0]) to = &options[i];
  if (!to) return;
  snprintf(to->name, sizeof to->name, "%s", value ? name : "");
  snprintf(to->value, sizeof to->value, "%s", value ? value : "");
}

DOOR void simt_memory(size_t bytes) {
  char text[32];
  snprintf(text, sizeof text, "%zu", bytes);
  simt_option("memory", bytes ? text : NULL);
}

/* ---- calls, and failures on purpose ---------------------------------------------------------- */

enum { FUNCTIONS = 128 };

typedef struct called {
  char name[48]; /* without _v2 */
  uint64_t calls;
  bool fails;
  int after;
  result result;
} called;

static called functions[FUNCTIONS];

static called *called_of(const char *name) {
  char plain[48];
  snprintf(plain, sizeof plain, "%s", name);
  char *version = strstr(plain, "_v2");
  if (version) *version = 0;
  int i = 0;
  while (i < FUNCTIONS - 1 && functions[i].name[0] && strcmp(functions[i].name, plain) != 0) i++;
  if (!functions[i].name[0]) memcpy(functions[i].name, plain, sizeof plain);
  return &functions[i];
}

static void fail(const char *name, int after, int code) {
  called *f = called_of(name);
  f->fails = true;
  f->after = after;
  f->result = (result)code;
}

DOOR void simt_fail(const char *name, int after, int code) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  fail(name, after, code);
}

DOOR uint64_t simt_calls(const char *name) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  return called_of(name)->calls;
}

/* TL_SIMT_FAIL=cuMemAlloc:2:2 */
static void read_environment(void) {
  static bool read;
  char name[48];
  int after, code;
  const char *text = read ? NULL : getenv("TL_SIMT_FAIL");
  read = true;
  if (text && sscanf(text, "%47[^:]:%d:%d", name, &after, &code) == 3) fail(name, after, code);
}

static bool is_final(result r) {
  return (r >= ILLEGAL_ADDRESS && r <= LAUNCH_FAILED && r != LAUNCH_OUT_OF_RESOURCES) || r == 46 ||
         r == 214 || r == 999;
}

result driver_refuses(const char *name) {
  read_environment();
  called *f = called_of(name);
  f->calls++;
  if (lost != SUCCESS) return lost;
  if (!f->fails || f->after-- > 0) return SUCCESS;
  f->fails = false;
  if (is_final(f->result)) driver_lose(f->result, "the device is lost on purpose");
  return f->result;
}

void driver_lose(result why, const char *text) {
  lost = why;
  snprintf(message, sizeof message, "%s", text);
  if (!driver_option("quiet")) fprintf(stderr, "simt: %s\n", text);
}

result driver_lost(void) { return lost; }
DOOR const char *simt_message(void) { return message; }

DOOR void simt_recover(void) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  lost = SUCCESS;
  message[0] = 0;
  for (int i = 0; i < FUNCTIONS; i++) functions[i].fails = false;
}
