#include "rn_record.h"

#include <string.h>

const ras_version rn__rasconn_versions[RN_RASCONN_VERSION_COUNT] = RASCONN_VERSIONS(rn_RASCONNW);
const ras_version rn__rasconnstatus_versions[RN_RASCONNSTATUS_VERSION_COUNT] =
    RASCONNSTATUS_VERSIONS(rn_RASCONNSTATUSW);

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* Whether a structure of this version has the member. */
#define HAS(version, type, member) \
  (offsetof(type, member) + sizeof(((const type *)0)->member) <= (version)->size)

void rn__blank_rasconn(rn_RASCONNW *raw, const ras_version *version) {
  raw->dwSize = 0;
  raw->hrasconn = NULL;
  raw->szEntryName[0] = 0;
  raw->szDeviceType[0] = 0;
  raw->szDeviceName[0] = 0;
  if (!HAS(version, rn_RASCONNW, dwSubEntry)) return;
  raw->szPhonebook[0] = 0;
  memset(&raw->dwSubEntry, 0, version->size - offsetof(rn_RASCONNW, dwSubEntry));
}

void rn__blank_rasconnstatus(rn_RASCONNSTATUSW *raw) {
  raw->dwSize = 0;
  raw->rasconnstate = 0;
  raw->dwError = 0;
  raw->szDeviceType[0] = 0;
  raw->szDeviceName[0] = 0;
  raw->szPhoneNumber[0] = 0;
  memset(&raw->localEndPoint, 0, sizeof *raw - offsetof(rn_RASCONNSTATUSW, localEndPoint));
}

/* Copies a text cut at its NUL or its array's end; zeroes the rest of `to`. */
static uint16_t read_text(const uint16_t *from, size_t from_count, uint16_t *to, size_t to_count) {
  size_t length = 0;
  while (length < from_count && from[length]) length++;
  memcpy(to, from, length * 2);
  memset(to + length, 0, (to_count - length) * 2);
  return (uint16_t)((length < from_count ? length + 1 : length) * 2);
}

#define READ_TEXT(from, to) read_text(from, COUNT(from), to, COUNT(to))

static uint64_t luid_number(const rn_LUID *luid) {
  return (uint64_t)(uint32_t)luid->HighPart << 32 | luid->LowPart;
}

void rn__read_rasconn(const rn_RASCONNW *raw, const ras_version *version, rn_connection *record_out,
                      rn__connection_lengths *lengths_out) {
  memset(record_out, 0, sizeof *record_out);
  memset(lengths_out, 0, sizeof *lengths_out);
  record_out->version = version->winver;
  record_out->handle = (uintptr_t)raw->hrasconn;
  lengths_out->entry_name = READ_TEXT(raw->szEntryName, record_out->entry_name);
  lengths_out->device_type = READ_TEXT(raw->szDeviceType, record_out->device_type);
  lengths_out->device_name = READ_TEXT(raw->szDeviceName, record_out->device_name);
  if (!HAS(version, rn_RASCONNW, dwSubEntry)) return;
  lengths_out->phonebook = READ_TEXT(raw->szPhonebook, record_out->phonebook);
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
                            rn_status *record_out, rn__status_lengths *lengths_out) {
  memset(record_out, 0, sizeof *record_out);
  memset(lengths_out, 0, sizeof *lengths_out);
  record_out->version = version->winver;
  record_out->state = raw->rasconnstate;
  record_out->error = raw->dwError;
  lengths_out->device_type = READ_TEXT(raw->szDeviceType, record_out->device_type);
  lengths_out->device_name = READ_TEXT(raw->szDeviceName, record_out->device_name);
  if (!HAS(version, rn_RASCONNSTATUSW, szPhoneNumber)) return;
  lengths_out->phone_number = READ_TEXT(raw->szPhoneNumber, record_out->phone_number);
  if (!HAS(version, rn_RASCONNSTATUSW, rasconnsubstate)) return;
  memcpy(&record_out->local_endpoint, &raw->localEndPoint, sizeof raw->localEndPoint);
  memcpy(&record_out->remote_endpoint, &raw->remoteEndPoint, sizeof raw->remoteEndPoint);
  record_out->substate = raw->rasconnsubstate;
}

/* Members that a version lacks were never read: their bytes are another element's. */
int rn__same_rasconn(const rn_RASCONNW *raw, const ras_version *version, const rn_connection *record,
                     const rn__connection_lengths *lengths) {
  if (record->version != version->winver || record->handle != (uintptr_t)raw->hrasconn ||
      memcmp(raw->szEntryName, record->entry_name, lengths->entry_name) ||
      memcmp(raw->szDeviceType, record->device_type, lengths->device_type) ||
      memcmp(raw->szDeviceName, record->device_name, lengths->device_name))
    return 0;
  if (!HAS(version, rn_RASCONNW, dwSubEntry)) return 1;
  if (raw->dwSubEntry != record->subentry ||
      memcmp(raw->szPhonebook, record->phonebook, lengths->phonebook))
    return 0;
  if (!HAS(version, rn_RASCONNW, guidEntry)) return 1;
  if (memcmp(raw->guidEntry, record->guid_entry, sizeof raw->guidEntry)) return 0;
  if (!HAS(version, rn_RASCONNW, luid)) return 1;
  if (raw->dwFlags != record->flags || luid_number(&raw->luid) != record->luid) return 0;
  if (!HAS(version, rn_RASCONNW, guidCorrelationId)) return 1;
  return !memcmp(raw->guidCorrelationId, record->correlation_id, sizeof raw->guidCorrelationId);
}

int rn__same_rasconnstatus(const rn_RASCONNSTATUSW *raw, const ras_version *version,
                           const rn_status *record, const rn__status_lengths *lengths) {
  if (record->code || record->version != version->winver || raw->rasconnstate != record->state ||
      raw->dwError != record->error ||
      memcmp(raw->szDeviceType, record->device_type, lengths->device_type) ||
      memcmp(raw->szDeviceName, record->device_name, lengths->device_name))
    return 0;
  if (!HAS(version, rn_RASCONNSTATUSW, szPhoneNumber)) return 1;
  if (memcmp(raw->szPhoneNumber, record->phone_number, lengths->phone_number)) return 0;
  if (!HAS(version, rn_RASCONNSTATUSW, rasconnsubstate)) return 1;
  return raw->rasconnsubstate == record->substate &&
         !memcmp(&raw->localEndPoint, &record->local_endpoint, sizeof raw->localEndPoint) &&
         !memcmp(&raw->remoteEndPoint, &record->remote_endpoint, sizeof raw->remoteEndPoint);
}
