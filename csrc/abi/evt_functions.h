/*
 * The functions of wevtapi (winevt.h) that this project knows: subscriptions to
 * the event log that the subscriber reads itself. The simulator exports each.
 *
 * EVT_FUNCTIONS(X) expands to X(name, result, parameters) for each. A result of
 * int32_t is a BOOL. After FALSE or NULL, the code is in GetLastError; the
 * simulator leaves it in errno on other systems. gen_layout.py reads this file.
 */
#ifndef EVT_FUNCTIONS_H
#define EVT_FUNCTIONS_H

#include "ras_abi.h"

typedef void *EVT_HANDLE; /* of a subscription, an event or a bookmark */

/* events: begin */

/* EVT_SUBSCRIBE_FLAGS: one of the first three, and any of the others. */
#define EVT_SUBSCRIBE_TO_FUTURE_EVENTS 1
#define EVT_SUBSCRIBE_START_AT_OLDEST_RECORD 2
#define EVT_SUBSCRIBE_START_AFTER_BOOKMARK 3
#define EVT_SUBSCRIBE_TOLERATE_QUERY_ERRORS 0x1000
#define EVT_SUBSCRIBE_STRICT 0x10000

/* EVT_RENDER_FLAGS. */
#define EVT_RENDER_EVENT_VALUES 0
#define EVT_RENDER_EVENT_XML 1
#define EVT_RENDER_BOOKMARK 2

/* The most events that one call of EvtNext can return ([MS-EVEN6]). */
#define EVT_MAX_EVENTS 1024

/* events: end */

/* Sizes are in bytes, timeouts in milliseconds. */
#define EVT_FUNCTIONS(X)                                                                     \
  X(EvtSubscribe, EVT_HANDLE,                                                                \
    (EVT_HANDLE session, void *signal_event, const uint16_t *channel, const uint16_t *query, \
     EVT_HANDLE bookmark, void *context, void *callback, uint32_t flags))                    \
  X(EvtNext, int32_t,                                                                        \
    (EVT_HANDLE subscription, uint32_t capacity, EVT_HANDLE *events_out, uint32_t timeout,   \
     uint32_t flags, uint32_t *count_out))                                                   \
  X(EvtRender, int32_t,                                                                      \
    (EVT_HANDLE context, EVT_HANDLE fragment, uint32_t flags, uint32_t size, void *buffer,   \
     uint32_t *used_out, uint32_t *properties_out))                                          \
  X(EvtCreateBookmark, EVT_HANDLE, (const uint16_t *xml))                                    \
  X(EvtUpdateBookmark, int32_t, (EVT_HANDLE bookmark, EVT_HANDLE event))                     \
  X(EvtClose, int32_t, (EVT_HANDLE handle))

#endif
