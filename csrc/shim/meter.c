/* Samples the statistics of connections at fixed moments, without Python. */
#include "meter.h"

#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "os.h"
#include "statistics.h"

typedef struct {
  rn_traffic *items; /* owned */
  uint32_t count;
  uint32_t capacity;
} traffic_array;

struct rn__meter {
  uint64_t interval_ns;
  uint64_t silent_after_ns;
  uint64_t due_ns;
  rn__mutex *mutex;      /* owned; guards `current` against rn__meter_copy */
  traffic_array current; /* of the connections that the last sample knew */
  traffic_array next;    /* a sample is made here */
};

rn__meter *rn__meter_new(uint64_t interval_ns, uint64_t silent_after_ns) {
  rn__meter *meter = calloc(1, sizeof *meter);
  if (!meter) return NULL;
  meter->interval_ns = interval_ns;
  meter->silent_after_ns = silent_after_ns;
  meter->mutex = rn__mutex_new();
  if (meter->mutex) return meter;
  rn__meter_free(meter);
  return NULL;
}

void rn__meter_free(rn__meter *meter) {
  if (!meter) return;
  free(meter->current.items);
  free(meter->next.items);
  rn__mutex_free(meter->mutex);
  free(meter);
}

uint64_t rn__meter_due(const rn__meter *meter) { return meter->due_ns; }

static int reserve(traffic_array *array, uint32_t count) {
  if (count <= array->capacity) return 1;
  rn_traffic *items = malloc((size_t)(count + count / 4 + 4) * sizeof *items);
  if (!items) return 0;
  free(array->items);
  array->items = items;
  array->capacity = count + count / 4 + 4;
  return 1;
}

/* Copies which connections are listed. Returns 0 without memory. */
static int list_connections(rn__meter *meter, rn_list *list) {
  traffic_array *next = &meter->next;
  uint32_t count = rn__list_connections(list, next->capacity, next->items);
  if (count > next->capacity) {
    if (!reserve(next, count)) return 0;
    rn__list_connections(list, next->capacity, next->items); /* only this thread polls the list */
  }
  next->count = count;
  return 1;
}

static int is_same_connection(const rn_traffic *a, const rn_traffic *b) {
  return a->handle == b->handle && !memcmp(a->guid_entry, b->guid_entry, sizeof a->guid_entry) &&
         !memcmp(a->correlation_id, b->correlation_id, sizeof a->correlation_id);
}

/* Continues the traffic of a connection that the last sample knew. The search starts at
 * *hint_inout: the connection is usually there. */
static void continue_traffic(const traffic_array *known, uint32_t *hint_inout,
                             rn_traffic *traffic_inout) {
  for (uint32_t step = 0; step < known->count; step++) {
    const uint32_t index = (*hint_inout + step) % known->count;
    const rn_traffic *before = &known->items[index];
    if (!is_same_connection(before, traffic_inout)) continue;
    const uint32_t is_up = traffic_inout->is_up;
    *traffic_inout = *before;
    traffic_inout->is_up = is_up;
    *hint_inout = index + 1;
    return;
  }
}

static int sample_all(rn__meter *meter, rn_list *list) {
  RasGetConnectionStatistics_fn get = rn__find_statistics(rn__list_provider(list));
  uint32_t hint = 0;
  int changed = 0;
  for (uint32_t i = 0; i < meter->next.count; i++) {
    rn_traffic *traffic = &meter->next.items[i];
    continue_traffic(&meter->current, &hint, traffic);
    const uint32_t was_silent = traffic->is_silent;
    rn_statistics statistics;
    rn__ask_statistics(get, rn__as_handle(traffic->handle), &statistics);
    rn_traffic_add(traffic, &statistics, rn_now_ns(), meter->silent_after_ns);
    changed |= traffic->is_silent != was_silent;
  }
  return changed;
}

/* Missed samples are skipped. */
static uint64_t due_after(const rn__meter *meter, uint64_t now_ns) {
  const uint64_t first_ns = meter->due_ns ? meter->due_ns : now_ns;
  return first_ns + ((now_ns - first_ns) / meter->interval_ns + 1) * meter->interval_ns;
}

int rn__meter_sample(rn__meter *meter, rn_list *list, uint64_t now_ns) {
  meter->due_ns = due_after(meter, now_ns);
  if (!list_connections(meter, list)) return 0;
  const int changed = sample_all(meter, list);
  rn__mutex_lock(meter->mutex);
  traffic_array previous = meter->current;
  meter->current = meter->next;
  meter->next = previous;
  rn__mutex_unlock(meter->mutex);
  return changed;
}

uint32_t rn__meter_copy(rn__meter *meter, uint32_t capacity, rn_traffic *traffic_out) {
  rn__mutex_lock(meter->mutex);
  const uint32_t count = meter->current.count;
  if (count && count <= capacity)
    memcpy(traffic_out, meter->current.items, count * sizeof *traffic_out);
  rn__mutex_unlock(meter->mutex);
  return count;
}
