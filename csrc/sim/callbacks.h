/* Calls of the dialler's function, which report the states of a dialling. */
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
extern rassim_callback_list rassim__callbacks; /* to be made; first in, first out */

/* Queues a call that reports the connection's state and error. */
void rassim__report(const rassim_connection *connection, const rassim_notifier *notifier);

/* Makes the queued calls, in order, unless another thread does. Gives the lock up around each. */
void rassim__deliver(void);

/* Forgets queued calls, and those that are being made: after a reset, and in a forked child, where
 * the threads that make them do not exist. */
void rassim__abandon_callbacks(void);

#endif
