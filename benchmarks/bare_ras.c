/*
 * The baselines for a poll: the same calls in a plain C loop, which decodes,
 * compares and checks nothing. comparing.py compiles it.
 */
#include <stdint.h>

#include "ras_abi.h"

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED
#endif

typedef uint32_t(RAS_CALL *enum_fn)(rn_RASCONNW *, uint32_t *, uint32_t *);
typedef uint32_t(RAS_CALL *status_fn)(HRASCONN, rn_RASCONNSTATUSW *);
typedef uint32_t(RAS_CALL *statistics_fn)(HRASCONN, rn_RAS_STATS *);

/* Polls into the caller's buffer; returns how many statuses with error 0 the last poll read. */
EXPORTED uint32_t bare_poll(enum_fn enumerate, status_fn ask, rn_RASCONNW *connections,
                            uint32_t size, uint32_t polls) {
  uint32_t good = 0;
  rn_RASCONNSTATUSW status;
  for (uint32_t poll = 0; poll < polls; poll++) {
    uint32_t bytes = size, count = 0;
    connections[0].dwSize = sizeof *connections;
    if (enumerate(connections, &bytes, &count)) return 0;
    good = 0;
    for (uint32_t i = 0; i < count; i++) {
      status.dwSize = sizeof status;
      if (!ask(connections[i].hrasconn, &status)) good += !status.dwError;
    }
  }
  return good;
}

/* The same with statistics; returns how many the last poll read. */
EXPORTED uint32_t bare_statistics(enum_fn enumerate, statistics_fn ask, rn_RASCONNW *connections,
                                  uint32_t size, uint32_t polls) {
  uint32_t good = 0;
  rn_RAS_STATS statistics;
  for (uint32_t poll = 0; poll < polls; poll++) {
    uint32_t bytes = size, count = 0;
    connections[0].dwSize = sizeof *connections;
    if (enumerate(connections, &bytes, &count)) return 0;
    good = 0;
    for (uint32_t i = 0; i < count; i++) {
      statistics.dwSize = sizeof statistics;
      if (!ask(connections[i].hrasconn, &statistics)) good++;
    }
  }
  return good;
}
