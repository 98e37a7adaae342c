/* From the provider's structures to the contract's records. */
#ifndef RN_RECORD_H
#define RN_RECORD_H

#include <string.h>

#include "ras_versions.h"
#include "rn.h"

#define RN_RASCONN_VERSION_COUNT 5
#define RN_RASCONNSTATUS_VERSION_COUNT 3

/* Newest first. */
extern const ras_version rn__rasconn_versions[RN_RASCONN_VERSION_COUNT];
extern const ras_version rn__rasconnstatus_versions[RN_RASCONNSTATUS_VERSION_COUNT];

/* Make what the provider is about to fill read as "nothing": numbers 0, texts empty. Never touch a
 * byte past `size`, where the next element begins. Here, for a poll does it for each connection,
 * and in few stores: the first members with two units of the text behind them; what the newest
 * version ends with, in a length that is constant. */
static inline void rn__blank_rasconn(rn_RASCONNW *raw, size_t size) {
  const size_t numbers = offsetof(rn_RASCONNW, dwSubEntry);
  memset(raw, 0, offsetof(rn_RASCONNW, szEntryName) + 2 * sizeof(uint16_t));
  raw->szDeviceType[0] = 0;
  raw->szDeviceName[0] = 0;
  if (size <= numbers) return;
  raw->szPhonebook[0] = 0;
  if (size == sizeof *raw)
    memset(&raw->dwSubEntry, 0, sizeof *raw - numbers);
  else
    memset(&raw->dwSubEntry, 0, size - numbers);
}

static inline void rn__blank_rasconnstatus(rn_RASCONNSTATUSW *raw) {
  memset(raw, 0, offsetof(rn_RASCONNSTATUSW, szDeviceType) + 2 * sizeof(uint16_t));
  raw->szDeviceName[0] = 0;
  raw->szPhoneNumber[0] = 0;
  memset(&raw->localEndPoint, 0, sizeof *raw - offsetof(rn_RASCONNSTATUSW, localEndPoint));
}

/* Units of a text, which ends at its NUL or with its array. */
static inline size_t rn__text_length(const uint16_t *text, size_t count) {
  size_t length = 0;
  while (length < count && text[length]) length++;
  return length;
}

/* Fill all of *record_out (its strings zero past their end). */
void rn__read_rasconn(const rn_RASCONNW *raw, const ras_version *version, rn_connection *record_out);
void rn__read_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                            rn_status *record_out);

#endif
