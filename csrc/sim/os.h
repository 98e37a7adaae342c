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

/* The clock's thread. Started and joined without the lock. Returns 0 or 8. */
uint32_t rassim__thread_start(void (*run)(void));
void rassim__thread_join(void);
bool rassim__on_thread(void);

/* A duplicate of the caller's event, owned by the service. Returns 0 or 6. */
uint32_t rassim__event_duplicate(void *event, void **duplicate_out);
void rassim__event_set(void *duplicate);
void rassim__event_close(void *duplicate);

#endif
