/* The controls of the clock. With a manual clock, actions run in the thread that advances it; with
 * a real one, in a thread of the simulator. */
#include "actions.h"

#define LONGEST_WAIT_NS 1000000000ull /* the thread wakes at least this often */

static bool running; /* false: the clock's thread must end */

static void run_thread(void) {
  rassim__lock();
  while (running) {
    rassim__deliver();
    uint64_t wait_ns = rassim__until_next(LONGEST_WAIT_NS);
    if (wait_ns) {
      rassim__wait(wait_ns);
    } else {
      rassim__run_next(rassim__now());
    }
  }
  rassim__unlock();
}

/* A forked child gets a copy of the service, without the clock's thread. Registered events,
 * subscriptions and running calls belong to the parent. */
static void forked(void) {
  running = false;
  rassim__change_clock(false);
  rassim__close_registrations();
  rassim__close_handles();
  rassim__abandon_callbacks();
}

/* Call it without the lock. */
static void stop_thread(void) {
  rassim__lock();
  bool was_running = running;
  running = false;
  rassim__wake();
  rassim__unlock();
  if (was_running) rassim__thread_join();
}

static uint32_t start(bool real) {
  rassim__on_fork(forked);
  rassim__change_clock(real);
  running = real;
  uint32_t code = real ? rassim__thread_start(run_thread) : RAS_SUCCESS;
  if (!code) return RAS_SUCCESS;
  running = false;
  rassim__change_clock(false);
  return code;
}

/* A dial callback on a real clock may not stop the thread, which would have to join itself. */
static bool is_called_by_clock(void) {
  rassim__lock();
  bool by_clock = rassim__on_thread();
  rassim__unlock();
  return by_clock;
}

uint32_t rassim_set_clock(uint32_t clock) {
  if (clock > RASSIM_CLOCK_REAL) return RAS_ERROR_INVALID_PARAMETER;
  if (is_called_by_clock()) return RAS_ERROR_BUSY;
  stop_thread();
  rassim__lock();
  uint32_t code = start(clock == RASSIM_CLOCK_REAL);
  rassim__unlock();
  return code;
}

uint64_t rassim_now(void) {
  rassim__lock();
  uint64_t now = rassim__now();
  rassim__unlock();
  return now;
}

/* Makes each callback when it is due: it may hang up a connection that has later actions. */
uint32_t rassim_advance(uint64_t ns) {
  rassim__lock();
  uint32_t code = rassim__clock_is_real() ? RAS_ERROR_INVALID_PARAMETER : RAS_SUCCESS;
  if (!code) {
    uint64_t until_ns = rassim__now() + ns;
    while (rassim__run_next(until_ns)) rassim__deliver();
    rassim__run_until(until_ns);
  }
  rassim__unlock();
  return code;
}
