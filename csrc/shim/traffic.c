/*
 * Sums up the traffic of one connection from samples of its statistics.
 *
 * A counter of RAS has 32 bits. If it is smaller than in the last sample, it wrapped, or another
 * program set all counters to 0. Frames and errors are few: half of their range between two samples
 * is not possible, so they were set to 0. Bytes wrapped if the new frames can hold them. A duration
 * that runs backwards belongs to a new connection.
 */
#include <stddef.h>
#include <string.h>

#include "rn.h"

enum { BYTES_SENT, BYTES_RECEIVED, FRAMES_SENT, FRAMES_RECEIVED, COUNTERS = 10 };

#define HALF 0x80000000u
#define WRAP 0x100000000u
#define NS_PER_MS 1000000u
#define DURATION_ERROR_MS 60000u /* the two clocks differ by less */

#define TOTALS offsetof(rn_traffic, bytes_sent)
#define TOTALS_SIZE (COUNTERS * sizeof(uint64_t))
#define NUMBERS offsetof(rn_statistics, bytes_sent)
#define NUMBERS_SIZE (COUNTERS * sizeof(uint32_t))
_Static_assert(TOTALS + TOTALS_SIZE == offsetof(rn_traffic, duration_ms), "ten totals");
_Static_assert(NUMBERS + NUMBERS_SIZE == offsetof(rn_statistics, compression_in), "ten counters");

/* What both samples have of the counters, and the differences modulo 2**32. */
typedef struct {
  uint32_t before[COUNTERS], now[COUNTERS], added[COUNTERS];
} comparison;

static comparison compare(const rn_statistics *before, const rn_statistics *now) {
  comparison made;
  memcpy(made.before, (const char *)before + NUMBERS, NUMBERS_SIZE);
  memcpy(made.now, (const char *)now + NUMBERS, NUMBERS_SIZE);
  for (int i = 0; i < COUNTERS; i++) made.added[i] = made.now[i] - made.before[i];
  return made;
}

/* Some devices may count no frames [I]. */
static int counts_frames(const comparison *of, int bytes) {
  return of->now[bytes + FRAMES_SENT] || of->before[bytes + FRAMES_SENT];
}

/* The most bytes that the new frames can hold. */
static uint64_t most_bytes(const comparison *of, int bytes) {
  return (uint64_t)of->added[bytes + FRAMES_SENT] * RN_LONGEST_FRAME;
}

static int is_cleared(const comparison *of) {
  for (int i = 0; i < COUNTERS; i++) {
    if (of->now[i] >= of->before[i]) continue;
    const int by_frames = i <= BYTES_RECEIVED && counts_frames(of, i);
    if (of->added[i] > (by_frames ? most_bytes(of, i) : HALF - 1)) return 1;
  }
  return 0;
}

/* Whether another 4 GiB may have passed that nobody saw. Without frames the negotiated speed must
 * do. */
static int may_have_wrapped(const comparison *of, int bytes, uint32_t bps, uint64_t elapsed_ms) {
  const uint64_t most =
      counts_frames(of, bytes) ? most_bytes(of, bytes) : (uint64_t)bps * (elapsed_ms / 1000) / 8;
  return most >= WRAP + of->added[bytes];
}

/* The duration has 32 bits, too: it wraps after 49.7 days. */
static int is_new_connection(const rn_traffic *traffic, const rn_statistics *now,
                             uint64_t elapsed_ms) {
  const uint32_t before_ms = traffic->last.duration_ms, passed_ms = now->duration_ms - before_ms;
  return now->duration_ms < before_ms && passed_ms > elapsed_ms + DURATION_ERROR_MS;
}

static void restart(rn_traffic *traffic) {
  rn_traffic fresh = {.handle = traffic->handle, .is_up = traffic->is_up};
  memcpy(fresh.guid_entry, traffic->guid_entry, sizeof fresh.guid_entry);
  memcpy(fresh.correlation_id, traffic->correlation_id, sizeof fresh.correlation_id);
  *traffic = fresh;
}

/* After a clear, nobody knows what was received before it. */
static void judge(rn_traffic *traffic, const comparison *of, int is_unknown, uint64_t now_ns,
                  uint64_t silent_after_ns) {
  const int received = of->added[BYTES_RECEIVED] || of->added[FRAMES_RECEIVED];
  if (received || is_unknown || !traffic->is_up) {
    traffic->unanswered_ns = traffic->unanswered_bytes = 0;
  } else if (of->added[BYTES_SENT]) {
    if (!traffic->unanswered_ns) traffic->unanswered_ns = now_ns;
    traffic->unanswered_bytes += of->added[BYTES_SENT];
  }
  const uint64_t since_ns = traffic->unanswered_ns;
  traffic->is_silent = since_ns && now_ns - since_ns >= silent_after_ns;
}

static void add_counters(rn_traffic *traffic, const comparison *of) {
  uint64_t totals[COUNTERS];
  memcpy(totals, (const char *)traffic + TOTALS, TOTALS_SIZE);
  for (int i = 0; i < COUNTERS; i++) totals[i] += of->added[i];
  memcpy((char *)traffic + TOTALS, totals, TOTALS_SIZE);
}

void rn_traffic_add(rn_traffic *traffic, const rn_statistics *statistics, uint64_t now_ns,
                    uint64_t silent_after_ns) {
  static const rn_statistics nothing = {0};
  const uint64_t elapsed_ms = (now_ns - traffic->sampled_ns) / NS_PER_MS;
  traffic->code = statistics->code;
  if (statistics->code) return;
  if (traffic->sampled_ns && is_new_connection(traffic, statistics, elapsed_ms)) restart(traffic);
  const int is_first = !traffic->sampled_ns;
  comparison counters = compare(&traffic->last, statistics);
  const int cleared = is_cleared(&counters);
  if (cleared) counters = compare(&nothing, statistics);
  const uint64_t counted_ms = is_first ? statistics->duration_ms : elapsed_ms;
  for (int i = BYTES_SENT; i <= BYTES_RECEIVED; i++)
    if (may_have_wrapped(&counters, i, statistics->bps, counted_ms)) traffic->is_uncertain = 1;
  add_counters(traffic, &counters);
  judge(traffic, &counters, is_first || cleared, now_ns, silent_after_ns);
  traffic->clears += (uint32_t)cleared;
  traffic->new_sent = is_first ? 0 : counters.added[BYTES_SENT];
  traffic->new_received = is_first ? 0 : counters.added[BYTES_RECEIVED];
  traffic->duration_ms += statistics->duration_ms - traffic->last.duration_ms;
  traffic->previous_ns = traffic->sampled_ns;
  traffic->sampled_ns = now_ns;
  traffic->last = *statistics;
}
