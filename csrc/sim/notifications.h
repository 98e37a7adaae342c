/* Registered events, and the signals that set them. */
#ifndef RASSIM_NOTIFICATIONS_H
#define RASSIM_NOTIFICATIONS_H

#include "history.h"
#include "rasclient.h"

#define RASSIM_EVERY_CONNECTION ((HRASCONN)(intptr_t)-1)

/* Registers a duplicate of `event` for one connection, or for RASSIM_EVERY_CONNECTION. */
uint32_t rassim__register(HRASCONN handle, void *event, uint32_t flags);

/* Sets the events that are registered for one of the flags. Injected faults may delay or lose the
 * signal. Does nothing for flags 0. */
void rassim__signal(HRASCONN handle, uint32_t flags);

/* Counts a connection that was up and whose end was signalled. */
void rassim__count_cycle(void);

/* Removes the registrations for a connection that has ended. */
void rassim__end_registrations(HRASCONN handle);

/* Closes all registrations. A forked child calls it, because they belong to the parent. */
void rassim__close_registrations(void);

/* Closes all registrations and ends the faults. */
void rassim__reset_notifications(void);

#endif
