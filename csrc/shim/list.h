/* The function of a list that other files of the shim call. */
#ifndef RN_LIST_H
#define RN_LIST_H

#include "rn.h"

/* Does what rn_list_poll does. *enumerated_ns_out: when RasEnumConnectionsW returned. */
int64_t rn__list_poll(rn_list *list, uint64_t *enumerated_ns_out);

#endif
