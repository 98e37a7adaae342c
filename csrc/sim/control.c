/* The controls about connections and the service; those of the clock and of the calls are
 * beside what they control. */
#include "service.h"

#include <string.h>

static rassim_service *const service = &rassim__service;

const char *rassim_identity(void) { return "ras_native simulator"; }

uint32_t rassim_version(void) { return RASSIM_VERSION; }

static uint32_t make_profile(rassim_profile *profile, const rn_RASCONNW *connection,
                             const rn_RASCONNSTATUSW *status, uint32_t subentries) {
  if (!connection || !status || !subentries || subentries > RASSIM_MAX_SUBENTRIES) {
    return RAS_ERROR_INVALID_PARAMETER;
  }
  if (!connection->szEntryName[0] && !status->szPhoneNumber[0]) {
    return RAS_ERROR_INVALID_PARAMETER;
  }
  memset(profile, 0, sizeof *profile);
  profile->subentries = subentries;
  profile->connection = *connection;
  profile->status = *status;
  rassim__complete(profile);
  return RAS_SUCCESS;
}

static uint32_t set_course(rassim_profile *profile, const uint32_t *states, uint32_t count,
                           uint64_t step_ns, uint32_t error) {
  if (!states || !count || count > RASSIM_MAX_STATES) return RAS_ERROR_INVALID_PARAMETER;
  memcpy(profile->states, states, count * sizeof *states);
  profile->count = count;
  profile->step_ns = step_ns;
  profile->error = error;
  return RAS_SUCCESS;
}

static uint32_t new_connection(const rassim_profile *profile, rassim_verb begin, uint64_t delay_ns,
                               HRASCONN *handle_out) {
  rassim_connection *connection;
  rassim__lock();
  uint32_t code = rassim__new_connection(profile, &connection);
  if (!code) {
    rassim_action action = {begin, 0, connection->handle, NULL};
    *handle_out = connection->handle;
    code = rassim__act(&action, delay_ns);
    if (code) rassim__terminate(connection);
  }
  rassim__unlock();
  return code;
}

uint32_t rassim_add(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                    uint32_t subentries, uint64_t delay_ns, HRASCONN *handle_out) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (code || !handle_out) return RAS_ERROR_INVALID_PARAMETER;
  return new_connection(&profile, RASSIM_BEGIN_ADDED, delay_ns, handle_out);
}

uint32_t rassim_dial(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                     uint32_t subentries, const uint32_t *states, uint32_t count, uint64_t step_ns,
                     uint32_t error, uint64_t delay_ns, HRASCONN *handle_out) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (!code) code = set_course(&profile, states, count, step_ns, error);
  if (code || !handle_out) return RAS_ERROR_INVALID_PARAMETER;
  return new_connection(&profile, RASSIM_BEGIN_DIALLED, delay_ns, handle_out);
}

uint32_t rassim_add_entry(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                          uint32_t subentries, const uint32_t *states, uint32_t count,
                          uint64_t step_ns, uint32_t error) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (!code) code = set_course(&profile, states, count, step_ns, error);
  if (code) return code;
  rassim__lock();
  code = RASSIM_ROOM(service->entries);
  if (!code) service->entries.items[service->entries.count++] = profile;
  rassim__unlock();
  return code;
}

/* The handle must be one now, whenever it is to be acted on. */
static uint32_t act_on(HRASCONN handle, rassim_verb verb, uint32_t number,
                       rn_RASCONNSTATUSW *status, uint64_t delay_ns) {
  uint32_t subentry = 0;
  rassim_action action = {verb, number, handle, status};
  rassim__lock();
  bool known = rassim__find(handle, &subentry) || rassim__find_planned(handle);
  uint32_t code = known && !subentry ? rassim__act(&action, delay_ns) : RAS_ERROR_INVALID_HANDLE;
  rassim__unlock();
  return code;
}

uint32_t rassim_resume(HRASCONN handle, uint64_t delay_ns) {
  return act_on(handle, RASSIM_RESUME, 0, NULL, delay_ns);
}

uint32_t rassim_drop(HRASCONN handle, uint64_t delay_ns) {
  return act_on(handle, RASSIM_DROP, 0, NULL, delay_ns);
}

uint32_t rassim_drop_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns) {
  return act_on(handle, RASSIM_DROP_LINK, subentry, NULL, delay_ns);
}

uint32_t rassim_connect_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns) {
  return act_on(handle, RASSIM_CONNECT_LINK, subentry, NULL, delay_ns);
}

uint32_t rassim_set_status(HRASCONN handle, uint32_t members, const rn_RASCONNSTATUSW *status,
                           uint64_t delay_ns) {
  if (!status) return RAS_ERROR_INVALID_PARAMETER;
  rn_RASCONNSTATUSW copy = *status;
  return act_on(handle, RASSIM_SET_STATUS, members, &copy, delay_ns);
}

uint32_t rassim_add_reference(HRASCONN handle, uint64_t delay_ns) {
  return act_on(handle, RASSIM_ADD_REFERENCE, 0, NULL, delay_ns);
}

uint32_t rassim_signal(HRASCONN handle, uint32_t flags, uint64_t delay_ns) {
  return act_on(handle, RASSIM_SIGNAL, flags, NULL, delay_ns);
}

uint32_t rassim_references(HRASCONN handle, uint32_t *references_out) {
  uint32_t subentry;
  if (!references_out) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  const rassim_connection *connection = rassim__find(handle, &subentry);
  bool up = connection && !subentry && connection->phase != RASSIM_CLOSING;
  if (up) *references_out = connection->references;
  rassim__unlock();
  return up ? RAS_SUCCESS : RAS_ERROR_INVALID_HANDLE;
}

uint32_t rassim_set_statistics(HRASCONN handle, const rn_RAS_STATS *statistics) {
  uint32_t subentry;
  if (!statistics) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  rassim_connection *connection = rassim__find(handle, &subentry);
  if (connection) {
    connection->statistics = *statistics;
    connection->statistics.dwSize = sizeof *statistics;
  }
  rassim__unlock();
  return connection ? RAS_SUCCESS : RAS_ERROR_INVALID_HANDLE;
}

void rassim_set_teardown(uint64_t ns) {
  rassim__lock();
  service->teardown_ns = ns;
  rassim__unlock();
}

uint64_t rassim_teardown(void) {
  rassim__lock();
  uint64_t ns = service->teardown_ns;
  rassim__unlock();
  return ns;
}

uint32_t rassim_set_service(uint32_t code, uint64_t delay_ns) {
  rassim_action action = {RASSIM_SET_SERVICE, code, NULL, NULL};
  rassim__lock();
  uint32_t failed = rassim__act(&action, delay_ns);
  rassim__unlock();
  return failed;
}

uint32_t rassim_limit_versions(uint32_t connection, uint32_t status) {
  if (connection < RAS_WINVER_NT4 || status < RAS_WINVER_NT4) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  service->connection_limit = connection;
  service->status_limit = status;
  rassim__unlock();
  return RAS_SUCCESS;
}

uint32_t rassim_registrations(void) {
  rassim__lock();
  uint32_t count = service->registrations.count;
  rassim__unlock();
  return count;
}

/* setuptools links every extension to export this. It is no module: importing it fails. */
void *PyInit__rassim(void);
void *PyInit__rassim(void) { return NULL; }
