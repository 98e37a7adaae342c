/* The XML of bookmarks: places in the event log. */
#ifndef RASSIM_BOOKMARKS_H
#define RASSIM_BOOKMARKS_H

#include "query.h"

void rassim__put_bookmark(rassim_text *xml, const rassim_position *position);

/* Reads what rassim__put_bookmark writes, also with other spaces, quotation marks and order of the
 * attributes. [I] Ignores channels that do not exist. Returns false for any other text. */
bool rassim__read_bookmark(const uint16_t *xml, rassim_position *position_out);

#endif
