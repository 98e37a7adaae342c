/* The states that a connection goes through while it is dialled. */
#ifndef RASSIM_DIALLING_H
#define RASSIM_DIALLING_H

#include "callbacks.h"

#define RASSIM_USUAL_STATES 11
extern const uint32_t rassim__usual_states[RASSIM_USUAL_STATES];

void rassim__begin_dialling(rassim_connection *connection);
void rassim__fail_dialling(rassim_connection *connection, uint32_t error);

bool rassim__is_paused(const rassim_connection *connection);
bool rassim__has_next_state(const rassim_connection *connection);

/* Continues from a paused state. Returns 0, or 6 if the connection is not in a paused state. */
uint32_t rassim__resume(rassim_connection *connection);

#endif
