/* A reading holds the provider's answers to one poll, in buffers of its own. Filling it takes no
 * lock, so a provider that is slow or calls back does not block other threads. */
#ifndef RN_READING_H
#define RN_READING_H

#include "provider.h"

/* The answer of RasGetConnectStatusW for one connection. */
typedef struct {
  uint32_t code;
  uint32_t version;      /* index into rn__rasconnstatus_versions; 0 unless `code` is 0 */
  rn_RASCONNSTATUSW raw; /* all 0 unless `code` is 0 */
} rn__status_answer;

typedef struct rn__reading rn__reading;
struct rn__reading {
  rn__reading *next;           /* in the list's stack of spare readings */
  uint8_t *connections;        /* owned: RASCONN elements; resize() explains its length */
  rn__status_answer *statuses; /* owned: `status_capacity` answers, one per element */
  uint64_t enumerated_ns;      /* when the enumeration returned, on the clock of rn_now_ns */
  uint32_t size;
  uint32_t status_capacity;
  uint32_t version; /* of the elements: index into rn__rasconn_versions */
  uint32_t count;   /* elements that were read */
};

/* Returns NULL without memory; the caller owns the reading. */
rn__reading *rn__reading_new(void);
void rn__reading_free(rn__reading *reading);

/* Makes the buffer of the elements at least `size` bytes long. Returns 0 or RN_E_NO_MEMORY. */
uint32_t rn__reading_reserve(rn__reading *reading, uint32_t size);

/* Calls RasEnumConnectionsW until the list fits, then RasGetConnectStatusW for each element if
 * `with_status` is 1. Returns 0 or a code; after a code the reading holds no element. */
uint32_t rn__reading_fill(rn__reading *reading, rn_provider *provider, int with_status);

/* Whether both hold the same bytes. */
int rn__reading_equal(const rn__reading *a, const rn__reading *b, int with_status);

/* The element at `index`. */
rn_RASCONNW *rn__reading_element(const rn__reading *reading, uint32_t index);

#endif
