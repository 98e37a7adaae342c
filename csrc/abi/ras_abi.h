/*
 * The part of the Windows RAS ABI that this project speaks, as the Windows SDK
 * lays it out: 4-byte packing, UTF-16 code units, newest version of each
 * structure. Older versions are prefixes of it (ras_versions.h).
 *
 * No Windows header is included: compilers ship differing ones. The text
 * between the two "layout" marks is also read by gen_layout.py, so it holds
 * only #define NAME number and typedefs.
 */
#ifndef RAS_ABI_H
#define RAS_ABI_H

#include <stdint.h>

#if defined(_WIN32) && !defined(_WIN64)
#define RAS_CALL __stdcall
#else
#define RAS_CALL
#endif

#pragma pack(push, 4)
/* layout: begin */

#define RAS_MaxEntryName 256
#define RAS_MaxDeviceType 16
#define RAS_MaxDeviceName 128
#define RAS_MaxPhoneNumber 128
#define RAS_MaxCallbackNumber 128
#define RAS_MAX_PATH 260
#define RAS_UNLEN 256
#define RAS_PWLEN 256
#define RAS_DNLEN 15

#define RASCN_Connection 0x01
#define RASCN_Disconnection 0x02
#define RASCN_BandwidthAdded 0x04
#define RASCN_BandwidthRemoved 0x08
#define RASCN_Dormant 0x10
#define RASCN_ReConnection 0x20
#define RASCN_EPDGPacketArrival 0x40

#define RASCS_PAUSED 0x1000
#define RASCS_DONE 0x2000
#define RASCS_Connected 0x2000
#define RASCS_Disconnected 0x2001

typedef void *HRASCONN;

typedef struct {
  uint32_t LowPart;
  int32_t HighPart;
} rn_LUID;

typedef struct {
  uint32_t dwType; /* 0 unknown, 1 IPv4, 2 IPv6 */
  uint8_t address[16];
} rn_RASTUNNELENDPOINT;

typedef struct {
  uint32_t dwSize;
  HRASCONN hrasconn;
  uint16_t szEntryName[257];
  uint16_t szDeviceType[17];
  uint16_t szDeviceName[129];
  uint16_t szPhonebook[260];
  uint32_t dwSubEntry;
  uint8_t guidEntry[16];
  uint32_t dwFlags;
  rn_LUID luid;
  uint8_t guidCorrelationId[16];
} rn_RASCONNW;

typedef struct {
  uint32_t dwSize;
  HRASCONN hrasconn;
  char szEntryName[257];
  char szDeviceType[17];
  char szDeviceName[129];
  char szPhonebook[260];
  uint32_t dwSubEntry;
  uint8_t guidEntry[16];
  uint32_t dwFlags;
  rn_LUID luid;
  uint8_t guidCorrelationId[16];
} rn_RASCONNA;

typedef struct {
  uint32_t dwSize;
  uint32_t rasconnstate;
  uint32_t dwError;
  uint16_t szDeviceType[17];
  uint16_t szDeviceName[129];
  uint16_t szPhoneNumber[129];
  rn_RASTUNNELENDPOINT localEndPoint;
  rn_RASTUNNELENDPOINT remoteEndPoint;
  uint32_t rasconnsubstate;
} rn_RASCONNSTATUSW;

typedef struct {
  uint32_t dwSize;
  uint32_t rasconnstate;
  uint32_t dwError;
  char szDeviceType[17];
  char szDeviceName[129];
  char szPhoneNumber[129];
  rn_RASTUNNELENDPOINT localEndPoint;
  rn_RASTUNNELENDPOINT remoteEndPoint;
  uint32_t rasconnsubstate;
} rn_RASCONNSTATUSA;

typedef struct {
  uint32_t dwSize;
  uint16_t szEntryName[257];
  uint16_t szPhoneNumber[129];
  uint16_t szCallbackNumber[129];
  uint16_t szUserName[257];
  uint16_t szPassword[257];
  uint16_t szDomain[16];
  uint32_t dwSubEntry;
  uintptr_t dwCallbackId;
  uint32_t dwIfIndex;
  char *szEncPassword;
} rn_RASDIALPARAMSW;

typedef struct {
  uint32_t dwSize;
  char szEntryName[257];
  char szPhoneNumber[129];
  char szCallbackNumber[129];
  char szUserName[257];
  char szPassword[257];
  char szDomain[16];
  uint32_t dwSubEntry;
  uintptr_t dwCallbackId;
  uint32_t dwIfIndex;
  char *szEncPassword;
} rn_RASDIALPARAMSA;

typedef struct {
  uint32_t dwSize;
  uint16_t szEntryName[257];
  uint32_t dwFlags;
  uint16_t szPhonebookPath[261];
} rn_RASENTRYNAMEW;

typedef struct {
  uint32_t dwSize;
  char szEntryName[257];
  uint32_t dwFlags;
  char szPhonebookPath[261];
} rn_RASENTRYNAMEA;

typedef struct {
  uint32_t dwSize;
  uint32_t dwBytesXmited;
  uint32_t dwBytesRcved;
  uint32_t dwFramesXmited;
  uint32_t dwFramesRcved;
  uint32_t dwCrcErr;
  uint32_t dwTimeoutErr;
  uint32_t dwAlignmentErr;
  uint32_t dwHardwareOverrunErr;
  uint32_t dwFramingErr;
  uint32_t dwBufferOverrunErr;
  uint32_t dwCompressionRatioIn;
  uint32_t dwCompressionRatioOut;
  uint32_t dwBps;
  uint32_t dwConnectDuration;
} rn_RAS_STATS;

/* layout: end */
#pragma pack(pop)

#define RAS_SUCCESS 0u
#define RAS_ERROR_ACCESS_DENIED 5u
#define RAS_ERROR_INVALID_HANDLE 6u
#define RAS_ERROR_NOT_ENOUGH_MEMORY 8u
#define RAS_ERROR_INVALID_PARAMETER 87u
#define RAS_ERROR_PROC_NOT_FOUND 127u
#define RAS_ERROR_INSUFFICIENT_BUFFER 122u
#define RAS_ERROR_NO_MORE_ITEMS 259u
#define RAS_ERROR_BUFFER_TOO_SMALL 603u
#define RAS_ERROR_BUFFER_INVALID 610u
#define RAS_ERROR_PORT_NOT_OPEN 618u
#define RAS_ERROR_CANNOT_FIND_PHONEBOOK_ENTRY 623u
#define RAS_ERROR_INVALID_SIZE 632u
#define RAS_ERROR_NO_CONNECTION 668u
#define RAS_ERROR_RASMAN_CANNOT_INITIALIZE 711u

#endif
