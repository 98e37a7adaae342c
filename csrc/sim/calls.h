/* The beginning and the end of every function of rasapi32 and wevtapi: the lock, the counters,
 * injected errors and delays. */
#ifndef RASSIM_CALLS_H
#define RASSIM_CALLS_H

#include "actions.h"

/* The functions that are counted and can be delayed or made to fail. */
#define RASSIM_INDEX(name, unused, parameters) RASSIM_##name,
typedef enum {
  RAS_FUNCTIONS(RASSIM_INDEX) EVT_FUNCTIONS(RASSIM_INDEX) RASSIM_FUNCTION_COUNT
} rassim_function;
#undef RASSIM_INDEX

/* Takes the lock and counts the call. If it returns false, the call must return *code. */
bool rassim__enter(rassim_function function, uint32_t *code);

/* Makes the callbacks that are due on a manual clock, releases the lock, and returns `code`. */
uint32_t rassim__leave(uint32_t code);

void rassim__clear_calls(void);

#endif
