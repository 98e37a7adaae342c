/* The records of the event log, and the queries that select some of them. */
#ifndef RASSIM_QUERY_H
#define RASSIM_QUERY_H

#include "text.h"

typedef enum { RASSIM_APPLICATION, RASSIM_SYSTEM, RASSIM_CHANNELS } rassim_channel;

extern const char *const rassim__channel_names[RASSIM_CHANNELS];

/* A place in the log. The number of a record counts from 1 in its channel. */
typedef struct {
  uint64_t records[RASSIM_CHANNELS]; /* the newest record up to there; 0: none */
  uint32_t channel;                  /* that of the record at this place */
} rassim_position;

typedef struct {
  uint32_t references; /* the last one frees the record */
  uint32_t event_id;
  uint64_t sequence; /* counts the records of all channels, from 0 */
  rassim_position position;
  uint16_t source[RASSIM_MAX_SOURCE + 1];
  uint16_t *xml; /* owned; ends with a NUL */
} rassim_record;

/* Finds the channel of this name. Returns 0 or 15007. */
uint32_t rassim__find_channel(const uint16_t *name, size_t length, uint32_t *channel_out);

/* Whether the query selects the record. NULL is no record, to check the query only. The query is
 * NULL or "*" for the whole channel, an XPath for the channel, or a structured query that names
 * channels itself. Of XPath it may use what a subscription to RAS' events needs:
 *
 *   *[System[Provider[@Name='a' or @Name='b'] and (EventID=1 or EventID=2)]]
 *
 * Returns 0, 87 without a channel, 15001 for a query that this cannot read, or 15007. */
uint32_t rassim__select(const uint16_t *channel, const uint16_t *query, const rassim_record *record,
                        bool *selected_out);

#endif
