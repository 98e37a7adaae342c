/* Dialling: RasDialW, the states a connection goes through, and the calls of the dialler's
 * function that report them. */
#include "service.h"

#include <string.h>

#define NUMBER_STEP_NS 100000000ull
#define SYNCHRONOUS_WAIT_NS 1000000000ull /* looked at again at least this often */

typedef void(RAS_CALL *dial_func)(uint32_t message, uint32_t state, uint32_t error);
typedef void(RAS_CALL *dial_func1)(HRASCONN handle, uint32_t message, uint32_t state,
                                   uint32_t error, uint32_t extended_error);
typedef uint32_t(RAS_CALL *dial_func2)(uintptr_t callback_id, uint32_t subentry, HRASCONN handle,
                                       uint32_t message, uint32_t state, uint32_t error,
                                       uint32_t extended_error);

const uint32_t rassim__course[RASSIM_COURSE_LENGTH] = {
    0, 1, 2, 3, 4, 5, 6, 10, 14, 18, RASCS_Connected};

static rassim_service *const service = &rassim__service;

/* The calls. */

static void report(const rassim_connection *connection, const rassim_notifier *notifier) {
  rassim__wake(); /* the clock's thread for the call, a synchronous dialler for the state */
  if (!notifier->function || RASSIM_ROOM(service->callbacks)) return;
  const rn_RASCONNSTATUSW *status = &connection->profile.status;
  rassim_callback callback = {*notifier, connection->handle, status->rasconnstate, status->dwError};
  service->callbacks.items[service->callbacks.count++] = callback;
}

static void forget_callbacks(HRASCONN handle) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < service->callbacks.count; i++) {
    rassim_callback *at = &service->callbacks.items[i];
    if (at->handle != handle) service->callbacks.items[kept++] = *at;
  }
  service->callbacks.count = kept;
}

/* Returns whether the dialler wants to hear more. Without the lock. */
static bool call(const rassim_callback *callback) {
  const rassim_notifier *to = &callback->notifier;
  switch (to->type) {
    case 0:
      ((dial_func)to->function)(WM_RASDIALEVENT, callback->state, callback->error);
      return true;
    case 1:
      ((dial_func1)to->function)(callback->handle, WM_RASDIALEVENT, callback->state,
                                 callback->error, 0);
      return true;
    default:
      return ((dial_func2)to->function)(to->callback_id, 1, callback->handle, WM_RASDIALEVENT,
                                        callback->state, callback->error, 0) != 0;
  }
}

/* A hang-up from within the call takes effect when it has returned. */
static void after_call(const rassim_callback *callback, bool wants_more) {
  uint32_t subentry;
  rassim_connection *connection = rassim__find(callback->handle, &subentry);
  if (!wants_more) forget_callbacks(callback->handle);
  if (!connection) return;
  connection->in_callback = false;
  if (!wants_more) connection->notifier.function = NULL;
  uint32_t hang_ups = connection->deferred_hang_ups;
  connection->deferred_hang_ups = 0;
  for (; hang_ups && (connection = rassim__find(callback->handle, &subentry)); hang_ups--) {
    rassim__hang_up(connection, 0);
  }
}

static void deliver_next(void) {
  rassim_callback callback = service->callbacks.items[0];
  memmove(service->callbacks.items, service->callbacks.items + 1,
          --service->callbacks.count * sizeof callback);
  uint32_t subentry;
  rassim_connection *connection = rassim__find(callback.handle, &subentry);
  if (!connection || connection->phase == RASSIM_CLOSING) return; /* hung up meanwhile */
  connection->in_callback = true;
  rassim__unlock();
  bool wants_more = call(&callback);
  rassim__lock();
  after_call(&callback, wants_more);
}

void rassim__deliver(void) {
  if (service->delivering) return;
  service->delivering = true;
  while (service->callbacks.count) deliver_next();
  service->delivering = false;
}

void rassim__abandon_callbacks(void) {
  service->delivering = false;
  service->callbacks.count = 0;
  for (uint32_t i = 0; i < service->slots.count; i++) {
    rassim_connection *connection = service->slots.items[i].connection;
    if (connection) connection->in_callback = false;
  }
}

/* The state machine. */

static void fail(rassim_connection *connection, uint32_t error) {
  connection->phase = RASSIM_FAILED;
  connection->profile.status.dwError = error;
  report(connection, &connection->notifier);
}

static void schedule_next(rassim_connection *connection, uint64_t delay_ns) {
  rassim_action next = {RASSIM_NEXT_STATE, 0, connection->handle, NULL};
  uint32_t code = rassim__schedule(&next, delay_ns);
  if (code) fail(connection, code);
}

static uint32_t next_state_of(const rassim_connection *connection) {
  return connection->profile.states[connection->position];
}

static bool course_is_over(const rassim_connection *connection) {
  return connection->position == connection->profile.count;
}

static void enter_connected(rassim_connection *connection) {
  uint32_t error = connection->profile.error;
  if (!error) error = rassim__connect(connection);
  if (error) {
    fail(connection, error);
  } else {
    report(connection, &connection->notifier);
  }
}

/* [I] A dialler that did not ask for paused states gets ERROR_INTERACTIVE_MODE. */
static void enter_paused(rassim_connection *connection) {
  bool allowed = connection->paused_states || !connection->notifier.function;
  if (allowed) {
    report(connection, &connection->notifier);
  } else {
    fail(connection, RAS_ERROR_INTERACTIVE_MODE);
  }
}

/* Each state is reported on entry; a failure reports the last one again, with its error. */
void rassim__next_state(rassim_connection *connection) {
  if (connection->phase != RASSIM_DIALLING) return;
  if (course_is_over(connection)) {
    if (connection->profile.error) fail(connection, connection->profile.error);
    return;
  }
  uint32_t state = next_state_of(connection);
  connection->position++;
  connection->resumed = false;
  if (state == RASCS_Connected) {
    enter_connected(connection);
    return;
  }
  connection->profile.status.rasconnstate = state;
  if (state == RASCS_Disconnected) {
    fail(connection, connection->profile.error);
  } else if (state & RASCS_PAUSED) {
    enter_paused(connection);
  } else {
    report(connection, &connection->notifier);
    schedule_next(connection, connection->profile.step_ns);
  }
}

/* The first state is there at once; it is entered, and reported, when the clock next moves. */
void rassim__begin_dialling(rassim_connection *connection) {
  connection->phase = RASSIM_DIALLING;
  bool begins = connection->profile.count && next_state_of(connection) < RASCS_PAUSED;
  connection->profile.status.rasconnstate = begins ? next_state_of(connection) : 0;
  schedule_next(connection, 0);
}

static bool is_paused(const rassim_connection *connection) {
  return connection->phase == RASSIM_DIALLING && !connection->resumed &&
         (connection->profile.status.rasconnstate & RASCS_PAUSED);
}

uint32_t rassim__resume(rassim_connection *connection) {
  if (!is_paused(connection)) return RAS_ERROR_INVALID_HANDLE; /* [I] */
  connection->resumed = true;
  schedule_next(connection, connection->profile.step_ns);
  return RAS_SUCCESS;
}

/* RasDialW. */

static bool is_dial_params_size(uint32_t size) {
  return size == RAS_CUT(rn_RASDIALPARAMSW, dwSubEntry) ||
         size == RAS_CUT(rn_RASDIALPARAMSW, dwIfIndex) ||
         size == RAS_CUT(rn_RASDIALPARAMSW, szEncPassword) || size == sizeof(rn_RASDIALPARAMSW);
}

static bool is_extensions_size(uint32_t size) {
  return size == RAS_CUT(rn_RASDIALEXTENSIONS, reserved1) ||
         size == RAS_CUT(rn_RASDIALEXTENSIONS, fSkipPppAuth) ||
         size == sizeof(rn_RASDIALEXTENSIONS);
}

static bool same_text(const uint16_t *a, const uint16_t *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (a[i] != b[i]) return false;
    if (!a[i]) return true;
  }
  return true;
}

static bool is_dialled(const rassim_profile *profile, const rn_RASDIALPARAMSW *params,
                       const uint16_t *phonebook) {
  const uint16_t *name = profile->connection.szEntryName;
  if (!params->szEntryName[0]) {
    return name[0] == '.' && same_text(name + 1, params->szPhoneNumber, RAS_MaxPhoneNumber);
  }
  return same_text(name, params->szEntryName, RAS_MaxEntryName) &&
         (!phonebook || same_text(profile->connection.szPhonebook, phonebook, RAS_MAX_PATH));
}

static const rassim_profile *find_entry(const rn_RASDIALPARAMSW *params,
                                        const uint16_t *phonebook) {
  for (uint32_t i = 0; i < service->entries.count; i++) {
    const rassim_profile *entry = &service->entries.items[i];
    if (is_dialled(entry, params, phonebook)) return entry;
  }
  return NULL;
}

/* A number needs no entry: it is dialled with the computer's own modem. */
static void number_profile(const rn_RASDIALPARAMSW *params, rassim_profile *profile) {
  static const uint16_t modem[] = {'m', 'o', 'd', 'e', 'm', 0};
  memset(profile, 0, sizeof *profile);
  rn_RASCONNSTATUSW *status = &profile->status;
  rn_RASCONNW *connection = &profile->connection;
  memcpy(status->szPhoneNumber, params->szPhoneNumber, RAS_MaxPhoneNumber * sizeof(uint16_t));
  memcpy(connection->szDeviceType, modem, sizeof modem);
  memcpy(connection->szDeviceName, modem, sizeof modem);
  rassim__complete(profile);
  profile->subentries = 1;
  profile->step_ns = NUMBER_STEP_NS;
  profile->count = RASSIM_COURSE_LENGTH;
  memcpy(profile->states, rassim__course, sizeof rassim__course);
}

static rassim_connection *find_connection(const rn_RASDIALPARAMSW *params,
                                          const uint16_t *phonebook) {
  for (uint32_t i = 0; i < service->slots.count; i++) {
    rassim_slot *slot = &service->slots.items[i];
    if (!slot->connection || slot->subentry || slot->connection->phase == RASSIM_PLANNED) continue;
    if (is_dialled(&slot->connection->profile, params, phonebook)) return slot->connection;
  }
  return NULL;
}

/* Dialling what is connected already counts a reference more. [I] What is between dialled
 * and connected, or hung up and gone, is in nobody else's reach. */
static uint32_t dial_again(rassim_connection *connection, const rassim_notifier *notifier,
                           HRASCONN *handle) {
  if (connection->phase == RASSIM_DIALLING) return RAS_ERROR_DIAL_ALREADY_IN_PROGRESS;
  if (connection->phase != RASSIM_UP) return RAS_ERROR_PORT_NOT_AVAILABLE;
  connection->references++;
  *handle = connection->handle;
  report(connection, notifier);
  return RAS_SUCCESS;
}

static uint32_t begin_dial(const rassim_profile *entry, bool paused_states,
                           const rassim_notifier *notifier, HRASCONN *handle) {
  rassim_connection *connection;
  uint32_t code = rassim__new_connection(entry, &connection);
  if (code) return code;
  connection->notifier = *notifier;
  connection->paused_states = paused_states;
  rassim__begin_dialling(connection);
  *handle = connection->handle;
  return RAS_SUCCESS;
}

/* A callback on the real clock keeps the clock's thread: a synchronous dialling in it would wait
 * for itself. [I] It is refused as a request that has to wait for another one. */
static bool would_wait_for_itself(const rassim_notifier *notifier) {
  return !notifier->function && service->real && rassim__on_thread();
}

/* Makes time pass until the dialling has ended: the manual clock's, or by waiting. */
static uint32_t finish_dial(HRASCONN handle) {
  rassim_connection *connection;
  uint32_t subentry;
  while ((connection = rassim__find(handle, &subentry)) && connection->phase == RASSIM_DIALLING) {
    if (is_paused(connection)) {
      fail(connection, RAS_ERROR_INTERACTIVE_MODE);
    } else if (course_is_over(connection) && !connection->profile.error) {
      fail(connection, RAS_ERROR_PPP_TIMEOUT); /* a course that leads nowhere */
    } else if (service->real) {
      rassim__wait(SYNCHRONOUS_WAIT_NS);
    } else if (!rassim__run_next(UINT64_MAX)) {
      fail(connection, RAS_ERROR_PPP_TIMEOUT); /* the clock was changed under the dialling */
    }
  }
  if (!connection) return RAS_ERROR_NO_CONNECTION;
  return connection->profile.status.dwError;
}

/* [I] A resumed dialling must come with the function it began with. */
static uint32_t resume_dial(HRASCONN handle, const rassim_notifier *notifier) {
  uint32_t subentry;
  rassim_connection *connection = rassim__find(handle, &subentry);
  if (!connection || subentry) return RAS_ERROR_INVALID_HANDLE;
  if (connection->in_callback || connection->notifier.function != notifier->function ||
      connection->notifier.type != notifier->type) {
    return RAS_ERROR_INVALID_PARAMETER;
  }
  return rassim__resume(connection);
}

static uint32_t dial(bool paused_states, const uint16_t *phonebook, const rn_RASDIALPARAMSW *params,
                     const rassim_notifier *notifier, HRASCONN *handle) {
  if (service->code) return service->code;
  if (*handle) return resume_dial(*handle, notifier);
  rassim_connection *connected = find_connection(params, phonebook);
  if (connected) return dial_again(connected, notifier, handle);
  rassim_profile by_number;
  const rassim_profile *entry = find_entry(params, phonebook);
  if (!entry && !params->szEntryName[0] && params->szPhoneNumber[0]) {
    number_profile(params, &by_number);
    entry = &by_number;
  }
  if (!entry) return RAS_ERROR_CANNOT_FIND_PHONEBOOK_ENTRY;
  if (would_wait_for_itself(notifier)) return RAS_ERROR_ASYNC_REQUEST_PENDING;
  uint32_t code = begin_dial(entry, paused_states, notifier, handle);
  if (code || notifier->function) return code;
  return finish_dial(*handle);
}

/* [I] for the codes; a window to be told by messages (type 0xFFFFFFFF) is not simulated. */
static uint32_t check_dial(const rn_RASDIALEXTENSIONS *extensions, const rn_RASDIALPARAMSW *params,
                           const rassim_notifier *notifier, const HRASCONN *handle) {
  if (!params || !handle) return RAS_ERROR_INVALID_PARAMETER;
  if (!is_dial_params_size(params->dwSize)) return RAS_ERROR_INVALID_SIZE;
  if (extensions && !is_extensions_size(extensions->dwSize)) return RAS_ERROR_INVALID_SIZE;
  if (notifier->function && notifier->type == UINT32_MAX) return RAS_ERROR_CALL_NOT_IMPLEMENTED;
  if (notifier->function && notifier->type > 2) return RAS_ERROR_INVALID_PARAMETER;
  return RAS_SUCCESS;
}

uint32_t RAS_CALL RasDialW(const rn_RASDIALEXTENSIONS *extensions, const uint16_t *phonebook,
                           const rn_RASDIALPARAMSW *params, uint32_t notifier_type, void *notifier,
                           HRASCONN *handle) {
  rassim_notifier to = {notifier, notifier_type, 0};
  uint32_t code;
  if (rassim__enter(RASSIM_RasDialW, &code)) {
    code = check_dial(extensions, params, &to, handle);
    if (!code && params->dwSize > RAS_CUT(rn_RASDIALPARAMSW, dwSubEntry)) {
      to.callback_id = params->dwCallbackId;
    }
    bool paused_states = extensions && !code && (extensions->dwfOptions & RDEOPT_PausedStates);
    if (!code) code = dial(paused_states, phonebook, params, &to, handle);
  }
  return rassim__leave(code);
}
