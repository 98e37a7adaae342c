/* The system functions that the RAS calls need; os_win.c and os_posix.c implement them. */
#ifndef RN_OS_H
#define RN_OS_H

#include <stdint.h>

#include "rn.h"

/* The RN_E_OS code of a system error number. */
static inline uint32_t rn__os_code(uint32_t os_error) { return RN_E_OS + (os_error & 0xFFFFu); }

typedef struct rn__mutex rn__mutex;

/* Returns NULL if there is no memory; the caller owns the mutex. */
rn__mutex *rn__mutex_new(void);
void rn__mutex_free(rn__mutex *mutex);
void rn__mutex_lock(rn__mutex *mutex);
void rn__mutex_unlock(rn__mutex *mutex);

/* Read and write a number atomically: several threads may negotiate a dwSize at once. */
uint32_t rn__load(const uint32_t *value);
void rn__store(uint32_t *value, uint32_t number);

/* Opens the library at `path` (UTF-8, absolute); NULL is rasapi32 in System32. Returns 0 and the
 * library, or the system's error and the text that rn_provider_open describes. */
uint32_t rn__library_open(const char *path, void **library_out, char *reason_out);
void rn__library_close(void *library);

typedef void (*rn__function)(void);
/* Returns NULL if the library has no such function. */
rn__function rn__library_find(void *library, const char *name);

/* The timer of a precise wait: a waitable timer on Windows; POSIX needs none. */
typedef struct rn__timer rn__timer;

/* Returns 0 and a timer, which the caller owns, or a code. */
uint32_t rn__timer_new(rn__timer **timer_out);
void rn__timer_free(rn__timer *timer);

/* Waits until one of the events is set, or until the moment `until_ns` on the clock of rn_now_ns;
 * may return early. Without a timer Windows waits in steps of 1 ms. `count` is at most
 * RN_MAX_WATCH_EVENTS + 1. Returns 0 or a code. *set_out: bit i is set if event i is set. */
uint32_t rn__wait_until(rn__timer *timer, rn_event *const *events, uint32_t count,
                        uint64_t until_ns, uint32_t *set_out);

/* How long the system has slept since it started; 0 if it has no clock that tells. */
uint64_t rn__suspended_ns(void);

void rn__yield(void);

#endif
