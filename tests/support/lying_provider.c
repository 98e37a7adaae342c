/*
 * A provider that lies: codes, counts, sizes, handles and texts are drawn at random, but the same
 * for the same seed, step and call, so that both backends can be told the same lies. It stays
 * within the memory it is offered and the dwSize it is given: past that nobody could be safe.
 */
#include <string.h>

#include "ras_functions.h"
#include "ras_versions.h"

static const ras_version rasconn_versions[] = RASCONN_VERSIONS(rn_RASCONNW);
static const ras_version status_versions[] = RASCONNSTATUS_VERSIONS(rn_RASCONNSTATUSW);
static const uint32_t codes[] = {5, 6, 8, 87, 122, 259, 603, 610, 618, 632, 668, 711, 0xFFFFFFFF};

static uint64_t seed, step;
static uint32_t enumerations;            /* calls in this step */
static uint32_t limit;                   /* see lie_about */
static RasGetProjectionInfoEx_fn script; /* see answer_projections */

/* What each function is told in a step depends on nothing else. `newest` is the index of the
 * newest version of RASCONN that is known. */
void lie_about(uint64_t new_seed, uint64_t new_step, uint32_t newest) {
  seed = new_seed;
  step = new_step;
  limit = newest;
  enumerations = 0;
}

/* Lets `answer` be RasGetProjectionInfoEx, and every status be one of zeros; NULL ends it. */
void answer_projections(RasGetProjectionInfoEx_fn answer) { script = answer; }

typedef struct {
  uint64_t state;
} dice;

static uint32_t roll(dice *dice, uint32_t sides) { /* splitmix64 */
  uint64_t z = dice->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ z >> 31) >> 32) % sides;
}

static dice dice_for(uint64_t when, uint64_t what, uint64_t which) {
  dice made = {seed ^ when << 40 ^ what << 32 ^ which * 0xD1342543DE82EF95u};
  roll(&made, 1);
  return made;
}

static uint32_t some_code(dice *dice) { return codes[roll(dice, sizeof codes / sizeof *codes)]; }

/* Up to 16 KiB: more takes long and shows no more. */
static void scribble(void *memory, size_t size, dice *dice) {
  for (size_t i = 0; i < size && i < 16384; i++) ((uint8_t *)memory)[i] = (uint8_t)roll(dice, 256);
}

/* Without a NUL, empty, or short with anything behind its NUL. */
static void lie_text(uint16_t *text, uint32_t count, dice *dice) {
  static const uint16_t units[] = {'a', 'Z', ' ', 0x20AC, 0xD83D, 0xDE00, 0x100, 1, 0xFFFF};
  uint32_t kind = roll(dice, 8);
  for (uint32_t i = 0; i < count; i++) text[i] = units[roll(dice, sizeof units / sizeof *units)];
  if (kind) text[kind == 1 ? 0 : roll(dice, count)] = 0;
}

#define LIE_TEXT(text, dice) lie_text(text, sizeof(text) / sizeof *(text), dice)

/* Few handles, so that some come twice, come again or are 0. */
static HRASCONN some_handle(dice *dice) { return (HRASCONN)(uintptr_t)roll(dice, 12); }

static void lie_connection(rn_RASCONNW *whole, dice *dice) {
  scribble(whole, sizeof *whole, dice);
  whole->hrasconn = some_handle(dice);
  LIE_TEXT(whole->szEntryName, dice);
  LIE_TEXT(whole->szDeviceType, dice);
  LIE_TEXT(whole->szDeviceName, dice);
  LIE_TEXT(whole->szPhonebook, dice);
  whole->dwFlags = roll(dice, 2) ? roll(dice, 16) : whole->dwFlags;
}

static void list_some(uint8_t *buffer, uint32_t size, uint32_t count, dice *which) {
  for (uint32_t i = 0; i < count; i++) {
    /* most are as they were some steps before, in their place or in another's */
    uint32_t when = roll(which, 4) ? (uint32_t)(step / 8) : (uint32_t)step;
    dice dice = dice_for(when, 1, roll(which, 4) ? i : roll(which, 12));
    rn_RASCONNW whole;
    lie_connection(&whole, &dice);
    memcpy(buffer + (size_t)i * size, &whole, size);
  }
}

/* The list, told as Windows would: 603 where it does not fit. */
static uint32_t list_honestly(uint8_t *buffer, uint32_t size, uint32_t *bytes, uint32_t *count,
                              dice *which) {
  uint32_t listed = roll(which, 20) ? roll(which, 12) : roll(which, 60);
  uint32_t offered = *bytes;
  *count = listed;
  *bytes = listed * size;
  if (listed * size > offered) return roll(which, 4) ? 603 : 122;
  list_some(buffer, size, listed, which);
  return 0;
}

enum {
  HONEST = 24,
  FAILS,
  ABSURD_BYTES,
  ABSURD_COUNT,
  COUNTS_TOO_MANY,
  GROWS,
  SILENT,
  REFUSES,
  KINDS
};

uint32_t RAS_CALL RasEnumConnectionsW(rn_RASCONNW *first, uint32_t *bytes, uint32_t *count) {
  dice kind_of = dice_for(step, 2, 0), dice = dice_for(step, 3, enumerations++);
  uint32_t offered = *bytes, size = first->dwSize, kind = roll(&kind_of, KINDS);
  if (size > rasconn_versions[limit].size) return limit % 2 ? 632 : 610;
  if (kind == FAILS || kind == COUNTS_TOO_MANY) scribble(first, offered, &dice);
  switch (kind) {
    case FAILS:
      *bytes = roll(&dice, 2) ? offered : roll(&dice, 0xFFFFFFFF);
      *count = roll(&dice, 2) ? 0 : roll(&dice, 0xFFFFFFFF);
      return some_code(&dice);
    case ABSURD_BYTES:
      *bytes = 0xFFFFFFFF - roll(&dice, 5);
      return 603;
    case ABSURD_COUNT:
      *count = roll(&dice, 2) ? 0xFFFFFFFF : 16385;
      return 603;
    case COUNTS_TOO_MANY:
      *count = roll(&dice, 2) ? offered / size + 1 : 0xFFFFFFFF;
      return 0;
    case GROWS: /* by odd bytes, and may end in something else */
      *bytes = offered + 1 + roll(&dice, 1000);
      return roll(&dice, 12) ? 603 : some_code(&dice);
    case SILENT:
      *count = roll(&dice, offered / size < 9 ? offered / size + 1 : 9);
      return 0;
    case REFUSES:
      return roll(&kind_of, 8) ? 711 : 603;
    default:
      return list_honestly((uint8_t *)first, size, bytes, count, &kind_of);
  }
}

uint32_t RAS_CALL RasGetConnectStatusW(HRASCONN handle, rn_RASCONNSTATUSW *status) {
  static const uint32_t states[] = {0, 4, 24, 25, 0x1000, 0x2000, 0x2001, 0x80000000};
  uint32_t newest = limit / 2, size = status->dwSize;
  dice now = dice_for(step, 4, (uintptr_t)handle);
  uint64_t when = roll(&now, 3) ? step / 8 : step;
  dice dice = dice_for(when, 5, (uintptr_t)handle);
  rn_RASCONNSTATUSW whole;
  if (script) return 0;
  if (size > status_versions[newest].size) return limit % 2 ? 632 : 610;
  if (!roll(&now, 16)) return 0; /* and leaves it alone */
  scribble(&whole, sizeof whole, &dice);
  whole.rasconnstate = states[roll(&dice, sizeof states / sizeof *states)];
  whole.dwError = roll(&dice, 2) ? 0 : whole.dwError;
  LIE_TEXT(whole.szDeviceType, &dice);
  LIE_TEXT(whole.szDeviceName, &dice);
  LIE_TEXT(whole.szPhoneNumber, &dice);
  whole.localEndPoint.dwType = roll(&dice, 4);
  whole.remoteEndPoint.dwType = roll(&dice, 4);
  memcpy(status, &whole, size);
  return roll(&now, 6) ? 0 : some_code(&now);
}

/* A size, a type, a structure and pointers that are wrong now and then. The pointers are relative
 * to the buffer, so that both backends get the same lies; all of the buffer may be written. */
static uint8_t *lie_pointer(uint8_t *buffer, uint32_t offered, dice *dice) {
  switch (roll(dice, 6)) {
    case 0:
      return NULL;
    case 1:
      return (uint8_t *)(uintptr_t)roll(dice, 0xFFFFFFFF);
    case 2:
      return buffer - 1 - roll(dice, 64);
    case 3:
      return buffer + offered - roll(dice, 80);
    default:
      return buffer + roll(dice, offered);
  }
}

static uint32_t lie_count(dice *dice) {
  static const uint32_t counts[] = {0, 1, 2, 16, 17, 255, 1024, 0x10000000, 0x40000000, 0xFFFFFFFF};
  return counts[roll(dice, sizeof counts / sizeof *counts)];
}

uint32_t RAS_CALL RasGetProjectionInfoEx(HRASCONN handle, rn_RAS_PROJECTION_INFO *info,
                                         uint32_t *bytes) {
  dice dice = dice_for(step, 10, (uintptr_t)handle ^ (info ? *bytes : 0));
  uint32_t offered = *bytes;
  if (script) return script(handle, info, bytes);
  *bytes = roll(&dice, 2) ? offered : roll(&dice, 2) ? roll(&dice, 5000) : 0xFFFFFFFF;
  if (!info) return roll(&dice, 4) ? 603 : some_code(&dice);
  if (offered < sizeof *info || !roll(&dice, 4)) return some_code(&dice);
  scribble(info, offered, &dice);
  info->type = roll(&dice, 4);
  rn_RASIKEV2_PROJECTION_INFO ikev2;
  memcpy(&ikev2, &info->ppp, sizeof ikev2);
  ikev2.dwIPv4NegotiationError = roll(&dice, 2);
  ikev2.dwIPv6NegotiationError = roll(&dice, 2);
  ikev2.numIPv4ServerAddresses = lie_count(&dice);
  ikev2.ipv4ServerAddresses = lie_pointer((uint8_t *)info, offered, &dice);
  ikev2.numIPv6ServerAddresses = lie_count(&dice);
  ikev2.ipv6ServerAddresses = lie_pointer((uint8_t *)info, offered, &dice);
  if (info->type == PROJECTION_INFO_TYPE_IKEv2) memcpy(&info->ppp, &ikev2, sizeof ikev2);
  return 0;
}

uint32_t RAS_CALL RasHangUpW(HRASCONN handle) {
  dice dice = dice_for(step, 6, (uintptr_t)handle);
  return roll(&dice, 2) ? 0 : some_code(&dice);
}

uint32_t RAS_CALL RasGetSubEntryHandleW(HRASCONN handle, uint32_t subentry, HRASCONN *found) {
  dice dice = dice_for(step, 7, (uintptr_t)handle ^ subentry);
  scribble(found, sizeof *found, &dice);
  return roll(&dice, 2) ? 0 : some_code(&dice);
}

uint32_t RAS_CALL RasGetErrorStringW(uint32_t code, uint16_t *text, uint32_t length) {
  dice dice = dice_for(step, 8, code);
  if (roll(&dice, 4)) lie_text(text, length, &dice);
  return roll(&dice, 2) ? 0 : some_code(&dice);
}

uint32_t RAS_CALL RasConnectionNotificationW(HRASCONN handle, void *event, uint32_t flags) {
  dice dice = dice_for(step, 9, (uintptr_t)handle ^ flags);
  (void)event;
  return roll(&dice, 2) ? 0 : some_code(&dice);
}
