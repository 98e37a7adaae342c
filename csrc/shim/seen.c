#include "seen.h"

/* Bytes of a text with its NUL, where it has one. */
static size_t text_bytes(const uint16_t *text, size_t count) {
  size_t length = rn__text_length(text, count);
  return (length + (length < count)) * sizeof *text;
}

#define TEXT_BYTES(text) text_bytes(text, sizeof(text) / sizeof *(text))

/* Keeps [begin, end) in whole blocks, of which the last stays within `size`. There is room for
 * whatever the structures can hold. */
static void see(const void *raw, size_t begin, size_t end, size_t size, rn__seen *seen) {
  for (; begin < end && seen->end < RN_SEEN_BLOCKS; begin += RN_SEEN_BLOCK, seen->end++) {
    size_t offset = begin + RN_SEEN_BLOCK <= size ? begin : size - RN_SEEN_BLOCK;
    seen->offsets[seen->end] = (uint16_t)offset;
    memcpy(seen->blocks[seen->end], (const uint8_t *)raw + offset, RN_SEEN_BLOCK);
  }
}

/* Members that lie side by side are kept as one. */
static void see_rasconn(const rn_RASCONNW *raw, size_t size, rn__seen *seen) {
  const size_t name = offsetof(rn_RASCONNW, szEntryName), type = offsetof(rn_RASCONNW, szDeviceType);
  const size_t device = offsetof(rn_RASCONNW, szDeviceName), book = offsetof(rn_RASCONNW, szPhonebook);
  see(raw, offsetof(rn_RASCONNW, hrasconn), name + TEXT_BYTES(raw->szEntryName), size, seen);
  see(raw, type, device + TEXT_BYTES(raw->szDeviceName), size, seen);
  if (size <= offsetof(rn_RASCONNW, dwSubEntry)) return;
  see(raw, book, book + TEXT_BYTES(raw->szPhonebook), size, seen);
  see(raw, offsetof(rn_RASCONNW, dwSubEntry), size, size, seen);
}

static void see_rasconnstatus(const rn_RASCONNSTATUSW *raw, size_t size, rn__seen *seen) {
  const size_t device = offsetof(rn_RASCONNSTATUSW, szDeviceName);
  const size_t number = offsetof(rn_RASCONNSTATUSW, szPhoneNumber);
  see(raw, offsetof(rn_RASCONNSTATUSW, rasconnstate), device + TEXT_BYTES(raw->szDeviceName), size,
      seen);
  if (size <= number) return;
  see(raw, number, number + TEXT_BYTES(raw->szPhoneNumber), size, seen);
  see(raw, offsetof(rn_RASCONNSTATUSW, localEndPoint), size, size, seen);
}

void rn__see(uint64_t key, const rn_RASCONNW *raw, const rn_RASCONNSTATUSW *status,
             rn__seen *seen_out) {
  uint32_t version = rn__seen_version(key), status_version = rn__seen_status_version(key);
  seen_out->key = key;
  if (raw) {
    seen_out->end = 0;
    see_rasconn(raw, rn__rasconn_versions[version - 1].size, seen_out);
    seen_out->status = seen_out->end;
  }
  seen_out->end = seen_out->status;
  if (status_version)
    see_rasconnstatus(status, rn__rasconnstatus_versions[status_version - 1].size, seen_out);
}
