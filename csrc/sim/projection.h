/* What a connection negotiated. */
#ifndef RASSIM_PROJECTION_H
#define RASSIM_PROJECTION_H

#include "calls.h"

/* Copies what rassim_set_projection is given, with the lists that its pointers name. Returns 0, or
 * 87 for an unknown type or lists that are too long. */
uint32_t rassim__copy_projection(const rn_RAS_PROJECTION_INFO *info, uint32_t code,
                                 rassim_projection *projection_out);

/* The `run` of an action on a connection; data: a rassim_projection. */
uint32_t rassim__run_set_projection(const rassim_action *action);

#endif
