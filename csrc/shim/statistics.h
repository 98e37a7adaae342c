/* Asks for the statistics of connections. */
#ifndef RN_STATISTICS_H
#define RN_STATISTICS_H

#include "provider.h"

/* RasGetConnectionStatistics of the provider; NULL if it has none. */
RasGetConnectionStatistics_fn rn__find_statistics(const rn_provider *provider);

/* Calls `get`, which may be NULL, and fills the whole record. */
void rn__ask_statistics(RasGetConnectionStatistics_fn get, HRASCONN handle,
                        rn_statistics *statistics_out);

#endif
