/* RasDialW: new diallings, further references, and resumed diallings. */
#include <string.h>

#include "calls.h"

#define NUMBER_STEP_NS (100 * RASSIM_NS_PER_MS)
#define SYNCHRONOUS_WAIT_NS 1000000000ull /* a synchronous dialler wakes at least this often */

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

static bool is_dialled(const rassim_profile *profile, const rn_RASDIALPARAMSW *params,
                       const uint16_t *phonebook) {
  const uint16_t *name = profile->connection.szEntryName;
  if (!params->szEntryName[0]) {
    return name[0] == '.' && rassim__same_text(name + 1, params->szPhoneNumber, RAS_MaxPhoneNumber);
  }
  return rassim__same_text(name, params->szEntryName, RAS_MaxEntryName) &&
         (!phonebook ||
          rassim__same_text(profile->connection.szPhonebook, phonebook, RAS_MAX_PATH));
}

static const rassim_profile *find_entry(const rn_RASDIALPARAMSW *params,
                                        const uint16_t *phonebook) {
  for (uint32_t i = 0; i < rassim__phone_book.count; i++) {
    const rassim_profile *entry = &rassim__phone_book.items[i];
    if (is_dialled(entry, params, phonebook)) return entry;
  }
  return NULL;
}

/* A number needs no phone-book entry: the computer's modem dials it. */
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
  profile->state_count = RASSIM_USUAL_STATES;
  memcpy(profile->states, rassim__usual_states, sizeof rassim__usual_states);
}

/* What the caller of RasDialW wants to dial. */
typedef struct {
  const rn_RASDIALPARAMSW *params;
  const uint16_t *phonebook; /* NULL: any */
  bool paused_states;
  rassim_notifier notifier;
} request;

static bool is_wanted(rassim_connection *connection, const void *data) {
  const request *wanted = data;
  return connection->phase != RASSIM_PLANNED &&
         is_dialled(&connection->profile, wanted->params, wanted->phonebook);
}

/* Adds a reference to a connection that is up. [I] Refuses one that is still being dialled, or is
 * in its teardown. */
static uint32_t dial_again(rassim_connection *connection, const request *wanted, HRASCONN *handle) {
  if (connection->phase == RASSIM_DIALLING) return RAS_ERROR_DIAL_ALREADY_IN_PROGRESS;
  if (connection->phase != RASSIM_UP) return RAS_ERROR_PORT_NOT_AVAILABLE;
  connection->references++;
  *handle = connection->handle;
  rassim__report(connection, &wanted->notifier);
  return RAS_SUCCESS;
}

static uint32_t begin_dial(const rassim_profile *entry, const request *wanted, HRASCONN *handle) {
  rassim_connection *connection;
  uint32_t code = rassim__new_connection(entry, NULL, &connection);
  if (code) return code;
  connection->notifier = wanted->notifier;
  connection->paused_states = wanted->paused_states;
  rassim__begin_dialling(connection);
  *handle = connection->handle;
  return RAS_SUCCESS;
}

/* A callback on a real clock occupies the clock's thread, so a synchronous dialling there would
 * wait for itself. [I] It fails as a request that has to wait for another one. */
static bool would_wait_for_itself(const request *wanted) {
  return !wanted->notifier.function && rassim__clock_is_real() && rassim__on_thread();
}

/* Lets time pass for the dialling: advances a manual clock, or waits for a real one. */
static void pass_time(rassim_connection *connection) {
  if (rassim__is_paused(connection)) {
    rassim__fail_dialling(connection, RAS_ERROR_INTERACTIVE_MODE);
  } else if (!rassim__has_next_state(connection) && !connection->profile.error) {
    rassim__fail_dialling(connection, RAS_ERROR_PPP_TIMEOUT); /* its states have no end */
  } else if (rassim__clock_is_real()) {
    rassim__wait(SYNCHRONOUS_WAIT_NS);
  } else if (!rassim__run_next(UINT64_MAX)) {
    rassim__fail_dialling(connection, RAS_ERROR_PPP_TIMEOUT); /* somebody changed the clock */
  }
}

static uint32_t dial_to_the_end(HRASCONN handle) {
  rassim_connection *connection;
  uint32_t subentry;
  while ((connection = rassim__find(handle, &subentry)) && connection->phase == RASSIM_DIALLING) {
    pass_time(connection);
  }
  return connection ? connection->profile.status.dwError : RAS_ERROR_NO_CONNECTION;
}

/* [I] The caller must pass the function with which the dialling began. */
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

static uint32_t dial_new(const request *wanted, HRASCONN *handle) {
  rassim_profile by_number;
  const rassim_profile *entry = find_entry(wanted->params, wanted->phonebook);
  if (!entry && !wanted->params->szEntryName[0] && wanted->params->szPhoneNumber[0]) {
    number_profile(wanted->params, &by_number);
    entry = &by_number;
  }
  if (!entry) return RAS_ERROR_CANNOT_FIND_PHONEBOOK_ENTRY;
  if (would_wait_for_itself(wanted)) return RAS_ERROR_ASYNC_REQUEST_PENDING;
  uint32_t code = begin_dial(entry, wanted, handle);
  if (code || wanted->notifier.function) return code;
  return dial_to_the_end(*handle);
}

static uint32_t dial(const request *wanted, HRASCONN *handle) {
  if (rassim__service.code) return rassim__service.code;
  if (*handle) return resume_dial(*handle, &wanted->notifier);
  rassim_connection *connected = rassim__find_if(is_wanted, wanted);
  return connected ? dial_again(connected, wanted, handle) : dial_new(wanted, handle);
}

/* The codes are [I]. Messages to a window (type 0xFFFFFFFF) are not simulated. */
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
  request wanted = {params, phonebook, false, {notifier, notifier_type, 0}};
  uint32_t code;
  if (rassim__enter(RASSIM_RasDialW, &code)) {
    code = check_dial(extensions, params, &wanted.notifier, handle);
    if (!code && params->dwSize > RAS_CUT(rn_RASDIALPARAMSW, dwSubEntry)) {
      wanted.notifier.callback_id = params->dwCallbackId;
    }
    wanted.paused_states = !code && extensions && extensions->dwfOptions & RDEOPT_PausedStates;
    if (!code) code = dial(&wanted, handle);
  }
  return rassim__leave(code);
}
