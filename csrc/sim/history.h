/* The log of what happened, for rassim_history. */
#ifndef RASSIM_HISTORY_H
#define RASSIM_HISTORY_H

#include "queue.h"

/* Adds an entry with the current time of the simulator. `event` is a RASSIM_EVENT_... */
void rassim__log(uint32_t event, HRASCONN handle, uint32_t value);

/* Adds an entry for a signal, with the number of registrations that it set or missed. */
void rassim__log_signal(uint32_t event, HRASCONN handle, uint32_t flags, uint32_t registrations);

void rassim__clear_history(void);

#endif
