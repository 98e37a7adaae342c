/*
 * A list of connections that remembers what its last poll read, so that an unchanged poll costs
 * the provider's calls and two comparisons, and allocates nothing.
 *
 * A poll reads into buffers of its own, without a lock (reading.h). Then, under the list's mutex:
 * a poll that began before one already applied is discarded; a poll that read the same bytes as
 * the last one changes nothing; any other poll updates the records. A poll that changes a record,
 * or the order of the records, increments the generation.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "reading.h"
#include "statistics.h"

typedef struct {
  uint64_t changed;            /* generation in which any part of the record last changed */
  uint64_t connection_changed; /* generation in which its connection last changed */
  uint64_t texts_changed;      /* generation in which the texts of its status last changed, or 0 */
  rn_record record;            /* serial 0: reorder() has copied the item to `next` already */
} item;

typedef struct {
  item *items; /* owned */
  uint32_t capacity;
} item_array;

struct rn_list {
  rn_provider *provider; /* borrowed: outlives the list */
  rn__mutex *mutex;      /* owned; guards the members below, except the constant `with_status` */
  int with_status;
  rn__reading *last;    /* owned: the reading that was applied last */
  rn__reading *spare;   /* owned: a stack of unused readings, one for each simultaneous poll */
  uint64_t last_ticket; /* polls are numbered in the order in which they begin */
  uint64_t applied;     /* ticket of `last` */
  item_array current;   /* last->count items, in the provider's order */
  item_array next;      /* reorder() builds the new order here */
  uint64_t generation;
  uint64_t order_changed; /* generation in which the order last changed */
  uint64_t last_serial;
  RasGetConnectionStatistics_fn get_statistics; /* NULL: not looked up yet */
};

uint32_t rn_list_new(rn_provider *provider, int with_status, rn_list **list_out) {
  rn_list *list = calloc(1, sizeof *list);
  *list_out = NULL;
  if (!list) return RN_E_NO_MEMORY;
  list->provider = provider;
  list->with_status = with_status;
  list->generation = 1; /* rn_list_collect takes 0 for "never collected" */
  list->mutex = rn__mutex_new();
  list->last = rn__reading_new();
  list->spare = rn__reading_new();
  if (!list->mutex || !list->last || !list->spare) {
    rn_list_free(list);
    return RN_E_NO_MEMORY;
  }
  *list_out = list;
  return 0;
}

void rn_list_free(rn_list *list) {
  if (!list) return;
  while (list->spare) {
    rn__reading *reading = list->spare;
    list->spare = reading->next;
    rn__reading_free(reading);
  }
  rn__reading_free(list->last);
  free(list->current.items);
  free(list->next.items);
  rn__mutex_free(list->mutex);
  free(list);
}

/* Updating one record. */

static int update_connection(item *item, const rn__reading *reading, uint32_t index,
                             uint64_t generation) {
  const ras_version *version = &rn__rasconn_versions[reading->version];
  rn_connection fresh;
  rn__read_rasconn(rn__reading_element(reading, index), version, &fresh);
  if (!memcmp(&fresh, &item->record.connection, sizeof fresh)) return 0;
  item->record.connection = fresh;
  item->connection_changed = generation;
  return 1;
}

static int update_status(item *item, const rn__status_answer *answer, uint64_t generation) {
  const size_t texts = offsetof(rn_status, device_type);
  rn_status *status = &item->record.status, fresh = {.code = answer->code};
  if (!answer->code)
    rn__read_rasconnstatus(&answer->raw, &rn__rasconnstatus_versions[answer->version], &fresh);
  if (!memcmp(&fresh, status, sizeof fresh)) return 0;
  if (!item->texts_changed ||
      memcmp((const char *)&fresh + texts, (char *)status + texts, sizeof fresh - texts))
    item->texts_changed = generation;
  *status = fresh;
  return 1;
}

/* Whether the connection at `index` has the same bytes as in the last reading. */
static int is_same_connection(const rn_list *list, const rn__reading *reading, uint32_t index) {
  size_t size = rn__rasconn_versions[reading->version].size;
  return reading->version == list->last->version &&
         !memcmp(rn__reading_element(reading, index), rn__reading_element(list->last, index), size);
}

static int is_same_status(const rn_list *list, const rn__reading *reading, uint32_t index) {
  return !memcmp(&reading->statuses[index], &list->last->statuses[index],
                 sizeof *reading->statuses);
}

/* Updates every record. `same_order` is 1 if the last poll had the connections in this order. */
static void update_records(rn_list *list, const rn__reading *reading, int same_order) {
  const uint64_t generation = list->generation + 1;
  int any = !same_order;
  for (uint32_t i = 0; i < reading->count; i++) {
    item *item = &list->current.items[i];
    int changed = 0;
    if (!same_order || !is_same_connection(list, reading, i))
      changed |= update_connection(item, reading, i, generation);
    if (list->with_status && (!same_order || !is_same_status(list, reading, i)))
      changed |= update_status(item, &reading->statuses[i], generation);
    if (changed) item->changed = generation;
    any |= changed;
  }
  if (!same_order) list->order_changed = generation;
  if (any) list->generation = generation;
}

/* The order of items. */

static uint64_t handle_at(const rn__reading *reading, uint32_t index) {
  return (uintptr_t)rn__reading_element(reading, index)->hrasconn;
}

static int is_same_order(const rn_list *list, const rn__reading *reading) {
  if (reading->count != list->last->count) return 0;
  for (uint32_t i = 0; i < reading->count; i++)
    if (handle_at(reading, i) != list->current.items[i].record.connection.handle) return 0;
  return 1;
}

static uint32_t reserve(item_array *array, uint32_t count) {
  if (count <= array->capacity) return 0;
  uint32_t capacity = count + count / 4 + 4;
  item *items = malloc(capacity * sizeof *items);
  if (!items) return RN_E_NO_MEMORY;
  free(array->items);
  array->items = items;
  array->capacity = capacity;
  return 0;
}

/* Moves the item with this handle to `item_out`, or creates it there. The search starts at
 * *hint_inout: the item is usually there. */
static void move_or_create(rn_list *list, uint64_t handle, uint32_t *hint_inout, item *item_out) {
  const uint32_t count = list->last->count;
  for (uint32_t step = 0; step < count; step++) {
    uint32_t index = (*hint_inout + step) % count;
    item *known = &list->current.items[index];
    if (!known->record.serial || known->record.connection.handle != handle) continue;
    *item_out = *known;
    known->record.serial = 0;
    *hint_inout = index + 1;
    return;
  }
  memset(item_out, 0, sizeof *item_out);
  item_out->record.serial = ++list->last_serial;
}

/* Puts the items into the order of the reading. Without memory, returns RN_E_NO_MEMORY and changes
 * nothing. */
static uint32_t reorder(rn_list *list, const rn__reading *reading) {
  uint32_t hint = 0, code = reserve(&list->next, reading->count);
  if (code) return code;
  for (uint32_t i = 0; i < reading->count; i++)
    move_or_create(list, handle_at(reading, i), &hint, &list->next.items[i]);
  item_array previous = list->current;
  list->current = list->next;
  list->next = previous;
  return 0;
}

/* Polls. */

/* Updates the records from *reading_inout, and swaps it with the list's last reading if they
 * differ. Without memory, returns RN_E_NO_MEMORY and changes nothing. */
static uint32_t apply(rn_list *list, rn__reading **reading_inout) {
  rn__reading *reading = *reading_inout;
  if (rn__reading_equal(reading, list->last, list->with_status)) return 0;
  int same_order = is_same_order(list, reading);
  uint32_t code = same_order ? 0 : reorder(list, reading);
  if (code) return code;
  update_records(list, reading, same_order);
  *reading_inout = list->last;
  list->last = reading;
  return 0;
}

/* *size_out: the buffer size of the last reading, which this poll probably needs, too. */
static rn__reading *begin_poll(rn_list *list, uint64_t *ticket_out, uint32_t *size_out) {
  rn__mutex_lock(list->mutex);
  *ticket_out = ++list->last_ticket;
  *size_out = list->last->size;
  rn__reading *reading = list->spare;
  if (reading) list->spare = reading->next;
  rn__mutex_unlock(list->mutex);
  return reading ? reading : rn__reading_new();
}

/* `code` is the result of the poll. Returns the list's generation, or minus a code. */
static int64_t end_poll(rn_list *list, rn__reading *reading, uint64_t ticket, uint32_t code) {
  rn__mutex_lock(list->mutex);
  if (!code && ticket > list->applied) {
    code = apply(list, &reading);
    if (!code) list->applied = ticket;
  }
  int64_t answer = code ? -(int64_t)code : (int64_t)list->generation;
  reading->next = list->spare;
  list->spare = reading;
  rn__mutex_unlock(list->mutex);
  return answer;
}

/* Begins a poll and reads. Returns the result, with the reading for end_poll, or NULL. */
static uint32_t read_list(rn_list *list, uint64_t *ticket_out, rn__reading **reading_out) {
  uint32_t size;
  rn__reading *reading = *reading_out = begin_poll(list, ticket_out, &size);
  if (!reading) return RN_E_NO_MEMORY;
  reading->enumerated_ns = rn_now_ns(); /* unless the provider is asked */
  uint32_t code = rn__reading_reserve(reading, size);
  return code ? code : rn__reading_fill(reading, list->provider, list->with_status);
}

int64_t rn__list_poll(rn_list *list, uint64_t *enumerated_ns_out) {
  uint64_t ticket;
  rn__reading *reading;
  uint32_t code = read_list(list, &ticket, &reading);
  *enumerated_ns_out = reading ? reading->enumerated_ns : rn_now_ns();
  if (!reading) return -(int64_t)code;
  return end_poll(list, reading, ticket, code);
}

/* Looks the function up when it is first needed. */
static RasGetConnectionStatistics_fn find_statistics(rn_list *list) {
  rn__mutex_lock(list->mutex);
  RasGetConnectionStatistics_fn get = list->get_statistics;
  rn__mutex_unlock(list->mutex);
  if (get) return get;
  get = rn__find_statistics(list->provider);
  rn__mutex_lock(list->mutex);
  list->get_statistics = get;
  rn__mutex_unlock(list->mutex);
  return get;
}

int64_t rn_list_statistics(rn_list *list, uint32_t capacity, rn_statistics *statistics_out,
                           uint32_t *count_out) {
  uint64_t ticket;
  rn__reading *reading;
  uint32_t code = read_list(list, &ticket, &reading);
  *count_out = 0;
  if (!reading) return -(int64_t)code;
  RasGetConnectionStatistics_fn get = find_statistics(list);
  if (!code && reading->count && !get) code = RN_E_UNSUPPORTED;
  if (!code) *count_out = reading->count;
  for (uint32_t i = 0; i < *count_out && *count_out <= capacity; i++)
    rn__ask_statistics(get, rn__reading_element(reading, i)->hrasconn, &statistics_out[i]);
  return end_poll(list, reading, ticket, code);
}

int64_t rn_list_poll(rn_list *list) {
  uint64_t unused;
  return rn__list_poll(list, &unused);
}

rn_provider *rn__list_provider(const rn_list *list) { return list->provider; }

static int is_up(const rn_status *status) {
  return !status->code && status->state == RASCS_Connected && status->substate != RASCSS_Dormant &&
         status->substate != RASCSS_Reconnecting;
}

uint32_t rn__list_connections(rn_list *list, uint32_t capacity, rn_traffic *traffic_out) {
  rn__mutex_lock(list->mutex);
  const uint32_t count = list->last->count;
  for (uint32_t i = 0; i < count && count <= capacity; i++) {
    const rn_record *record = &list->current.items[i].record;
    rn_traffic *traffic = &traffic_out[i];
    memset(traffic, 0, sizeof *traffic);
    traffic->handle = record->connection.handle;
    memcpy(traffic->guid_entry, record->connection.guid_entry, sizeof traffic->guid_entry);
    memcpy(traffic->correlation_id, record->connection.correlation_id,
           sizeof traffic->correlation_id);
    traffic->is_up = (uint32_t)is_up(&record->status);
  }
  rn__mutex_unlock(list->mutex);
  return count;
}

static void copy_record(const item *from, uint32_t index, uint64_t since, rn_record *record_out) {
  *record_out = from->record;
  record_out->index = index;
  record_out->unchanged = (from->connection_changed <= since ? RN_UNCHANGED_CONNECTION : 0) |
                          (from->texts_changed <= since ? RN_UNCHANGED_STATUS_TEXTS : 0);
}

void rn_list_collect(rn_list *list, uint64_t since, uint32_t capacity, rn_record *records_out,
                     uint64_t *serials_out, rn_changes *changes_out) {
  memset(changes_out, 0, sizeof *changes_out);
  rn__mutex_lock(list->mutex);
  changes_out->generation = list->generation;
  changes_out->count = list->last->count;
  changes_out->reordered = list->order_changed > since;
  for (uint32_t i = 0; i < changes_out->count && changes_out->count <= capacity; i++) {
    const item *from = &list->current.items[i];
    if (changes_out->reordered) serials_out[i] = from->record.serial;
    if (from->changed > since) copy_record(from, i, since, &records_out[changes_out->changed++]);
  }
  rn__mutex_unlock(list->mutex);
}
