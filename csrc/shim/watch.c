/*
 * Watches a list: one call waits and polls, and returns to Python only when there is something to
 * report. Polls are due at fixed moments; a set event causes one in between.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "meter.h"
#include "os.h"
#include "ras_codes.h"

struct rn_watch {
  rn_list *list;    /* borrowed: outlives the watch */
  rn__timer *timer; /* owned */
  rn__meter *meter; /* owned; NULL: no samples */
  rn__mutex *mutex; /* owned; guards `counts` and `durations`; the waiting thread has the rest */
  rn_watch_counts counts;
  rn_durations durations;
  uint64_t interval_ns;  /* 0 before the first wait */
  uint64_t due_ns;       /* when the next poll is due */
  uint64_t begun_ns;     /* when the last poll began */
  uint64_t previous_ns;  /* when the last successful enumeration returned */
  uint64_t signal_ns;    /* when events were reset last */
  uint64_t suspended_ns; /* rn__suspended_ns() at the last poll */
  int has_failed;        /* 1 if the last poll failed, or there was none */
  int has_polled;
  uint32_t silence_changed; /* since the last successful poll that was reported */
};

uint32_t rn_watch_new(rn_list *list, rn_watch **watch_out) {
  rn_watch *watch = calloc(1, sizeof *watch);
  *watch_out = NULL;
  if (!watch) return RN_E_NO_MEMORY;
  watch->list = list;
  watch->mutex = rn__mutex_new();
  watch->due_ns = watch->begun_ns = watch->previous_ns = rn_now_ns();
  watch->suspended_ns = rn__suspended_ns();
  watch->has_failed = 1;
  uint32_t code = watch->mutex ? rn__timer_new(&watch->timer) : RN_E_NO_MEMORY;
  if (code) {
    rn_watch_free(watch);
    return code;
  }
  *watch_out = watch;
  return 0;
}

void rn_watch_free(rn_watch *watch) {
  if (!watch) return;
  rn__timer_free(watch->timer);
  rn__meter_free(watch->meter);
  rn__mutex_free(watch->mutex);
  free(watch);
}

void rn_watch_count(rn_watch *watch, rn_watch_counts *counts_out) {
  rn__mutex_lock(watch->mutex);
  *counts_out = watch->counts;
  rn__mutex_unlock(watch->mutex);
}

void rn_watch_durations(rn_watch *watch, rn_durations *durations_out) {
  rn__mutex_lock(watch->mutex);
  *durations_out = watch->durations;
  rn__mutex_unlock(watch->mutex);
}

uint32_t rn_watch_sample(rn_watch *watch, uint64_t interval_ns, uint64_t silent_after_ns) {
  watch->meter = rn__meter_new(interval_ns, silent_after_ns);
  return watch->meter ? 0 : RN_E_NO_MEMORY;
}

uint32_t rn_watch_traffic(rn_watch *watch, uint32_t capacity, rn_traffic *traffic_out) {
  return watch->meter ? rn__meter_copy(watch->meter, capacity, traffic_out) : 0;
}

static void count_wake_up(rn_watch *watch) {
  rn__mutex_lock(watch->mutex);
  watch->counts.wake_ups++;
  rn__mutex_unlock(watch->mutex);
}

static void begin_calls(rn_watch *watch, uint64_t now_ns, uint32_t polls) {
  rn__mutex_lock(watch->mutex);
  watch->counts.busy_since_ns = now_ns;
  watch->counts.polls += polls;
  rn__mutex_unlock(watch->mutex);
}

static void add_duration(rn_histogram *histogram, uint64_t ns) {
  uint32_t bucket = 0;
  for (uint64_t bound_ns = RN_FIRST_BUCKET_NS; ns > bound_ns && bucket < RN_BUCKETS - 1; bucket++)
    bound_ns *= RN_BUCKET_FACTOR;
  histogram->counts[bucket]++;
  histogram->sum_ns += ns;
}

static void end_poll(rn_watch *watch, const rn_look *look) {
  rn_durations *durations = &watch->durations;
  const uint64_t now_ns = rn_now_ns();
  rn__mutex_lock(watch->mutex);
  watch->counts.busy_since_ns = 0;
  add_duration(&durations->polls, now_ns - watch->begun_ns);
  add_duration(&durations->enumerations, look->enumerated_ns - watch->begun_ns);
  if (look->generation > 0) {
    add_duration(&durations->statuses, now_ns - look->enumerated_ns);
    durations->polled_ns = look->enumerated_ns;
  }
  rn__mutex_unlock(watch->mutex);
}

static void end_sample(rn_watch *watch, uint64_t begun_ns) {
  const uint64_t now_ns = rn_now_ns();
  rn__mutex_lock(watch->mutex);
  watch->counts.busy_since_ns = 0;
  add_duration(&watch->durations.statistics, now_ns - begun_ns);
  rn__mutex_unlock(watch->mutex);
}

/* Resets the events of the bits in `set`. */
static uint32_t reset_events(rn_event *const *events, uint32_t count, uint32_t set) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t code = set >> i & 1 ? rn_event_reset(events[i]) : 0;
    if (code) return code;
  }
  return 0;
}

/* Waits for an event, until the moment `end_ns`. After a signal it ignores events for
 * RN_SIGNAL_PAUSE_NS, so a provider that signals all the time causes no busy loop. */
static uint32_t wait_for_poll(rn_watch *watch, rn_event *const *events, uint32_t count,
                              rn_event *cancel, uint64_t end_ns, uint32_t *set_out) {
  rn_event *all[RN_MAX_WATCH_EVENTS + 1] = {cancel};
  memcpy(all + 1, events, count * sizeof *events);
  for (*set_out = 0;;) {
    const uint64_t pause_end_ns = watch->signal_ns + RN_SIGNAL_PAUSE_NS;
    const int pauses = watch->signal_ns && rn_now_ns() < pause_end_ns;
    const uint64_t until_ns = pauses && pause_end_ns < end_ns ? pause_end_ns : end_ns;
    uint32_t set, code = rn__wait_until(watch->timer, all, pauses ? 1 : count + 1, until_ns, &set);
    count_wake_up(watch);
    if (code) return code;
    if (set & 1) return RN_E_CANCELLED;
    if (set) {
      *set_out = set >> 1;
      watch->signal_ns = rn_now_ns();
      return reset_events(events, count, *set_out);
    }
    if (rn_now_ns() >= end_ns) return 0;
  }
}

/* Skips the moments that were missed. */
static uint64_t next_due(uint64_t due_ns, uint64_t interval_ns, uint64_t now_ns) {
  return now_ns < due_ns ? due_ns : due_ns + ((now_ns - due_ns) / interval_ns + 1) * interval_ns;
}

static void poll_once(rn_watch *watch, rn_look *look_out) {
  const uint64_t now_ns = rn_now_ns();
  watch->begun_ns = now_ns;
  look_out->late_ns = now_ns > watch->due_ns ? now_ns - watch->due_ns : 0;
  look_out->previous_ns = watch->previous_ns;
  watch->due_ns = next_due(watch->due_ns, watch->interval_ns, now_ns);
  begin_calls(watch, now_ns, 1);
  look_out->generation = rn__list_poll(watch->list, &look_out->enumerated_ns);
  end_poll(watch, look_out);
  const uint64_t suspended_ns = rn__suspended_ns();
  const uint64_t slept_ns =
      suspended_ns > watch->suspended_ns ? suspended_ns - watch->suspended_ns : 0;
  look_out->suspended_ns = slept_ns >= RN_SUSPENDED_NS ? slept_ns : 0;
  watch->suspended_ns = suspended_ns;
  watch->has_polled = 1;
  watch->has_failed = look_out->generation < 0;
  if (!watch->has_failed) watch->previous_ns = look_out->enumerated_ns;
}

/* The first poll is due at once; a changed interval counts from the last poll. */
static void set_interval(rn_watch *watch, uint64_t interval_ns) {
  if (watch->interval_ns && watch->interval_ns != interval_ns)
    watch->due_ns = watch->begun_ns + interval_ns;
  watch->interval_ns = interval_ns;
}

/* When to wake: for the poll that is due at poll_ns, or for a sample. */
static uint64_t soonest(const rn_watch *watch, uint64_t poll_ns) {
  if (!watch->meter) return poll_ns;
  const uint64_t sample_ns = rn__meter_due(watch->meter);
  return sample_ns < poll_ns ? sample_ns : poll_ns;
}

/* Samples what the last poll listed; the first poll comes before the first sample. So the traffic
 * of a connection that ends is known until the caller has read it: the poll that shows the end
 * returns before the next sample. */
static void take_sample(rn_watch *watch) {
  const uint64_t now_ns = rn_now_ns();
  if (!watch->meter || !watch->has_polled || now_ns < rn__meter_due(watch->meter)) return;
  begin_calls(watch, now_ns, 0);
  if (rn__meter_sample(watch->meter, watch->list, now_ns)) watch->silence_changed = 1;
  end_sample(watch, now_ns);
}

uint32_t rn_watch_wait(rn_watch *watch, rn_event *const *events, uint32_t event_count,
                       rn_event *cancel, int64_t generation, uint64_t look_ns, uint64_t interval_ns,
                       rn_look *look_out) {
  if (event_count > RN_MAX_WATCH_EVENTS || !interval_ns) return RAS_ERROR_INVALID_PARAMETER;
  memset(look_out, 0, sizeof *look_out);
  set_interval(watch, interval_ns);
  for (;;) {
    const uint64_t end_ns = look_ns < watch->due_ns ? look_ns : watch->due_ns;
    const int failed_before = watch->has_failed;
    uint32_t code = wait_for_poll(watch, events, event_count, cancel, soonest(watch, end_ns),
                                  &look_out->signalled);
    if (code) return code;
    take_sample(watch);
    const int has_news = look_out->signalled || (watch->silence_changed && !failed_before);
    if (!has_news && rn_now_ns() < end_ns) continue;
    poll_once(watch, look_out);
    look_out->silence_changed = watch->silence_changed;
    if (!watch->has_failed) watch->silence_changed = 0;
    if (look_out->signalled || look_out->generation != generation || failed_before ||
        look_out->late_ns > 2 * interval_ns + RN_LATE_NS || look_out->suspended_ns ||
        look_out->silence_changed || look_out->enumerated_ns >= look_ns)
      return 0;
  }
}
