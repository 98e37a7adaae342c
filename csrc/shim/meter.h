/* A meter samples the statistics of the connections of one list. */
#ifndef RN_METER_H
#define RN_METER_H

#include "rn.h"

typedef struct rn__meter rn__meter;

/* Returns NULL without memory; the caller owns the meter. */
rn__meter *rn__meter_new(uint64_t interval_ns, uint64_t silent_after_ns);
void rn__meter_free(rn__meter *meter);

/* When the next sample is due. */
uint64_t rn__meter_due(const rn__meter *meter);

/* Samples every connection that the last poll of the list read. A sample is due by now_ns. Returns
 * 1 if a connection fell silent, or is silent no longer. Only one thread may call it. */
int rn__meter_sample(rn__meter *meter, rn_list *list, uint64_t now_ns);

/* Does what rn_watch_traffic does. */
uint32_t rn__meter_copy(rn__meter *meter, uint32_t capacity, rn_traffic *traffic_out);

#endif
