/*
 * A hash table of the sockets that Windows' select reported, so that finding one socket does not
 * search the whole report.
 *
 * The order of select's report is not documented, so nothing relies on it. The table uses open
 * addressing with linear probing; it is refilled after each wait and at most half full.
 */
#ifndef RN_READY_H
#define RN_READY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RN__NOT_READY 0
#define RN__READY_CONNECTED 1
#define RN__READY_FAILED 2

typedef struct {
  uint64_t socket;
  uint64_t state; /* RN__NOT_READY: the slot is free */
} rn__ready_slot;

typedef struct {
  rn__ready_slot *slots; /* owned */
  uint32_t shift;        /* 2 ** (64 - shift) slots are in use */
} rn__ready;

#ifndef RN__COUNT_PROBE
#define RN__COUNT_PROBE() /* a test counts the slots that are looked at */
#endif

/* 64 minus the exponent of the smallest power of two that is at least twice `count`. */
static inline uint32_t rn__ready_shift(uint32_t count) {
  uint32_t shift = 63;
  while (((uint64_t)1 << (64 - shift)) < 2 * (uint64_t)count) shift--;
  return shift;
}

/* Makes a table for up to `capacity` sockets. Returns 0 without memory. */
static inline int rn__ready_new(rn__ready *ready, uint32_t capacity) {
  ready->shift = 63;
  ready->slots = calloc((size_t)1 << (64 - rn__ready_shift(capacity)), sizeof *ready->slots);
  return ready->slots != NULL;
}

static inline void rn__ready_free(rn__ready *ready) { free(ready->slots); }

/* Empties the table for a report of up to `count` sockets; `count` is at most the capacity. */
static inline void rn__ready_clear(rn__ready *ready, uint32_t count) {
  ready->shift = rn__ready_shift(count);
  memset(ready->slots, 0, ((size_t)1 << (64 - ready->shift)) * sizeof *ready->slots);
}

/* Spreads the handles over the slots: Windows numbers them in steps of 4. */
static inline uint64_t rn__ready_hash(uint64_t socket) {
  socket *= 0x9E3779B97F4A7C15u;
  socket ^= socket >> 32;
  return socket * 0x9E3779B97F4A7C15u;
}

/* The socket's slot, or the free one where it belongs. */
static inline rn__ready_slot *rn__ready_find(const rn__ready *ready, uint64_t socket) {
  uint64_t mask = ((uint64_t)1 << (64 - ready->shift)) - 1;
  uint64_t index = rn__ready_hash(socket) >> ready->shift;
  RN__COUNT_PROBE();
  while (ready->slots[index].state != RN__NOT_READY && ready->slots[index].socket != socket) {
    index = (index + 1) & mask;
    RN__COUNT_PROBE();
  }
  return &ready->slots[index];
}

/* A later state replaces an earlier one. */
static inline void rn__ready_set(rn__ready *ready, uint64_t socket, uint64_t state) {
  rn__ready_slot *slot = rn__ready_find(ready, socket);
  slot->socket = socket;
  slot->state = state;
}

static inline uint64_t rn__ready_state(const rn__ready *ready, uint64_t socket) {
  return rn__ready_find(ready, socket)->state;
}

#endif
