/*
 * What all files of the simulator use: the lock (os.h), growing arrays, and the
 * settings of the service as a whole.
 *
 * A file uses only files before it in this order:
 *   service, text, queue, history, query, bookmarks, handles, events,
 *   rasclient, notifications, connections, callbacks, dialling, actions, clock,
 *   calls; then ras, projection, ras_dial, evt, control and demo.
 * The caller of a function holds the lock, unless its comment says otherwise.
 *
 * In comments, [I] marks behaviour that is inferred and was not verified on
 * Windows, and [U] behaviour on which released programs rely.
 */
#ifndef RASSIM_SERVICE_H
#define RASSIM_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os.h"
#include "ras_functions.h"
#include "ras_versions.h"
#include "rassim.h"

#define RASSIM_NS_PER_MS 1000000ull

/* A growing array; `items` is owned. */
#define RASSIM_ARRAY(type) \
  struct {                 \
    type *items;           \
    uint32_t count;        \
    uint32_t capacity;     \
  }

/* Makes sure that the array can take one more item. Returns 0 or 8. */
#define RASSIM_RESERVE(array) \
  rassim__reserve(&(array).items, &(array).capacity, (array).count, sizeof *(array).items)
uint32_t rassim__reserve(void *items_pointer, uint32_t *capacity, uint32_t count, size_t size);

typedef struct {
  uint32_t code;             /* the answer of every call that needs the service; 0: it runs */
  uint32_t connection_limit; /* the WINVER of the newest RASCONN it knows */
  uint32_t status_limit;     /* the WINVER of the newest RASCONNSTATUS it knows */
  uint64_t teardown_ns;      /* from RasHangUp to the end of the handle */
} rassim_service;

extern rassim_service rassim__service;
void rassim__reset_service(void);

#endif
