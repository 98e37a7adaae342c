/*
 * memcmp for the native module of the Windows wheels. zig's own compares one byte at a time, which
 * made an unchanged poll five times slower. Without -fno-builtin-memcmp, the compiler could make
 * the last loop a call of memcmp.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDS 8

int memcmp(const void *a, const void *b, size_t size) {
  const unsigned char *left = a, *right = b;
  uint64_t these[WORDS], those[WORDS];
  for (; size >= sizeof these; size -= sizeof these, left += sizeof these, right += sizeof these) {
    uint64_t differences = 0;
    memcpy(these, left, sizeof these);
    memcpy(those, right, sizeof those);
    for (int i = 0; i < WORDS; i++) differences |= these[i] ^ those[i];
    if (differences) break;
  }
  for (size_t i = 0; i < size; i++)
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  return 0;
}
