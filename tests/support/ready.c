/* csrc/shim/ready.h for test_ready.py to call, with a count of the slots that are looked at. */
#include <stdint.h>

static uint64_t probes;
#define RN__COUNT_PROBE() probes++

#include "ready.h"

/* Records `count` sockets in the state of each, then looks each of `asked` up. Returns how many
 * slots were looked at, or UINT64_MAX without memory. */
uint64_t record_and_ask(uint32_t capacity, const uint64_t *sockets, const uint64_t *states,
                        uint32_t count, const uint64_t *asked, uint32_t asked_count,
                        uint64_t *states_out) {
  rn__ready ready;
  if (!rn__ready_new(&ready, capacity)) return UINT64_MAX;
  for (int round = 0; round < 2; round++) { /* the second one in a used table */
    probes = 0;
    rn__ready_clear(&ready, count);
    for (uint32_t i = 0; i < count; i++) rn__ready_set(&ready, sockets[i], states[i]);
    for (uint32_t i = 0; i < asked_count; i++) states_out[i] = rn__ready_state(&ready, asked[i]);
  }
  rn__ready_free(&ready);
  return probes;
}
