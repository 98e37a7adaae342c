/* What the RAS half needs of the system; os_win.c and os_posix.c provide it. */
#ifndef RN_OS_H
#define RN_OS_H

#include <stdint.h>

#include "rn.h"

/* The code for an error number of the system. */
static inline uint32_t rn__os_code(uint32_t os_error) { return RN_E_OS + (os_error & 0xFFFFu); }

typedef struct rn__mutex rn__mutex;

/* NULL when there is no memory; the caller owns it. */
rn__mutex *rn__mutex_new(void);
void rn__mutex_free(rn__mutex *mutex);
void rn__mutex_lock(rn__mutex *mutex);
void rn__mutex_unlock(rn__mutex *mutex);

/* A dwSize that several threads may negotiate at once: any value read is one that was stored. */
uint32_t rn__load(const uint32_t *value);
void rn__store(uint32_t *value, uint32_t to);

/* Opens the library at `path` (UTF-8, absolute), or with NULL the system's rasapi32 from
 * System32. Returns 0 and the library; or the system's error and a text as rn_provider_open. */
uint32_t rn__library_open(const char *path, void **library_out, char *reason_out);
void rn__library_close(void *library);

typedef void (*rn__function)(void);
/* NULL where the library has no such function. */
rn__function rn__library_find(void *library, const char *name);

/* What RasConnectionNotification is given for `event`; borrowed from it. */
void *rn__event_for_provider(rn_event *event);

void rn__yield(void);

#endif
