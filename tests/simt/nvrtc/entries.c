/* Which __global__ functions a text has: names, launch bounds, cluster sizes. */
#include <ctype.h>
#include <string.h>

#include "program.h"

static const char *skip_to(const char *p, const char *end) {
  const char *at = strstr(p, end);
  return at ? at + strlen(end) : p + strlen(p);
}

/* Comments, strings and preprocessor lines are no code. */
static const char *skip_dead(const char *p, int line_start) {
  if (p[0] == '/' && p[1] == '/') return skip_to(p, "\n");
  if (p[0] == '/' && p[1] == '*') return skip_to(p + 2, "*/");
  if (p[0] == '"' || p[0] == '\'') {
    char quote = *p++;
    while (*p && *p != quote) p += *p == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
  }
  if (line_start && *p == '#') {
    while (*p && *p != '\n') p += *p == '\\' && p[1] ? 2 : 1;
    return p;
  }
  return p;
}

static int is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Behind the parenthesis that closes the one at P. */
static const char *close_of(const char *p) {
  int depth = 0;
  for (; *p; p++) {
    depth += *p == '(';
    depth -= *p == ')';
    if (depth == 0) return p + 1;
  }
  return p;
}

typedef struct head { /* what stands between __global__ and the parameters */
  const char *name, *bounds, *cluster;
  int name_bytes, bounds_bytes, cluster_bytes;
} head;

static head read_head(const char *p) {
  head h = {0};
  while (*p && *p != '{' && *p != ';') {
    const char *dead = skip_dead(p, 0);
    if (dead != p) {
      p = dead;
    } else if (isalpha((unsigned char)*p) || *p == '_') {
      const char *word = p;
      while (is_word(*p)) p++;
      int n = (int)(p - word);
      while (isspace((unsigned char)*p)) p++;
      if (*p != '(') continue;
      const char *end = close_of(p);
      if (n == 17 && strncmp(word, "__launch_bounds__", 17) == 0) {
        h.bounds = p + 1;
        h.bounds_bytes = (int)(end - p - 2);
      } else if (n == 16 && strncmp(word, "__cluster_dims__", 16) == 0) {
        h.cluster = p + 1;
        h.cluster_bytes = (int)(end - p - 2);
      } else if (strncmp(word, "__", 2) != 0) {
        h.name = word;
        h.name_bytes = n;
        return h;
      }
      p = end;
    } else {
      p++;
    }
  }
  return h;
}

static void put_entry(text *to, const head *h) {
  text_put(to, "SIMT_ENTRY(%.*s, (simt_bounds(%.*s)), (simt_cluster(%.*s))),\n", h->name_bytes,
           h->name, h->bounds_bytes, h->bounds ? h->bounds : "", h->cluster_bytes,
           h->cluster ? h->cluster : "");
}

void entries_put(text *to, const char *source) {
  text_put(to, "extern \"C\" __global__ const simt_entry simt_entries[] = {\n");
  int line_start = 1;
  for (const char *p = source; *p;) {
    const char *dead = skip_dead(p, line_start);
    if (dead != p) {
      line_start = dead[-1] == '\n';
      p = dead;
      continue;
    }
    if (is_word(*p)) {
      const char *word = p;
      while (is_word(*p)) p++;
      if (p - word == 10 && strncmp(word, "__global__", 10) == 0) {
        head h = read_head(p);
        if (h.name) put_entry(to, &h);
      }
      line_start = 0;
      continue;
    }
    line_start = *p == '\n' || (line_start && isspace((unsigned char)*p));
    p++;
  }
  text_put(to, "{}};\n");
}
