/*
 * The part of the Windows RAS ABI that this project uses, with the layout of the
 * Windows SDK: 4-byte packing, UTF-16 code units, the newest version of each
 * structure. Older versions are prefixes of it (ras_versions.h).
 *
 * It includes no Windows header, because compilers ship different ones.
 * gen_layout.py reads the text between the two "layout" marks, so it holds only
 * #define NAME number and typedefs.
 */
#ifndef RAS_ABI_H
#define RAS_ABI_H

#include <stdint.h>

#include "ras_codes.h"

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

/* RASCONNSTATE */
#define RASCS_PAUSED 0x1000
#define RASCS_DONE 0x2000
#define RASCS_OpenPort 0
#define RASCS_PortOpened 1
#define RASCS_ConnectDevice 2
#define RASCS_DeviceConnected 3
#define RASCS_AllDevicesConnected 4
#define RASCS_Authenticate 5
#define RASCS_AuthNotify 6
#define RASCS_AuthRetry 7
#define RASCS_AuthCallback 8
#define RASCS_AuthChangePassword 9
#define RASCS_AuthProject 10
#define RASCS_AuthLinkSpeed 11
#define RASCS_AuthAck 12
#define RASCS_ReAuthenticate 13
#define RASCS_Authenticated 14
#define RASCS_PrepareForCallback 15
#define RASCS_WaitForModemReset 16
#define RASCS_WaitForCallback 17
#define RASCS_Projected 18
#define RASCS_StartAuthentication 19
#define RASCS_CallbackComplete 20
#define RASCS_LogonNetwork 21
#define RASCS_SubEntryConnected 22
#define RASCS_SubEntryDisconnected 23
#define RASCS_ApplySettings 24
#define RASCS_Interactive 0x1000
#define RASCS_RetryAuthentication 0x1001
#define RASCS_CallbackSetByCaller 0x1002
#define RASCS_PasswordExpired 0x1003
#define RASCS_InvokeEapUI 0x1004
#define RASCS_Connected 0x2000
#define RASCS_Disconnected 0x2001

/* RASCONNSUBSTATE */
#define RASCSS_None 0
#define RASCSS_Dormant 1
#define RASCSS_Reconnecting 2
#define RASCSS_Reconnected 0x2000

#define RASCF_AllUsers 0x01
#define RASCF_GlobalCreds 0x02
#define RASCF_OwnerKnown 0x04
#define RASCF_OwnerMatch 0x08

#define RDEOPT_PausedStates 0x02
#define WM_RASDIALEVENT 0xCCCD

/* WINVER of the Windows versions that added members or functions. */
#define RAS_WINVER_NT4 0x400
#define RAS_WINVER_NT4_401 0x401
#define RAS_WINVER_2000 0x500
#define RAS_WINVER_XP 0x501
#define RAS_WINVER_VISTA 0x600
#define RAS_WINVER_7 0x601

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
  uint32_t dwSizeofEapInfo;
  uint8_t *pbEapInfo;
} rn_RASEAPINFO;

typedef struct {
  uint32_t dwSize;
  uint8_t *pbDevSpecificInfo;
} rn_RASDEVSPECIFICINFO;

typedef struct {
  uint32_t dwSize;
  uint32_t dwfOptions;
  void *hwndParent;
  uintptr_t reserved;
  uintptr_t reserved1;
  rn_RASEAPINFO RasEapInfo;
  int32_t fSkipPppAuth;
  rn_RASDEVSPECIFICINFO RasDevSpecificInfo;
} rn_RASDIALEXTENSIONS;

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

#endif
