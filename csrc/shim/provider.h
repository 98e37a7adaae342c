/* A loaded provider, as the files of the shim share it. */
#ifndef RN_PROVIDER_H
#define RN_PROVIDER_H

#include "os.h"
#include "ras_functions.h"
#include "record.h"

/* Which functions of ras_functions.h are members: those that every provider must have. */
#define RN__MEMBER_REQUIRED(name) name##_fn name;
#define RN__MEMBER_OPTIONAL(name)
#define RN__MEMBER_UNUSED(name)
#define RN__MEMBER(name, loading, parameters) RN__MEMBER_##loading(name)

struct rn_provider {
  void *library;
  RAS_FUNCTIONS(RN__MEMBER)
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
