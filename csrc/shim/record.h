/* Copies the provider's structures to the contract's records. */
#ifndef RN_RECORD_H
#define RN_RECORD_H

#include "ras_versions.h"
#include "rn.h"

#define RN_RASCONN_VERSION_COUNT 5
#define RN_RASCONNSTATUS_VERSION_COUNT 3

/* Newest first. */
extern const ras_version rn__rasconn_versions[RN_RASCONN_VERSION_COUNT];
extern const ras_version rn__rasconnstatus_versions[RN_RASCONNSTATUS_VERSION_COUNT];

/* Fill the whole record; the unused ends of its texts are 0. */
void rn__read_rasconn(const rn_RASCONNW *raw, const ras_version *version,
                      rn_connection *record_out);
void rn__read_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                            rn_status *record_out);

#endif
