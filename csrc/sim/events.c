/* The event log: the last RASSIM_LOG_CAPACITY records of all channels. */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_DAY 86400000000000ull
#define NS_PER_S 1000000000ull
#define DAYS_TO_1970 719468u /* from 0000-03-01 */
#define DAYS_PER_ERA 146097u /* 400 years */

#define FIRST_EPOCH_NS 1767225600000000000ull /* 2026-01-01T00:00:00Z */

static struct {
  rassim_record *ring[RASSIM_LOG_CAPACITY]; /* record s is at s % RASSIM_LOG_CAPACITY */
  uint32_t count;
  uint64_t next; /* the sequence number of the next record */
  rassim_position newest;
  uint64_t epoch_ns; /* when a manual clock was at 0, since 1970 */
  uint32_t no_news_code;
} event_log = {.epoch_ns = FIRST_EPOCH_NS, .no_news_code = RAS_ERROR_NO_MORE_ITEMS};

uint64_t rassim__oldest_record(void) { return event_log.next - event_log.count; }

uint64_t rassim__next_record(void) { return event_log.next; }

rassim_record *rassim__record_at(uint64_t sequence) {
  return event_log.ring[sequence % RASSIM_LOG_CAPACITY];
}

const rassim_position *rassim__newest_position(void) { return &event_log.newest; }

uint32_t rassim__no_news_code(void) { return event_log.no_news_code; }

static void remove_oldest(void) {
  rassim__release(rassim__record_at(rassim__oldest_record()));
  event_log.count--;
}

static void append(rassim_record *record) {
  if (event_log.count == RASSIM_LOG_CAPACITY) remove_oldest();
  record->references = 1;
  record->sequence = event_log.next;
  record->position = event_log.newest;
  event_log.ring[event_log.next++ % RASSIM_LOG_CAPACITY] = record;
  event_log.count++;
  rassim__announce(record);
}

/* XML. */

uint64_t rassim__utc_now(void) {
  return rassim__clock_is_real() ? rassim__utc_ns() : event_log.epoch_ns + rassim__now();
}

/* Counts years from March on, so that the day that leap years add is the last one. */
static void put_date(rassim_text *xml, uint64_t days_since_1970) {
  uint64_t days = days_since_1970 + DAYS_TO_1970;
  uint64_t era = days / DAYS_PER_ERA, day = days % DAYS_PER_ERA;
  uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  uint64_t of_year = day - (365 * year + year / 4 - year / 100);
  uint64_t from_march = (5 * of_year + 2) / 153;
  uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  rassim__put_number(xml, era * 400 + year + (month <= 2), 4);
  rassim__put(xml, "-");
  rassim__put_number(xml, month, 2);
  rassim__put(xml, "-");
  rassim__put_number(xml, of_year - (153 * from_march + 2) / 5 + 1, 2);
}

static void put_time(rassim_text *xml, uint64_t ns) {
  uint64_t of_day = ns % NS_PER_DAY, seconds = of_day / NS_PER_S;
  put_date(xml, ns / NS_PER_DAY);
  rassim__put(xml, "T");
  rassim__put_number(xml, seconds / 3600, 2);
  rassim__put(xml, ":");
  rassim__put_number(xml, seconds / 60 % 60, 2);
  rassim__put(xml, ":");
  rassim__put_number(xml, seconds % 60, 2);
  rassim__put(xml, ".");
  rassim__put_number(xml, of_day % NS_PER_S / 100, 7);
  rassim__put(xml, "Z");
}

/* The order of the elements, and the quotation marks, are those of EvtRender. */
static void put_system(rassim_text *xml, const rassim_event_head *head, uint64_t number) {
  rassim__put(xml, "<System><Provider Name='");
  rassim__put_escaped(xml, head->source);
  rassim__put(xml, "'/><EventID Qualifiers='0'>");
  rassim__put_number(xml, head->event_id, 1);
  rassim__put(xml, "</EventID><Level>");
  rassim__put_number(xml, head->level, 1);
  rassim__put(xml,
              "</Level><Task>0</Task><Keywords>0x80000000000000</Keywords>"
              "<TimeCreated SystemTime='");
  put_time(xml, head->utc_ns ? head->utc_ns : rassim__utc_now());
  rassim__put(xml, "'/><EventRecordID>");
  rassim__put_number(xml, number, 1);
  rassim__put(xml, "</EventRecordID><Channel>");
  rassim__put(xml, rassim__channel_names[head->channel]);
  rassim__put(xml, "</Channel><Computer>RASSIM</Computer><Security/></System>");
}

static void put_event(rassim_text *xml, const rassim_event_head *head, const uint16_t *text,
                      size_t length, uint64_t number) {
  if (!head->whole) {
    rassim__put(xml, "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>");
    put_system(xml, head, number);
    rassim__put(xml, "<EventData>");
  }
  rassim__put_units(xml, text, length);
  if (!head->whole) rassim__put(xml, "</EventData></Event>");
  static const uint16_t end = 0;
  rassim__put_units(xml, &end, 1);
}

/* Writing. The data of the action are the head and the text. */

static uint32_t write_now(const rassim_action *action) {
  rassim_event_head head;
  rassim_text xml = {{0}, false};
  memcpy(&head, action->data, sizeof head);
  const uint16_t *text = (const uint16_t *)((const uint8_t *)action->data + sizeof head);
  size_t length = (action->data_size - sizeof head) / sizeof *text;
  put_event(&xml, &head, text, length, event_log.newest.records[head.channel] + 1);
  rassim_record *record = calloc(1, sizeof *record);
  if (!record || xml.failed) {
    free(record);
    rassim__free_text(&xml);
    return RAS_ERROR_NOT_ENOUGH_MEMORY;
  }
  record->xml = xml.units.items;
  record->event_id = head.event_id;
  memcpy(record->source, head.source, sizeof head.source);
  event_log.newest.channel = head.channel;
  event_log.newest.records[head.channel]++;
  append(record);
  return RAS_SUCCESS;
}

uint32_t rassim__write_event(const rassim_event_head *head, const rassim_text *text,
                             uint64_t delay_ns) {
  size_t size = text->units.count * sizeof *text->units.items;
  uint8_t *data = text->failed ? NULL : malloc(sizeof *head + size);
  if (!data) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  memcpy(data, head, sizeof *head);
  if (size) memcpy(data + sizeof *head, text->units.items, size);
  rassim_action write = {.run = write_now, .data = data, .data_size = sizeof *head + size};
  uint32_t code = rassim__act(&write, delay_ns);
  free(data);
  return code;
}

void rassim__reset_event_log(void) {
  rassim__close_handles();
  while (event_log.count) remove_oldest();
  memset(&event_log.newest, 0, sizeof event_log.newest);
  event_log.epoch_ns = FIRST_EPOCH_NS;
  event_log.no_news_code = RAS_ERROR_NO_MORE_ITEMS;
}

/* Controls. */

static bool copy_source(const uint16_t *source, rassim_event_head *head) {
  size_t length = source ? rassim__length(source) : 0;
  if (!length || length > RASSIM_MAX_SOURCE) return false;
  memcpy(head->source, source, length * sizeof *source);
  return true;
}

static uint32_t write_text(const rassim_event_head *head, const uint16_t *const *fields,
                           uint32_t count, uint64_t delay_ns) {
  rassim_text text = {{0}, false};
  for (uint32_t i = 0; i < count; i++) {
    if (head->whole) {
      rassim__put_units(&text, fields[i], rassim__length(fields[i]));
      continue;
    }
    rassim__put(&text, "<Data>");
    rassim__put_escaped(&text, fields[i]);
    rassim__put(&text, "</Data>");
  }
  rassim__lock();
  uint32_t code = rassim__write_event(head, &text, delay_ns);
  rassim__unlock();
  rassim__free_text(&text);
  return code;
}

static uint32_t make_head(const uint16_t *channel, const uint16_t *source, uint32_t event_id,
                          rassim_event_head *head_out) {
  memset(head_out, 0, sizeof *head_out);
  head_out->event_id = event_id;
  head_out->level = RASSIM_LEVEL_INFORMATION;
  bool found = channel && event_id <= UINT16_MAX &&
               !rassim__find_channel(channel, rassim__length(channel), &head_out->channel);
  return found && copy_source(source, head_out) ? RAS_SUCCESS : RAS_ERROR_INVALID_PARAMETER;
}

uint32_t rassim_write_event(const uint16_t *channel, const uint16_t *source, uint32_t event_id,
                            const uint16_t *fields, uint32_t count, uint64_t delay_ns) {
  const uint16_t *each[RASSIM_MAX_FIELDS];
  rassim_event_head head;
  uint32_t code = make_head(channel, source, event_id, &head);
  if (code || count > RASSIM_MAX_FIELDS || (count && !fields)) return RAS_ERROR_INVALID_PARAMETER;
  for (uint32_t i = 0; i < count; i++) {
    each[i] = fields;
    fields += rassim__length(fields) + 1;
  }
  return write_text(&head, each, count, delay_ns);
}

uint32_t rassim_write_event_xml(const uint16_t *channel, const uint16_t *source, uint32_t event_id,
                                const uint16_t *xml, uint64_t delay_ns) {
  rassim_event_head head;
  uint32_t code = make_head(channel, source, event_id, &head);
  if (code || !xml) return RAS_ERROR_INVALID_PARAMETER;
  head.whole = true;
  return write_text(&head, &xml, 1, delay_ns);
}

static uint32_t clear_log(const rassim_action *action) {
  (void)action;
  while (event_log.count) remove_oldest();
  return RAS_SUCCESS;
}

static uint32_t signal_subscriptions(const rassim_action *action) {
  (void)action;
  rassim__signal_subscriptions();
  return RAS_SUCCESS;
}

static uint32_t break_subscriptions(const rassim_action *action) {
  rassim__break_subscriptions(action->number);
  return RAS_SUCCESS;
}

static uint32_t act(uint32_t (*run)(const rassim_action *), uint32_t number, uint64_t delay_ns) {
  const rassim_action action = {.run = run, .number = number};
  rassim__lock();
  uint32_t code = rassim__act(&action, delay_ns);
  rassim__unlock();
  return code;
}

uint32_t rassim_clear_event_log(uint64_t delay_ns) { return act(clear_log, 0, delay_ns); }

uint32_t rassim_signal_subscriptions(uint64_t delay_ns) {
  return act(signal_subscriptions, 0, delay_ns);
}

uint32_t rassim_break_subscriptions(uint32_t code, uint64_t delay_ns) {
  return act(break_subscriptions, code, delay_ns);
}

void rassim_set_no_news_code(uint32_t code) {
  rassim__lock();
  event_log.no_news_code = code;
  rassim__unlock();
}

uint32_t rassim_no_news_code(void) {
  rassim__lock();
  uint32_t code = event_log.no_news_code;
  rassim__unlock();
  return code;
}

void rassim_set_epoch(uint64_t ns) {
  rassim__lock();
  event_log.epoch_ns = ns;
  rassim__unlock();
}

uint64_t rassim_epoch(void) {
  rassim__lock();
  uint64_t ns = event_log.epoch_ns;
  rassim__unlock();
  return ns;
}
