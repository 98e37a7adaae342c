/* The functions of a list that other files of the shim call. */
#ifndef RN_LIST_H
#define RN_LIST_H

#include "rn.h"

/* Does what rn_list_poll does. *enumerated_ns_out: when RasEnumConnectionsW returned. */
int64_t rn__list_poll(rn_list *list, uint64_t *enumerated_ns_out);

rn_provider *rn__list_provider(const rn_list *list);

/* Copies which connections the last poll read: handle, GUIDs and is_up of each rn_traffic; all else
 * is 0. Returns how many there are; if more than `capacity`, copies none. */
uint32_t rn__list_connections(rn_list *list, uint32_t capacity, rn_traffic *traffic_out);

#endif
