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

/* Where negotiation starts: at the version that worked last. */
uint32_t rn__first_version(const uint32_t *negotiated);

/* Has negotiation start there next time. */
void rn__remember_version(uint32_t *negotiated, uint32_t index);

/* Codes that mean "I do not know this dwSize": 632, and 610 of old systems. */
int rn__is_wrong_size(uint32_t code);

/* RasGetConnectStatusW, asked with ever older versions than *index_inout for as long as they are
 * refused with `code` or the like; *index_inout is then the one that was asked last. */
uint32_t rn__ask_older_status(rn_provider *provider, HRASCONN handle, uint32_t code,
                              rn_RASCONNSTATUSW *raw, uint32_t *index_inout);

/* One RasGetConnectStatusW, asked again with older versions than *index_inout where it must be.
 * `raw` is the caller's scratch. Here, for it is in the innermost loop of a poll. */
static inline uint32_t rn__ask_status(rn_provider *provider, HRASCONN handle,
                                      rn_RASCONNSTATUSW *raw, uint32_t *index_inout) {
  rn__blank_rasconnstatus(raw);
  raw->dwSize = rn__rasconnstatus_versions[*index_inout].size;
  uint32_t code = provider->get_connect_status(handle, raw);
  return code ? rn__ask_older_status(provider, handle, code, raw, index_inout) : 0;
}

#endif
