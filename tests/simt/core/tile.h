/* tile: a box of a tensor that a tensor map describes, between global and shared memory. */
#ifndef SIMT_TILE_H
#define SIMT_TILE_H

#include "grid.h"
#include "tensor_map.h"

typedef struct tile {
  tensor_map map; /* copied: who starts a copy may leave before it is done */
  int64_t at[MAP_RANK];
  int how; /* stored: SIMT_PLAIN, SIMT_ADD, .. */
} tile;

tile tile_of(const void *map, int rank, const int *at, const char *what); /* checked */
unsigned tile_bytes(const tile *t);
void tile_load(block *b, unsigned to, const tile *t);
void tile_store(block *b, unsigned from, const tile *t);

#endif
