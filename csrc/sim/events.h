/* The event log: its records, and when they are written. */
#ifndef RASSIM_EVENTS_H
#define RASSIM_EVENTS_H

#include "handles.h"
#include "queue.h"

#define RASSIM_LEVEL_ERROR 2
#define RASSIM_LEVEL_INFORMATION 4

/* What an event says about itself, beside its text. */
typedef struct {
  uint32_t channel; /* a rassim_channel */
  uint32_t event_id;
  uint32_t level;
  uint64_t utc_ns; /* its time; 0: that of the writing */
  uint16_t source[RASSIM_MAX_SOURCE + 1];
  bool whole; /* the text is all of the XML; otherwise it is the content of EventData */
} rassim_event_head;

/* The present time in UTC, since 1970. */
uint64_t rassim__utc_now(void);

/* Writes an event after the delay. Its number is that of that moment. Returns 0 or 8. */
uint32_t rassim__write_event(const rassim_event_head *head, const rassim_text *text,
                             uint64_t delay_ns);

/* The sequence numbers of the oldest record, and of the next one to be written. */
uint64_t rassim__oldest_record(void);
uint64_t rassim__next_record(void);

/* Returns the record of a sequence number between them. */
rassim_record *rassim__record_at(uint64_t sequence);

/* The numbers of the newest records. */
const rassim_position *rassim__newest_position(void);

/* The answer of EvtNext where nothing is new. */
uint32_t rassim__no_news_code(void);

void rassim__reset_event_log(void);

#endif
