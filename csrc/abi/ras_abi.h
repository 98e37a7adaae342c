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

#define RASAPIVERSION_601 4

/* RASPROJECTION_INFO_TYPE */
#define PROJECTION_INFO_TYPE_PPP 1
#define PROJECTION_INFO_TYPE_IKEv2 2

/* The authentication protocols of IKEv2, and the flags of its projection. */
#define RASIKEv2_AUTH_MACHINECERTIFICATES 1
#define RASIKEv2_AUTH_EAP 2
#define RASIKEv2_AUTH_PSK 3
#define RASIKEv2_FLAGS_MOBIKESUPPORTED 0x01
#define RASIKEv2_FLAGS_BEHIND_NAT 0x02
#define RASIKEv2_FLAGS_SERVERBEHIND_NAT 0x04

/* IPSEC_CIPHER_TYPE, the encryption of IKEv2 */
#define IPSEC_CIPHER_TYPE_DES 1
#define IPSEC_CIPHER_TYPE_3DES 2
#define IPSEC_CIPHER_TYPE_AES_128 3
#define IPSEC_CIPHER_TYPE_AES_192 4
#define IPSEC_CIPHER_TYPE_AES_256 5

/* The authentication protocols of PPP, and the algorithms of CHAP. */
#define RASLCPAP_PAP 0xC023
#define RASLCPAP_SPAP 0xC027
#define RASLCPAP_CHAP 0xC223
#define RASLCPAP_EAP 0xC227
#define RASLCPAD_CHAP_MD5 0x05
#define RASLCPAD_CHAP_MS 0x80
#define RASLCPAD_CHAP_MSV2 0x81

/* The options of a PPP link. */
#define RASLCPO_PFC 0x001
#define RASLCPO_ACFC 0x002
#define RASLCPO_SSHF 0x004
#define RASLCPO_DES_56 0x008
#define RASLCPO_3_DES 0x010
#define RASLCPO_AES_128 0x020
#define RASLCPO_AES_256 0x040
#define RASLCPO_AES_192 0x080
#define RASLCPO_GCM_AES_128 0x100
#define RASLCPO_GCM_AES_192 0x200
#define RASLCPO_GCM_AES_256 0x400

/* The compression algorithms of PPP, and their options. */
#define RASCCPCA_STAC 5
#define RASCCPCA_MPPC 6
#define RASCCPO_Compression 0x01
#define RASCCPO_HistoryLess 0x02
#define RASCCPO_Encryption56bit 0x10
#define RASCCPO_Encryption40bit 0x20
#define RASCCPO_Encryption128bit 0x40

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

typedef struct {
  uint32_t dwIPv4NegotiationError;
  uint8_t ipv4Address[4];
  uint8_t ipv4ServerAddress[4];
  uint32_t dwIPv4Options;
  uint32_t dwIPv4ServerOptions;
  uint32_t dwIPv6NegotiationError;
  uint8_t bInterfaceIdentifier[8];
  uint8_t bServerInterfaceIdentifier[8];
  int32_t fBundled;
  int32_t fMultilink;
  uint32_t dwAuthenticationProtocol;
  uint32_t dwAuthenticationData;
  uint32_t dwServerAuthenticationProtocol;
  uint32_t dwServerAuthenticationData;
  uint32_t dwEapTypeId;
  uint32_t dwServerEapTypeId;
  uint32_t dwLcpOptions;
  uint32_t dwLcpServerOptions;
  uint32_t dwCcpError;
  uint32_t dwCcpCompressionAlgorithm;
  uint32_t dwCcpServerCompressionAlgorithm;
  uint32_t dwCcpOptions;
  uint32_t dwCcpServerOptions;
} rn_RASPPP_PROJECTION_INFO;

typedef struct {
  uint32_t dwIPv4NegotiationError;
  uint8_t ipv4Address[4];
  uint8_t ipv4ServerAddress[4];
  uint32_t dwIPv6NegotiationError;
  uint8_t ipv6Address[16];
  uint8_t ipv6ServerAddress[16];
  uint32_t dwPrefixLength;
  uint32_t dwAuthenticationProtocol;
  uint32_t dwEapTypeId;
  uint32_t dwFlags;
  uint32_t dwEncryptionMethod;
  uint32_t numIPv4ServerAddresses;
  uint8_t *ipv4ServerAddresses; /* 4 bytes each */
  uint32_t numIPv6ServerAddresses;
  uint8_t *ipv6ServerAddresses; /* 16 bytes each */
} rn_RASIKEV2_PROJECTION_INFO;

/* Windows has a union of both forms here. `ppp` is the larger one on every system. */
typedef struct {
  uint32_t version; /* RASAPIVERSION_601 */
  uint32_t type;    /* PROJECTION_INFO_TYPE_... */
  rn_RASPPP_PROJECTION_INFO ppp;
} rn_RAS_PROJECTION_INFO;

/* layout: end */
#pragma pack(pop)

#define RAS_SUCCESS 0u

#endif
