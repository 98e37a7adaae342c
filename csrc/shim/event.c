/* Waits for one event; a second event cancels the wait. */
#include <stddef.h>

#include "os.h"

uint32_t rn_event_wait(rn_event *event, rn_event *cancel, uint64_t slice_ns) {
  rn_event *events[2];
  uint32_t count = 0, set;
  if (event) events[count++] = event;
  if (cancel) events[count++] = cancel;
  uint32_t code = rn__wait_until(NULL, events, count, rn_now_ns() + slice_ns, &set);
  if (code) return code;
  if (event && set & 1) return 0;
  return set ? RN_E_CANCELLED : RN_E_AGAIN;
}
