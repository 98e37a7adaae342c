/* Calls the dialler's function to report the states of a dialling. */
#ifndef RASSIM_CALLBACKS_H
#define RASSIM_CALLBACKS_H

#include "connections.h"

typedef struct {
  rassim_notifier notifier;
  HRASCONN handle;
  uint32_t state;
  uint32_t error;
} rassim_callback;

typedef RASSIM_ARRAY(rassim_callback) rassim_callback_list;
extern rassim_callback_list rassim__callbacks; /* the queued calls, oldest first */

/* Queues a call that reports the connection's state and error. */
void rassim__report(const rassim_connection *connection, const rassim_notifier *notifier);

/* Makes the queued calls in order, unless another thread is making them. Releases the lock during
 * each call. */
void rassim__deliver(void);

/* Forgets the queued and the running calls. For a reset, and for a forked child, which lacks the
 * threads that run them. */
void rassim__abandon_callbacks(void);

#endif
