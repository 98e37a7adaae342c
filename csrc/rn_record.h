/* From the provider's structures to the contract's records. */
#ifndef RN_RECORD_H
#define RN_RECORD_H

#include "ras_versions.h"
#include "rn.h"

#define RN_RASCONN_VERSION_COUNT 5
#define RN_RASCONNSTATUS_VERSION_COUNT 3

/* Newest first. */
extern const ras_version rn__rasconn_versions[RN_RASCONN_VERSION_COUNT];
extern const ras_version rn__rasconnstatus_versions[RN_RASCONNSTATUS_VERSION_COUNT];

/* Bytes of a text as the provider writes it, its NUL included where it has one. */
typedef struct {
  uint16_t entry_name, device_type, device_name, phonebook;
} rn__connection_lengths;

typedef struct {
  uint16_t device_type, device_name, phone_number;
} rn__status_lengths;

/* Makes what the provider is about to fill read as "nothing": numbers 0, texts empty. Never
 * touches a byte past version->size, where the next element begins. */
void rn__blank_rasconn(rn_RASCONNW *raw, const ras_version *version);
void rn__blank_rasconnstatus(rn_RASCONNSTATUSW *raw);

/* Fill all of *record_out (its strings zero past their end) and tell the texts' lengths. */
void rn__read_rasconn(const rn_RASCONNW *raw, const ras_version *version, rn_connection *record_out,
                      rn__connection_lengths *lengths_out);
void rn__read_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                            rn_status *record_out, rn__status_lengths *lengths_out);

/* Whether reading `raw` would give `record` again. */
int rn__same_rasconn(const rn_RASCONNW *raw, const ras_version *version, const rn_connection *record,
                     const rn__connection_lengths *lengths);
int rn__same_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                           const rn_status *record, const rn__status_lengths *lengths);

#endif
