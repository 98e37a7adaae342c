/* What the handles of wevtapi stand for: subscriptions, events and bookmarks. */
#ifndef RASSIM_HANDLES_H
#define RASSIM_HANDLES_H

#include "query.h"

typedef enum { RASSIM_SUBSCRIPTION, RASSIM_EVENT, RASSIM_BOOKMARK } rassim_kind;

typedef struct {
  EVT_HANDLE handle;
  rassim_kind kind;
  rassim_position position; /* a bookmark's; a subscription gets only records after it */

  rassim_record *record;   /* of an event, which holds a reference */
  EVT_HANDLE subscription; /* of an event: closing it closes the event [U] */

  void *signal;      /* of a subscription: the service's duplicate of its event */
  uint16_t *channel; /* owned, or NULL */
  uint16_t *query;   /* owned, or NULL */
  uint64_t next;     /* the sequence number of the first record that it did not see */
  uint32_t broken;   /* the answer of every EvtNext; 0: it works */
} rassim_object;

/* Creates an object with a new handle. Returns 0 or 8. */
uint32_t rassim__open(rassim_kind kind, rassim_object **object_out);

/* Finds the object of a handle; NULL if there is none of this kind. */
rassim_object *rassim__object(EVT_HANDLE handle, rassim_kind kind);

/* Closes any handle. Returns 0 or 6. */
uint32_t rassim__close(EVT_HANDLE handle);

/* Closes all handles. A forked child calls it, because subscriptions belong to the parent. */
void rassim__close_handles(void);

uint32_t rassim__subscribe(void *event, const uint16_t *channel, const uint16_t *query,
                           rassim_object **subscription_out);
bool rassim__wants(const rassim_object *subscription, const rassim_record *record);
uint32_t rassim__open_event(const rassim_object *subscription, rassim_record *record,
                            EVT_HANDLE *handle_out);

/* Sets the events of all subscriptions that want the record. */
void rassim__announce(const rassim_record *record);

/* Set the events of all subscriptions without a record, and let all subscriptions fail. */
void rassim__signal_subscriptions(void);
void rassim__break_subscriptions(uint32_t code);

void rassim__release(rassim_record *record);

#endif
