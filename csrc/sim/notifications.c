/* Registered events, the signals that set them, and the faults of real notifications: signals come
 * late, get lost, or stop after the first connections, and the service forgets registrations. */
#include "notifications.h"

#include <string.h>

#define PER_MILLION 1000000u

typedef struct {
  HRASCONN handle; /* RASSIM_EVERY_CONNECTION or one */
  void *event;     /* the service's duplicate */
  uint32_t flags;
  uint64_t serial;
} registration;

static struct {
  RASSIM_ARRAY(registration) registrations;
  uint64_t serial; /* of the next registration */

  uint64_t delay_ns;
  uint32_t lost_per_million;
  uint64_t random;      /* the state of the generator that decides which signal is lost */
  uint32_t cycle_limit; /* 0: none */
  uint32_t cycles;
} notifications;

/* Registrations. */

static void remove_at(uint32_t index) {
  registration *removed = &notifications.registrations.items[index];
  uint32_t following = --notifications.registrations.count - index;
  rassim__event_close(removed->event);
  memmove(removed, removed + 1, following * sizeof *removed);
}

/* Iterates backwards, because remove_at() moves later entries. */
static void remove_unheard(void) {
  for (uint32_t i = notifications.registrations.count; i-- > 0;) {
    if (!rassim__event_is_heard(notifications.registrations.items[i].event)) remove_at(i);
  }
}

/* RAS has no call that ends a registration. Before the array grows, this removes registrations for
 * whose events nobody can wait any more, if the system can tell. */
uint32_t rassim__register(HRASCONN handle, void *event, uint32_t flags) {
  registration added = {handle, NULL, flags, 0};
  if (notifications.registrations.count == notifications.registrations.capacity) remove_unheard();
  uint32_t code = RASSIM_RESERVE(notifications.registrations);
  if (!code) code = rassim__event_duplicate(event, &added.event);
  if (code) return code;
  added.serial = notifications.serial++;
  notifications.registrations.items[notifications.registrations.count++] = added;
  return RAS_SUCCESS;
}

void rassim__close_registrations(void) {
  while (notifications.registrations.count) remove_at(notifications.registrations.count - 1);
}

/* Reads the data of an action: registrations from this serial on are newer than the change. */
static uint64_t serial_of(const rassim_action *action) {
  uint64_t serial;
  memcpy(&serial, action->data, sizeof serial);
  return serial;
}

static rassim_action for_registrations(uint32_t (*run)(const rassim_action *), HRASCONN handle,
                                       uint32_t flags) {
  rassim_action action = {.run = run, .handle = handle, .number = flags};
  action.data = &notifications.serial;
  action.data_size = sizeof notifications.serial;
  return action;
}

static uint32_t remove_of_ended(const rassim_action *action) {
  for (uint32_t i = notifications.registrations.count; i-- > 0;) {
    const registration *entry = &notifications.registrations.items[i];
    if (entry->handle == action->handle && entry->serial < serial_of(action)) remove_at(i);
  }
  return RAS_SUCCESS;
}

/* [I] A registration for one connection ends with that connection, after its last signal. A
 * registration for all connections stays. */
void rassim__end_registrations(HRASCONN handle) {
  rassim_action end = for_registrations(remove_of_ended, handle, 0);
  if (rassim__act(&end, notifications.delay_ns)) remove_of_ended(&end);
}

/* Signals. */

static bool matches(const registration *entry, const rassim_action *signal) {
  bool concerned = entry->handle == RASSIM_EVERY_CONNECTION || entry->handle == signal->handle;
  return concerned && (entry->flags & signal->number) && entry->serial < serial_of(signal);
}

static uint32_t set_events(const rassim_action *signal) {
  uint32_t set = 0;
  for (uint32_t i = notifications.registrations.count; i-- > 0;) {
    const registration *entry = &notifications.registrations.items[i];
    if (!matches(entry, signal)) continue;
    if (rassim__event_set(entry->event)) {
      set++;
    } else {
      remove_at(i);
    }
  }
  rassim__log_signal(RASSIM_EVENT_SIGNALLED, signal->handle, signal->number, set);
  return RAS_SUCCESS;
}

static void log_lost(const rassim_action *signal) {
  uint32_t missed = 0;
  for (uint32_t i = 0; i < notifications.registrations.count; i++) {
    missed += matches(&notifications.registrations.items[i], signal);
  }
  rassim__log_signal(RASSIM_EVENT_SIGNAL_LOST, signal->handle, signal->number, missed);
}

static uint32_t next_random(void) { /* splitmix64 */
  uint64_t z = notifications.random += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ z >> 31) >> 32);
}

static bool has_ceased(void) {
  return notifications.cycle_limit && notifications.cycles >= notifications.cycle_limit;
}

static bool is_lost(void) {
  if (has_ceased()) return true;
  return notifications.lost_per_million &&
         next_random() % PER_MILLION < notifications.lost_per_million;
}

void rassim__signal(HRASCONN handle, uint32_t flags) {
  if (!flags) return;
  rassim_action signal = for_registrations(set_events, handle, flags);
  if (is_lost() || rassim__act(&signal, notifications.delay_ns)) log_lost(&signal);
}

void rassim__count_cycle(void) {
  if (notifications.cycles < UINT32_MAX) notifications.cycles++;
}

void rassim__reset_notifications(void) {
  rassim__close_registrations();
  notifications.delay_ns = 0;
  notifications.lost_per_million = 0;
  notifications.cycle_limit = 0;
}

/* Controls. */

uint32_t rassim_registrations(void) {
  rassim__lock();
  uint32_t count = notifications.registrations.count;
  rassim__unlock();
  return count;
}

static uint32_t forget_registrations(const rassim_action *action) {
  (void)action;
  rassim__log_signal(RASSIM_EVENT_REGISTRATIONS_FORGOTTEN, NULL, 0,
                     notifications.registrations.count);
  rassim__close_registrations();
  return RAS_SUCCESS;
}

uint32_t rassim_forget_registrations(uint64_t delay_ns) {
  rassim_action forget = {.run = forget_registrations};
  rassim__lock();
  uint32_t code = rassim__act(&forget, delay_ns);
  rassim__unlock();
  return code;
}

uint32_t rassim_lose_notifications(uint32_t per_million, uint64_t seed) {
  if (per_million > PER_MILLION) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  notifications.lost_per_million = per_million;
  notifications.random = seed;
  rassim__unlock();
  return RAS_SUCCESS;
}

void rassim_set_notification_delay(uint64_t ns) {
  rassim__lock();
  notifications.delay_ns = ns;
  rassim__unlock();
}

uint64_t rassim_notification_delay(void) {
  rassim__lock();
  uint64_t ns = notifications.delay_ns;
  rassim__unlock();
  return ns;
}

void rassim_set_notification_cycles(uint32_t cycles) {
  rassim__lock();
  notifications.cycle_limit = cycles;
  notifications.cycles = 0;
  rassim__unlock();
}

uint32_t rassim_notification_cycles(void) {
  rassim__lock();
  uint32_t cycles = notifications.cycle_limit;
  rassim__unlock();
  return cycles;
}
