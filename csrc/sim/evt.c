/*
 * The functions of wevtapi. The subscriber reads the events itself; nothing
 * calls it back. The codes for bad arguments are [I] where the documentation
 * does not name them.
 */
#include <string.h>

#include "bookmarks.h"
#include "calls.h"

/* Leaves the service. A call that fails sets the error. One that was made to fail with code 0 sets
 * none, as the functions of Wine do. */
static bool leave(bool entered, uint32_t code) {
  rassim__leave(code);
  if (code) rassim__set_error(code);
  return entered && !code;
}

/* EvtSubscribe. */

typedef struct {
  const uint16_t *channel;
  const uint16_t *query;
  const rassim_object *bookmark; /* NULL: none */
  uint32_t origin;
  bool strict;
} request;

/* The bookmarked record is still in the log. */
static bool is_in_log(const rassim_position *position) {
  for (uint64_t i = rassim__oldest_record(); i < rassim__next_record(); i++) {
    const rassim_position *each = &rassim__record_at(i)->position;
    if (each->channel != position->channel) continue;
    if (each->records[each->channel] == position->records[each->channel]) return true;
  }
  return false;
}

/* Windows does not set the event for records that exist already [U]. */
static uint32_t subscribe(const request *wanted, void *event, EVT_HANDLE *handle_out) {
  bool selected;
  rassim_object *made;
  uint32_t code = rassim__select(wanted->channel, wanted->query, NULL, &selected);
  if (code) return code;
  if (wanted->strict && wanted->bookmark && !is_in_log(&wanted->bookmark->position)) {
    return RAS_ERROR_NOT_FOUND;
  }
  code = rassim__subscribe(event, wanted->channel, wanted->query, &made);
  if (code) return code;
  bool future = wanted->origin == EVT_SUBSCRIBE_TO_FUTURE_EVENTS;
  made->next = future ? rassim__next_record() : rassim__oldest_record();
  if (wanted->bookmark) made->position = wanted->bookmark->position;
  *handle_out = made->handle;
  return RAS_SUCCESS;
}

static uint32_t check_flags(uint32_t flags, EVT_HANDLE bookmark) {
  const uint32_t options = EVT_SUBSCRIBE_TOLERATE_QUERY_ERRORS | EVT_SUBSCRIBE_STRICT;
  uint32_t origin = flags & ~options;
  if (!origin || origin > EVT_SUBSCRIBE_START_AFTER_BOOKMARK) return RAS_ERROR_INVALID_PARAMETER;
  bool needs_bookmark = origin == EVT_SUBSCRIBE_START_AFTER_BOOKMARK;
  return needs_bookmark == (bookmark != NULL) ? RAS_SUCCESS : RAS_ERROR_INVALID_PARAMETER;
}

/* A callback and an event exclude each other. [I] Callbacks and remote computers are not
 * simulated. */
static uint32_t check_subscribe(EVT_HANDLE session, const void *event, const void *callback,
                                EVT_HANDLE bookmark, uint32_t flags) {
  if (session) return RAS_ERROR_INVALID_HANDLE;
  if ((event != NULL) == (callback != NULL)) return RAS_ERROR_INVALID_PARAMETER;
  if (callback) return RAS_ERROR_CALL_NOT_IMPLEMENTED;
  return check_flags(flags, bookmark);
}

EVT_HANDLE RAS_CALL EvtSubscribe(EVT_HANDLE session, void *signal_event, const uint16_t *channel,
                                 const uint16_t *query, EVT_HANDLE bookmark, void *context,
                                 void *callback, uint32_t flags) {
  EVT_HANDLE handle = NULL;
  uint32_t code;
  (void)context; /* for the callback */
  bool entered = rassim__enter(RASSIM_EvtSubscribe, &code);
  if (entered) {
    request wanted = {channel, query, rassim__object(bookmark, RASSIM_BOOKMARK),
                      flags & EVT_SUBSCRIBE_START_AFTER_BOOKMARK,
                      (flags & EVT_SUBSCRIBE_STRICT) != 0};
    code = check_subscribe(session, signal_event, callback, bookmark, flags);
    if (!code && bookmark && !wanted.bookmark) code = RAS_ERROR_INVALID_HANDLE;
    if (!code) code = subscribe(&wanted, signal_event, &handle);
  }
  return leave(entered, code) ? handle : NULL;
}

/* EvtNext. */

/* [U] Records that were removed before the subscription read them make it stale for good. */
static void check_stale(rassim_object *subscription) {
  if (!subscription->broken && subscription->next < rassim__oldest_record()) {
    subscription->broken = RAS_ERROR_EVT_QUERY_RESULT_STALE;
  }
}

/* Events that were opened before memory ran out are returned. */
static uint32_t read_events(rassim_object *subscription, uint32_t capacity, EVT_HANDLE *events_out,
                            uint32_t *count_out) {
  uint32_t code = RAS_SUCCESS;
  while (*count_out < capacity && subscription->next < rassim__next_record()) {
    rassim_record *record = rassim__record_at(subscription->next);
    if (rassim__wants(subscription, record)) {
      code = rassim__open_event(subscription, record, &events_out[*count_out]);
      if (code) break;
      ++*count_out;
    }
    subscription->next++;
  }
  if (*count_out) return RAS_SUCCESS;
  return code ? code : rassim__no_news_code();
}

/* [U] Returns at once: it does not wait for a new event, whatever the timeout. */
static uint32_t next(EVT_HANDLE handle, uint32_t capacity, EVT_HANDLE *events_out, uint32_t flags,
                     uint32_t *count_out) {
  if (!count_out) return RAS_ERROR_INVALID_PARAMETER;
  *count_out = 0;
  if (!events_out || !capacity || flags) return RAS_ERROR_INVALID_PARAMETER;
  rassim_object *subscription = rassim__object(handle, RASSIM_SUBSCRIPTION);
  if (!subscription) return RAS_ERROR_INVALID_HANDLE;
  check_stale(subscription);
  if (subscription->broken) return subscription->broken;
  if (capacity > EVT_MAX_EVENTS) capacity = EVT_MAX_EVENTS; /* [I] */
  return read_events(subscription, capacity, events_out, count_out);
}

int32_t RAS_CALL EvtNext(EVT_HANDLE subscription, uint32_t capacity, EVT_HANDLE *events_out,
                         uint32_t timeout, uint32_t flags, uint32_t *count_out) {
  uint32_t code;
  (void)timeout;
  bool entered = rassim__enter(RASSIM_EvtNext, &code);
  if (entered) code = next(subscription, capacity, events_out, flags, count_out);
  return leave(entered, code);
}

/* EvtRender. */

/* Copies text and its NUL. Sizes are in bytes. */
static uint32_t copy_out(const uint16_t *text, size_t length, uint32_t size, void *buffer,
                         uint32_t *used_out) {
  static const uint16_t end = 0;
  *used_out = (uint32_t)((length + 1) * sizeof *text);
  if (!buffer || size < *used_out) return RAS_ERROR_INSUFFICIENT_BUFFER;
  if (length) memcpy(buffer, text, length * sizeof *text);
  memcpy((uint8_t *)buffer + length * sizeof *text, &end, sizeof end);
  return RAS_SUCCESS;
}

static uint32_t render_bookmark(EVT_HANDLE handle, uint32_t size, void *buffer,
                                uint32_t *used_out) {
  rassim_text xml = {{0}, false};
  const rassim_object *bookmark = rassim__object(handle, RASSIM_BOOKMARK);
  if (!bookmark) return RAS_ERROR_INVALID_HANDLE;
  rassim__put_bookmark(&xml, &bookmark->position);
  uint32_t code = xml.failed ? RAS_ERROR_NOT_ENOUGH_MEMORY
                             : copy_out(xml.units.items, xml.units.count, size, buffer, used_out);
  rassim__free_text(&xml);
  return code;
}

static uint32_t render_event(EVT_HANDLE handle, uint32_t size, void *buffer, uint32_t *used_out) {
  const rassim_object *event = rassim__object(handle, RASSIM_EVENT);
  if (!event) return RAS_ERROR_INVALID_HANDLE;
  const uint16_t *xml = event->record->xml;
  return copy_out(xml, rassim__length(xml), size, buffer, used_out);
}

/* Contexts, and with them values instead of XML, are not simulated. */
static uint32_t render(EVT_HANDLE context, EVT_HANDLE fragment, uint32_t flags, uint32_t size,
                       void *buffer, uint32_t *used_out, uint32_t *properties_out) {
  if (!used_out || !properties_out) return RAS_ERROR_INVALID_PARAMETER;
  *used_out = *properties_out = 0;
  if (flags == EVT_RENDER_EVENT_VALUES) return RAS_ERROR_CALL_NOT_IMPLEMENTED;
  if (flags > EVT_RENDER_BOOKMARK || context) return RAS_ERROR_INVALID_PARAMETER;
  if (flags == EVT_RENDER_BOOKMARK) return render_bookmark(fragment, size, buffer, used_out);
  return render_event(fragment, size, buffer, used_out);
}

int32_t RAS_CALL EvtRender(EVT_HANDLE context, EVT_HANDLE fragment, uint32_t flags, uint32_t size,
                           void *buffer, uint32_t *used_out, uint32_t *properties_out) {
  uint32_t code;
  bool entered = rassim__enter(RASSIM_EvtRender, &code);
  if (entered) code = render(context, fragment, flags, size, buffer, used_out, properties_out);
  return leave(entered, code);
}

/* Bookmarks. */

static uint32_t create_bookmark(const uint16_t *xml, EVT_HANDLE *handle_out) {
  rassim_position position = {{0}, RASSIM_APPLICATION};
  rassim_object *bookmark;
  if (xml && !rassim__read_bookmark(xml, &position)) return RAS_ERROR_EVT_MALFORMED_XML_TEXT;
  uint32_t code = rassim__open(RASSIM_BOOKMARK, &bookmark);
  if (code) return code;
  bookmark->position = position;
  *handle_out = bookmark->handle;
  return RAS_SUCCESS;
}

EVT_HANDLE RAS_CALL EvtCreateBookmark(const uint16_t *xml) {
  EVT_HANDLE handle = NULL;
  uint32_t code;
  bool entered = rassim__enter(RASSIM_EvtCreateBookmark, &code);
  if (entered) code = create_bookmark(xml, &handle);
  return leave(entered, code) ? handle : NULL;
}

static uint32_t update_bookmark(EVT_HANDLE bookmark_handle, EVT_HANDLE event_handle) {
  rassim_object *bookmark = rassim__object(bookmark_handle, RASSIM_BOOKMARK);
  const rassim_object *event = rassim__object(event_handle, RASSIM_EVENT);
  if (!bookmark || !event) return RAS_ERROR_INVALID_HANDLE;
  bookmark->position = event->record->position;
  return RAS_SUCCESS;
}

int32_t RAS_CALL EvtUpdateBookmark(EVT_HANDLE bookmark, EVT_HANDLE event) {
  uint32_t code;
  bool entered = rassim__enter(RASSIM_EvtUpdateBookmark, &code);
  if (entered) code = update_bookmark(bookmark, event);
  return leave(entered, code);
}

int32_t RAS_CALL EvtClose(EVT_HANDLE handle) {
  uint32_t code;
  bool entered = rassim__enter(RASSIM_EvtClose, &code);
  if (entered) code = rassim__close(handle);
  return leave(entered, code);
}
