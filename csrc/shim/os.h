/* The system functions that the RAS half needs; os_win.c and os_posix.c implement them. */
#ifndef RN_OS_H
#define RN_OS_H

#include <stdint.h>

#include "rn.h"

/* The code for an error number of the system. */
static inline uint32_t rn__os_code(uint32_t os_error) { return RN_E_OS + (os_error & 0xFFFFu); }

typedef struct rn__mutex rn__mutex;

/* Returns NULL if there is no memory; the caller owns the mutex. */
rn__mutex *rn__mutex_new(void);
void rn__mutex_free(rn__mutex *mutex);
void rn__mutex_lock(rn__mutex *mutex);
void rn__mutex_unlock(rn__mutex *mutex);

/* Read and write a dwSize that several threads negotiate at once: a value that is read was stored
 * whole. */
uint32_t rn__load(const uint32_t *value);
void rn__store(uint32_t *value, uint32_t to);

/* Opens the library at `path` (UTF-8, absolute), or with NULL the system's rasapi32 from
 * System32. Returns 0 and the library; or the system's error and a text as rn_provider_open. */
uint32_t rn__library_open(const char *path, void **library_out, char *reason_out);
void rn__library_close(void *library);

typedef void (*rn__function)(void);
/* Returns NULL if the library has no such function. */
rn__function rn__library_find(void *library, const char *name);

/* The handle that RasConnectionNotification is given; it belongs to `event`. */
void *rn__event_for_provider(rn_event *event);

/* What a precise wait needs: nothing on POSIX, a waitable timer on Windows. */
typedef struct rn__timer rn__timer;

/* Returns 0 and a timer, which the caller owns, or a code. */
uint32_t rn__timer_new(rn__timer **timer_out);
void rn__timer_free(rn__timer *timer);

/* Waits until one of the events is set, or until the moment `until_ns` of rn_now_ns. `timer` NULL:
 * Windows waits in steps of 1 ms. `count` is at most RN_MAX_WATCH_EVENTS + 1. Returns 0 with a bit of *set_out for each event that is set, none at
 * the end of the time; or a code. May return early. */
uint32_t rn__wait_until(rn__timer *timer, rn_event *const *events, uint32_t count,
                        uint64_t until_ns, uint32_t *set_out);

/* How long the system has slept since it was started; 0 where no clock tells. */
uint64_t rn__suspended_ns(void);

void rn__yield(void);

#endif
