/* What every RAS function passes through: the lock, the counters, injected errors and delays. */
#ifndef RASSIM_CALLS_H
#define RASSIM_CALLS_H

#include "actions.h"

/* The functions that are counted, delayed and failed. */
#define RASSIM_INDEX(name, loading, parameters) RASSIM_##name,
typedef enum { RAS_FUNCTIONS(RASSIM_INDEX) RASSIM_FUNCTION_COUNT } rassim_function;
#undef RASSIM_INDEX

/* Takes the lock and counts the call. False: the call must end with *code. */
bool rassim__enter(rassim_function function, uint32_t *code);

/* Makes callbacks that are due on a manual clock, gives the lock up, and returns `code`. */
uint32_t rassim__leave(uint32_t code);

void rassim__clear_calls(void);

#endif
