/* What the files of the shim share of a list. */
#ifndef RN_LIST_H
#define RN_LIST_H

#include "rn.h"

/* As rn_list_poll; *enumerated_ns_out is when RasEnumConnectionsW returned. */
int64_t rn__list_poll(rn_list *list, uint64_t *enumerated_ns_out);

#endif
