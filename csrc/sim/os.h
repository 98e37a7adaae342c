/*
 * The system functions that the simulator calls; os_win.c and os_posix.c
 * implement them. The service has one lock, and one thread, its clock's.
 */
#ifndef RASSIM_OS_H
#define RASSIM_OS_H

#include <stdbool.h>
#include <stdint.h>

void rassim__lock(void);
void rassim__unlock(void);

/* Releases the lock, which the caller holds, until rassim__wake or for at most ns. May return
 * early. */
void rassim__wait(uint64_t ns);
void rassim__wake(void);

uint64_t rassim__monotonic_ns(void);
uint64_t rassim__utc_ns(void); /* since 1970 */

/* Sets what GetLastError returns on Windows, and errno elsewhere. */
void rassim__set_error(uint32_t code);

/* The clock's thread. Hold the lock to start it: `run` takes the lock first, so it runs only once
 * rassim__on_thread knows the thread. Join it without the lock. Starting it returns 0 or 8. */
uint32_t rassim__thread_start(void (*run)(void));
void rassim__thread_join(void);

/* Whether the caller is the clock's thread. Hold the lock. */
bool rassim__on_thread(void);

/* Sets the function that runs in a forked child, with the lock held. A child has only the thread
 * that forked, and finds the lock free. Does nothing on Windows, which does not fork. */
void rassim__on_fork(void (*run)(void));

/* Duplicates the caller's event; the service owns the duplicate. Returns 0 or 6. */
uint32_t rassim__event_duplicate(void *event, void **duplicate_out);

/* Sets the event. Returns false if nobody can wait for it any more. It cannot tell for an eventfd,
 * or on Windows, and returns true. */
bool rassim__event_set(void *duplicate);

/* Whether somebody may still wait for the event. Does not set it. */
bool rassim__event_is_heard(void *duplicate);
void rassim__event_close(void *duplicate);

#endif
