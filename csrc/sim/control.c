/* The controls of connections, the phone book and the service, and the reset. clock.c, calls.c,
 * notifications.c, events.c, handles.c, rasclient.c and history.c have controls of their own. */
#include <string.h>

#include "projection.h"

const char *rassim_identity(void) { return "ras_native simulator"; }

uint32_t rassim_version(void) { return RASSIM_VERSION; }

uint32_t rassim_reset(void) {
  uint32_t code = rassim_set_clock(RASSIM_CLOCK_MANUAL);
  if (code) return code;
  rassim__lock();
  rassim__clear_connections();
  rassim__reset_notifications();
  rassim__abandon_callbacks();
  rassim__clear_queue();
  rassim__clear_calls();
  rassim__clear_history();
  rassim__reset_event_log();
  rassim__clear_log_faults();
  rassim__reset_service();
  rassim__unlock();
  return RAS_SUCCESS;
}

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

static uint32_t set_states(rassim_profile *profile, const uint32_t *states, uint32_t count,
                           uint64_t step_ns, uint32_t error) {
  if (!states || !count || count > RASSIM_MAX_STATES) return RAS_ERROR_INVALID_PARAMETER;
  memcpy(profile->states, states, count * sizeof *states);
  profile->state_count = count;
  profile->step_ns = step_ns;
  profile->error = error;
  return RAS_SUCCESS;
}

/* *handle_inout: 0 for a new handle, or that of an ended connection. */
static uint32_t new_connection(const rassim_profile *profile,
                               uint32_t (*begin)(const rassim_action *action), uint64_t delay_ns,
                               HRASCONN *handle_inout) {
  rassim_connection *connection;
  rassim__lock();
  uint32_t code = rassim__new_connection(profile, *handle_inout, &connection);
  if (!code) {
    rassim_action action = rassim__action_on(connection, begin, 0);
    *handle_inout = connection->handle;
    code = rassim__act(&action, delay_ns);
    if (code) rassim__terminate(connection, code);
  }
  rassim__unlock();
  return code;
}

uint32_t rassim_add(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                    uint32_t subentries, uint64_t delay_ns, HRASCONN *handle_inout) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (code || !handle_inout) return RAS_ERROR_INVALID_PARAMETER;
  return new_connection(&profile, rassim__run_connect, delay_ns, handle_inout);
}

uint32_t rassim_dial(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                     uint32_t subentries, const uint32_t *states, uint32_t count, uint64_t step_ns,
                     uint32_t error, uint64_t delay_ns, HRASCONN *handle_inout) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (!code) code = set_states(&profile, states, count, step_ns, error);
  if (code || !handle_inout) return RAS_ERROR_INVALID_PARAMETER;
  return new_connection(&profile, rassim__run_dial, delay_ns, handle_inout);
}

uint32_t rassim_add_entry(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                          uint32_t subentries, const uint32_t *states, uint32_t count,
                          uint64_t step_ns, uint32_t error) {
  rassim_profile profile;
  uint32_t code = make_profile(&profile, connection, status, subentries);
  if (!code) code = set_states(&profile, states, count, step_ns, error);
  if (code) return code;
  rassim__lock();
  code = RASSIM_RESERVE(rassim__phone_book);
  if (!code) rassim__phone_book.items[rassim__phone_book.count++] = profile;
  rassim__unlock();
  return code;
}

/* The handle must be a connection's at the time of the call, even if the action comes later. */
static uint32_t act_on(HRASCONN handle, const rassim_action *action, uint64_t delay_ns) {
  uint32_t subentry = 0, code = RAS_ERROR_INVALID_HANDLE;
  rassim__lock();
  const rassim_connection *connection = rassim__find(handle, &subentry);
  if (!connection) connection = rassim__find_planned(handle);
  if (connection && !subentry) {
    rassim_action bound = rassim__action_on(connection, action->run, action->number);
    bound.data = action->data;
    bound.data_size = action->data_size;
    code = rassim__act(&bound, delay_ns);
  }
  rassim__unlock();
  return code;
}

uint32_t rassim_resume(HRASCONN handle, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_resume};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_drop(HRASCONN handle, uint32_t reason, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_drop, .number = reason};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_time_out(HRASCONN handle, uint32_t limit, uint64_t delay_ns) {
  rassim_action action = {.run = rassim__run_time_out};
  if (limit != RASSIM_LIMIT_IDLE && limit != RASSIM_LIMIT_LONGEST) {
    return RAS_ERROR_INVALID_PARAMETER;
  }
  action.number = limit == RASSIM_LIMIT_IDLE ? RASSIM_LOG_IDLE : RASSIM_LOG_LONGEST_TIME;
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_write_ras_event(HRASCONN handle, uint32_t event_id, uint32_t code,
                                uint64_t delay_ns) {
  const rassim_action action = {
      .run = rassim__run_tell, .number = event_id, .data = &code, .data_size = sizeof code};
  if (!rassim__is_ras_event(event_id)) return RAS_ERROR_INVALID_PARAMETER;
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_drop_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_drop_link, .number = subentry};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_connect_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_connect_link, .number = subentry};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_set_status(HRASCONN handle, uint32_t members, const rn_RASCONNSTATUSW *status,
                           uint64_t delay_ns) {
  if (!status) return RAS_ERROR_INVALID_PARAMETER;
  rn_RASCONNSTATUSW copy = *status;
  const rassim_action action = {
      .run = rassim__run_set_status, .number = members, .data = &copy, .data_size = sizeof copy};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_set_projection(HRASCONN handle, const rn_RAS_PROJECTION_INFO *projection,
                               uint32_t code, uint64_t delay_ns) {
  if (!projection) return RAS_ERROR_INVALID_PARAMETER;
  rassim_projection copy;
  uint32_t failed = rassim__copy_projection(projection, code, &copy);
  const rassim_action action = {
      .run = rassim__run_set_projection, .data = &copy, .data_size = sizeof copy};
  return failed ? failed : act_on(handle, &action, delay_ns);
}

uint32_t rassim_rename(HRASCONN handle, const rn_RASCONNW *connection, uint64_t delay_ns) {
  if (!connection || !connection->szEntryName[0]) return RAS_ERROR_INVALID_PARAMETER;
  rn_RASCONNW copy = *connection;
  const rassim_action action = {
      .run = rassim__run_rename, .data = copy.szEntryName, .data_size = sizeof copy.szEntryName};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_add_reference(HRASCONN handle, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_add_reference};
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_signal(HRASCONN handle, uint32_t flags, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_signal, .number = flags};
  return act_on(handle, &action, delay_ns);
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
  if (connection) rassim__set_statistics(connection, statistics, NULL);
  rassim__unlock();
  return connection ? RAS_SUCCESS : RAS_ERROR_INVALID_HANDLE;
}

uint32_t rassim_set_traffic(HRASCONN handle, uint64_t received, uint64_t sent, uint64_t delay_ns) {
  rassim_traffic traffic = {received, sent};
  const rassim_action action = {
      .run = rassim__run_set_traffic, .data = &traffic, .data_size = sizeof traffic};
  if (received > RASSIM_MAX_RATE || sent > RASSIM_MAX_RATE) return RAS_ERROR_INVALID_PARAMETER;
  return act_on(handle, &action, delay_ns);
}

uint32_t rassim_set_duration(HRASCONN handle, uint64_t ns) {
  uint32_t subentry;
  rassim__lock();
  rassim_connection *connection = rassim__find(handle, &subentry);
  if (connection) connection->connected_ns = rassim__now() - ns;
  rassim__unlock();
  return connection ? RAS_SUCCESS : RAS_ERROR_INVALID_HANDLE;
}

void rassim_set_teardown(uint64_t ns) {
  rassim__lock();
  rassim__service.teardown_ns = ns;
  rassim__unlock();
}

uint64_t rassim_teardown(void) {
  rassim__lock();
  uint64_t ns = rassim__service.teardown_ns;
  rassim__unlock();
  return ns;
}

uint32_t rassim_set_service(uint32_t code, uint64_t delay_ns) {
  const rassim_action action = {.run = rassim__run_set_service, .number = code};
  rassim__lock();
  uint32_t failed = rassim__act(&action, delay_ns);
  rassim__unlock();
  return failed;
}

uint32_t rassim_limit_versions(uint32_t connection, uint32_t status) {
  if (connection < RAS_WINVER_NT4 || status < RAS_WINVER_NT4) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  rassim__service.connection_limit = connection;
  rassim__service.status_limit = status;
  rassim__unlock();
  return RAS_SUCCESS;
}

/* setuptools makes the linker export this symbol from every extension. The library is no module:
 * importing it fails. */
void *PyInit__rassim(void);
void *PyInit__rassim(void) { return NULL; }
