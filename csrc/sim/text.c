/* UTF-16 text: some that grows, and the reading of some. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DIGITS 20
#define MOST_UNITS (1u << 28) /* far below the largest count */

static void put_unit(rassim_text *text, uint16_t unit) {
  if (text->failed || text->units.count == MOST_UNITS || RASSIM_RESERVE(text->units)) {
    text->failed = true;
  } else {
    text->units.items[text->units.count++] = unit;
  }
}

void rassim__put(rassim_text *text, const char *ascii) {
  while (*ascii) put_unit(text, (uint8_t)*ascii++);
}

void rassim__put_units(rassim_text *text, const uint16_t *units, size_t length) {
  for (size_t i = 0; i < length; i++) put_unit(text, units[i]);
}

void rassim__put_number(rassim_text *text, uint64_t number, uint32_t digits) {
  char written[MOST_DIGITS + 1] = {0};
  size_t first = MOST_DIGITS;
  for (; first && (number || MOST_DIGITS - first < digits); number /= 10) {
    written[--first] = (char)('0' + number % 10);
  }
  rassim__put(text, written + first);
}

static bool is_surrogate(uint16_t unit, uint16_t first) { return (unit & 0xFC00) == first; }

static const char *escape(uint16_t unit) {
  switch (unit) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '\'':
      return "&apos;";
    case '"':
      return "&quot;";
    default:
      return unit < ' ' || unit >= 0xFFFE ? "?" : NULL;
  }
}

void rassim__put_escaped(rassim_text *text, const uint16_t *units) {
  for (; *units; units++) {
    const char *escaped = escape(*units);
    if (escaped) {
      rassim__put(text, escaped);
    } else if (is_surrogate(units[0], 0xD800) && is_surrogate(units[1], 0xDC00)) {
      rassim__put_units(text, units++, 2);
    } else {
      put_unit(text, (*units & 0xF800) == 0xD800 ? '?' : *units);
    }
  }
}

void rassim__free_text(rassim_text *text) {
  free(text->units.items);
  memset(text, 0, sizeof *text);
}

size_t rassim__length(const uint16_t *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

bool rassim__is(const uint16_t *text, size_t length, const char *ascii) {
  for (size_t i = 0; i < length; i++) {
    if (text[i] != (uint8_t)ascii[i]) return false; /* the NUL of `ascii` differs, too */
  }
  return !ascii[length];
}

/* Reading. */

static void skip_spaces(const uint16_t **text) {
  while (**text == ' ' || (**text >= '\t' && **text <= '\r')) ++*text;
}

bool rassim__skip(const uint16_t **text, const char *expected) {
  size_t length = 0;
  skip_spaces(text);
  for (; expected[length]; length++) {
    if ((*text)[length] != (uint8_t)expected[length]) return false;
  }
  *text += length;
  return true;
}

bool rassim__skip_quoted(const uint16_t **text, const uint16_t **quoted_out, size_t *length_out) {
  skip_spaces(text);
  uint16_t mark = **text;
  if (mark != '\'' && mark != '"') return false;
  *quoted_out = ++*text;
  while (**text && **text != mark) ++*text;
  *length_out = (size_t)(*text - *quoted_out);
  if (!**text) return false;
  ++*text;
  return true;
}

bool rassim__skip_to_end(const uint16_t **text) {
  skip_spaces(text);
  return !**text;
}
