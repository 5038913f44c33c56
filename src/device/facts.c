/* What the machine offers, and what of it can be used. */
#include "device/device.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void device_fact_add(device_facts *facts, const char *name, const char *value) {
  BASE_PUSH(facts->arena, &facts->list, ((device_fact){name, value}));
}

/* A line of a file in /proc: what follows the colon of the first that starts with KEY; NULL. */
static const char *line_of(base_arena *arena, const char *path, const char *key) {
  FILE *file = fopen(path, "re");
  char line[1024], *found = NULL;
  if (!file) return NULL;
  while (!found && fgets(line, sizeof line, file)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, key, strlen(key)) == 0 && colon) found = colon + 1 + strspn(colon + 1, " \t");
  }
  fclose(file);
  return found ? base_copy_n(arena, found, strcspn(found, "\n")) : NULL;
}

static double kilobytes(const char *text) {
  double n = 0;
  if (text) sscanf(text, "%lf", &n);
  return n / 1e6;
}

static void add_memory(device_facts *facts) {
  base_arena *arena = facts->arena;
  const char *all = line_of(arena, "/proc/meminfo", "MemTotal");
  const char *left = line_of(arena, "/proc/meminfo", "MemAvailable");
  if (all)
    device_fact_add(facts, "memory", base_format(arena, "%.1f GB, %.1f GB of it available",
                                                 kilobytes(all), kilobytes(left)));
}

void device_facts_all(device_facts *facts) {
  const char *name = line_of(facts->arena, "/proc/cpuinfo", "model name");
  device_fact_add(facts, "processor", name ? name : "not known");
  device_facts_cpu(facts);
  add_memory(facts);
  device_facts_cuda(facts);
}
