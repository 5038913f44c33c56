/* safetensors: the length of a header, the header (JSON: name to type, shape and place), the
 * elements. "__metadata__" in the header is a map of strings, our notes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "io/format.h"

#define NOTES "__metadata__"

static void drop_json(void *json) { json_decref(json); }

/* ---- reading -------------------------------------------------------------------------------- */

enum { HEADER_MOST = 100 << 20 };  /* the bound of the format's own library */

bool io_safetensors_fits(const uint8_t *at, size_t n) {
  return n > 8 && io_little(at, 8) <= n - 8 && at[8] == '{';
}

static json_t *parse_header(const io_source *source, size_t *start) {
  if (source->n < 8)
    io_broken(source, source->n, "the file is cut short within the 8 bytes of the header's length");
  uint64_t length = io_little(source->at, 8);
  if (length > HEADER_MOST || length > source->n - 8)
    io_broken(source, 0, "the header takes %llu bytes, but %zu are left: "
              "no .safetensors, or cut short", (unsigned long long)length, source->n - 8);
  json_error_t error;
  json_t *root = json_loadb((const char *)source->at + 8, length, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    io_broken(source, 8 + (size_t)(error.position > 0 ? error.position : 0), "the header: %s",
              error.text);
  base_defer(source->arena, drop_json, root);
  if (!json_is_object(root)) io_broken(source, 8, "the header is no JSON object");
  *start = 8 + length;
  return root;
}

static void read_notes(const io_source *source, json_t *notes, io_set *set) {
  if (!json_is_object(notes)) io_broken(source, 8, NOTES " is no object, expected strings by name");
  const char *key;
  json_t *value;
  json_object_foreach(notes, key, value) {
    if (!json_is_string(value)) io_broken(source, 8, NOTES " has a %s that is no string",
                                          io_quote(source->arena, key, strlen(key)));
    io_note note = {base_copy(source->arena, key),
                    base_copy(source->arena, json_string_value(value))};
    BASE_PUSH(source->arena, &set->notes, note);
  }
}

typedef struct piece {  /* a tensor, and where it lies from the start of the elements */
  const char *key, *name;  /* plain, and in quotes */
  io_layout layout;
  int64_t begin, end;
} piece;

static const io_raw *element_type(const io_source *source, const char *name, const json_t *tensor) {
  const char *dtype = json_string_value(json_object_get(tensor, "dtype"));
  if (!dtype) io_broken(source, 8, "tensor %s has no dtype", name);
  const io_raw *raw = io_raws;
  while (raw->bytes && strcmp(raw->safetensors, dtype) != 0) raw++;
  if (!raw->bytes)
    io_broken(source, 8, "tensor %s has the dtype %s, expected F16 BF16 F32 F64 I8 I16 I32 I64 "
              "U8 U16 U32 U64 or BOOL", name, io_quote(source->arena, dtype, strlen(dtype)));
  return raw;
}

static io_layout layout_of(const io_source *source, const char *name, const json_t *tensor) {
  io_layout layout = {.raw = element_type(source, name, tensor)};
  const json_t *shape = json_object_get(tensor, "shape");
  if (!json_is_array(shape)) io_broken(source, 8, "tensor %s has no shape", name);
  if (json_array_size(shape) > IO_RANK)
    io_broken(source, 8, "tensor %s has %zu dimensions, expected %d at most", name,
              json_array_size(shape), IO_RANK);
  for (; layout.rank < (int)json_array_size(shape); layout.rank++) {
    const json_t *size = json_array_get(shape, (size_t)layout.rank);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
      io_broken(source, 8, "tensor %s has a shape that is no list of sizes", name);
    layout.shape[layout.rank] = json_integer_value(size);
  }
  return layout;
}

static void find_place(const io_source *source, const json_t *tensor, size_t start, piece *p) {
  const json_t *offsets = json_object_get(tensor, "data_offsets");
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
    io_broken(source, 8, "tensor %s has no data_offsets, expected begin and end", p->name);
  p->begin = json_integer_value(begin);
  p->end = json_integer_value(end);
  int64_t most = (int64_t)(source->n - start);
  if (p->begin < 0 || p->begin > p->end || p->end > most)
    io_broken(source, start, "tensor %s lies at %lld to %lld of the data, which has %lld bytes: "
              "the file is broken or cut short", p->name, (long long)p->begin, (long long)p->end,
              (long long)most);
}

static piece describe_piece(const io_source *source, size_t start, const char *key,
                            const json_t *tensor) {
  piece p = {.key = base_copy(source->arena, key),
             .name = io_quote(source->arena, key, strlen(key))};
  if (!json_is_object(tensor)) io_broken(source, 8, "tensor %s is described by no object", p.name);
  p.layout = layout_of(source, p.name, tensor);
  find_place(source, tensor, start, &p);
  size_t raw, own;
  if (!io_layout_bytes(&p.layout, &raw, &own) || raw != (size_t)(p.end - p.begin))
    io_broken(source, start + (size_t)p.begin, "tensor %s is %s, but its data_offsets span %lld "
              "bytes", p.name, io_layout_text(source->arena, &p.layout),
              (long long)(p.end - p.begin));
  return p;
}

static int by_place(const void *a, const void *b) {
  const piece *p = *(const piece *const *)a, *q = *(const piece *const *)b;
  if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
  return (p->end > q->end) - (p->end < q->end);
}

/* The format forbids gaps and overlaps: every byte belongs to one tensor. Checked before anything
 * is loaded, so that widened tensors take a fixed multiple of the file. */
static void check_places(const io_source *source, size_t start, const piece *pieces, int n) {
  const piece **order = BASE_NEWS(source->arena, const piece *, n);
  for (int i = 0; i < n; i++) order[i] = &pieces[i];
  if (n > 0) qsort(order, (size_t)n, sizeof *order, by_place);
  int64_t at = 0;
  for (int i = 0; i < n; at = order[i++]->end)
    if (order[i]->begin != at)
      io_broken(source, start + (size_t)at, "tensor %s starts at %lld of the data, expected %lld: "
                "the tensors %s", order[i]->name, (long long)order[i]->begin, (long long)at,
                order[i]->begin < at ? "overlap" : "leave a gap");
  if (start + (size_t)at < source->n)
    io_broken(source, start + (size_t)at, "%zu bytes follow the last tensor, expected the end",
              source->n - start - (size_t)at);
}

void io_safetensors_read(const io_source *source, io_set *set) {
  size_t start;
  json_t *root = parse_header(source, &start);
  piece *pieces = BASE_NEWS(source->arena, piece, json_object_size(root));
  int n = 0;
  const char *key;
  json_t *value;
  json_object_foreach(root, key, value) {
    if (strcmp(key, NOTES) == 0)
      read_notes(source, value, set);
    else
      pieces[n++] = describe_piece(source, start, key, value);
  }
  check_places(source, start, pieces, n);
  for (int i = 0; i < n; i++)
    io_add(source->arena, set, pieces[i].key,
           io_load(source, start + (size_t)pieces[i].begin, &pieces[i].layout));
}

/* ---- writing -------------------------------------------------------------------------------- */

static _Noreturn void no_memory(io_save *save) {
  base_raise(base_arena_ctx(save->arena), BASE_MEMORY, base_nowhere,
             "out of memory for the header of %s", save->path);
}

static void put(io_save *save, json_t *object, const char *key, json_t *value) {
  if (!value || json_object_set_new(object, key, value) < 0) no_memory(save);
}

static const char *utf8(io_save *save, const char *text) {
  uint32_t code;
  size_t n = strlen(text);
  for (size_t i = 0, length; i < n; i += length) {
    length = (size_t)io_utf8(text + i, n - i, &code);
    if (length == 0)
      io_unwritable(save, "%s is not UTF-8", io_quote(save->arena, text, n));
  }
  return text;
}

static json_t *describe(io_save *save, const io_array *array, size_t begin) {
  json_t *shape = json_array();
  for (int i = 0; i < array->rank; i++) json_array_append_new(shape, json_integer(array->shape[i]));
  if (json_array_size(shape) != (size_t)array->rank) {
    json_decref(shape);
    no_memory(save);
  }
  json_t *tensor = json_pack("{s:s, s:o, s:[I, I]}", "dtype", io_raw_of(array->type)->safetensors,
                             "shape", shape, "data_offsets", (json_int_t)begin,
                             (json_int_t)(begin + array->bytes));
  if (!tensor) no_memory(save);
  return tensor;
}

static void write_header(io_save *save, const io_set *set, const size_t *begin) {
  json_t *root = json_object();
  if (!root) no_memory(save);
  base_defer(save->arena, drop_json, root);
  if (set->notes.n > 0) put(save, root, NOTES, json_object());
  for (int i = 0; i < set->notes.n; i++)
    put(save, json_object_get(root, NOTES), utf8(save, set->notes.at[i].key),
        json_string(utf8(save, set->notes.at[i].value)));
  for (int i = 0; i < set->items.n; i++) {
    const char *name = utf8(save, set->items.at[i].name);
    if (strcmp(name, NOTES) == 0) io_unwritable(save, "no tensor may be named " NOTES);
    if (json_object_get(root, name))
      io_unwritable(save, "two tensors named %s", io_quote(save->arena, name, strlen(name)));
    put(save, root, name, describe(save, &set->items.at[i].array, begin[i]));
  }
  char *json = json_dumps(root, JSON_COMPACT);
  if (!json) no_memory(save);
  base_defer(save->arena, free, json);
  base_text head = base_text_open(save->arena);
  base_put_n(&head, "\0\0\0\0\0\0\0\0", 8);
  base_put(&head, json);
  while (head.n % 64) base_put(&head, " ");  /* so that a mapped tensor is aligned */
  uint64_t length = head.n - 8;
  memcpy(head.at, &length, 8);
  io_save_put(save, head.at, head.n);
}

/* Elements of 8 bytes first, then of 4, 2, 1: each is aligned, and no gaps. */
void io_safetensors_write(io_save *save, const io_set *set) {
  size_t *begin = BASE_NEWS(save->arena, size_t, set->items.n), at = 0;
  const io_item *item = set->items.at;
  for (size_t width = 8; width > 0; width /= 2)
    for (int i = 0; i < set->items.n; i++)
      if (io_type_bytes(item[i].array.type) == width) {
        begin[i] = at;
        at += item[i].array.bytes;
      }
  write_header(save, set, begin);
  for (size_t width = 8; width > 0; width /= 2)
    for (int i = 0; i < set->items.n; i++)
      if (io_type_bytes(item[i].array.type) == width)
        io_save_put(save, item[i].array.data, item[i].array.bytes);
}
