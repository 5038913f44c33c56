/* query: queries and print. */
#include "lang/machine.h"

#include <string.h>

/* Each row of tokens is one line. */
static machine_shown decoded(base_arena *job, const lang_domain *d, machine_view v) {
  base_text text = base_text_open(job);
  int64_t row = v.rank ? v.size[v.rank - 1] : 1, n = 1;
  for (int k = 0; k < v.rank; k++) n *= v.size[k];
  int64_t *token = BASE_NEWS(job, int64_t, row + 1);
  for (int64_t at = 0; at < n; at += row) {
    if (at) base_put(&text, "\n");
    for (int64_t i = 0; i < row; i++) token[i] = device_load_value(v.type, v.data, at + i).u.i;
    io_string s = io_decode(job, d->text, token, (size_t)row);
    base_put_n(&text, s.at, s.n);
  }
  return (machine_shown){.is_text = true, .text = text.at, .length = text.n};
}

static machine_shown generated(lang_machine *m, base_arena *job, const lang_item *item) {
  io_array tokens = machine_generate(m, job, item->generate);
  machine_view v = {.type = IR_I64, .rank = 1, .data = tokens.data};
  v.size[0] = tokens.shape[0];
  if (item->decode) return decoded(job, item->generate->domain, v);
  return (machine_shown){.view = v};
}

enum { LINES = 40 }; /* of a relation, if it is to be brief */

static void cut_lines(base_text *text) {
  size_t kept = 0;
  int64_t lines = 0;
  for (size_t i = 0; i < text->n; i++)
    if (text->at[i] == '\n' && ++lines == LINES) kept = i + 1;
  if (lines <= LINES + 1) return;
  text->n = kept;
  base_putf(text, "... %lld more\n", (long long)(lines - LINES));
}

static machine_shown related(lang_machine *m, base_arena *job, const lang_item *item) {
  base_text text = base_text_open(job);
  machine_put_relation(m, job, item, &text, false);
  if (m->output.brief) cut_lines(&text);
  return (machine_shown){.is_text = true, .text = text.at, .length = text.n};
}

machine_shown machine_show(lang_machine *m, base_arena *job, const lang_item *item, int nwith,
                           const lang_with *with) {
  switch (item->show) {
  case LANG_SHOW_TEXT:
    return (machine_shown){.is_text = true, .text = item->text, .length = strlen(item->text)};
  case LANG_SHOW_GENERATED: return generated(m, job, item);
  case LANG_SHOW_TUPLES:
  case LANG_SHOW_ELEMENTS: return related(m, job, item);
  default: break;
  }
  run_value *v = machine_value(m, job, item->tensor, nwith, with);
  machine_view view = machine_view_of(job, v, item);
  view.brief = m->output.brief;
  if (item->show == LANG_SHOW_DECODED) return decoded(job, item->tensor->tokens, view);
  return (machine_shown){.view = view};
}

static void put(lang_machine *m, const base_text *text) {
  if (m->output.put) m->output.put(m->output.user, text->at, text->n);
}

static void end_line(base_text *text) {
  if (!text->n || text->at[text->n - 1] != '\n') base_put(text, "\n");
}

void machine_query(lang_machine *m, base_arena *job, const lang_action *a) {
  const lang_item *item = &a->item[0];
  bool relation = item->show == LANG_SHOW_TUPLES || item->show == LANG_SHOW_ELEMENTS;
  machine_shown s = machine_show(m, job, item, a->nwith, a->with);
  base_text text = base_text_open(job);
  if (m->output.json) {
    base_put(&text, "{\"query\": ");
    machine_put_string(&text, a->stmt->source, strlen(a->stmt->source));
    base_put(&text, ", \"value\": ");
    if (relation)
      machine_put_relation(m, job, item, &text, true);
    else if (s.is_text)
      machine_put_string(&text, s.text, s.length);
    else
      machine_put_json(&text, &s.view);
    base_put(&text, "}\n");
  } else if (relation) {
    base_put_n(&text, s.text, s.length);
  } else if (s.is_text) {
    base_put_n(&text, s.text, s.length);
    end_line(&text);
  } else {
    machine_put_value(&text, a->item[0].label, &s.view);
  }
  put(m, &text);
}

/* print("loss", Loss): one line, unless a value has several. */
void machine_print(lang_machine *m, base_arena *job, const lang_action *a) {
  base_text line = base_text_open(job);
  for (int i = 0; i < a->n; i++) {
    machine_shown s = machine_show(m, job, &a->item[i], 0, NULL);
    bool starts = !line.n || line.at[line.n - 1] == '\n';
    if (!starts) base_put(&line, !s.is_text && s.view.rank > 1 ? "\n" : " ");
    if (s.is_text) {
      base_put_n(&line, s.text, s.length);
      continue;
    }
    machine_put_value(&line, NULL, &s.view);
    if (s.view.rank < 2) line.at[--line.n] = '\0';
  }
  end_line(&line);
  if (!m->output.json) {
    put(m, &line);
    return;
  }
  base_text text = base_text_open(job);
  base_put(&text, "{\"print\": ");
  machine_put_string(&text, line.at, line.n - 1);
  base_put(&text, "}\n");
  put(m, &text);
}
