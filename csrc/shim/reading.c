#include "reading.h"

#include <stdlib.h>
#include <string.h>

rn_RASCONNW *rn__reading_element(const rn__reading *reading, uint32_t index) {
  size_t offset = (size_t)index * rn__rasconn_versions[reading->version].size;
  return (rn_RASCONNW *)(void *)(reading->connections + offset);
}

/* Makes the buffer one structure longer than `size`. An element of an older version is shorter than
 * rn_RASCONNW, but is accessed as one. */
static uint32_t resize(rn__reading *reading, uint32_t size) {
  uint8_t *connections = calloc(1, (size_t)size + sizeof(rn_RASCONNW));
  if (!connections) return RN_E_NO_MEMORY;
  free(reading->connections);
  reading->connections = connections;
  reading->size = size;
  reading->count = 0;
  return 0;
}

rn__reading *rn__reading_new(void) {
  rn__reading *reading = calloc(1, sizeof *reading);
  if (reading && resize(reading, RN_FIRST_CAPACITY * (uint32_t)sizeof(rn_RASCONNW))) {
    free(reading);
    return NULL;
  }
  return reading;
}

void rn__reading_free(rn__reading *reading) {
  if (!reading) return;
  free(reading->connections);
  free(reading->statuses);
  free(reading);
}

uint32_t rn__reading_reserve(rn__reading *reading, uint32_t size) {
  return size > reading->size ? resize(reading, size) : 0;
}

/* Sets the bytes that a call wrote to 0, so that no old answer remains when a call writes less. */
static void clear(rn__reading *reading, size_t bytes) {
  memset(reading->connections, 0, bytes);
  reading->count = 0;
}

/* Makes one call. A failed call may have written anything, so it clears the whole buffer. */
static uint32_t call_enumerate(rn__reading *reading, rn_provider *provider, uint32_t version,
                               uint32_t *needed_out, uint32_t *count_out) {
  clear(reading, (size_t)reading->count * rn__rasconn_versions[reading->version].size);
  reading->version = version;
  rn_RASCONNW *first = rn__reading_element(reading, 0);
  first->dwSize = rn__rasconn_versions[version].size;
  *needed_out = reading->size;
  *count_out = 0;
  uint32_t code = provider->RasEnumConnectionsW(first, needed_out, count_out);
  reading->enumerated_ns = rn_now_ns();
  if (code) clear(reading, reading->size);
  return code;
}

/* Makes the buffer large enough for the bytes that the provider asks for, and a few more. */
static uint32_t grow(rn__reading *reading, uint32_t needed, uint32_t count) {
  const uint32_t element = rn__rasconn_versions[reading->version].size;
  uint64_t bytes = (uint64_t)count * element;
  if (bytes < needed) bytes = needed;
  if (bytes > (uint64_t)RN_MAX_CONNECTIONS * element) return RN_E_ABSURD;
  return resize(reading, (uint32_t)(bytes + bytes / 4) + 4 * element);
}

static uint32_t accept(rn__reading *reading, uint32_t count) {
  if (count > RN_MAX_CONNECTIONS ||
      count > reading->size / rn__rasconn_versions[reading->version].size) {
    clear(reading, reading->size);
    return RN_E_ABSURD;
  }
  reading->count = count;
  return 0;
}

static int is_too_small(uint32_t code) {
  return code == RAS_ERROR_BUFFER_TOO_SMALL || code == RAS_ERROR_INSUFFICIENT_BUFFER;
}

/* Calls until the list fits. An old system may refuse a new dwSize as "buffer too small" although
 * the buffer is large enough; then this tries an older version. */
static uint32_t enumerate(rn__reading *reading, rn_provider *provider) {
  uint32_t version = rn__first_version(&provider->rasconn_version);
  for (int attempt = 0; attempt < RN_MAX_ATTEMPTS; attempt++) {
    uint32_t needed, count;
    uint32_t code = call_enumerate(reading, provider, version, &needed, &count);
    if (!code) {
      rn__remember_version(&provider->rasconn_version, version);
      return accept(reading, count);
    }
    uint64_t reported = (uint64_t)count * rn__rasconn_versions[version].size;
    int asks_more = needed > reading->size || reported > reading->size;
    if (is_too_small(code) && asks_more) {
      code = grow(reading, needed, count);
      if (code) return code;
    } else if ((is_too_small(code) || rn__is_wrong_size(code)) &&
               version + 1 < RN_RASCONN_VERSION_COUNT) {
      version++;
    } else {
      return code;
    }
  }
  return RN_E_KEEPS_GROWING;
}

static uint32_t reserve_statuses(rn__reading *reading) {
  if (reading->count <= reading->status_capacity) return 0;
  uint32_t capacity = reading->count + reading->count / 4 + 4;
  rn__status_answer *statuses = malloc(capacity * sizeof *statuses);
  if (!statuses) return RN_E_NO_MEMORY;
  free(reading->statuses);
  reading->statuses = statuses;
  reading->status_capacity = capacity;
  return 0;
}

static void ask_statuses(rn__reading *reading, rn_provider *provider) {
  for (uint32_t i = 0; i < reading->count; i++) {
    rn__status_answer *answer = &reading->statuses[i];
    memset(answer, 0, sizeof *answer);
    HRASCONN handle = rn__reading_element(reading, i)->hrasconn;
    answer->code = rn__ask_status(provider, handle, &answer->raw, &answer->version);
  }
}

uint32_t rn__reading_fill(rn__reading *reading, rn_provider *provider, int with_status) {
  uint32_t code = enumerate(reading, provider);
  if (code || !with_status) return code;
  code = reserve_statuses(reading);
  if (code) {
    clear(reading, reading->size);
  } else {
    ask_statuses(reading, provider);
  }
  return code;
}

int rn__reading_equal(const rn__reading *a, const rn__reading *b, int with_status) {
  if (a->count != b->count) return 0;
  if (!a->count) return 1;
  if (a->version != b->version) return 0;
  size_t bytes = (size_t)a->count * rn__rasconn_versions[a->version].size;
  if (memcmp(a->connections, b->connections, bytes)) return 0;
  return !with_status || !memcmp(a->statuses, b->statuses, a->count * sizeof *a->statuses);
}
