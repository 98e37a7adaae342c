/* The simulated service: handles, connections, their links, and the events set for them. */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_BITS 18
#define MAX_SLOTS ((1u << INDEX_BITS) - 1)
#define MAX_GENERATION ((1u << (31 - INDEX_BITS)) - 1)
#define FRESH_SLOTS 1024 /* made before one is used again: handles do not come back soon */
#define NO_SLOT UINT32_MAX

rassim_service rassim__service = {
    .connection_limit = UINT32_MAX,
    .status_limit = UINT32_MAX,
    .first_free = NO_SLOT,
    .last_free = NO_SLOT,
};

static rassim_service *const service = &rassim__service;

uint32_t rassim__room(void *items_pointer, uint32_t *capacity, uint32_t count, size_t size) {
  if (count < *capacity) return RAS_SUCCESS;
  void *items; /* copied in and out: a pointer to any type is not a void ** */
  memcpy(&items, items_pointer, sizeof items);
  uint32_t more = *capacity ? *capacity * 2 : 16;
  void *grown = realloc(items, more * size);
  if (!grown) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  memcpy(items_pointer, &grown, sizeof grown);
  *capacity = more;
  return RAS_SUCCESS;
}

/* Handles. */

static HRASCONN handle_of(uint32_t index) {
  uint32_t generation = service->slots.items[index].generation;
  return (HRASCONN)(uintptr_t)(generation << INDEX_BITS | index);
}

static rassim_slot *slot_of(HRASCONN handle, uint32_t *generation_out) {
  uintptr_t value = (uintptr_t)handle;
  uint32_t index = (uint32_t)value & MAX_SLOTS;
  *generation_out = (uint32_t)value >> INDEX_BITS;
  if (value > INT32_MAX || index >= service->slots.count) return NULL;
  return &service->slots.items[index];
}

static uint32_t new_slot(uint32_t *index_out) {
  if (service->slots.count == MAX_SLOTS || RASSIM_ROOM(service->slots)) {
    return RAS_ERROR_NOT_ENOUGH_MEMORY;
  }
  *index_out = service->slots.count++;
  memset(&service->slots.items[*index_out], 0, sizeof(rassim_slot));
  return RAS_SUCCESS;
}

static void reuse_slot(uint32_t *index_out) {
  *index_out = service->first_free;
  service->first_free = service->slots.items[*index_out].next_free;
  if (service->first_free == NO_SLOT) service->last_free = NO_SLOT;
}

static uint32_t take_slot(rassim_connection *connection, uint32_t subentry, HRASCONN *handle_out) {
  uint32_t index;
  if (service->first_free != NO_SLOT && service->slots.count >= FRESH_SLOTS) {
    reuse_slot(&index);
  } else {
    uint32_t code = new_slot(&index);
    if (code) return code;
  }
  rassim_slot *slot = &service->slots.items[index];
  slot->connection = connection;
  slot->subentry = subentry;
  slot->generation = slot->generation < MAX_GENERATION ? slot->generation + 1 : 1;
  *handle_out = handle_of(index);
  return RAS_SUCCESS;
}

static void free_slot(HRASCONN handle) {
  uint32_t generation;
  rassim_slot *slot = slot_of(handle, &generation);
  uint32_t index = (uint32_t)(slot - service->slots.items);
  slot->connection = NULL;
  slot->next_free = NO_SLOT;
  if (service->last_free == NO_SLOT) {
    service->first_free = index;
  } else {
    service->slots.items[service->last_free].next_free = index;
  }
  service->last_free = index;
}

static rassim_connection *find(HRASCONN handle, uint32_t *subentry_out) {
  uint32_t generation;
  rassim_slot *slot = slot_of(handle, &generation);
  if (!slot || slot->generation != generation || !slot->connection) return NULL;
  *subentry_out = slot->subentry;
  return slot->connection;
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

bool rassim__was_valid(HRASCONN handle) {
  uint32_t generation;
  rassim_slot *slot = slot_of(handle, &generation);
  return slot && generation && generation <= slot->generation && !rassim__find_planned(handle);
}

uint32_t rassim__subentry_handle(rassim_connection *connection, uint32_t subentry,
                                 HRASCONN *handle_out) {
  HRASCONN *kept = &connection->subentry_handles[subentry - 1];
  uint32_t code = *kept ? RAS_SUCCESS : take_slot(connection, subentry, kept);
  if (!code) *handle_out = *kept;
  return code;
}

/* Who is told. */

static void remove_registration(uint32_t index) {
  rassim_registration *removed = &service->registrations.items[index];
  rassim__event_close(removed->event);
  memmove(removed, removed + 1, (--service->registrations.count - index) * sizeof *removed);
}

/* Backwards, because an entry may be removed. */
void rassim__signal(HRASCONN handle, uint32_t flags) {
  for (uint32_t i = service->registrations.count; i-- > 0;) {
    const rassim_registration *entry = &service->registrations.items[i];
    bool matches = entry->handle == RASSIM_EVERY_CONNECTION || entry->handle == handle;
    if (!matches || !(entry->flags & flags)) continue;
    if (!rassim__event_set(entry->event)) remove_registration(i);
  }
}

static void remove_unheard_registrations(void) {
  for (uint32_t i = service->registrations.count; i-- > 0;) {
    if (!rassim__event_is_heard(service->registrations.items[i].event)) remove_registration(i);
  }
}

/* No call ends a registration, so those whose event was closed are removed before the array
 * grows. */
uint32_t rassim__register(HRASCONN handle, void *event, uint32_t flags) {
  rassim_registration added = {handle, NULL, flags};
  if (service->registrations.count == service->registrations.capacity) {
    remove_unheard_registrations();
  }
  uint32_t code = RASSIM_ROOM(service->registrations);
  if (!code) code = rassim__event_duplicate(event, &added.event);
  if (!code) service->registrations.items[service->registrations.count++] = added;
  return code;
}

/* [I] A registration for one connection ends with it; one for all stays. */
static void remove_registrations(HRASCONN handle) {
  for (uint32_t i = service->registrations.count; i-- > 0;) {
    if (service->registrations.items[i].handle == handle) remove_registration(i);
  }
}

void rassim__remove_all_registrations(void) {
  while (service->registrations.count) remove_registration(service->registrations.count - 1);
}

/* Connections. */

/* What is handed out later is defined to the last byte. */
static void end_text(uint16_t *text, size_t capacity) {
  size_t length = 0;
  while (length + 1 < capacity && text[length]) length++;
  memset(text + length, 0, (capacity - length) * sizeof *text);
}

#define END_TEXT(text) end_text((text), sizeof(text) / sizeof *(text))

/* A connection dialled by number is listed as "." and the number. */
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

uint32_t rassim__new_connection(const rassim_profile *profile, rassim_connection **connection_out) {
  rassim_connection *connection = calloc(1, sizeof *connection);
  if (!connection) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  uint32_t code = take_slot(connection, 0, &connection->handle);
  if (code) {
    free(connection);
    return code;
  }
  connection->profile = *profile;
  connection->profile.connection.hrasconn = connection->handle;
  connection->phase = RASSIM_PLANNED;
  connection->references = 1;
  connection->statistics.dwSize = sizeof(rn_RAS_STATS);
  *connection_out = connection;
  return RAS_SUCCESS;
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

/* [I] The links that come up with a multilink connection count as bandwidth added. */
uint32_t rassim__connect(rassim_connection *connection) {
  uint32_t code = RASSIM_ROOM(service->listed);
  if (code) return code;
  service->listed.items[service->listed.count++] = connection;
  connection->phase = RASSIM_UP;
  connection->was_up = true;
  connection->connected_ns = rassim__now();
  connection->profile.status.rasconnstate = RASCS_Connected;
  for (uint32_t i = 0; i < connection->profile.subentries; i++) {
    connection->links[i] = RASSIM_LINK_UP;
  }
  rassim__signal(connection->handle,
                 RASCN_Connection | (is_multilink(connection) ? RASCN_BandwidthAdded : 0u));
  return RAS_SUCCESS;
}

static void unlist(const rassim_connection *connection) {
  for (uint32_t i = 0; i < service->listed.count; i++) {
    rassim_connection **at = &service->listed.items[i];
    if (*at != connection) continue;
    memmove(at, at + 1, (--service->listed.count - i) * sizeof *at);
    return;
  }
}

static void free_connection(rassim_connection *connection) {
  free_slot(connection->handle);
  for (uint32_t i = 0; i < connection->profile.subentries; i++) {
    if (connection->subentry_handles[i]) free_slot(connection->subentry_handles[i]);
  }
  free(connection);
}

/* [I] What never connected is not reported as disconnected. */
void rassim__terminate(rassim_connection *connection) {
  HRASCONN handle = connection->handle;
  uint32_t flags = connection->was_up ? RASCN_Disconnection : 0u;
  if (is_multilink(connection) && has_link(connection)) flags |= RASCN_BandwidthRemoved;
  unlist(connection);
  free_connection(connection);
  rassim__signal(handle, flags);
  remove_registrations(handle);
}

void rassim__close_link(rassim_connection *connection, uint32_t subentry) {
  connection->links[subentry - 1] = RASSIM_LINK_DOWN;
  if (is_multilink(connection)) rassim__signal(connection->handle, RASCN_BandwidthRemoved);
  if (!has_link(connection)) rassim__terminate(connection);
}

void rassim__connect_link(rassim_connection *connection, uint32_t subentry) {
  if (connection->links[subentry - 1] == RASSIM_LINK_UP) return;
  connection->links[subentry - 1] = RASSIM_LINK_UP;
  if (is_multilink(connection)) rassim__signal(connection->handle, RASCN_BandwidthAdded);
}

static uint32_t hang_up_link(rassim_connection *connection, uint32_t subentry) {
  rassim_link *link = &connection->links[subentry - 1];
  if (*link != RASSIM_LINK_UP) return RAS_ERROR_NO_CONNECTION; /* [I] */
  uint32_t code = RASSIM_ROOM(service->queue);
  if (code) return code;
  *link = RASSIM_LINK_CLOSING;
  rassim_action closed = {RASSIM_LINK_CLOSED, subentry, connection->handle, NULL};
  return rassim__act(&closed, service->teardown_ns);
}

/* Unlisted at once, for it is no longer connected; the handle and the event of its
 * end wait for the state machine. [U] Another RasHangUp meanwhile is 668. */
uint32_t rassim__hang_up(rassim_connection *connection, uint32_t subentry) {
  if (connection->phase == RASSIM_CLOSING) return RAS_ERROR_NO_CONNECTION;
  if (subentry) return hang_up_link(connection, subentry);
  if (connection->in_callback) {
    connection->deferred_hang_ups++;
    return RAS_SUCCESS;
  }
  uint32_t code = RASSIM_ROOM(service->queue);
  if (code) return code;
  if (--connection->references) return RAS_SUCCESS;
  unlist(connection);
  connection->phase = RASSIM_CLOSING;
  connection->profile.status.rasconnstate = RASCS_Disconnected; /* [I] */
  rassim_action closed = {RASSIM_CLOSED, 0, connection->handle, NULL};
  return rassim__act(&closed, service->teardown_ns);
}

/* [I] Reconnected, or back to none after an outage, is what RASCN_ReConnection means. */
static uint32_t substate_flags(uint32_t before, uint32_t after) {
  const uint32_t none = 0, dormant = 1, reconnecting = 2, reconnected = 0x2000;
  bool was_out = before == dormant || before == reconnecting;
  if (after == before) return 0;
  if (after == dormant) return RASCN_Dormant;
  if (after == reconnected || (after == none && was_out)) return RASCN_ReConnection;
  return 0;
}

void rassim__set_status(rassim_connection *connection, uint32_t members,
                        const rn_RASCONNSTATUSW *status) {
  rn_RASCONNSTATUSW *to = &connection->profile.status;
  uint32_t before = to->rasconnsubstate;
  if (members & RASSIM_STATE) to->rasconnstate = status->rasconnstate;
  if (members & RASSIM_ERROR) to->dwError = status->dwError;
  if (members & RASSIM_SUBSTATE) to->rasconnsubstate = status->rasconnsubstate;
  if (members & RASSIM_LOCAL_ENDPOINT) to->localEndPoint = status->localEndPoint;
  if (members & RASSIM_REMOTE_ENDPOINT) to->remoteEndPoint = status->remoteEndPoint;
  if (members & RASSIM_PHONE_NUMBER) {
    memcpy(to->szPhoneNumber, status->szPhoneNumber, sizeof to->szPhoneNumber);
    END_TEXT(to->szPhoneNumber);
  }
  rassim__signal(connection->handle, substate_flags(before, to->rasconnsubstate));
}

/* Slots and their generations stay: handles from before remain once-valid. */
void rassim__clear(void) {
  for (uint32_t i = 0; i < service->slots.count; i++) {
    rassim_slot *slot = &service->slots.items[i];
    if (slot->connection && !slot->subentry) free_connection(slot->connection);
  }
  rassim__remove_all_registrations();
  service->listed.count = service->entries.count = service->callbacks.count = 0;
  service->code = 0;
  service->connection_limit = service->status_limit = UINT32_MAX;
  service->teardown_ns = 0;
  rassim__clear_queue();
}
