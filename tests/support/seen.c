/* What csrc/seen.h keeps inline, for test_seen.py to call. */
#include "os.h"
#include "seen.h"

uint32_t seen_size(void) { return sizeof(rn__seen); }

void see(uint32_t version, uint32_t status_version, const rn_RASCONNW *raw,
         const rn_RASCONNSTATUSW *status, rn__seen *seen_out) {
  rn__see(rn__seen_key(version, status_version, 0), raw, status, seen_out);
}

int same_connection(const rn__seen *seen, uint32_t version, const rn_RASCONNW *raw) {
  return rn__same_connection(seen, rn__seen_key(version, 0, 0), raw);
}

int same_words(const rn__seen *seen, const rn_RASCONNW *raw, const rn_RASCONNSTATUSW *status) {
  return rn__same_words(seen, raw, status);
}

#ifdef RN_AVX2
RN_TARGET_AVX2 int same_avx2(const rn__seen *seen, const rn_RASCONNW *raw,
                             const rn_RASCONNSTATUSW *status) {
  return rn__same_avx2(seen, raw, status);
}
#endif

int can_avx2(void) { return rn__has_avx2(); }
