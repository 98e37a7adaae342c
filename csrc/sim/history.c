/* The log of what happened: a ring of the last RASSIM_HISTORY_CAPACITY entries. */
#include "history.h"

#include <string.h>

static struct {
  uint64_t end; /* the sequence number of the next entry; s is at s % RASSIM_HISTORY_CAPACITY */
  RASSIM_ARRAY(rassim_history_entry) ring;
} history;

/* Drops the entry if there is no memory for it. */
void rassim__log_signal(uint32_t event, HRASCONN handle, uint32_t flags, uint32_t registrations) {
  rassim_history_entry entry = {
      history.end, rassim__now(), (uintptr_t)handle, event, flags, registrations, 0};
  if (history.ring.count < RASSIM_HISTORY_CAPACITY) {
    if (RASSIM_RESERVE(history.ring)) return;
    history.ring.count++;
  }
  history.ring.items[history.end++ % RASSIM_HISTORY_CAPACITY] = entry;
}

void rassim__log(uint32_t event, HRASCONN handle, uint32_t value) {
  rassim__log_signal(event, handle, value, 0);
}

void rassim__clear_history(void) { history.ring.count = history.end = 0; }

uint32_t rassim_history(uint64_t first, uint32_t capacity, rassim_history_entry *entries_out,
                        uint32_t *count_out) {
  if (!count_out || (capacity && !entries_out)) return RAS_ERROR_INVALID_PARAMETER;
  rassim__lock();
  uint64_t oldest = history.end - history.ring.count;
  if (first < oldest) first = oldest;
  if (first > history.end) first = history.end;
  *count_out = (uint32_t)(history.end - first);
  for (uint32_t i = 0; i < capacity && i < *count_out; i++) {
    entries_out[i] = history.ring.items[(first + i) % RASSIM_HISTORY_CAPACITY];
  }
  rassim__unlock();
  return RAS_SUCCESS;
}
