/*
 * An event log that lies as `lies` tells it. It stays within the memory it is offered: past that
 * nobody could be safe. It counts the handles that are open, and the closes of handles that are not.
 */
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
void __stdcall SetLastError(unsigned long code);
#define SET_ERROR(code) SetLastError(code)
#define EVT_API __stdcall
#else
#include <errno.h>
#define SET_ERROR(code) (errno = (int)(code))
#define EVT_API
#endif

#define MOST_HANDLES 65536

typedef struct {
  uint32_t null_subscription; /* EvtSubscribe returns NULL with the error */
  uint32_t subscribe_error;
  uint32_t batches;   /* as many calls of EvtNext return events; UINT32_MAX is all of them */
  uint32_t written;   /* handles that it writes, if they fit */
  uint32_t claimed;   /* how many it says it wrote; beyond them it writes no handles */
  uint32_t null_from; /* the first of them that is NULL */
  uint32_t same;      /* all of them are the same one */
  uint32_t next_error;
  uint32_t most;         /* EvtNext fails with 1734 if the array is larger */
  uint32_t render_fails; /* EvtRender fails with the error */
  uint32_t render_error;
  uint32_t used; /* the bytes that it says it used or needs; UINT32_MAX is the truth */
  uint32_t no_bookmark;
  uint32_t length; /* of the text, in bytes */
  uint8_t text[1 << 16];
} lies_of_event_log;

lies_of_event_log lies;
uint32_t open_handles, wrong_closes, calls;

static uint8_t is_open[MOST_HANDLES];
static uint32_t newest;

static void *open_handle(void) {
  newest = newest % (MOST_HANDLES - 1) + 1;
  open_handles += !is_open[newest];
  is_open[newest] = 1;
  return (void *)(uintptr_t)newest;
}

static int fail(uint32_t error) {
  SET_ERROR(error);
  return 0;
}

void *EVT_API EvtSubscribe(void *session, void *event, const void *channel, const void *query,
                           void *bookmark, void *context, void *callback, uint32_t flags) {
  (void)session, (void)event, (void)channel, (void)query;
  (void)bookmark, (void)context, (void)callback, (void)flags;
  calls++;
  if (!lies.null_subscription) return open_handle();
  fail(lies.subscribe_error);
  return NULL;
}

int EVT_API EvtNext(void *subscription, uint32_t size, void **events, uint32_t timeout,
                    uint32_t flags, uint32_t *returned) {
  (void)subscription, (void)timeout, (void)flags;
  calls++;
  if (size > lies.most) return fail(1734);
  if (!lies.batches) return fail(lies.next_error);
  if (lies.batches != UINT32_MAX) lies.batches--;
  for (uint32_t i = 0; i < lies.written && i < size; i++) {
    if (i >= lies.null_from) continue;
    events[i] = i >= lies.claimed ? (void *)(uintptr_t)MOST_HANDLES
                : lies.same && i  ? events[0]
                                  : open_handle();
  }
  *returned = lies.claimed;
  return 1;
}

int EVT_API EvtRender(void *context, void *event, uint32_t flags, uint32_t size, void *buffer,
                      uint32_t *used, uint32_t *count) {
  (void)context, (void)event, (void)flags, (void)count;
  calls++;
  *used = lies.used == UINT32_MAX ? lies.length : lies.used;
  if (lies.render_fails) return fail(lies.render_error);
  if (lies.length > size) return fail(122);
  memcpy(buffer, lies.text, lies.length);
  return 1;
}

void *EVT_API EvtCreateBookmark(const void *xml) {
  (void)xml;
  calls++;
  return lies.no_bookmark ? NULL : open_handle();
}

int EVT_API EvtUpdateBookmark(void *bookmark, void *event) {
  (void)bookmark, (void)event;
  calls++;
  return 1;
}

int EVT_API EvtClose(void *handle) {
  uintptr_t number = (uintptr_t)handle;
  calls++;
  if (number >= MOST_HANDLES || !is_open[number]) {
    wrong_closes++;
    return fail(6);
  }
  is_open[number] = 0;
  open_handles--;
  return 1;
}
