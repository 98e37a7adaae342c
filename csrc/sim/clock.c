/* Time, and what happens when it comes: on a manual clock in the thread that moves it, on a
 * real one in a thread of its own. */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_WAIT_NS 1000000000ull /* the thread looks again at least this often */

static rassim_service *const service = &rassim__service;

uint64_t rassim__now(void) {
  return service->real ? rassim__monotonic_ns() - service->origin_ns : service->now_ns;
}

/* The queue. */

static bool comes_before(const rassim_due *a, const rassim_due *b) {
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static void push(rassim_due item) {
  rassim_due *heap = service->queue.items;
  uint32_t at = service->queue.count++;
  for (; at && comes_before(&item, &heap[(at - 1) / 2]); at = (at - 1) / 2) {
    heap[at] = heap[(at - 1) / 2];
  }
  heap[at] = item;
}

static rassim_due pop(void) {
  rassim_due *heap = service->queue.items, top = heap[0];
  uint32_t count = --service->queue.count, at = 0;
  rassim_due last = heap[count];
  for (uint32_t child = 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && comes_before(&heap[child + 1], &heap[child])) child++;
    if (!comes_before(&heap[child], &last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}

void rassim__clear_queue(void) {
  for (uint32_t i = 0; i < service->queue.count; i++) free(service->queue.items[i].action.status);
  service->queue.count = 0;
}

uint32_t rassim__schedule(const rassim_action *action, uint64_t delay_ns) {
  uint32_t code = RASSIM_ROOM(service->queue);
  if (code) return code;
  rassim_due item = {rassim__now() + delay_ns, service->serial++, *action};
  if (action->status) {
    item.action.status = malloc(sizeof *action->status);
    if (!item.action.status) return RAS_ERROR_NOT_ENOUGH_MEMORY;
    memcpy(item.action.status, action->status, sizeof *action->status);
  }
  push(item);
  rassim__wake();
  return RAS_SUCCESS;
}

/* What can be due. */

static bool is_link(const rassim_connection *connection, uint32_t subentry) {
  return subentry && subentry <= connection->profile.subentries;
}

static uint32_t perform_on_link(const rassim_action *action, rassim_connection *connection) {
  if (!is_link(connection, action->number)) return RAS_ERROR_INVALID_PARAMETER;
  if (connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
  rassim_link link = connection->links[action->number - 1];
  if (action->verb == RASSIM_CONNECT_LINK) {
    rassim__connect_link(connection, action->number);
  } else if (link == RASSIM_LINK_CLOSING ||
             (link == RASSIM_LINK_UP && action->verb == RASSIM_DROP_LINK)) {
    rassim__close_link(connection, action->number);
  } else {
    return RAS_ERROR_PORT_NOT_OPEN;
  }
  return RAS_SUCCESS;
}

static uint32_t perform_on(const rassim_action *action, rassim_connection *connection) {
  switch (action->verb) {
    case RASSIM_NEXT_STATE: rassim__next_state(connection); return RAS_SUCCESS;
    case RASSIM_RESUME: return rassim__resume(connection);
    case RASSIM_CLOSED:
    case RASSIM_DROP: rassim__terminate(connection); return RAS_SUCCESS;
    case RASSIM_SET_STATUS:
      rassim__set_status(connection, action->number, action->status);
      return RAS_SUCCESS;
    case RASSIM_ADD_REFERENCE:
      if (connection->phase != RASSIM_UP) return RAS_ERROR_INVALID_HANDLE;
      connection->references++;
      return RAS_SUCCESS;
    case RASSIM_SIGNAL: rassim__signal(action->handle, action->number); return RAS_SUCCESS;
    default: return perform_on_link(action, connection);
  }
}

static uint32_t begin(const rassim_action *action) {
  rassim_connection *connection = rassim__find_planned(action->handle);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  if (action->verb == RASSIM_BEGIN_ADDED) return rassim__connect(connection);
  rassim__begin_dialling(connection);
  return RAS_SUCCESS;
}

/* A connection that is gone by the time something is due for it is not an error then. */
uint32_t rassim__perform(const rassim_action *action) {
  uint32_t subentry;
  switch (action->verb) {
    case RASSIM_BEGIN_ADDED:
    case RASSIM_BEGIN_DIALLED: return begin(action);
    case RASSIM_SET_SERVICE: service->code = action->number; return RAS_SUCCESS;
    case RASSIM_LIVELY_STEP: rassim__lively_step(action->number); return RAS_SUCCESS;
    default: break;
  }
  rassim_connection *connection = rassim__find(action->handle, &subentry);
  if (!connection || subentry) return RAS_ERROR_INVALID_HANDLE;
  return perform_on(action, connection);
}

uint32_t rassim__act(const rassim_action *action, uint64_t delay_ns) {
  return delay_ns ? rassim__schedule(action, delay_ns) : rassim__perform(action);
}

bool rassim__run_next(uint64_t until_ns) {
  if (!service->queue.count || service->queue.items[0].due_ns > until_ns) return false;
  rassim_due next = pop();
  if (service->now_ns < next.due_ns) service->now_ns = next.due_ns;
  rassim__perform(&next.action);
  free(next.action.status);
  return true;
}

void rassim__run_until(uint64_t until_ns) {
  while (rassim__run_next(until_ns)) {
  }
  if (service->now_ns < until_ns) service->now_ns = until_ns;
}

/* The real clock's thread. */

static uint64_t until_next(void) {
  if (!service->queue.count) return LONGEST_WAIT_NS;
  uint64_t now = rassim__now(), due = service->queue.items[0].due_ns;
  if (due <= now) return 0;
  return due - now < LONGEST_WAIT_NS ? due - now : LONGEST_WAIT_NS;
}

static void run_thread(void) {
  rassim__lock();
  while (service->running) {
    rassim__deliver();
    uint64_t wait = until_next();
    if (wait) {
      rassim__wait(wait);
    } else {
      rassim__run_next(rassim__now());
    }
  }
  rassim__unlock();
}

static void stop_thread(void) {
  rassim__lock();
  bool was_running = service->running;
  service->running = false;
  rassim__wake();
  rassim__unlock();
  if (was_running) rassim__thread_join();
}

/* The time goes on from where it is. */
static void change_clock(bool real) {
  uint64_t now = rassim__now();
  service->real = service->running = real;
  service->now_ns = now;
  service->origin_ns = rassim__monotonic_ns() - now;
}

/* A forked child has the service as it stood, without the clock's thread and without what
 * belongs to its parent: the events to be set, and calls that other threads were making. */
static void forked(void) {
  change_clock(false);
  rassim__remove_all_registrations();
  rassim__abandon_callbacks();
}

/* Without the lock. */
static uint32_t set_clock(bool real) {
  stop_thread();
  rassim__lock();
  rassim__on_fork(forked);
  change_clock(real);
  uint32_t code = real ? rassim__thread_start(run_thread) : RAS_SUCCESS;
  if (code) change_clock(false);
  rassim__unlock();
  return code;
}

/* From a dial callback on the real clock, the clock's thread would have to join itself. */
static bool is_called_by_clock(void) {
  rassim__lock();
  bool by_clock = rassim__on_thread();
  rassim__unlock();
  return by_clock;
}

uint32_t rassim_set_clock(uint32_t clock) {
  if (clock > RASSIM_CLOCK_REAL) return RAS_ERROR_INVALID_PARAMETER;
  if (is_called_by_clock()) return RAS_ERROR_BUSY;
  return set_clock(clock == RASSIM_CLOCK_REAL);
}

uint64_t rassim_now(void) {
  rassim__lock();
  uint64_t now = rassim__now();
  rassim__unlock();
  return now;
}

/* Callbacks are made as their time comes: one may hang up what was to go on. */
uint32_t rassim_advance(uint64_t ns) {
  rassim__lock();
  uint32_t code = service->real ? RAS_ERROR_INVALID_PARAMETER : RAS_SUCCESS;
  if (!code) {
    uint64_t until = service->now_ns + ns;
    while (rassim__run_next(until)) rassim__deliver();
    if (service->now_ns < until) service->now_ns = until;
  }
  rassim__unlock();
  return code;
}

uint32_t rassim_reset(void) {
  if (is_called_by_clock()) return RAS_ERROR_BUSY;
  set_clock(false);
  rassim__lock();
  rassim__clear();
  rassim__clear_calls();
  service->now_ns = 0;
  rassim__unlock();
  return RAS_SUCCESS;
}
