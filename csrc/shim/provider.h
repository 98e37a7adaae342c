/* A loaded provider, for the files of the shim. */
#ifndef RN_PROVIDER_H
#define RN_PROVIDER_H

#include "os.h"
#include "ras_functions.h"
#include "record.h"

/* The functions that every provider must have (ras_functions.h) become members. */
#define RN__MEMBER_REQUIRED(name) name##_fn name;
#define RN__MEMBER_OPTIONAL(name)
#define RN__MEMBER_UNUSED(name)
#define RN__MEMBER(name, loading, parameters) RN__MEMBER_##loading(name)

struct rn_provider {
  void *library;
  RAS_FUNCTIONS(RN__MEMBER)
  /* The negotiated versions: 1 + an index into the version tables; 0 until a call succeeds. */
  uint32_t rasconn_version;
  uint32_t rasconnstatus_version;
};

/* Finds a function of the library, with its type; NULL if there is none. */
#define RN__FIND(library, name) ((name##_fn)rn__library_find((library), #name))

static inline HRASCONN rn__as_handle(uint64_t number) { return (HRASCONN)(uintptr_t)number; }

/* The version that negotiation starts with: the one that worked last. */
uint32_t rn__first_version(const uint32_t *negotiated);

/* Makes the next negotiation start with this version. */
void rn__remember_version(uint32_t *negotiated, uint32_t index);

/* Whether the code means that the provider does not know this dwSize: 632; on old systems 610. */
int rn__is_wrong_size(uint32_t code);

/* Calls RasGetConnectStatusW with the version that worked last, then with older ones until the
 * provider accepts the size. *raw_inout is all 0 before the call. Returns 0, with *version_out the
 * index into rn__rasconnstatus_versions; or a code, with *raw_inout and *version_out 0. */
uint32_t rn__ask_status(rn_provider *provider, HRASCONN handle, rn_RASCONNSTATUSW *raw_inout,
                        uint32_t *version_out);

#endif
