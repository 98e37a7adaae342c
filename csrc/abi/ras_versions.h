/*
 * The dwSize values that name the versions of RASCONN and RASCONNSTATUS. Each
 * older version is the newest one cut off before the first member it lacks and
 * rounded up to the packing; newest first, as they are negotiated.
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

#define RASCONN_VERSIONS(type)                                                     \
  {                                                                                \
    {0x600, sizeof(type)}, {0x501, RAS_CUT(type, guidCorrelationId)},              \
        {0x500, RAS_CUT(type, dwFlags)}, {0x401, RAS_CUT(type, guidEntry)},        \
        {0x400, RAS_CUT(type, szPhonebook)},                                       \
  }

#define RASCONNSTATUS_VERSIONS(type)                                               \
  {                                                                                \
    {0x601, sizeof(type)}, {0x401, RAS_CUT(type, localEndPoint)},                  \
        {0x400, RAS_CUT(type, szPhoneNumber)},                                     \
  }

#endif
