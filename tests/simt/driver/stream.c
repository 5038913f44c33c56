/* Streams and events. What is queued is done as late as can be: when something waits for it. With
 * TL_SIMT_ORDER=eager it is done at once. */
#include <stdlib.h>
#include <string.h>

#include "../core/device_memory.h"
#include "../core/fault.h"
#include "driver.h"

static stream fallback, *all; /* fallback: the default stream */
static event *events;

stream *stream_of(void *handle) { return handle ? handle : &fallback; }

/* One command; a failure is for good. */
static result step(stream *s) {
  command *c = s->first;
  s->first = c->next;
  if (!s->first) s->last = NULL;
  s->done++;
  result r = driver_lost() == SUCCESS ? c->act(c) : driver_lost();
  if (c->drop) c->drop(c);
  free(c);
  return r;
}

static result run_until(stream *s, uint64_t number) {
  result r = SUCCESS;
  if (s->done >= number) return driver_lost();
  device_memory_open();
  fault_watch();
  while (s->done < number && s->first) {
    result one = step(s);
    if (r == SUCCESS) r = one;
  }
  fault_unwatch();
  const char *damage = device_memory_close();
  if (damage && driver_lost() == SUCCESS) driver_lose(ILLEGAL_ADDRESS, damage);
  return driver_lost() != SUCCESS ? driver_lost() : r;
}

result stream_finish(stream *s) { return run_until(s, s->queued); }

result stream_finish_all(bool blocking_only) {
  result r = SUCCESS;
  for (stream *s = all; s; s = s->next) {
    if (blocking_only && s->flags & 1) continue;
    result one = stream_finish(s);
    if (r == SUCCESS) r = one;
  }
  return r;
}

result stream_add(stream *s, command *c) {
  if (!c) return OUT_OF_MEMORY;
  c->next = NULL;
  if (s->last)
    s->last->next = c;
  else
    s->first = c;
  s->last = c;
  s->queued++;
  const char *order = driver_option("order");
  if (s == &fallback) {
    stream_finish_all(true);
    return stream_finish(s);
  }
  if (order && strcmp(order, "eager") == 0) return stream_finish(s);
  return SUCCESS;
}

DOOR int cuStreamCreate(stream **to, unsigned flags);
DOOR int cuStreamCreate(stream **to, unsigned flags) {
  ENTER("cuStreamCreate");
  stream *s = calloc(1, sizeof *s);
  if (!s) return OUT_OF_MEMORY;
  s->flags = flags;
  s->next = all;
  all = s;
  *to = s;
  return SUCCESS;
}

DOOR int cuStreamDestroy_v2(stream *s);
DOOR int cuStreamDestroy_v2(stream *s) {
  ENTER("cuStreamDestroy_v2");
  if (!s || s->dead) return INVALID_HANDLE;
  stream_finish(s);
  s->dead = true; /* events may still name it */
  return SUCCESS;
}

DOOR int cuStreamSynchronize(stream *s);
DOOR int cuStreamSynchronize(stream *s) {
  ENTER("cuStreamSynchronize");
  if (stream_of(s)->dead) return INVALID_HANDLE;
  return stream_finish(stream_of(s));
}

/* Each question lets one more command pass, so that a program that polls comes to an end. */
static result query(stream *s, uint64_t number) {
  if (s->done >= number) return driver_lost();
  result r = run_until(s, s->done + 1);
  return r != SUCCESS ? r : s->done >= number ? SUCCESS : NOT_READY;
}

DOOR int cuStreamQuery(stream *s);
DOOR int cuStreamQuery(stream *s) {
  ENTER("cuStreamQuery");
  return query(stream_of(s), stream_of(s)->queued);
}

/* ---- events ---------------------------------------------------------------------------------- */

typedef struct mark {
  command command;
  event *event;
} mark;

static result do_mark(command *self) {
  ((mark *)self)->event->time = driver_clock();
  return SUCCESS;
}

typedef struct waiting {
  command command;
  stream *stream;
  uint64_t number;
} waiting;

static result do_wait(command *self) {
  waiting *w = (waiting *)self;
  return run_until(w->stream, w->number);
}

DOOR int cuEventCreate(event **to, unsigned flags);
DOOR int cuEventCreate(event **to, unsigned flags) {
  ENTER("cuEventCreate");
  event *e = calloc(1, sizeof *e);
  if (!e) return OUT_OF_MEMORY;
  e->flags = flags;
  e->next = events;
  events = e;
  *to = e;
  return SUCCESS;
}

DOOR int cuEventDestroy_v2(event *e);
DOOR int cuEventDestroy_v2(event *e) {
  ENTER("cuEventDestroy_v2");
  if (!e || e->dead) return INVALID_HANDLE;
  e->dead = true; /* its mark may still be queued */
  return SUCCESS;
}

DOOR int cuEventRecord(event *e, stream *s);
DOOR int cuEventRecord(event *e, stream *s) {
  ENTER("cuEventRecord");
  if (!e || e->dead || stream_of(s)->dead) return INVALID_HANDLE;
  mark *m = calloc(1, sizeof *m);
  *m = (mark){.command = {.act = do_mark}, .event = e};
  e->stream = stream_of(s);
  e->number = e->stream->queued + 1;
  return stream_add(e->stream, &m->command);
}

DOOR int cuEventQuery(event *e);
DOOR int cuEventQuery(event *e) {
  ENTER("cuEventQuery");
  if (!e || e->dead) return INVALID_HANDLE;
  return e->stream ? query(e->stream, e->number) : SUCCESS;
}

DOOR int cuEventSynchronize(event *e);
DOOR int cuEventSynchronize(event *e) {
  ENTER("cuEventSynchronize");
  if (!e || e->dead) return INVALID_HANDLE;
  return e->stream ? run_until(e->stream, e->number) : SUCCESS;
}

DOOR int cuEventElapsedTime(float *ms, event *from, event *to);
DOOR int cuEventElapsedTime(float *ms, event *from, event *to) {
  ENTER("cuEventElapsedTime");
  if (!from || !to || !from->stream || !to->stream || (from->flags | to->flags) & 2)
    return INVALID_HANDLE;
  if (from->stream->done < from->number || to->stream->done < to->number) return NOT_READY;
  *ms = (float)(to->time - from->time);
  return SUCCESS;
}
DOOR int cuEventElapsedTime_v2(float *ms, event *from, event *to);
DOOR int cuEventElapsedTime_v2(float *ms, event *from, event *to) {
  return cuEventElapsedTime(ms, from, to);
}

DOOR int cuStreamWaitEvent(stream *s, event *e, unsigned flags);
DOOR int cuStreamWaitEvent(stream *s, event *e, unsigned flags) {
  ENTER("cuStreamWaitEvent");
  if (!e || e->dead || flags) return INVALID_HANDLE;
  if (!e->stream || e->stream == stream_of(s)) return SUCCESS;
  waiting *w = calloc(1, sizeof *w);
  *w = (waiting){.command = {.act = do_wait}, .stream = e->stream, .number = e->number};
  return stream_add(stream_of(s), &w->command);
}
