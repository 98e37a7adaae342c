/* The states that a connection goes through while it is dialled. The simulator reports each state
 * when it begins. A failure reports the last state again, with the error. */
#include "dialling.h"

const uint32_t rassim__usual_states[RASSIM_USUAL_STATES] = {
    RASCS_OpenPort,        RASCS_PortOpened,          RASCS_ConnectDevice,
    RASCS_DeviceConnected, RASCS_AllDevicesConnected, RASCS_Authenticate,
    RASCS_AuthNotify,      RASCS_AuthProject,         RASCS_Authenticated,
    RASCS_Projected,       RASCS_Connected,
};

static uint32_t run_next_state(const rassim_action *action);

void rassim__fail_dialling(rassim_connection *connection, uint32_t error) {
  connection->phase = RASSIM_FAILED;
  connection->profile.status.dwError = error;
  rassim__log(RASSIM_EVENT_FAILED, connection->handle, error);
  rassim__tell(connection, RASSIM_LOG_FAILED, error);
  rassim__report(connection, &connection->notifier);
}

static void schedule_next_state(rassim_connection *connection, uint64_t delay_ns) {
  rassim_action next = rassim__action_on(connection, run_next_state, 0);
  uint32_t code = rassim__schedule(&next, delay_ns);
  if (code) rassim__fail_dialling(connection, code);
}

static uint32_t next_state_of(const rassim_connection *connection) {
  return connection->profile.states[connection->position];
}

bool rassim__has_next_state(const rassim_connection *connection) {
  return connection->position < connection->profile.state_count;
}

/* [I] The event log tells of the states in which a link comes up. */
static void tell_stage(const rassim_connection *connection, uint32_t state) {
  if (state == RASCS_ConnectDevice) {
    rassim__tell(connection, RASSIM_LOG_LINK_BEGUN, 0);
  } else if (state == RASCS_DeviceConnected) {
    rassim__tell(connection, RASSIM_LOG_LINK_UP, 0);
  } else if (state == RASCS_AllDevicesConnected) {
    rassim__tell(connection, RASSIM_LOG_LINK_ESTABLISHED, 0);
  }
}

static void enter_connected(rassim_connection *connection) {
  uint32_t error = connection->profile.error;
  if (!error) error = rassim__connect(connection);
  if (error) {
    rassim__fail_dialling(connection, error);
  } else {
    rassim__report(connection, &connection->notifier);
  }
}

/* [I] The dialling fails with ERROR_INTERACTIVE_MODE unless the dialler asked for paused states. */
static void enter_paused(rassim_connection *connection) {
  bool allowed = connection->paused_states || !connection->notifier.function;
  if (allowed) {
    rassim__report(connection, &connection->notifier);
  } else {
    rassim__fail_dialling(connection, RAS_ERROR_INTERACTIVE_MODE);
  }
}

static void enter_next_state(rassim_connection *connection) {
  uint32_t state = next_state_of(connection);
  connection->position++;
  connection->resumed = false;
  if (state == RASCS_Connected) {
    enter_connected(connection);
    return;
  }
  rassim__set_state(connection, state);
  tell_stage(connection, state);
  if (state == RASCS_Disconnected) {
    rassim__fail_dialling(connection, connection->profile.error);
  } else if (state & RASCS_PAUSED) {
    enter_paused(connection);
  } else {
    rassim__report(connection, &connection->notifier);
    schedule_next_state(connection, connection->profile.step_ns);
  }
}

static uint32_t run_next_state(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection || connection->phase != RASSIM_DIALLING) return RAS_ERROR_INVALID_HANDLE;
  if (rassim__has_next_state(connection)) {
    enter_next_state(connection);
  } else if (connection->profile.error) {
    rassim__fail_dialling(connection, connection->profile.error);
  }
  return RAS_SUCCESS;
}

/* The status shows the first state at once; the report follows when the clock next advances. */
void rassim__begin_dialling(rassim_connection *connection) {
  connection->phase = RASSIM_DIALLING;
  bool begins = rassim__has_next_state(connection) && next_state_of(connection) < RASCS_PAUSED;
  connection->profile.status.rasconnstate = begins ? next_state_of(connection) : RASCS_OpenPort;
  rassim__tell(connection, RASSIM_LOG_DIALLING, 0);
  schedule_next_state(connection, 0);
}

bool rassim__is_paused(const rassim_connection *connection) {
  return connection->phase == RASSIM_DIALLING && !connection->resumed &&
         (connection->profile.status.rasconnstate & RASCS_PAUSED);
}

uint32_t rassim__resume(rassim_connection *connection) {
  if (!rassim__is_paused(connection)) return RAS_ERROR_INVALID_HANDLE; /* [I] */
  connection->resumed = true;
  schedule_next_state(connection, connection->profile.step_ns);
  return RAS_SUCCESS;
}
