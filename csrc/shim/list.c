/*
 * A list of connections kept between polls, so that a poll which finds nothing new costs
 * the provider's calls and one comparison, and allocates nothing.
 *
 * buffer: what RasEnumConnectionsW fills, kept, with room to spare. Between polls every
 *         element reads as nothing, so that one which the provider leaves alone does too.
 * slots:  what was read last, one per connection, in the provider's order. A slot remembers
 *         the generations in which its parts changed; the list's generation grows by one with
 *         each poll that changed anything.
 * seen:   what the slots were read from, for polls that find nothing new: they look at nothing
 *         else.
 */
#include <stdlib.h>
#include <string.h>

#include "provider.h"
#include "seen.h"

#define FIRST_ROOM 8 /* connections that fit before the first growth */

typedef struct {
  uint64_t changed;
  uint64_t connection_changed;
  uint64_t texts_changed; /* those of the status; 0: never read */
  rn_record *last;        /* owned; at first 0 but for its serial, as none is that was read */
} slot;

struct rn_list {
  rn_provider *provider; /* borrowed: outlives the list */
  rn__mutex *mutex;      /* owned; guards all below */
  uint8_t *buffer;       /* owned, `size` bytes */
  const ras_version *version; /* whose elements the buffer held last; NULL: none yet */
  slot *slots;           /* owned, `slots_room` long; the first `made` have a record */
  void *seen_memory;     /* owned */
  rn__seen *seen;        /* in it, as long as slots: what each was read from */
  uint64_t generation;
  uint64_t order_changed; /* the generation in which places last changed */
  uint64_t last_serial;
  uint32_t size;
  uint32_t slots_room;
  uint32_t made;
  uint32_t count; /* connections listed: slots [0, count) */
  int with_status;
  int has_avx2;
  rn_RASCONNSTATUSW status; /* scratch */
};

/* A poll under way. */
typedef struct {
  const ras_version *version; /* of the buffer's elements */
  uint64_t generation;        /* of what it finds changed */
  uint32_t count;             /* elements in the buffer */
  uint32_t live;              /* slots in use: those that are placed, then those that are not yet */
} poll;

static rn_RASCONNW *element(const rn_list *list, const ras_version *version, uint32_t index) {
  return (rn_RASCONNW *)(void *)(list->buffer + (size_t)index * version->size);
}

/* The buffer has one structure's length behind its end: the last element of an older version
 * is shorter than the type it is read through. */
static uint32_t resize_buffer(rn_list *list, uint32_t size) {
  uint8_t *buffer = calloc(1, (size_t)size + sizeof(rn_RASCONNW));
  if (!buffer) return RN_E_NO_MEMORY;
  free(list->buffer);
  list->buffer = buffer;
  list->size = size;
  return 0;
}

uint32_t rn_list_new(rn_provider *provider, int with_status, rn_list **list_out) {
  rn_list *list = calloc(1, sizeof *list);
  *list_out = NULL;
  if (!list) return RN_E_NO_MEMORY;
  list->provider = provider;
  list->has_avx2 = rn__has_avx2();
  list->with_status = with_status;
  list->generation = 1; /* 0 is "never collected" */
  list->mutex = rn__mutex_new();
  if (!list->mutex || resize_buffer(list, FIRST_ROOM * (uint32_t)sizeof(rn_RASCONNW))) {
    rn_list_free(list);
    return RN_E_NO_MEMORY;
  }
  *list_out = list;
  return 0;
}

void rn_list_free(rn_list *list) {
  if (!list) return;
  for (uint32_t i = 0; i < list->made; i++) free(list->slots[i].last);
  free(list->slots);
  free(list->seen_memory);
  free(list->buffer);
  rn__mutex_free(list->mutex);
  free(list);
}

/* One call. A failed one may have left anything behind. */
static uint32_t call_enumerate(rn_list *list, const ras_version *version, uint32_t *needed_out,
                               uint32_t *count_out) {
  rn_RASCONNW *first = element(list, version, 0);
  if (list->version != version) { /* elements begin elsewhere than those that were blanked */
    memset(list->buffer, 0, list->size);
    list->version = version;
  }
  first->dwSize = version->size;
  *needed_out = list->size;
  *count_out = 0;
  uint32_t code = list->provider->enum_connections(first, needed_out, count_out);
  if (code) memset(list->buffer, 0, list->size);
  return code;
}

/* Room for what the provider asks and for a few connections more. */
static uint32_t grow(rn_list *list, const ras_version *version, uint32_t needed, uint32_t count) {
  uint64_t bytes = (uint64_t)count * version->size;
  if (bytes < needed) bytes = needed;
  if (bytes > (uint64_t)RN_MAX_CONNECTIONS * version->size) return RN_E_ABSURD;
  return resize_buffer(list, (uint32_t)(bytes + bytes / 4) + 4 * version->size);
}

static int is_too_small(uint32_t code) {
  return code == RAS_ERROR_BUFFER_TOO_SMALL || code == RAS_ERROR_INSUFFICIENT_BUFFER;
}

/* Calls until the list fits. A "too small" that asks for no more than it was given is an old
 * system's way to refuse a dwSize, so it steps to an older version and never grows. */
static uint32_t enumerate(rn_list *list, const ras_version **version_out, uint32_t *count_out) {
  uint32_t index = rn__first_version(&list->provider->rasconn_version);
  for (int attempt = 0; attempt < RN_MAX_ATTEMPTS; attempt++) {
    const ras_version *version = &rn__rasconn_versions[index];
    uint32_t needed;
    uint32_t code = call_enumerate(list, version, &needed, count_out);
    if (!code) {
      *version_out = version;
      rn__remember_version(&list->provider->rasconn_version, index);
      if (*count_out <= list->size / version->size) return 0;
      memset(list->buffer, 0, list->size);
      return RN_E_ABSURD;
    }
    int asks_more = needed > list->size || (uint64_t)*count_out * version->size > list->size;
    if (is_too_small(code) && asks_more) {
      code = grow(list, version, needed, *count_out);
      if (code) return code;
    } else if ((is_too_small(code) || rn__is_wrong_size(code)) && index + 1 < RN_RASCONN_VERSION_COUNT) {
      index++;
    } else {
      return code;
    }
  }
  return RN_E_KEPT_GROWING;
}

static uint32_t reserve_seen(rn_list *list, uint32_t room) {
  size_t bytes = ((size_t)room + 1) * sizeof(rn__seen); /* one more, to be fetched in vain */
  uint8_t *memory = malloc(bytes + RN_SEEN_BLOCK);
  if (!memory) return RN_E_NO_MEMORY;
  rn__seen *seen = (void *)(memory + RN_SEEN_BLOCK - (uintptr_t)memory % RN_SEEN_BLOCK);
  if (list->count) memcpy(seen, list->seen, (size_t)list->count * sizeof *seen);
  free(list->seen_memory);
  list->seen_memory = memory;
  list->seen = seen;
  return 0;
}

static uint32_t reserve_slots(rn_list *list, uint32_t room) {
  if (room <= list->slots_room) return 0;
  slot *slots = realloc(list->slots, (size_t)room * sizeof *slots);
  if (!slots) return RN_E_NO_MEMORY;
  list->slots = slots;
  if (reserve_seen(list, room)) return RN_E_NO_MEMORY;
  list->slots_room = room;
  return 0;
}

/* Puts the slot of the connection `raw` at `index`: found among [index, live) by its handle, or
 * begun anew at live. The slot that stood there moves on, to be found later or to fall off. */
static uint32_t place(rn_list *list, poll *poll, uint32_t index, const rn_RASCONNW *raw) {
  uint64_t handle = (uintptr_t)raw->hrasconn;
  uint32_t at = index;
  while (at < poll->live && list->slots[at].last->connection.handle != handle) at++;
  if (at == poll->live) {
    if (at == list->made) {
      rn_record *last = malloc(sizeof *last);
      if (!last) return RN_E_NO_MEMORY;
      list->slots[list->made++].last = last;
    }
    slot begun = {.last = list->slots[at].last};
    memset(begun.last, 0, sizeof *begun.last);
    begun.last->serial = ++list->last_serial;
    list->slots[at] = begun;
    poll->live++;
  } else if (at == index) {
    return 0;
  }
  slot found = list->slots[at];
  list->slots[at] = list->slots[index];
  list->slots[index] = found;
  list->seen[at].key = 0;
  list->order_changed = poll->generation;
  return 0;
}

static int update_connection(slot *into, const rn_RASCONNW *raw, const ras_version *version,
                             uint64_t generation) {
  rn_connection *last = &into->last->connection, fresh;
  rn__read_rasconn(raw, version, &fresh);
  if (!memcmp(&fresh, last, sizeof fresh)) return 0;
  *last = fresh;
  into->connection_changed = generation;
  return 1;
}

static int update_status(slot *into, const rn_status *fresh, uint64_t generation) {
  const size_t texts = offsetof(rn_status, device_type);
  rn_status *last = &into->last->status;
  if (!memcmp(fresh, last, sizeof *fresh)) return 0;
  if (!into->texts_changed ||
      memcmp((const char *)fresh + texts, (char *)last + texts, sizeof *fresh - texts))
    into->texts_changed = generation;
  *last = *fresh;
  return 1;
}

/* Takes over an element that is not as it was seen, or not to the letter, and sees it: by `key`. */
RN_NOINLINE uint32_t take_over(rn_list *list, poll *poll, uint32_t index, uint64_t key) {
  const rn_RASCONNW *raw = element(list, poll->version, index);
  uint32_t code = place(list, poll, index, raw);
  if (code) return code;
  slot *into = &list->slots[index];
  rn__seen *seen = &list->seen[index];
  const int same = rn__same_connection(seen, key, raw);
  int changed = !same && update_connection(into, raw, poll->version, poll->generation);
  if (list->with_status) {
    const uint32_t answered = rn__seen_status_version(key);
    rn_status fresh = {.code = rn__seen_code(key)};
    if (answered)
      rn__read_rasconnstatus(&list->status, &rn__rasconnstatus_versions[answered - 1], &fresh);
    changed |= update_status(into, &fresh, poll->generation);
  }
  if (changed) into->changed = list->generation = poll->generation;
  rn__see(key, same ? NULL : raw, &list->status, seen);
  return 0;
}

/* Asks for the status of each element and takes over what is not as it was seen: by turns, which
 * was measured to be quicker than first one, then the other. `same` is a constant of the caller's. */
RN_INLINE uint32_t update_with(rn_list *list, poll *poll, rn__same_fn same, uint32_t *done_out) {
  rn_provider *const provider = list->provider;
  const uint32_t count = poll->count, size = poll->version->size;
  const uint32_t version = 1 + (uint32_t)(poll->version - rn__rasconn_versions);
  uint8_t *raw = list->buffer;
  uint32_t known = rn__load(&provider->rasconnstatus_version), code = 0, done = 0;
  for (; done < count; done++, raw += size) {
    rn_RASCONNW *connection = (void *)raw;
    const rn__seen *seen = &list->seen[done];
    uint32_t answered = 0, status_code = 0;
    rn__prefetch(seen + 1);
    if (list->with_status) {
      uint32_t index = known ? known - 1 : 0;
      status_code = rn__ask_status(provider, connection->hrasconn, &list->status, &index);
      if (!status_code) answered = index + 1;
      if (answered && answered != known) {
        known = answered;
        rn__remember_version(&provider->rasconnstatus_version, index);
      }
    }
    const uint64_t key = rn__seen_key(version, answered, status_code);
    if (done >= poll->live || seen->key != key || !same(seen, connection, &list->status))
      code = take_over(list, poll, done, key);
    if (code) break;
    rn__blank_rasconn(connection, size);
  }
  if (code) memset(list->buffer, 0, list->size);
  *done_out = done;
  return code;
}

static uint32_t update_any(rn_list *list, poll *poll, uint32_t *done_out) {
  return update_with(list, poll, rn__same_words, done_out);
}

#ifdef RN_AVX2
RN_TARGET_AVX2 static uint32_t update_avx2(rn_list *list, poll *poll, uint32_t *done_out) {
  return update_with(list, poll, rn__same_avx2, done_out);
}
#endif

/* Brings the slots up to what the buffer holds and the provider answers; cut short, they hold the
 * first of it. */
static uint32_t update(rn_list *list, poll *poll) {
  uint32_t done, code = reserve_slots(list, list->count + poll->count);
  if (code) return code;
#ifdef RN_AVX2
  code = (list->has_avx2 ? update_avx2 : update_any)(list, poll, &done);
#else
  code = update_any(list, poll, &done);
#endif
  if (list->count != done) list->order_changed = poll->generation;
  if (list->order_changed == poll->generation) list->generation = poll->generation;
  list->count = done;
  return code;
}

int64_t rn_list_poll(rn_list *list) {
  rn__mutex_lock(list->mutex);
  poll poll = {.generation = list->generation + 1, .live = list->count};
  uint32_t code = enumerate(list, &poll.version, &poll.count);
  if (!code) code = update(list, &poll);
  int64_t answer = code ? -(int64_t)code : (int64_t)list->generation;
  rn__mutex_unlock(list->mutex);
  return answer;
}

/* All of it but what the caller was told by then: that would be most of it, mostly. */
static void copy_record(const slot *from, uint32_t index, uint64_t since, rn_record *to) {
  const size_t numbers = offsetof(rn_status, device_type);
  const int connection_kept = from->connection_changed <= since;
  const int texts_kept = from->texts_changed <= since;
  to->serial = from->last->serial;
  to->index = index;
  to->kept = (connection_kept ? RN_KEPT_CONNECTION : 0) | (texts_kept ? RN_KEPT_STATUS_TEXTS : 0);
  if (!connection_kept) to->connection = from->last->connection;
  memcpy(&to->status, &from->last->status, texts_kept ? numbers : sizeof to->status);
}

void rn_list_collect(rn_list *list, uint64_t since, uint32_t capacity, rn_record *records_out,
                     uint64_t *serials_out, rn_changes *changes_out) {
  memset(changes_out, 0, sizeof *changes_out);
  rn__mutex_lock(list->mutex);
  changes_out->generation = list->generation;
  changes_out->count = list->count;
  changes_out->reordered = list->order_changed > since;
  for (uint32_t i = 0; i < list->count && capacity >= list->count; i++) {
    const slot *from = &list->slots[i];
    if (changes_out->reordered) serials_out[i] = from->last->serial;
    if (from->changed > since)
      copy_record(from, i, since, &records_out[changes_out->changed++]);
  }
  rn__mutex_unlock(list->mutex);
}
