#include "record.h"

#include <string.h>

const ras_version rn__rasconn_versions[RN_RASCONN_VERSION_COUNT] = RASCONN_VERSIONS(rn_RASCONNW);
const ras_version rn__rasconnstatus_versions[RN_RASCONNSTATUS_VERSION_COUNT] =
    RASCONNSTATUS_VERSIONS(rn_RASCONNSTATUSW);

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* Whether a structure of this version has the member. */
#define HAS(version, type, member) \
  (offsetof(type, member) + sizeof(((const type *)0)->member) <= (version)->size)

/* Copies a text up to its NUL or the end of its array. `text_out` is at least as long, and all 0
 * before the call. */
static void read_text(const uint16_t *text, size_t count, uint16_t *text_out) {
  for (size_t i = 0; i < count && text[i]; i++) text_out[i] = text[i];
}

#define READ_TEXT(text, text_out) read_text(text, COUNT(text), text_out)

static uint64_t luid_number(const rn_LUID *luid) {
  return (uint64_t)(uint32_t)luid->HighPart << 32 | luid->LowPart;
}

void rn__read_rasconn(const rn_RASCONNW *raw, const ras_version *version,
                      rn_connection *record_out) {
  memset(record_out, 0, sizeof *record_out);
  record_out->version = version->winver;
  record_out->handle = (uintptr_t)raw->hrasconn;
  READ_TEXT(raw->szEntryName, record_out->entry_name);
  READ_TEXT(raw->szDeviceType, record_out->device_type);
  READ_TEXT(raw->szDeviceName, record_out->device_name);
  if (!HAS(version, rn_RASCONNW, dwSubEntry)) return;
  READ_TEXT(raw->szPhonebook, record_out->phonebook);
  record_out->subentry = raw->dwSubEntry;
  if (!HAS(version, rn_RASCONNW, guidEntry)) return;
  memcpy(record_out->guid_entry, raw->guidEntry, sizeof raw->guidEntry);
  if (!HAS(version, rn_RASCONNW, luid)) return;
  record_out->flags = raw->dwFlags;
  record_out->luid = luid_number(&raw->luid);
  if (!HAS(version, rn_RASCONNW, guidCorrelationId)) return;
  memcpy(record_out->correlation_id, raw->guidCorrelationId, sizeof raw->guidCorrelationId);
}

void rn__read_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                            rn_status *record_out) {
  memset(record_out, 0, sizeof *record_out);
  record_out->version = version->winver;
  record_out->state = raw->rasconnstate;
  record_out->error = raw->dwError;
  READ_TEXT(raw->szDeviceType, record_out->device_type);
  READ_TEXT(raw->szDeviceName, record_out->device_name);
  if (!HAS(version, rn_RASCONNSTATUSW, szPhoneNumber)) return;
  READ_TEXT(raw->szPhoneNumber, record_out->phone_number);
  if (!HAS(version, rn_RASCONNSTATUSW, rasconnsubstate)) return;
  memcpy(&record_out->local_endpoint, &raw->localEndPoint, sizeof raw->localEndPoint);
  memcpy(&record_out->remote_endpoint, &raw->remoteEndPoint, sizeof raw->remoteEndPoint);
  record_out->substate = raw->rasconnsubstate;
}
