/* A loaded provider, as the files of the shim share it. */
#ifndef RN_PROVIDER_H
#define RN_PROVIDER_H

#include "rn_os.h"
#include "rn_record.h"

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

/* Where negotiation starts: at the version that worked last. */
uint32_t rn__first_version(const uint32_t *negotiated);

/* Codes that mean "I do not know this dwSize": 632, and 610 of old systems. */
int rn__is_wrong_size(uint32_t code);

/* One RasGetConnectStatusW, asked again with older versions where it must be. `raw` is the
 * caller's scratch; *version_out is the version that was answered. */
uint32_t rn__ask_status(rn_provider *provider, HRASCONN handle, rn_RASCONNSTATUSW *raw,
                        const ras_version **version_out);

#endif
