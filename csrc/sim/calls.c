/* The beginning and the end of every function of rasapi32 and wevtapi: the lock, the counters,
 * injected errors and delays, and the step of the clock. */
#include "calls.h"

#include <string.h>

typedef struct {
  rassim_function function;
  uint32_t code;
  uint32_t first; /* call number, from 1; RASSIM_NEXT_CALL: any */
  uint32_t left;  /* calls that are still to fail; RASSIM_EVERY_CALL: no end */
} failure;

static struct {
  bool armed; /* false: of the members below only the counters are in use */
  uint64_t calls[RASSIM_FUNCTION_COUNT];
  uint64_t delays_ns[RASSIM_FUNCTION_COUNT];
  RASSIM_ARRAY(failure) failures;
  uint64_t step_ns; /* how far each call advances a manual clock */
  uint64_t cost_ns; /* for how long each call of a RAS function keeps the processor busy */
} hooks;

#define NAME(name, unused, parameters) #name,
static const char *const names[] = {RAS_FUNCTIONS(NAME) EVT_FUNCTIONS(NAME)};

static void rearm(void) {
  hooks.armed = hooks.step_ns || hooks.cost_ns || hooks.failures.count;
  for (uint32_t i = 0; i < RASSIM_FUNCTION_COUNT; i++) {
    if (hooks.delays_ns[i]) hooks.armed = true;
  }
}

static void use_up(failure *used) {
  if (used->left == RASSIM_EVERY_CALL || --used->left) return;
  *used = hooks.failures.items[--hooks.failures.count];
  rearm();
}

static bool fails(rassim_function function, uint64_t call, uint32_t *code) {
  for (uint32_t i = 0; i < hooks.failures.count; i++) {
    failure *injected = &hooks.failures.items[i];
    if (injected->function != function || call < injected->first) continue;
    *code = injected->code;
    use_up(injected);
    return true;
  }
  return false;
}

/* Waits for the delay, without blocking other callers. Setting another delay ends the wait. */
static void spend_delay(rassim_function function) {
  const uint64_t delay_ns = hooks.delays_ns[function];
  const uint64_t end = rassim__monotonic_ns() + delay_ns;
  for (uint64_t now = end - delay_ns; now < end && hooks.delays_ns[function] == delay_ns;
       now = rassim__monotonic_ns()) {
    rassim__wait(end - now);
  }
}

/* A busy loop, because a sleep would take longer than that. Other callers are not blocked. */
static void spend_cost(void) {
  const uint64_t end = rassim__monotonic_ns() + hooks.cost_ns;
  rassim__unlock();
  while (rassim__monotonic_ns() < end) {
  }
  rassim__lock();
}

/* Only RAS functions advance the clock: the event log may be read by another thread, whose calls
 * would make the time of a test uncertain. */
static bool enter_armed(rassim_function function, uint64_t call, uint32_t *code) {
  bool is_ras = function < RASSIM_EvtSubscribe;
  if (hooks.delays_ns[function]) spend_delay(function);
  if (is_ras && hooks.cost_ns) spend_cost();
  if (is_ras && !rassim__clock_is_real()) rassim__run_until(rassim__now() + hooks.step_ns);
  return !fails(function, call, code);
}

bool rassim__enter(rassim_function function, uint32_t *code) {
  rassim__lock();
  uint64_t call = ++hooks.calls[function];
  return !hooks.armed || enter_armed(function, call, code);
}

uint32_t rassim__leave(uint32_t code) {
  if (rassim__callbacks.count && !rassim__clock_is_real()) rassim__deliver();
  rassim__unlock();
  return code;
}

void rassim__clear_calls(void) {
  memset(hooks.calls, 0, sizeof hooks.calls);
  memset(hooks.delays_ns, 0, sizeof hooks.delays_ns);
  hooks.failures.count = 0;
  hooks.step_ns = 0;
  hooks.cost_ns = 0;
  rearm();
  rassim__wake();
}

/* Controls. */

static bool find_function(const char *name, rassim_function *function_out) {
  for (uint32_t i = 0; name && i < RASSIM_FUNCTION_COUNT; i++) {
    if (strcmp(names[i], name)) continue;
    *function_out = (rassim_function)i;
    return true;
  }
  return false;
}

uint32_t rassim_fail(const char *function, uint32_t code, uint32_t call, uint32_t count) {
  failure added = {RASSIM_FUNCTION_COUNT, code, call, count};
  if (!find_function(function, &added.function) || !count) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  uint32_t failed = RASSIM_RESERVE(hooks.failures);
  if (!failed) hooks.failures.items[hooks.failures.count++] = added;
  rearm();
  rassim__unlock();
  return failed;
}

uint32_t rassim_delay(const char *function, uint64_t ns) {
  rassim_function index;
  if (!find_function(function, &index)) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  hooks.delays_ns[index] = ns;
  rearm();
  rassim__wake();
  rassim__unlock();
  return RAS_SUCCESS;
}

uint32_t rassim_calls(const char *function, uint64_t *calls_out) {
  rassim_function index = RASSIM_FUNCTION_COUNT;
  if (!calls_out || (function && !find_function(function, &index))) {
    return RAS_ERROR_INVALID_PARAMETER;
  }
  rassim__lock();
  uint64_t calls = 0;
  for (uint32_t i = 0; i < RASSIM_FUNCTION_COUNT; i++) {
    if (!function || i == (uint32_t)index) calls += hooks.calls[i];
  }
  rassim__unlock();
  *calls_out = calls;
  return RAS_SUCCESS;
}

void rassim_reset_calls(void) {
  rassim__lock();
  memset(hooks.calls, 0, sizeof hooks.calls);
  rassim__unlock();
}

void rassim_set_step_per_call(uint64_t ns) {
  rassim__lock();
  hooks.step_ns = ns;
  rearm();
  rassim__unlock();
}

uint64_t rassim_step_per_call(void) {
  rassim__lock();
  uint64_t ns = hooks.step_ns;
  rassim__unlock();
  return ns;
}

void rassim_set_call_cost(uint64_t ns) {
  rassim__lock();
  hooks.cost_ns = ns;
  rearm();
  rassim__unlock();
}

uint64_t rassim_call_cost(void) {
  rassim__lock();
  uint64_t ns = hooks.cost_ns;
  rassim__unlock();
  return ns;
}
