/* The XML of bookmarks, as [MS-EVEN6] 2.2.14 gives it. */
#include "bookmarks.h"

void rassim__put_bookmark(rassim_text *xml, const rassim_position *position) {
  rassim__put(xml, "<BookmarkList>\r\n");
  for (uint32_t i = 0; i < RASSIM_CHANNELS; i++) {
    if (!position->records[i]) continue;
    rassim__put(xml, "  <Bookmark Channel='");
    rassim__put(xml, rassim__channel_names[i]);
    rassim__put(xml, "' RecordId='");
    rassim__put_number(xml, position->records[i], 1);
    rassim__put(xml, i == position->channel ? "' IsCurrent='true'/>\r\n" : "'/>\r\n");
  }
  rassim__put(xml, "</BookmarkList>");
}

static bool read_digits(const uint16_t *value, size_t length, uint64_t *number_out) {
  const uint64_t highest = INT64_MAX / 10 - 1; /* RecordId is an xs:long */
  *number_out = 0;
  for (size_t i = 0; i < length; i++) {
    if (value[i] < '0' || value[i] > '9' || *number_out > highest) return false;
    *number_out = *number_out * 10 + (value[i] - '0');
  }
  return length != 0;
}

/* What one element says. */
typedef struct {
  uint32_t channel; /* RASSIM_CHANNELS: none that exists */
  uint64_t record;
  bool current;
} element;

static bool read_attribute(const uint16_t **xml, element *read) {
  const uint16_t *value;
  size_t length;
  bool is_channel = rassim__skip(xml, "Channel");
  bool is_record = !is_channel && rassim__skip(xml, "RecordId");
  if (!is_channel && !is_record && !rassim__skip(xml, "IsCurrent")) return false;
  if (!rassim__skip(xml, "=") || !rassim__skip_quoted(xml, &value, &length)) return false;
  if (is_record) return read_digits(value, length, &read->record);
  if (is_channel) {
    rassim__find_channel(value, length, &read->channel);
  } else {
    read->current = rassim__is(value, length, "true") || rassim__is(value, length, "True");
  }
  return true;
}

static bool read_element(const uint16_t **xml, rassim_position *position) {
  element read = {RASSIM_CHANNELS, 0, false};
  while (!rassim__skip(xml, "/>")) {
    if (!read_attribute(xml, &read)) return false;
  }
  if (read.channel == RASSIM_CHANNELS) return true;
  position->records[read.channel] = read.record;
  if (read.current) position->channel = read.channel;
  return true;
}

bool rassim__read_bookmark(const uint16_t *xml, rassim_position *position_out) {
  if (rassim__skip(&xml, "<BookmarkList/>")) return rassim__skip_to_end(&xml);
  if (!rassim__skip(&xml, "<BookmarkList>")) return false;
  while (rassim__skip(&xml, "<Bookmark ")) {
    if (!read_element(&xml, position_out)) return false;
  }
  return rassim__skip(&xml, "</BookmarkList>") && rassim__skip_to_end(&xml);
}
