/* Asks for the statistics of connections and links, and clears them. */
#include "statistics.h"

#include <string.h>

/* Both structures have the same numbers in the same order. */
#define RAW_BEGIN offsetof(rn_RAS_STATS, dwBytesXmited)
#define BEGIN offsetof(rn_statistics, bytes_sent)
#define SIZE (sizeof(rn_RAS_STATS) - RAW_BEGIN)
_Static_assert(SIZE == offsetof(rn_statistics, reserved) - BEGIN, "rn_statistics has RAS_STATS");

static void read_statistics(HRASCONN handle, uint32_t code, const rn_RAS_STATS *raw,
                            rn_statistics *record_out) {
  memset(record_out, 0, sizeof *record_out);
  record_out->handle = (uintptr_t)handle;
  record_out->code = code;
  if (!code) memcpy((char *)record_out + BEGIN, (const char *)raw + RAW_BEGIN, SIZE);
}

RasGetConnectionStatistics_fn rn__find_statistics(const rn_provider *provider) {
  return RN__FIND(provider->library, RasGetConnectionStatistics);
}

void rn__ask_statistics(RasGetConnectionStatistics_fn get, HRASCONN handle,
                        rn_statistics *statistics_out) {
  rn_RAS_STATS raw = {.dwSize = sizeof raw};
  uint32_t code = get ? get(handle, &raw) : RN_E_UNSUPPORTED;
  read_statistics(handle, code, &raw, statistics_out);
}

static uint32_t ask_link(rn_provider *provider, HRASCONN handle, uint32_t subentry,
                         rn_statistics *statistics_out) {
  RasGetLinkStatistics_fn get = RN__FIND(provider->library, RasGetLinkStatistics);
  rn_RAS_STATS raw = {.dwSize = sizeof raw};
  uint32_t code = get ? get(handle, subentry, &raw) : RN_E_UNSUPPORTED;
  read_statistics(handle, code, &raw, statistics_out);
  return code;
}

uint32_t rn_get_statistics(rn_provider *provider, uint64_t handle, uint32_t subentry,
                           rn_statistics *statistics_out) {
  if (subentry) return ask_link(provider, rn__as_handle(handle), subentry, statistics_out);
  rn__ask_statistics(rn__find_statistics(provider), rn__as_handle(handle), statistics_out);
  return statistics_out->code;
}

uint32_t rn_clear_connection_statistics(rn_provider *provider, uint64_t handle) {
  RasClearConnectionStatistics_fn clear = RN__FIND(provider->library, RasClearConnectionStatistics);
  return clear ? clear(rn__as_handle(handle)) : RN_E_UNSUPPORTED;
}
