/*
 * What the simulator needs of the operating system; one implementation per
 * system. There is one lock, the service's, and one thread, its clock's.
 */
#ifndef RASSIM_OS_H
#define RASSIM_OS_H

#include <stdbool.h>
#include <stdint.h>

void rassim__lock(void);
void rassim__unlock(void);

/* With the lock held: gives it up until rassim__wake, at most ns; may return early. */
void rassim__wait(uint64_t ns);
void rassim__wake(void);

uint64_t rassim__monotonic_ns(void);

/* The clock's thread. Start it with the lock held: `run` takes the lock first, so it begins
 * when the thread is known. Join it without the lock. Starting returns 0 or 8. */
uint32_t rassim__thread_start(void (*run)(void));
void rassim__thread_join(void);

/* Whether the caller is the clock's thread. With the lock held. */
bool rassim__on_thread(void);

/* Sets what runs in a forked child, where the caller is the only thread. It runs with the lock
 * held. The lock itself is always free in a child. Windows does not fork: no effect there. */
void rassim__on_fork(void (*run)(void));

/* A duplicate of the caller's event, owned by the service. Returns 0 or 6. */
uint32_t rassim__event_duplicate(void *event, void **duplicate_out);

/* Sets the event. False: nobody can wait for it any more, so the duplicate is of no use. Some
 * events cannot tell: an event of Windows and an eventfd always take it. */
bool rassim__event_set(void *duplicate);

/* Whether somebody may still wait for the event. Does not set it. */
bool rassim__event_is_heard(void *duplicate);
void rassim__event_close(void *duplicate);

#endif
