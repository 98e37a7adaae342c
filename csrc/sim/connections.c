/* Connections, their links and handles, and the phone book. */
#include "connections.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_BITS 18
#define MAX_SLOTS ((1u << INDEX_BITS) - 1)
#define MAX_GENERATION ((1u << (31 - INDEX_BITS)) - 1)
#define FRESH_SLOTS 1024 /* created before the first reuse, so that no handle comes back soon */
#define NO_SLOT UINT32_MAX

/* A handle holds the index and the generation of its slot. So the simulator can tell a handle that
 * ended from one that never existed. */
typedef struct {
  rassim_connection *connection; /* NULL: free */
  uint32_t subentry;             /* 0: the connection itself */
  uint32_t generation;
  uint32_t next_free;
} slot;

static struct {
  uint64_t incarnations;
  RASSIM_ARRAY(slot) slots;
  uint32_t first_free, last_free; /* a queue: the slot that has been free longest comes first */
} table = {.first_free = NO_SLOT, .last_free = NO_SLOT};

rassim_list rassim__listed;
rassim_phone_book rassim__phone_book;

/* Handles. */

static HRASCONN handle_of(uint32_t index) {
  uint32_t generation = table.slots.items[index].generation;
  return (HRASCONN)(uintptr_t)(generation << INDEX_BITS | index);
}

static slot *slot_of(HRASCONN handle, uint32_t *generation_out) {
  uintptr_t value = (uintptr_t)handle;
  uint32_t index = (uint32_t)value & MAX_SLOTS;
  *generation_out = (uint32_t)value >> INDEX_BITS;
  if (value > INT32_MAX || index >= table.slots.count) return NULL;
  return &table.slots.items[index];
}

static uint32_t append_slot(uint32_t *index_out) {
  if (table.slots.count == MAX_SLOTS || RASSIM_RESERVE(table.slots)) {
    return RAS_ERROR_NOT_ENOUGH_MEMORY;
  }
  *index_out = table.slots.count++;
  memset(&table.slots.items[*index_out], 0, sizeof(slot));
  return RAS_SUCCESS;
}

static void remove_free_slot(uint32_t index) {
  uint32_t previous = NO_SLOT, *link = &table.first_free;
  while (*link != index) {
    previous = *link;
    link = &table.slots.items[*link].next_free;
  }
  *link = table.slots.items[index].next_free;
  if (table.last_free == index) table.last_free = previous;
}

static uint32_t fresh_slot(uint32_t *index_out) {
  if (table.first_free == NO_SLOT || table.slots.count < FRESH_SLOTS) {
    return append_slot(index_out);
  }
  *index_out = table.first_free;
  remove_free_slot(*index_out);
  return RAS_SUCCESS;
}

static void begin_generation(slot *used) {
  used->generation = used->generation < MAX_GENERATION ? used->generation + 1 : 1;
}

static uint32_t take_fresh_slot(rassim_connection *connection, uint32_t subentry,
                                HRASCONN *handle_out) {
  uint32_t index, code = fresh_slot(&index);
  if (code) return code;
  slot *taken = &table.slots.items[index];
  taken->connection = connection;
  taken->subentry = subentry;
  begin_generation(taken);
  *handle_out = handle_of(index);
  return RAS_SUCCESS;
}

/* Takes the slot of an ended handle, to use the handle again. Only a slot's last handle can be used
 * again. */
static uint32_t take_ended_slot(rassim_connection *connection, HRASCONN handle) {
  uint32_t generation;
  slot *ended = slot_of(handle, &generation);
  if (!ended || ended->connection || !generation || ended->generation != generation) {
    return RAS_ERROR_INVALID_HANDLE;
  }
  remove_free_slot((uint32_t)(ended - table.slots.items));
  ended->connection = connection;
  ended->subentry = 0;
  return RAS_SUCCESS;
}

static void free_slot(HRASCONN handle) {
  uint32_t generation;
  slot *freed = slot_of(handle, &generation);
  uint32_t index = (uint32_t)(freed - table.slots.items);
  freed->connection = NULL;
  freed->next_free = NO_SLOT;
  if (table.last_free == NO_SLOT) {
    table.first_free = index;
  } else {
    table.slots.items[table.last_free].next_free = index;
  }
  table.last_free = index;
}

static rassim_connection *find(HRASCONN handle, uint32_t *subentry_out) {
  uint32_t generation;
  const slot *found = slot_of(handle, &generation);
  if (!found || found->generation != generation || !found->connection) return NULL;
  *subentry_out = found->subentry;
  return found->connection;
}

rassim_connection *rassim__find(HRASCONN handle, uint32_t *subentry_out) {
  rassim_connection *connection = find(handle, subentry_out);
  return connection && connection->phase != RASSIM_PLANNED ? connection : NULL;
}

rassim_connection *rassim__find_planned(HRASCONN handle) {
  uint32_t subentry;
  rassim_connection *connection = find(handle, &subentry);
  return connection && connection->phase == RASSIM_PLANNED ? connection : NULL;
}

rassim_action rassim__action_on(const rassim_connection *connection,
                                uint32_t (*run)(const rassim_action *action), uint32_t number) {
  rassim_action action = {.run = run, .handle = connection->handle, .number = number};
  action.incarnation = connection->incarnation;
  return action;
}

rassim_connection *rassim__find_for(const rassim_action *action) {
  uint32_t subentry;
  rassim_connection *connection = rassim__find(action->handle, &subentry);
  return connection && connection->incarnation == action->incarnation ? connection : NULL;
}

rassim_connection *rassim__find_if(bool (*visit)(rassim_connection *connection, const void *data),
                                   const void *data) {
  for (uint32_t i = 0; i < table.slots.count; i++) {
    const slot *visited = &table.slots.items[i];
    if (!visited->connection || visited->subentry) continue;
    if (visit(visited->connection, data)) return visited->connection;
  }
  return NULL;
}

bool rassim__was_valid(HRASCONN handle) {
  uint32_t generation;
  const slot *found = slot_of(handle, &generation);
  return found && generation && generation <= found->generation && !rassim__find_planned(handle);
}

uint32_t rassim__subentry_handle(rassim_connection *connection, uint32_t subentry,
                                 HRASCONN *handle_out) {
  HRASCONN *known = &connection->subentry_handles[subentry - 1];
  uint32_t code = *known ? RAS_SUCCESS : take_fresh_slot(connection, subentry, known);
  if (!code) *handle_out = *known;
  return code;
}

/* Texts. */

/* Zeroes everything after the text, so that callers get defined bytes only. */
static void end_text(uint16_t *text, size_t capacity) {
  size_t length = 0;
  while (length + 1 < capacity && text[length]) length++;
  memset(text + length, 0, (capacity - length) * sizeof *text);
}

#define END_TEXT(text) end_text((text), sizeof(text) / sizeof *(text))

bool rassim__same_text(const uint16_t *a, const uint16_t *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (a[i] != b[i]) return false;
    if (!a[i]) return true;
  }
  return true;
}

/* RAS lists a connection that was dialled by number as "." and the number. */
void rassim__complete(rassim_profile *profile) {
  rn_RASCONNW *connection = &profile->connection;
  rn_RASCONNSTATUSW *status = &profile->status;
  END_TEXT(status->szPhoneNumber);
  if (!connection->szEntryName[0]) {
    connection->szEntryName[0] = '.';
    memcpy(connection->szEntryName + 1, status->szPhoneNumber, sizeof status->szPhoneNumber);
  }
  END_TEXT(connection->szEntryName);
  END_TEXT(connection->szDeviceType);
  END_TEXT(connection->szDeviceName);
  END_TEXT(connection->szPhonebook);
  memcpy(status->szDeviceType, connection->szDeviceType, sizeof status->szDeviceType);
  memcpy(status->szDeviceName, connection->szDeviceName, sizeof status->szDeviceName);
}

/* The beginning and the end of connections. */

uint32_t rassim__new_connection(const rassim_profile *profile, HRASCONN reused,
                                rassim_connection **connection_out) {
  rassim_connection *connection = calloc(1, sizeof *connection);
  if (!connection) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  connection->handle = reused;
  uint32_t code = reused ? take_ended_slot(connection, reused)
                         : take_fresh_slot(connection, 0, &connection->handle);
  if (code) {
    free(connection);
    return code;
  }
  connection->profile = *profile;
  connection->profile.connection.hrasconn = connection->handle;
  connection->incarnation = ++table.incarnations;
  connection->phase = RASSIM_PLANNED;
  connection->references = 1;
  connection->statistics.dwSize = sizeof(rn_RAS_STATS);
  *connection_out = connection;
  return RAS_SUCCESS;
}

static void free_connection(rassim_connection *connection) {
  free_slot(connection->handle);
  for (uint32_t i = 0; i < connection->profile.subentries; i++) {
    if (connection->subentry_handles[i]) free_slot(connection->subentry_handles[i]);
  }
  free(connection);
}

static bool is_multilink(const rassim_connection *connection) {
  return connection->profile.subentries > 1;
}

static bool has_link(const rassim_connection *connection) {
  for (uint32_t i = 0; i < connection->profile.subentries; i++) {
    if (connection->links[i] != RASSIM_LINK_DOWN) return true;
  }
  return false;
}

void rassim__set_state(rassim_connection *connection, uint32_t state) {
  connection->profile.status.rasconnstate = state;
  rassim__log(RASSIM_EVENT_STATE, connection->handle, state);
}

/* The event log. */

void rassim__tell(const rassim_connection *connection, uint32_t event_id, uint32_t code) {
  const rassim_profile *profile = &connection->profile;
  rassim__log_event(event_id, &profile->connection, &profile->status, code);
}

/* [I] RAS writes its events before it signals the change. A connection that was up at once has the
 * last events of a dialling. */
static void tell_connected(const rassim_connection *connection) {
  if (rassim__is_ikev2(&connection->profile.connection)) {
    rassim__tell(connection, RASSIM_LOG_CAN_MOVE, 0);
  }
  rassim__tell(connection, RASSIM_LOG_CONNECTED, 0);
}

/* [I] A dialling that somebody ends is one that failed. */
static void tell_ended(const rassim_connection *connection, uint32_t reason) {
  if (connection->was_up) {
    rassim__tell(connection, RASSIM_LOG_ENDED, reason);
  } else if (connection->phase == RASSIM_DIALLING) {
    rassim__tell(connection, RASSIM_LOG_FAILED, reason);
  }
}

/* [I] A multilink connection signals that bandwidth was added when it connects. */
uint32_t rassim__connect(rassim_connection *connection) {
  uint32_t code = RASSIM_RESERVE(rassim__listed);
  if (code) return code;
  rassim__listed.items[rassim__listed.count++] = connection;
  connection->phase = RASSIM_UP;
  connection->was_up = true;
  connection->connected_ns = rassim__now();
  for (uint32_t i = 0; i < connection->profile.subentries; i++) {
    connection->links[i] = RASSIM_LINK_UP;
  }
  rassim__set_state(connection, RASCS_Connected);
  rassim__log(RASSIM_EVENT_LISTED, connection->handle, 0);
  tell_connected(connection);
  rassim__signal(connection->handle,
                 RASCN_Connection | (is_multilink(connection) ? RASCN_BandwidthAdded : 0u));
  return RAS_SUCCESS;
}

static void unlist(const rassim_connection *connection) {
  for (uint32_t i = 0; i < rassim__listed.count; i++) {
    rassim_connection **entry = &rassim__listed.items[i];
    if (*entry != connection) continue;
    memmove(entry, entry + 1, (--rassim__listed.count - i) * sizeof *entry);
    rassim__log(RASSIM_EVENT_UNLISTED, connection->handle, 0);
    return;
  }
}

/* [I] RAS does not signal the end of a connection that was never up. */
void rassim__terminate(rassim_connection *connection, uint32_t reason) {
  HRASCONN handle = connection->handle;
  bool was_up = connection->was_up, was_planned = connection->phase == RASSIM_PLANNED;
  uint32_t flags = was_up ? RASCN_Disconnection : 0u;
  if (is_multilink(connection) && has_link(connection)) flags |= RASCN_BandwidthRemoved;
  tell_ended(connection, reason);
  unlist(connection);
  free_connection(connection);
  if (!was_planned) rassim__log(RASSIM_EVENT_ENDED, handle, 0);
  rassim__signal(handle, flags);
  if (was_up) rassim__count_cycle();
  rassim__end_registrations(handle);
}

/* Links. */

void rassim__disconnect_link(rassim_connection *connection, uint32_t subentry, uint32_t reason) {
  connection->links[subentry - 1] = RASSIM_LINK_DOWN;
  rassim__log(RASSIM_EVENT_LINK_DOWN, connection->handle, subentry);
  if (is_multilink(connection)) rassim__signal(connection->handle, RASCN_BandwidthRemoved);
  if (!has_link(connection)) rassim__terminate(connection, reason);
}

void rassim__connect_link(rassim_connection *connection, uint32_t subentry) {
  if (connection->links[subentry - 1] == RASSIM_LINK_UP) return;
  connection->links[subentry - 1] = RASSIM_LINK_UP;
  rassim__log(RASSIM_EVENT_LINK_UP, connection->handle, subentry);
  if (is_multilink(connection)) rassim__signal(connection->handle, RASCN_BandwidthAdded);
}

/* Hanging up. */

static uint32_t end_link(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection || connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
  if (connection->links[action->number - 1] != RASSIM_LINK_CLOSING) return RAS_ERROR_PORT_NOT_OPEN;
  rassim__disconnect_link(connection, action->number, RAS_ERROR_USER_DISCONNECTION);
  return RAS_SUCCESS;
}

static uint32_t end_connection(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection || connection->phase != RASSIM_CLOSING) return RAS_ERROR_INVALID_HANDLE;
  rassim__terminate(connection, RAS_ERROR_USER_DISCONNECTION);
  return RAS_SUCCESS;
}

static uint32_t hang_up_link(rassim_connection *connection, uint32_t subentry) {
  rassim_link *link = &connection->links[subentry - 1];
  rassim_action end = rassim__action_on(connection, end_link, subentry);
  if (*link != RASSIM_LINK_UP) return RAS_ERROR_NO_CONNECTION; /* [I] */
  *link = RASSIM_LINK_CLOSING;
  uint32_t code = rassim__act(&end, rassim__service.teardown_ns);
  if (code) *link = RASSIM_LINK_UP;
  return code;
}

/* Unlists the connection at once. After the teardown its handle ends, and RAS signals its end. */
static uint32_t begin_teardown(rassim_connection *connection) {
  rassim_action end = rassim__action_on(connection, end_connection, 0);
  uint64_t teardown_ns = rassim__service.teardown_ns;
  uint32_t code = teardown_ns ? rassim__schedule(&end, teardown_ns) : RAS_SUCCESS;
  if (code) return code;
  if (!connection->was_up) tell_ended(connection, RAS_ERROR_USER_DISCONNECTION);
  unlist(connection);
  connection->phase = RASSIM_CLOSING;
  rassim__set_state(connection, RASCS_Disconnected); /* [I] */
  return teardown_ns ? RAS_SUCCESS : end_connection(&end);
}

/* [U] RasHangUp returns 668 for a connection in its teardown. */
uint32_t rassim__hang_up(rassim_connection *connection, uint32_t subentry) {
  if (connection->phase == RASSIM_CLOSING) return RAS_ERROR_NO_CONNECTION;
  if (subentry) return hang_up_link(connection, subentry);
  if (connection->in_callback) {
    connection->deferred_hang_ups++;
    return RAS_SUCCESS;
  }
  if (connection->references == 1) return begin_teardown(connection);
  connection->references--;
  return RAS_SUCCESS;
}

/* What RasGetConnectStatus and RasEnumConnections report. */

/* [I] RAS signals RASCN_ReConnection for the substate "reconnected", and for no substate after an
 * outage. */
static uint32_t substate_flags(uint32_t before, uint32_t after) {
  bool was_out = before == RASCSS_Dormant || before == RASCSS_Reconnecting;
  if (after == before) return 0;
  if (after == RASCSS_Dormant) return RASCN_Dormant;
  if (after == RASCSS_Reconnected || (after == RASCSS_None && was_out)) return RASCN_ReConnection;
  return 0;
}

static bool has_moved(const rassim_connection *connection, const rn_RASCONNSTATUSW *before) {
  const rn_RASCONNSTATUSW *now = &connection->profile.status;
  size_t size = sizeof now->localEndPoint;
  return connection->phase == RASSIM_UP && rassim__is_ikev2(&connection->profile.connection) &&
         (memcmp(&now->localEndPoint, &before->localEndPoint, size) != 0 ||
          memcmp(&now->remoteEndPoint, &before->remoteEndPoint, size) != 0);
}

#define OTHER_MEMBERS \
  (RASSIM_ERROR | RASSIM_PHONE_NUMBER | RASSIM_LOCAL_ENDPOINT | RASSIM_REMOTE_ENDPOINT)

void rassim__set_status(rassim_connection *connection, uint32_t members,
                        const rn_RASCONNSTATUSW *status) {
  rn_RASCONNSTATUSW *changed = &connection->profile.status;
  const rn_RASCONNSTATUSW before = *changed;
  if (members & RASSIM_STATE) rassim__set_state(connection, status->rasconnstate);
  if (members & RASSIM_ERROR) changed->dwError = status->dwError;
  if (members & RASSIM_LOCAL_ENDPOINT) changed->localEndPoint = status->localEndPoint;
  if (members & RASSIM_REMOTE_ENDPOINT) changed->remoteEndPoint = status->remoteEndPoint;
  if (members & RASSIM_PHONE_NUMBER) {
    memcpy(changed->szPhoneNumber, status->szPhoneNumber, sizeof changed->szPhoneNumber);
    END_TEXT(changed->szPhoneNumber);
  }
  if (members & OTHER_MEMBERS) {
    rassim__log(RASSIM_EVENT_STATUS, connection->handle, members & OTHER_MEMBERS);
  }
  if (has_moved(connection, &before)) rassim__tell(connection, RASSIM_LOG_MOVED, 0);
  if (!(members & RASSIM_SUBSTATE)) return;
  changed->rasconnsubstate = status->rasconnsubstate;
  rassim__log(RASSIM_EVENT_SUBSTATE, connection->handle, status->rasconnsubstate);
  rassim__signal(connection->handle,
                 substate_flags(before.rasconnsubstate, status->rasconnsubstate));
}

/* The bytes that passed in a time. */
static uint64_t passed(uint64_t bytes_per_second, uint64_t ns) {
  const uint64_t second_ns = 1000 * RASSIM_NS_PER_MS;
  return bytes_per_second * (ns / second_ns) + bytes_per_second * (ns % second_ns) / second_ns;
}

static void add_traffic(uint64_t bytes, uint32_t *bytes_inout, uint32_t *frames_inout) {
  *bytes_inout += (uint32_t)bytes;
  *frames_inout += (uint32_t)((bytes + RASSIM_FRAME_BYTES - 1) / RASSIM_FRAME_BYTES);
}

rn_RAS_STATS rassim__statistics(const rassim_connection *connection) {
  const uint64_t now_ns = rassim__now(), ns = now_ns - connection->counted_ns;
  const rassim_traffic *traffic = &connection->traffic;
  rn_RAS_STATS now = connection->statistics;
  add_traffic(passed(traffic->received, ns), &now.dwBytesRcved, &now.dwFramesRcved);
  add_traffic(passed(traffic->sent, ns), &now.dwBytesXmited, &now.dwFramesXmited);
  now.dwConnectDuration = (uint32_t)((now_ns - connection->connected_ns) / RASSIM_NS_PER_MS);
  return now;
}

void rassim__set_statistics(rassim_connection *connection, const rn_RAS_STATS *statistics,
                            const rassim_traffic *traffic) {
  connection->statistics = statistics ? *statistics : rassim__statistics(connection);
  connection->statistics.dwSize = sizeof *statistics;
  connection->counted_ns = rassim__now();
  if (traffic) connection->traffic = *traffic;
}

void rassim__rename(rassim_connection *connection, const uint16_t *name) {
  rn_RASCONNW *renamed = &connection->profile.connection;
  memcpy(renamed->szEntryName, name, sizeof renamed->szEntryName);
  END_TEXT(renamed->szEntryName);
  rassim__log(RASSIM_EVENT_RENAMED, connection->handle, 0);
}

/* Slots and their generations stay, so older handles are still recognised as ended. */
void rassim__clear_connections(void) {
  for (uint32_t i = 0; i < table.slots.count; i++) {
    const slot *cleared = &table.slots.items[i];
    if (cleared->connection && !cleared->subentry) free_connection(cleared->connection);
  }
  rassim__listed.count = rassim__phone_book.count = 0;
}
