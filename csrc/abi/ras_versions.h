/*
 * The dwSize values of the versions of RASCONN and RASCONNSTATUS, newest first,
 * which is the order of negotiation. An older version is the newest one, cut off
 * before the first member it lacks and rounded up to the packing.
 */
#ifndef RAS_VERSIONS_H
#define RAS_VERSIONS_H

#include <stddef.h>

#include "ras_abi.h"

typedef struct {
  uint32_t winver; /* the WINVER that introduced this version */
  uint32_t size;   /* its dwSize */
} ras_version;

#define RAS_CUT(type, member) ((uint32_t)((offsetof(type, member) + 3) & ~(size_t)3))

#define RASCONN_VERSIONS(type)                           \
  {                                                      \
      {RAS_WINVER_VISTA, sizeof(type)},                  \
      {RAS_WINVER_XP, RAS_CUT(type, guidCorrelationId)}, \
      {RAS_WINVER_2000, RAS_CUT(type, dwFlags)},         \
      {RAS_WINVER_NT4_401, RAS_CUT(type, guidEntry)},    \
      {RAS_WINVER_NT4, RAS_CUT(type, szPhonebook)},      \
  }

#define RASCONNSTATUS_VERSIONS(type)                      \
  {                                                       \
      {RAS_WINVER_7, sizeof(type)},                       \
      {RAS_WINVER_NT4_401, RAS_CUT(type, localEndPoint)}, \
      {RAS_WINVER_NT4, RAS_CUT(type, szPhoneNumber)},     \
  }

#endif
