/* UTF-16 text: some that grows, and the reading of some. */
#ifndef RASSIM_TEXT_H
#define RASSIM_TEXT_H

#include "service.h"

typedef struct {
  RASSIM_ARRAY(uint16_t) units; /* owned; see rassim__free_text */
  bool failed;                  /* there was no memory: the text is not whole */
} rassim_text;

void rassim__put(rassim_text *text, const char *ascii);
void rassim__put_units(rassim_text *text, const uint16_t *units, size_t length);

/* Appends a number of at least `digits` digits. */
void rassim__put_number(rassim_text *text, uint64_t number, uint32_t digits);

/* Appends text up to its NUL as the content of an XML element. [I] What XML cannot hold, such as
 * half of a surrogate pair, becomes "?". */
void rassim__put_escaped(rassim_text *text, const uint16_t *units);

void rassim__free_text(rassim_text *text);

/* Counts the units before the NUL. */
size_t rassim__length(const uint16_t *text);
bool rassim__is(const uint16_t *text, size_t length, const char *ascii);

/* These read what comes next, after spaces, and go past it. They return false if something else
 * comes. A quoted text has quotation marks of either kind around it, and is not copied. */
bool rassim__skip(const uint16_t **text, const char *expected);
bool rassim__skip_quoted(const uint16_t **text, const uint16_t **quoted_out, size_t *length_out);
bool rassim__skip_to_end(const uint16_t **text);

#endif
