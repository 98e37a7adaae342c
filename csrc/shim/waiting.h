/*
 * The sockets that a waiter waits for, in an array without gaps: poll and select take one.
 */
#ifndef RN_WAITING_H
#define RN_WAITING_H

#include <stdint.h>
#include <stdlib.h>

#include "net.h"

typedef struct {
  uint32_t count;
  rn__socket *sockets; /* owned */
  uint32_t *slots;     /* owned; the slot of sockets[i] */
  uint32_t *indexes;   /* owned; the index of each slot's socket */
} rn__waiting;

/* Returns 0 without memory; rn__waiting_free frees in either case. */
static inline int rn__waiting_new(rn__waiting *waiting, uint32_t capacity) {
  waiting->count = 0;
  waiting->sockets = malloc(capacity * sizeof *waiting->sockets);
  waiting->slots = malloc(capacity * sizeof *waiting->slots);
  waiting->indexes = malloc(capacity * sizeof *waiting->indexes);
  return waiting->sockets && waiting->slots && waiting->indexes;
}

static inline void rn__waiting_free(rn__waiting *waiting) {
  free(waiting->sockets);
  free(waiting->slots);
  free(waiting->indexes);
}

static inline void rn__waiting_add(rn__waiting *waiting, uint32_t slot, rn__socket socket) {
  waiting->sockets[waiting->count] = socket;
  waiting->slots[waiting->count] = slot;
  waiting->indexes[slot] = waiting->count++;
}

/* The last socket fills the gap. */
static inline void rn__waiting_remove(rn__waiting *waiting, uint32_t slot) {
  uint32_t index = waiting->indexes[slot];
  uint32_t last = --waiting->count;
  waiting->sockets[index] = waiting->sockets[last];
  waiting->slots[index] = waiting->slots[last];
  waiting->indexes[waiting->slots[index]] = index;
}

#endif
