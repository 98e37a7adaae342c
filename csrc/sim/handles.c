/* The handles of wevtapi. No number is used twice, so a closed handle stays invalid. */
#include "handles.h"

#include <stdlib.h>
#include <string.h>

#define MOST_HANDLES 65536u

static struct {
  RASSIM_ARRAY(rassim_object *) list;
  uintptr_t last; /* the newest handle */
} objects;

uint32_t rassim__open(rassim_kind kind, rassim_object **object_out) {
  if (objects.list.count == MOST_HANDLES || RASSIM_RESERVE(objects.list)) {
    return RAS_ERROR_NOT_ENOUGH_MEMORY;
  }
  rassim_object *object = calloc(1, sizeof *object);
  if (!object) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  objects.last += 4; /* like the handles of Windows */
  object->handle = (EVT_HANDLE)objects.last;
  object->kind = kind;
  objects.list.items[objects.list.count++] = object;
  *object_out = object;
  return RAS_SUCCESS;
}

/* Returns the number of objects if there is no such handle. The newest handles are last. */
static uint32_t index_of(EVT_HANDLE handle) {
  for (uint32_t i = objects.list.count; i-- > 0;) {
    if (objects.list.items[i]->handle == handle) return i;
  }
  return objects.list.count;
}

rassim_object *rassim__object(EVT_HANDLE handle, rassim_kind kind) {
  uint32_t index = index_of(handle);
  if (index == objects.list.count) return NULL;
  rassim_object *object = objects.list.items[index];
  return object->kind == kind ? object : NULL;
}

void rassim__release(rassim_record *record) {
  if (!record || --record->references) return;
  free(record->xml);
  free(record);
}

static void free_object(rassim_object *object) {
  if (object->signal) rassim__event_close(object->signal);
  rassim__release(object->record);
  free(object->channel);
  free(object->query);
  free(object);
}

static bool belongs_to(const rassim_object *object, EVT_HANDLE handle) {
  return object->handle == handle || (object->subscription && object->subscription == handle);
}

uint32_t rassim__close(EVT_HANDLE handle) {
  uint32_t remaining = 0, count = objects.list.count;
  if (index_of(handle) == count) return RAS_ERROR_INVALID_HANDLE;
  for (uint32_t i = 0; i < count; i++) {
    rassim_object *object = objects.list.items[i];
    if (belongs_to(object, handle)) {
      free_object(object);
    } else {
      objects.list.items[remaining++] = object;
    }
  }
  objects.list.count = remaining;
  return RAS_SUCCESS;
}

void rassim__close_handles(void) {
  while (objects.list.count) free_object(objects.list.items[--objects.list.count]);
}

/* Subscriptions. */

static uint32_t copy_text(const uint16_t *text, uint16_t **copy_out) {
  if (!text) return RAS_SUCCESS;
  size_t size = (rassim__length(text) + 1) * sizeof *text;
  *copy_out = malloc(size);
  if (!*copy_out) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  memcpy(*copy_out, text, size);
  return RAS_SUCCESS;
}

uint32_t rassim__subscribe(void *event, const uint16_t *channel, const uint16_t *query,
                           rassim_object **subscription_out) {
  rassim_object *made;
  uint32_t code = rassim__open(RASSIM_SUBSCRIPTION, &made);
  if (code) return code;
  code = rassim__event_duplicate(event, &made->signal);
  if (!code) code = copy_text(channel, &made->channel);
  if (!code) code = copy_text(query, &made->query);
  if (code) {
    rassim__close(made->handle);
    return code;
  }
  *subscription_out = made;
  return RAS_SUCCESS;
}

bool rassim__wants(const rassim_object *subscription, const rassim_record *record) {
  uint32_t channel = record->position.channel;
  bool selected = false;
  if (record->position.records[channel] <= subscription->position.records[channel]) return false;
  return !rassim__select(subscription->channel, subscription->query, record, &selected) && selected;
}

uint32_t rassim__open_event(const rassim_object *subscription, rassim_record *record,
                            EVT_HANDLE *handle_out) {
  rassim_object *event;
  uint32_t code = rassim__open(RASSIM_EVENT, &event);
  if (code) return code;
  record->references++;
  event->record = record;
  event->subscription = subscription->handle;
  *handle_out = event->handle;
  return RAS_SUCCESS;
}

/* A subscription without unread records goes past a record that it does not want. So it does not
 * fall behind the log's oldest record while nothing happens that it could read. */
void rassim__announce(const rassim_record *record) {
  for (uint32_t i = 0; i < objects.list.count; i++) {
    rassim_object *object = objects.list.items[i];
    if (object->kind != RASSIM_SUBSCRIPTION) continue;
    if (rassim__wants(object, record)) {
      rassim__event_set(object->signal);
    } else if (object->next == record->sequence) {
      object->next++;
    }
  }
}

void rassim__signal_subscriptions(void) {
  for (uint32_t i = 0; i < objects.list.count; i++) {
    const rassim_object *object = objects.list.items[i];
    if (object->kind == RASSIM_SUBSCRIPTION) rassim__event_set(object->signal);
  }
}

void rassim__break_subscriptions(uint32_t code) {
  for (uint32_t i = 0; i < objects.list.count; i++) {
    rassim_object *object = objects.list.items[i];
    if (object->kind == RASSIM_SUBSCRIPTION) object->broken = code;
  }
}

/* Controls. */

uint32_t rassim_event_handles(void) {
  rassim__lock();
  uint32_t count = objects.list.count;
  rassim__unlock();
  return count;
}

uint32_t rassim_subscriptions(void) {
  uint32_t count = 0;
  rassim__lock();
  for (uint32_t i = 0; i < objects.list.count; i++) {
    count += objects.list.items[i]->kind == RASSIM_SUBSCRIPTION;
  }
  rassim__unlock();
  return count;
}
