/* RasGetProjectionInfoEx: what a connection negotiated. */
#include "projection.h"

#include <string.h>

#define EAP_MSCHAPV2 26

static const size_t union_offset = offsetof(rn_RAS_PROJECTION_INFO, ppp);

static rn_RASIKEV2_PROJECTION_INFO get_ikev2(const rn_RAS_PROJECTION_INFO *info) {
  rn_RASIKEV2_PROJECTION_INFO ikev2;
  memcpy(&ikev2, &info->ppp, sizeof ikev2);
  return ikev2;
}

static void set_ikev2(rn_RAS_PROJECTION_INFO *info, const rn_RASIKEV2_PROJECTION_INFO *ikev2) {
  memcpy((uint8_t *)info + union_offset, ikev2, sizeof *ikev2);
}

static bool ends_with_ikev2(const uint16_t *device_name) {
  static const uint16_t suffix[] = {'(', 'I', 'K', 'E', 'v', '2', ')', 0};
  size_t length = 0, size = sizeof suffix / sizeof *suffix - 1;
  while (device_name[length]) length++;
  return length >= size && rassim__same_text(device_name + length - size, suffix, size + 1);
}

/* What a connection has negotiated unless the test says otherwise: IKEv2 for a device of that name,
 * PPP for all others, with IPv4 only. */
static rn_RAS_PROJECTION_INFO usual_projection(const rassim_connection *connection) {
  static const uint8_t client[4] = {10, 0, 0, 2}, server[4] = {10, 0, 0, 1};
  rn_RAS_PROJECTION_INFO info = {.version = RASAPIVERSION_601, .type = PROJECTION_INFO_TYPE_PPP};
  if (ends_with_ikev2(connection->profile.connection.szDeviceName)) {
    rn_RASIKEV2_PROJECTION_INFO ikev2 = {
        .dwIPv6NegotiationError = RAS_ERROR_PROTOCOL_NOT_CONFIGURED,
        .dwAuthenticationProtocol = RASIKEv2_AUTH_EAP,
        .dwEapTypeId = EAP_MSCHAPV2,
        .dwFlags = RASIKEv2_FLAGS_MOBIKESUPPORTED,
        .dwEncryptionMethod = IPSEC_CIPHER_TYPE_AES_256};
    memcpy(ikev2.ipv4Address, client, sizeof client);
    memcpy(ikev2.ipv4ServerAddress, server, sizeof server);
    info.type = PROJECTION_INFO_TYPE_IKEv2;
    set_ikev2(&info, &ikev2);
    return info;
  }
  info.ppp.dwIPv6NegotiationError = RAS_ERROR_PROTOCOL_NOT_CONFIGURED;
  info.ppp.dwAuthenticationProtocol = RASLCPAP_CHAP;
  info.ppp.dwAuthenticationData = RASLCPAD_CHAP_MSV2;
  info.ppp.dwCcpError = RAS_ERROR_PROTOCOL_NOT_CONFIGURED;
  memcpy(info.ppp.ipv4Address, client, sizeof client);
  memcpy(info.ppp.ipv4ServerAddress, server, sizeof server);
  return info;
}

/* The control. */

static bool copy_list(const uint8_t *list, uint32_t count, size_t item_size, uint8_t *list_out) {
  if (count > RASSIM_MAX_SERVER_ADDRESSES || (count && !list)) return false;
  if (count) memcpy(list_out, list, count * item_size);
  return true;
}

uint32_t rassim__copy_projection(const rn_RAS_PROJECTION_INFO *info, uint32_t code,
                                 rassim_projection *projection_out) {
  memset(projection_out, 0, sizeof *projection_out);
  projection_out->info = *info;
  projection_out->info.version = RASAPIVERSION_601;
  projection_out->code = code;
  if (info->type == PROJECTION_INFO_TYPE_IKEv2) {
    rn_RASIKEV2_PROJECTION_INFO ikev2 = get_ikev2(info);
    bool copied = copy_list(ikev2.ipv4ServerAddresses, ikev2.numIPv4ServerAddresses, 4,
                            projection_out->ipv4_servers) &&
                  copy_list(ikev2.ipv6ServerAddresses, ikev2.numIPv6ServerAddresses, 16,
                            projection_out->ipv6_servers);
    if (!copied) return RAS_ERROR_INVALID_PARAMETER;
  }
  return RAS_SUCCESS;
}

uint32_t rassim__run_set_projection(const rassim_action *action) {
  rassim_connection *connection = rassim__find_for(action);
  if (!connection) return RAS_ERROR_INVALID_HANDLE;
  memcpy(&connection->projection, action->data, sizeof connection->projection);
  return RAS_SUCCESS;
}

/* The function. */

/* Before RASCS_Projected there is no projection. */
static bool is_projected(const rassim_connection *connection) {
  if (connection->phase == RASSIM_UP) return true;
  for (uint32_t i = 0; i < connection->position; i++) {
    if (connection->profile.states[i] == RASCS_Projected) return true;
  }
  return false;
}

/* [I] The lists of addresses follow the structure, in the caller's buffer. */
static uint32_t put_projection(const rassim_projection *from, uint32_t given, uint8_t *out,
                               uint32_t *bytes) {
  rn_RAS_PROJECTION_INFO info = from->info;
  rn_RASIKEV2_PROJECTION_INFO ikev2 = {0};
  if (info.type == PROJECTION_INFO_TYPE_IKEv2) ikev2 = get_ikev2(&info);
  size_t ipv4_size = (size_t)ikev2.numIPv4ServerAddresses * 4;
  size_t ipv6_size = (size_t)ikev2.numIPv6ServerAddresses * 16;
  *bytes = (uint32_t)(sizeof info + ipv4_size + ipv6_size);
  if (!out || given < *bytes) return RAS_ERROR_BUFFER_TOO_SMALL;
  uint8_t *ipv4_out = out + sizeof info, *ipv6_out = ipv4_out + ipv4_size;
  if (info.type == PROJECTION_INFO_TYPE_IKEv2) {
    ikev2.ipv4ServerAddresses = ipv4_size ? ipv4_out : NULL;
    ikev2.ipv6ServerAddresses = ipv6_size ? ipv6_out : NULL;
    set_ikev2(&info, &ikev2);
  }
  memcpy(out, &info, sizeof info);
  memcpy(ipv4_out, from->ipv4_servers, ipv4_size);
  memcpy(ipv6_out, from->ipv6_servers, ipv6_size);
  return RAS_SUCCESS;
}

/* The order of the checks is [I], and so is 632 for an unknown version: the structure has no
 * dwSize, which that code is documented for. The handle of a link reports for its connection. */
static uint32_t get_projection(HRASCONN handle, uint8_t *out, uint32_t *bytes) {
  uint32_t subentry, version = RASAPIVERSION_601;
  if (!bytes) return RAS_ERROR_INVALID_PARAMETER;
  if (out && *bytes >= sizeof version) memcpy(&version, out, sizeof version);
  if (version != RASAPIVERSION_601) return RAS_ERROR_INVALID_SIZE;
  if (rassim__service.code) return rassim__service.code;
  const rassim_connection *connection = rassim__find(handle, &subentry);
  if (!connection || connection->phase == RASSIM_CLOSING) return RAS_ERROR_INVALID_HANDLE;
  if (!is_projected(connection)) return RAS_ERROR_PROJECTION_NOT_COMPLETE;
  rassim_projection projection = connection->projection;
  if (!projection.info.version) projection.info = usual_projection(connection);
  if (projection.code) return projection.code;
  return put_projection(&projection, *bytes, out, bytes);
}

uint32_t RAS_CALL RasGetProjectionInfoEx(HRASCONN handle, rn_RAS_PROJECTION_INFO *projection,
                                         uint32_t *bytes) {
  uint32_t code;
  if (rassim__enter(RASSIM_RasGetProjectionInfoEx, &code)) {
    code = get_projection(handle, (uint8_t *)projection, bytes);
  }
  return rassim__leave(code);
}
