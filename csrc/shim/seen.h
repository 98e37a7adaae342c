/*
 * What the provider wrote of one connection last, kept to tell at a glance that it wrote the same
 * again: every byte that a record is read from, in whole blocks. Equal blocks mean that nothing
 * changed. Unequal ones may differ only in what lies behind a text's NUL: the records decide then.
 */
#ifndef RN_SEEN_H
#define RN_SEEN_H

#include <string.h>

#include "record.h"

#if defined(__x86_64__) || defined(_M_X64)
#define RN_AVX2
#include <immintrin.h>
#endif

/* For the innermost loop of a poll, and for what must stay out of its registers. */
#ifdef _MSC_VER
#define RN_INLINE static __forceinline
#define RN_NOINLINE static __declspec(noinline)
#define RN_TARGET_AVX2
#else
#define RN_INLINE static inline __attribute__((always_inline))
#define RN_NOINLINE static __attribute__((noinline))
#define RN_TARGET_AVX2 __attribute__((target("avx2")))
#endif

#define RN_SEEN_BLOCK 32 /* bytes compared at a time */
#define RN_SEEN_SPANS 7  /* stretches of what is read; each may end in a block begun */
#define RN_SEEN_BLOCKS \
  ((sizeof(rn_RASCONNW) + sizeof(rn_RASCONNSTATUSW)) / RN_SEEN_BLOCK + RN_SEEN_SPANS)

typedef struct {
  _Alignas(RN_SEEN_BLOCK) uint64_t key; /* rn__seen_key; 0: nothing was seen yet */
  uint16_t status;                      /* blocks of the connection; those of the status follow */
  uint16_t end;                         /* all blocks */
  uint16_t offsets[RN_SEEN_BLOCKS];     /* where in its structure each block was */
  _Alignas(RN_SEEN_BLOCK) uint8_t blocks[RN_SEEN_BLOCKS][RN_SEEN_BLOCK];
} rn__seen;

/* What must be equal beside the blocks: `version` and `status_version` are 1 + an index into the
 * version tables (status_version 0: there is no status), `code` is the status call's. */
static inline uint64_t rn__seen_key(uint32_t version, uint32_t status_version, uint32_t code) {
  return (uint64_t)code << 32 | status_version << 16 | version;
}

static inline uint32_t rn__seen_version(uint64_t key) { return key & 0xFFFF; }
static inline uint32_t rn__seen_status_version(uint64_t key) { return key >> 16 & 0xFFFF; }
static inline uint32_t rn__seen_code(uint64_t key) { return (uint32_t)(key >> 32); }

/* `raw` NULL: the connection is as it was seen. `status` is read only where the key has a version
 * of it. */
void rn__see(uint64_t key, const rn_RASCONNW *raw, const rn_RASCONNSTATUSW *status,
             rn__seen *seen_out);

/* Whether the structures, of the versions that were seen, hold the very blocks that were. Nobody
 * leaves early: nearly every poll finds nothing new. */
typedef int (*rn__same_fn)(const rn__seen *seen, const rn_RASCONNW *raw,
                           const rn_RASCONNSTATUSW *status);

RN_INLINE uint64_t rn__word(const uint8_t *from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

RN_INLINE uint64_t rn__word_differences(const rn__seen *seen, uint32_t block, uint32_t end,
                                        const void *raw) {
  uint64_t differences = 0;
  for (; block < end; block++) {
    const uint8_t *now = (const uint8_t *)raw + seen->offsets[block];
    for (int at = 0; at < RN_SEEN_BLOCK; at += 8)
      differences |= rn__word(now + at) ^ rn__word(seen->blocks[block] + at);
  }
  return differences;
}

RN_INLINE int rn__same_words(const rn__seen *seen, const rn_RASCONNW *raw,
                             const rn_RASCONNSTATUSW *status) {
  uint64_t connection = rn__word_differences(seen, 0, seen->status, raw);
  return !(connection | rn__word_differences(seen, seen->status, seen->end, status));
}

/* Has the processor fetch what is compared next. */
RN_INLINE void rn__prefetch(const rn__seen *seen) {
#ifdef RN_AVX2
  _mm_prefetch((const char *)seen, _MM_HINT_T0);
  _mm_prefetch((const char *)seen + 64, _MM_HINT_T0);
#else
  (void)seen;
#endif
}

/* The connection alone, of the version in `key`. */
static inline int rn__same_connection(const rn__seen *seen, uint64_t key, const rn_RASCONNW *raw) {
  return rn__seen_version(seen->key) == rn__seen_version(key) &&
         !rn__word_differences(seen, 0, seen->status, raw);
}

#ifdef RN_AVX2

RN_TARGET_AVX2 RN_INLINE __m256i rn__differences(const rn__seen *seen, uint32_t block, uint32_t end,
                                                 const void *raw) {
  __m256i differences = _mm256_setzero_si256();
  for (; block < end; block++) {
    const void *now = (const uint8_t *)raw + seen->offsets[block];
    const void *then = seen->blocks[block];
    differences = _mm256_or_si256(
        differences, _mm256_xor_si256(_mm256_loadu_si256(now), _mm256_load_si256(then)));
  }
  return differences;
}

RN_TARGET_AVX2 RN_INLINE int rn__same_avx2(const rn__seen *seen, const rn_RASCONNW *raw,
                                           const rn_RASCONNSTATUSW *status) {
  __m256i connection = rn__differences(seen, 0, seen->status, raw);
  __m256i all = _mm256_or_si256(connection, rn__differences(seen, seen->status, seen->end, status));
  int same = _mm256_testz_si256(all, all);
#ifdef _MSC_VER
  _mm256_zeroupper(); /* other compilers see to it: the provider may be code for SSE */
#endif
  return same;
}

#endif

#endif
