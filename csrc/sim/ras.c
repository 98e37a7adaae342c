/* The functions of rasapi32 except RasDialW. They check arguments in Windows' order: pointers, the
 * version of the structure, then its size. */
#include "calls.h"

#include <string.h>

#include "errors.h"

static const rassim_service *const service = &rassim__service;

/* Converts text for the A functions. [I] The ANSI code page is Latin-1; other characters become
 * "?". */
static void narrow(char *text_out, size_t capacity, const uint16_t *from) {
  size_t length = 0;
  for (; *from && length + 1 < capacity; from++) {
    bool pair = (from[0] & 0xFC00) == 0xD800 && (from[1] & 0xFC00) == 0xDC00;
    text_out[length++] = (char)(*from <= 0xFF ? *from : '?');
    if (pair) from++;
  }
  memset(text_out + length, 0, capacity - length);
}

#define NARROW(text_out, from) narrow((text_out), sizeof(text_out), (from))

/* Structures of the caller's version. An older version is the beginning of the newest one, rounded
 * up to 4 bytes. So it may end with padding where the newest version has another member. */

static void put(uint8_t *out, const void *newest, uint32_t size, size_t end_of_oldest) {
  memcpy(out, newest, size);
  memcpy(out, &size, sizeof size);
  if (size - end_of_oldest < 4) memset(out + end_of_oldest, 0, size - end_of_oldest);
}

static void put_connection_w(const void *from, uint32_t size, uint8_t *out) {
  const rassim_connection *connection = from;
  put(out, &connection->profile.connection, size, offsetof(rn_RASCONNW, szPhonebook));
}

static void put_connection_a(const void *from, uint32_t size, uint8_t *out) {
  const rn_RASCONNW *wide = &((const rassim_connection *)from)->profile.connection;
  rn_RASCONNA ansi = {.hrasconn = wide->hrasconn,
                      .dwSubEntry = wide->dwSubEntry,
                      .dwFlags = wide->dwFlags,
                      .luid = wide->luid};
  NARROW(ansi.szEntryName, wide->szEntryName);
  NARROW(ansi.szDeviceType, wide->szDeviceType);
  NARROW(ansi.szDeviceName, wide->szDeviceName);
  NARROW(ansi.szPhonebook, wide->szPhonebook);
  memcpy(ansi.guidEntry, wide->guidEntry, sizeof ansi.guidEntry);
  memcpy(ansi.guidCorrelationId, wide->guidCorrelationId, sizeof ansi.guidCorrelationId);
  put(out, &ansi, size, offsetof(rn_RASCONNA, szPhonebook));
}

static void put_status_w(const void *from, uint32_t size, uint8_t *out) {
  const rassim_connection *connection = from;
  put(out, &connection->profile.status, size, offsetof(rn_RASCONNSTATUSW, szPhoneNumber));
}

static void put_status_a(const void *from, uint32_t size, uint8_t *out) {
  const rn_RASCONNSTATUSW *wide = &((const rassim_connection *)from)->profile.status;
  rn_RASCONNSTATUSA ansi = {.rasconnstate = wide->rasconnstate,
                            .dwError = wide->dwError,
                            .localEndPoint = wide->localEndPoint,
                            .remoteEndPoint = wide->remoteEndPoint,
                            .rasconnsubstate = wide->rasconnsubstate};
  NARROW(ansi.szDeviceType, wide->szDeviceType);
  NARROW(ansi.szDeviceName, wide->szDeviceName);
  NARROW(ansi.szPhoneNumber, wide->szPhoneNumber);
  put(out, &ansi, size, offsetof(rn_RASCONNSTATUSA, szPhoneNumber));
}

static void put_entry(const void *from, uint32_t size, uint8_t *out) {
  const rn_RASCONNW *entry = &((const rassim_profile *)from)->connection;
  rn_RASENTRYNAMEW name = {.dwFlags = entry->dwFlags & 1}; /* REN_AllUsers is RASCF_AllUsers */
  memcpy(name.szEntryName, entry->szEntryName, sizeof name.szEntryName);
  memcpy(name.szPhonebookPath, entry->szPhonebook, sizeof entry->szPhonebook);
  put(out, &name, size, RAS_CUT(rn_RASENTRYNAMEW, dwFlags));
}

/* One kind of structure: its versions, newest first, and how it is filled. */
typedef struct {
  ras_version versions[5];
  uint32_t count;
  void (*put)(const void *from, uint32_t size, uint8_t *out);
} shape;

static const shape connection_w = {RASCONN_VERSIONS(rn_RASCONNW), 5, put_connection_w};
static const shape connection_a = {RASCONN_VERSIONS(rn_RASCONNA), 5, put_connection_a};
static const shape status_w = {RASCONNSTATUS_VERSIONS(rn_RASCONNSTATUSW), 3, put_status_w};
static const shape status_a = {RASCONNSTATUS_VERSIONS(rn_RASCONNSTATUSA), 3, put_status_a};
static const shape entry_w = {{{RAS_WINVER_2000, sizeof(rn_RASENTRYNAMEW)},
                               {RAS_WINVER_NT4, RAS_CUT(rn_RASENTRYNAMEW, dwFlags)}},
                              2,
                              put_entry};

static uint32_t size_of(const void *structure) {
  uint32_t size; /* the caller's buffer may not be aligned */
  memcpy(&size, structure, sizeof size);
  return size;
}

static bool accepts(const shape *kind, uint32_t size, uint32_t limit) {
  for (uint32_t i = 0; i < kind->count; i++) {
    if (kind->versions[i].size == size) return kind->versions[i].winver <= limit;
  }
  return false;
}

static uint32_t newest_size(const shape *kind, uint32_t limit) {
  uint32_t i = 0;
  while (i + 1 < kind->count && kind->versions[i].winver > limit) i++;
  return kind->versions[i].size;
}

/* Enumerations. */

/* Checks the arguments, then whether the service runs. */
static uint32_t check_list(const shape *kind, uint32_t limit, const void *buffer,
                           const uint32_t *bytes, const uint32_t *count) {
  if (!bytes || !count) return RAS_ERROR_INVALID_PARAMETER; /* [I] */
  if (buffer && !accepts(kind, size_of(buffer), limit)) return RAS_ERROR_INVALID_SIZE;
  return service->code;
}

/* Sets how many bytes `found` items need, and returns whether they fit. [I] Without a buffer that
 * is the size in the newest version. A buffer that is smaller than one structure needs at least
 * one. */
static uint32_t measure(const shape *kind, uint32_t limit, const void *buffer, uint32_t found,
                        uint32_t *bytes, uint32_t *count) {
  uint32_t stride = buffer ? size_of(buffer) : newest_size(kind, limit);
  uint32_t given = *bytes, required = stride * found;
  *bytes = required;
  *count = found;
  if (!buffer) return found ? RAS_ERROR_BUFFER_TOO_SMALL : RAS_SUCCESS;
  if (given < stride && !found) *bytes = stride;
  return given < stride || given < required ? RAS_ERROR_BUFFER_TOO_SMALL : RAS_SUCCESS;
}

static uint32_t enum_connections(const shape *kind, void *buffer, uint32_t *bytes,
                                 uint32_t *count) {
  uint32_t limit = service->connection_limit, found = rassim__listed.count;
  uint32_t code = check_list(kind, limit, buffer, bytes, count);
  if (!code) code = measure(kind, limit, buffer, found, bytes, count);
  if (code || !buffer) return code;
  uint32_t stride = size_of(buffer);
  for (uint32_t i = 0; i < found; i++) {
    kind->put(rassim__listed.items[i], stride, (uint8_t *)buffer + (size_t)i * stride);
  }
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasEnumConnectionsW(rn_RASCONNW *connections, uint32_t *bytes, uint32_t *count) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasEnumConnectionsW, &code)) {
    code = enum_connections(&connection_w, connections, bytes, count);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasEnumConnectionsA(rn_RASCONNA *connections, uint32_t *bytes, uint32_t *count) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasEnumConnectionsA, &code)) {
    code = enum_connections(&connection_a, connections, bytes, count);
  }
  return rassim__leave(code);
}

/* An entry without a name, which is dialled by number, is in no phone book. */
static bool is_in_phonebook(const rassim_profile *entry, const uint16_t *phonebook) {
  const uint16_t *path = entry->connection.szPhonebook;
  if (entry->connection.szEntryName[0] == '.') return false;
  if (!phonebook) return true;
  for (; *path && *path == *phonebook; path++) phonebook++;
  return *path == *phonebook;
}

static uint32_t enum_entries(const uint16_t *phonebook, void *buffer, uint32_t *bytes,
                             uint32_t *count) {
  uint32_t found = 0, code = check_list(&entry_w, UINT32_MAX, buffer, bytes, count);
  if (code) return code;
  for (uint32_t i = 0; i < rassim__phone_book.count; i++) {
    found += is_in_phonebook(&rassim__phone_book.items[i], phonebook);
  }
  code = measure(&entry_w, UINT32_MAX, buffer, found, bytes, count);
  if (code || !buffer) return code;
  uint32_t stride = size_of(buffer);
  uint8_t *out = buffer;
  for (uint32_t i = 0; i < rassim__phone_book.count; i++) {
    const rassim_profile *entry = &rassim__phone_book.items[i];
    if (!is_in_phonebook(entry, phonebook)) continue;
    put_entry(entry, stride, out);
    out += stride;
  }
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasEnumEntriesW(const uint16_t *reserved, const uint16_t *phonebook,
                                  rn_RASENTRYNAMEW *entries, uint32_t *bytes, uint32_t *count) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasEnumEntriesW, &code)) {
    code = reserved ? RAS_ERROR_INVALID_PARAMETER : enum_entries(phonebook, entries, bytes, count);
  }
  return rassim__leave(code);
}

/* Status. */

/* The handle of a link reports the status of its connection, not of the link. */
static uint32_t get_connect_status(const shape *kind, HRASCONN handle, void *status) {
  uint32_t subentry;
  if (!status) return RAS_ERROR_INVALID_PARAMETER; /* [I] */
  if (!accepts(kind, size_of(status), service->status_limit)) return RAS_ERROR_INVALID_SIZE;
  if (service->code) return service->code;
  const rassim_connection *connection = rassim__find(handle, &subentry);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  kind->put(connection, size_of(status), status);
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasGetConnectStatusW(HRASCONN handle, rn_RASCONNSTATUSW *status) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetConnectStatusW, &code)) {
    code = get_connect_status(&status_w, handle, status);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasGetConnectStatusA(HRASCONN handle, rn_RASCONNSTATUSA *status) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetConnectStatusA, &code)) {
    code = get_connect_status(&status_a, handle, status);
  }
  return rassim__leave(code);
}

/* Hanging up. */

/* Finds the connection of a handle. Returns 668 if it has ended, 6 if it never existed. */
static uint32_t find_or_why(HRASCONN handle, rassim_connection **connection_out,
                            uint32_t *subentry_out) {
  *connection_out = rassim__find(handle, subentry_out);
  if (service->code) return service->code;
  if (*connection_out) return RAS_SUCCESS;
  return rassim__was_valid(handle) ? RAS_ERROR_NO_CONNECTION : RAS_ERROR_INVALID_HANDLE;
}

static uint32_t hang_up(rassim_function function, HRASCONN handle) {
  uint32_t code;
  if (rassim__enter(function, &code)) {
    rassim_connection *connection;
    uint32_t subentry;
    code = find_or_why(handle, &connection, &subentry);
    if (!code) code = rassim__hang_up(connection, subentry);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasHangUpW(HRASCONN handle) { return hang_up(RASSIM_RasHangUpW, handle); }

uint32_t RAS_CALL RasHangUpA(HRASCONN handle) { return hang_up(RASSIM_RasHangUpA, handle); }

/* Sub-entries. */

static uint32_t get_subentry_handle(HRASCONN handle, uint32_t subentry, HRASCONN *handle_out) {
  uint32_t of_link;
  if (!handle_out) return RAS_ERROR_INVALID_PARAMETER; /* [I] */
  if (service->code) return service->code;
  rassim_connection *connection = rassim__find(handle, &of_link);
  if (!connection || of_link || connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
  if (!subentry) return RAS_ERROR_INVALID_PARAMETER; /* [I] */
  if (subentry > connection->profile.subentries) return RAS_ERROR_NO_MORE_ITEMS;
  if (connection->links[subentry - 1] != RASSIM_LINK_UP) return RAS_ERROR_PORT_NOT_OPEN;
  return rassim__subentry_handle(connection, subentry, handle_out);
}

uint32_t RAS_CALL RasGetSubEntryHandleW(HRASCONN handle, uint32_t subentry, HRASCONN *handle_out) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetSubEntryHandleW, &code)) {
    code = get_subentry_handle(handle, subentry, handle_out);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasGetSubEntryHandleA(HRASCONN handle, uint32_t subentry, HRASCONN *handle_out) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetSubEntryHandleA, &code)) {
    code = get_subentry_handle(handle, subentry, handle_out);
  }
  return rassim__leave(code);
}

/* Notification. */

/* The codes and their order are [I]. The handle of a link registers for its connection. */
static uint32_t register_event(HRASCONN handle, void *event, uint32_t flags) {
  const uint32_t known = 2u * RASCN_EPDGPacketArrival - 1;
  uint32_t subentry;
  if (!flags || flags & ~known) return RAS_ERROR_INVALID_PARAMETER;
  if (service->code) return service->code;
  if (handle != RASSIM_EVERY_CONNECTION) {
    const rassim_connection *connection = rassim__find(handle, &subentry);
    if (!connection) return RAS_ERROR_INVALID_HANDLE;
    handle = connection->handle;
  }
  return rassim__register(handle, event, flags);
}

uint32_t RAS_CALL RasConnectionNotificationW(HRASCONN handle, void *event, uint32_t flags) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasConnectionNotificationW, &code)) {
    code = register_event(handle, event, flags);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasConnectionNotificationA(HRASCONN handle, void *event, uint32_t flags) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasConnectionNotificationA, &code)) {
    code = register_event(handle, event, flags);
  }
  return rassim__leave(code);
}

/* Statistics. */

/* [I] Every link has the statistics of its whole connection. The code of a link that is down is
 * that of RasGetSubEntryHandle. */
static uint32_t check_link(const rassim_connection *connection, uint32_t subentry) {
  if (subentry > connection->profile.subentries) return RAS_ERROR_NO_MORE_ITEMS;
  return connection->links[subentry - 1] == RASSIM_LINK_UP ? RAS_SUCCESS : RAS_ERROR_PORT_NOT_OPEN;
}

/* `link` 0: the whole connection. */
static uint32_t get_statistics(HRASCONN handle, uint32_t link, rn_RAS_STATS *statistics) {
  rassim_connection *connection;
  uint32_t subentry;
  if (!handle || !statistics || size_of(statistics) != sizeof *statistics) return RAS_E_INVALIDARG;
  uint32_t code = find_or_why(handle, &connection, &subentry);
  if (code) return code;
  if (connection->phase != RASSIM_UP) return RAS_ERROR_NO_CONNECTION;
  code = link ? check_link(connection, link) : RAS_SUCCESS;
  if (code) return code;
  rn_RAS_STATS now = rassim__statistics(connection);
  memcpy(statistics, &now, sizeof now);
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasGetConnectionStatistics(HRASCONN handle, rn_RAS_STATS *statistics) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetConnectionStatistics, &code)) {
    code = get_statistics(handle, 0, statistics);
  }
  return rassim__leave(code);
}

uint32_t RAS_CALL RasGetLinkStatistics(HRASCONN handle, uint32_t subentry,
                                       rn_RAS_STATS *statistics) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetLinkStatistics, &code)) {
    code = subentry ? get_statistics(handle, subentry, statistics) : RAS_E_INVALIDARG;
  }
  return rassim__leave(code);
}

/* [I] Resets the counters to 0, but not speed and duration. */
static uint32_t clear_statistics(HRASCONN handle) {
  rassim_connection *connection;
  uint32_t subentry;
  if (!handle) return RAS_E_INVALIDARG;
  uint32_t code = find_or_why(handle, &connection, &subentry);
  if (code) return code;
  rn_RAS_STATS cleared = {.dwBps = connection->statistics.dwBps};
  rassim__set_statistics(connection, &cleared, NULL);
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasClearConnectionStatistics(HRASCONN handle) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasClearConnectionStatistics, &code)) {
    code = clear_statistics(handle);
  }
  return rassim__leave(code);
}

/* Error strings. RasGetErrorString is the only function that works without the service. */

static const char *find_text(uint32_t code) {
  size_t low = 0, high = sizeof rassim_errors / sizeof *rassim_errors;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (rassim_errors[middle].code == code) return rassim_errors[middle].text;
    if (rassim_errors[middle].code < code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return NULL;
}

/* `length` counts characters, with the terminating NUL. */
static uint32_t check_error_string(const char *found, const void *text, uint32_t length) {
  if (!found || !text) return RAS_ERROR_INVALID_PARAMETER;
  return strlen(found) < length ? RAS_SUCCESS : RAS_ERROR_INSUFFICIENT_BUFFER;
}

uint32_t RAS_CALL RasGetErrorStringW(uint32_t code, uint16_t *text, uint32_t length) {
  uint32_t answer;
  if (rassim__enter(RASSIM_RasGetErrorStringW, &answer)) {
    const char *found = find_text(code);
    answer = check_error_string(found, text, length);
    for (size_t i = 0; !answer && (i == 0 || found[i - 1]); i++) text[i] = (uint8_t)found[i];
  }
  return rassim__leave(answer);
}

uint32_t RAS_CALL RasGetErrorStringA(uint32_t code, char *text, uint32_t length) {
  uint32_t answer;
  if (rassim__enter(RASSIM_RasGetErrorStringA, &answer)) {
    const char *found = find_text(code);
    answer = check_error_string(found, text, length);
    if (!answer) memcpy(text, found, strlen(found) + 1);
  }
  return rassim__leave(answer);
}

/* Functions that are not simulated. Clients such as pywin32's win32ras load only if they exist. */

static uint32_t not_simulated(rassim_function function) {
  uint32_t code;
  if (rassim__enter(function, &code)) code = RAS_ERROR_CALL_NOT_IMPLEMENTED;
  return rassim__leave(code);
}

uint32_t RAS_CALL RasCreatePhonebookEntryW(void *window, const uint16_t *phonebook) {
  (void)window, (void)phonebook;
  return not_simulated(RASSIM_RasCreatePhonebookEntryW);
}

uint32_t RAS_CALL RasEditPhonebookEntryW(void *window, const uint16_t *phonebook,
                                         const uint16_t *entry) {
  (void)window, (void)phonebook, (void)entry;
  return not_simulated(RASSIM_RasEditPhonebookEntryW);
}

uint32_t RAS_CALL RasGetEntryDialParamsW(const uint16_t *phonebook, rn_RASDIALPARAMSW *params,
                                         int32_t *password) {
  (void)phonebook, (void)params, (void)password;
  return not_simulated(RASSIM_RasGetEntryDialParamsW);
}

uint32_t RAS_CALL RasSetEntryDialParamsW(const uint16_t *phonebook, const rn_RASDIALPARAMSW *params,
                                         int32_t remove_password) {
  (void)phonebook, (void)params, (void)remove_password;
  return not_simulated(RASSIM_RasSetEntryDialParamsW);
}

uint32_t RAS_CALL RasGetEapUserIdentityW(const uint16_t *phonebook, const uint16_t *entry,
                                         uint32_t flags, void *window, void **identity_out) {
  (void)phonebook, (void)entry, (void)flags, (void)window, (void)identity_out;
  return not_simulated(RASSIM_RasGetEapUserIdentityW);
}

void RAS_CALL RasFreeEapUserIdentityW(void *identity) { (void)identity; }
