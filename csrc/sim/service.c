/* Growing arrays, and the settings of the service. */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

#define DEFAULTS {.connection_limit = UINT32_MAX, .status_limit = UINT32_MAX}

rassim_service rassim__service = DEFAULTS;

void rassim__reset_service(void) { rassim__service = (rassim_service)DEFAULTS; }

uint32_t rassim__reserve(void *items_pointer, uint32_t *capacity, uint32_t count, size_t size) {
  if (count < *capacity) return RAS_SUCCESS;
  void *items; /* copied with memcpy: other pointer types may not be accessed as void * */
  memcpy(&items, items_pointer, sizeof items);
  uint32_t larger = *capacity ? *capacity * 2 : FIRST_CAPACITY;
  void *grown = realloc(items, larger * size);
  if (!grown) return RAS_ERROR_NOT_ENOUGH_MEMORY;
  memcpy(items_pointer, &grown, sizeof grown);
  *capacity = larger;
  return RAS_SUCCESS;
}
