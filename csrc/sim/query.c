/* Queries of the event log. A query is read again for each record: reading it is evaluating it. */
#include "query.h"

#define DEEPEST 16u /* brackets inside brackets */

const char *const rassim__channel_names[RASSIM_CHANNELS] = {"Application", "System"};

typedef struct {
  const uint16_t *text;        /* what is still to be read */
  const rassim_record *record; /* NULL: nothing matches */
  uint32_t depth;
  uint32_t code; /* the first error; 0: none yet */
} reader;

uint32_t rassim__find_channel(const uint16_t *name, size_t length, uint32_t *channel_out) {
  for (uint32_t i = 0; i < RASSIM_CHANNELS; i++) {
    if (!rassim__is(name, length, rassim__channel_names[i])) continue;
    *channel_out = i;
    return RAS_SUCCESS;
  }
  return RAS_ERROR_EVT_CHANNEL_NOT_FOUND;
}

/* Reading. */

static void fail(reader *query, uint32_t code) {
  if (!query->code) query->code = code;
}

/* Reads these characters if they come next. */
static bool read_if(reader *query, const char *expected) {
  return rassim__skip(&query->text, expected);
}

static void expect(reader *query, const char *expected) {
  if (!read_if(query, expected)) fail(query, RAS_ERROR_EVT_INVALID_QUERY);
}

/* Returns the beginning of a text in quotation marks. */
static const uint16_t *read_quoted(reader *query, size_t *length_out) {
  const uint16_t *quoted = query->text;
  *length_out = 0;
  if (!rassim__skip_quoted(&query->text, &quoted, length_out)) {
    fail(query, RAS_ERROR_EVT_INVALID_QUERY);
  }
  return quoted;
}

/* [I] The id of an event has 16 bits. */
static uint32_t read_number(reader *query) {
  uint32_t number = 0;
  read_if(query, ""); /* spaces */
  if (*query->text < '0' || *query->text > '9') fail(query, RAS_ERROR_EVT_INVALID_QUERY);
  for (; *query->text >= '0' && *query->text <= '9'; query->text++) {
    if (number > UINT16_MAX) fail(query, RAS_ERROR_EVT_INVALID_QUERY);
    number = number * 10 + (*query->text - '0');
  }
  return number;
}

/* XPath. Each function reads a part and returns whether it matches the record. */

static bool read_name(reader *query) {
  size_t length;
  expect(query, "@Name");
  expect(query, "=");
  const uint16_t *name = read_quoted(query, &length);
  const rassim_record *record = query->record;
  if (!record || rassim__length(record->source) != length) return false;
  for (size_t i = 0; i < length; i++) {
    if (name[i] != record->source[i]) return false;
  }
  return true;
}

static bool read_provider(reader *query) {
  expect(query, "[");
  bool matches = read_name(query);
  while (!query->code && read_if(query, "or")) matches |= read_name(query);
  expect(query, "]");
  return matches;
}

static bool read_event_id(reader *query) {
  expect(query, "=");
  uint32_t number = read_number(query);
  return query->record && query->record->event_id == number;
}

static bool read_any(reader *query);

static bool read_brackets(reader *query) {
  if (query->depth == DEEPEST) {
    fail(query, RAS_ERROR_EVT_INVALID_QUERY);
    return false;
  }
  query->depth++;
  bool matches = read_any(query);
  query->depth--;
  expect(query, ")");
  return matches;
}

static bool read_condition(reader *query) {
  if (read_if(query, "(")) return read_brackets(query);
  if (read_if(query, "Provider")) return read_provider(query);
  if (read_if(query, "EventID")) return read_event_id(query);
  fail(query, RAS_ERROR_EVT_INVALID_QUERY);
  return false;
}

static bool read_all(reader *query) {
  bool matches = read_condition(query);
  while (!query->code && read_if(query, "and")) matches &= read_condition(query);
  return matches;
}

/* NOLINTNEXTLINE(misc-no-recursion): read_brackets bounds the depth */
static bool read_any(reader *query) {
  bool matches = read_all(query);
  while (!query->code && read_if(query, "or")) matches |= read_all(query);
  return matches;
}

static bool read_path(reader *query) {
  expect(query, "*");
  if (!read_if(query, "[")) return true;
  expect(query, "System");
  bool matches = true;
  if (read_if(query, "[")) {
    matches = read_any(query);
    expect(query, "]");
  }
  expect(query, "]");
  return matches;
}

static bool read_path_for(reader *query, const uint16_t *channel, size_t length) {
  uint32_t number = RASSIM_CHANNELS;
  uint32_t code = rassim__find_channel(channel, length, &number);
  if (code) fail(query, code);
  bool matches = read_path(query);
  return matches && query->record && query->record->position.channel == number;
}

/* Structured queries. */

static bool read_select(reader *query) {
  size_t length;
  expect(query, "Path");
  expect(query, "=");
  const uint16_t *channel = read_quoted(query, &length);
  expect(query, ">");
  bool matches = read_path_for(query, channel, length);
  expect(query, "</Select>");
  return matches;
}

static bool read_query(reader *query) {
  size_t length;
  bool matches = false;
  while (!query->code && !read_if(query, ">")) {
    if (!read_if(query, "Id")) expect(query, "Path"); /* each Select has its own */
    expect(query, "=");
    read_quoted(query, &length);
  }
  while (!query->code && read_if(query, "<Select ")) matches |= read_select(query);
  expect(query, "</Query>");
  return matches;
}

static bool read_list(reader *query) {
  bool matches = false;
  while (!query->code && read_if(query, "<Query ")) matches |= read_query(query);
  expect(query, "</QueryList>");
  return matches;
}

uint32_t rassim__select(const uint16_t *channel, const uint16_t *query, const rassim_record *record,
                        bool *selected_out) {
  static const uint16_t everything[] = {'*', 0};
  reader whole = {query ? query : everything, record, 0, RAS_SUCCESS};
  if (read_if(&whole, "<QueryList>")) {
    *selected_out = read_list(&whole);
  } else if (!channel) {
    return RAS_ERROR_INVALID_PARAMETER; /* [I] */
  } else {
    *selected_out = read_path_for(&whole, channel, rassim__length(channel));
  }
  if (!rassim__skip_to_end(&whole.text)) fail(&whole, RAS_ERROR_EVT_INVALID_QUERY);
  return whole.code;
}
