/* A loaded provider, as the files of the shim share it. */
#ifndef RN_PROVIDER_H
#define RN_PROVIDER_H

#include "os.h"
#include "record.h"

typedef uint32_t(RAS_CALL *rn__enum_connections_fn)(rn_RASCONNW *, uint32_t *, uint32_t *);
typedef uint32_t(RAS_CALL *rn__get_connect_status_fn)(HRASCONN, rn_RASCONNSTATUSW *);
typedef uint32_t(RAS_CALL *rn__hang_up_fn)(HRASCONN);

struct rn_provider {
  void *library;
  rn__enum_connections_fn enum_connections;
  rn__get_connect_status_fn get_connect_status;
  rn__hang_up_fn hang_up;
  /* Negotiated: 1 + index into the version tables, 0 until a call succeeded. */
  uint32_t rasconn_version;
  uint32_t rasconnstatus_version;
};

/* The version that negotiation starts with: the one that worked last. */
uint32_t rn__first_version(const uint32_t *negotiated);

/* Makes the next negotiation start with this version. */
void rn__remember_version(uint32_t *negotiated, uint32_t index);

/* Whether the code means "I do not know this dwSize": 632, or 610 from old systems. */
int rn__is_wrong_size(uint32_t code);

/* Asks RasGetConnectStatusW, from the version that worked last to ever older ones while the size is
 * refused. Returns its code. *raw_inout is all 0 before the call. After a code it is so again, and
 * *version_out is 0; otherwise *version_out is an index into rn__rasconnstatus_versions. */
uint32_t rn__ask_status(rn_provider *provider, HRASCONN handle, rn_RASCONNSTATUSW *raw_inout,
                        uint32_t *version_out);

#endif
