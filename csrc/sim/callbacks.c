/* Calls the dialler's function to report the states of a dialling. */
#include "callbacks.h"

#include <string.h>

typedef void(RAS_CALL *dial_func)(uint32_t message, uint32_t state, uint32_t error);
typedef void(RAS_CALL *dial_func1)(HRASCONN handle, uint32_t message, uint32_t state,
                                   uint32_t error, uint32_t extended_error);
typedef uint32_t(RAS_CALL *dial_func2)(uintptr_t callback_id, uint32_t subentry, HRASCONN handle,
                                       uint32_t message, uint32_t state, uint32_t error,
                                       uint32_t extended_error);

rassim_callback_list rassim__callbacks;
static bool delivering; /* one thread delivers at a time, so that the order holds */

/* Wakes the clock's thread, which makes the call, and a synchronous dialler, which reads the
 * state. */
void rassim__report(const rassim_connection *connection, const rassim_notifier *notifier) {
  rassim__wake();
  if (!notifier->function || RASSIM_RESERVE(rassim__callbacks)) return;
  const rn_RASCONNSTATUSW *status = &connection->profile.status;
  rassim_callback callback = {*notifier, connection->handle, status->rasconnstate, status->dwError};
  rassim__callbacks.items[rassim__callbacks.count++] = callback;
}

static void forget_callbacks(HRASCONN handle) {
  uint32_t remaining = 0;
  for (uint32_t i = 0; i < rassim__callbacks.count; i++) {
    const rassim_callback *callback = &rassim__callbacks.items[i];
    if (callback->handle != handle) rassim__callbacks.items[remaining++] = *callback;
  }
  rassim__callbacks.count = remaining;
}

/* Makes the call, without the lock. Returns whether the dialler wants further calls. */
static bool call(const rassim_callback *callback) {
  const rassim_notifier *notifier = &callback->notifier;
  switch (notifier->type) {
    case 0:
      ((dial_func)notifier->function)(WM_RASDIALEVENT, callback->state, callback->error);
      return true;
    case 1:
      ((dial_func1)notifier->function)(callback->handle, WM_RASDIALEVENT, callback->state,
                                       callback->error, 0);
      return true;
    default:
      return ((dial_func2)notifier->function)(notifier->callback_id, 1, callback->handle,
                                              WM_RASDIALEVENT, callback->state, callback->error,
                                              0) != 0;
  }
}

/* Hang-ups that the call made take effect now. */
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
  rassim_callback callback = rassim__callbacks.items[0];
  memmove(rassim__callbacks.items, rassim__callbacks.items + 1,
          --rassim__callbacks.count * sizeof callback);
  uint32_t subentry;
  rassim_connection *connection = rassim__find(callback.handle, &subentry);
  if (!connection || connection->phase == RASSIM_CLOSING) return; /* it was hung up */
  connection->in_callback = true;
  rassim__unlock();
  bool wants_more = call(&callback);
  rassim__lock();
  after_call(&callback, wants_more);
}

void rassim__deliver(void) {
  if (delivering) return;
  delivering = true;
  while (rassim__callbacks.count) deliver_next();
  delivering = false;
}

static bool leave_callback(rassim_connection *connection, const void *unused) {
  (void)unused;
  connection->in_callback = false;
  return false;
}

void rassim__abandon_callbacks(void) {
  delivering = false;
  rassim__callbacks.count = 0;
  rassim__find_if(leave_callback, NULL);
}
