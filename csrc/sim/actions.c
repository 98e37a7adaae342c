/* The actions that the controls and the demonstration run, now or later. */
#include "actions.h"

#include <string.h>

uint32_t rassim__run_connect(const rassim_action *action) {
  rassim_connection *connection = rassim__find_planned(action->handle);
  return connection ? rassim__connect(connection) : RAS_ERROR_INVALID_HANDLE;
}

uint32_t rassim__run_dial(const rassim_action *action) {
  rassim_connection *connection = rassim__find_planned(action->handle);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  rassim__begin_dialling(connection);
  return RAS_SUCCESS;
}

uint32_t rassim__run_resume(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  return connection ? rassim__resume(connection) : RAS_ERROR_INVALID_HANDLE;
}

uint32_t rassim__run_drop(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  rassim__terminate(connection, action->number);
  return RAS_SUCCESS;
}

/* [I] The reasons. */
uint32_t rassim__run_time_out(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  bool idle = action->number == RASSIM_LOG_IDLE;
  if (!connection || connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
  rassim__tell(connection, action->number, 0);
  rassim__terminate(connection, idle ? RAS_ERROR_IDLE_TIMEOUT : RAS_ERROR_USER_DISCONNECTION);
  return RAS_SUCCESS;
}

uint32_t rassim__run_tell(const rassim_action *action) {
  const rassim_connection *connection = rassim__find_for(action);
  uint32_t code;
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  memcpy(&code, action->data, sizeof code);
  rassim__tell(connection, action->number, code);
  return RAS_SUCCESS;
}

static uint32_t find_link(const rassim_action *action, rassim_connection **connection_out) {
  rassim_connection *connection = rassim__find_for(action);
  *connection_out = connection;
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  bool exists = action->number && action->number <= connection->profile.subentries;
  if (!exists) return RAS_ERROR_INVALID_PARAMETER;
  return connection->phase == RASSIM_UP ? RAS_SUCCESS : RAS_ERROR_INVALID_HANDLE;
}

uint32_t rassim__run_drop_link(const rassim_action *action) {
  rassim_connection *connection;
  uint32_t code = find_link(action, &connection);
  if (code) return code;
  if (connection->links[action->number - 1] == RASSIM_LINK_DOWN) return RAS_ERROR_PORT_NOT_OPEN;
  rassim__disconnect_link(connection, action->number, RAS_ERROR_REMOTE_DISCONNECTION);
  return RAS_SUCCESS;
}

uint32_t rassim__run_connect_link(const rassim_action *action) {
  rassim_connection *connection;
  uint32_t code = find_link(action, &connection);
  if (!code) rassim__connect_link(connection, action->number);
  return code;
}

uint32_t rassim__run_set_status(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  rn_RASCONNSTATUSW status;
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  memcpy(&status, action->data, sizeof status);
  rassim__set_status(connection, action->number, &status);
  return RAS_SUCCESS;
}

uint32_t rassim__run_rename(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  rassim__rename(connection, action->data);
  return RAS_SUCCESS;
}

uint32_t rassim__run_set_traffic(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  rassim_traffic traffic;
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  memcpy(&traffic, action->data, sizeof traffic);
  rassim__set_statistics(connection, NULL, &traffic);
  return RAS_SUCCESS;
}

uint32_t rassim__run_add_reference(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection || connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
  connection->references++;
  return RAS_SUCCESS;
}

uint32_t rassim__run_signal(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  rassim__signal(connection->handle, action->number);
  return RAS_SUCCESS;
}

uint32_t rassim__run_set_service(const rassim_action *action) {
  rassim__service.code = action->number;
  rassim__log(RASSIM_EVENT_SERVICE, NULL, action->number);
  return RAS_SUCCESS;
}
