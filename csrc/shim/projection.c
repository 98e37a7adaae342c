/* Reads what a connection negotiated: RasGetProjectionInfoEx. */
#include <string.h>

#include "provider.h"

/* The memory that the provider fills. Whatever it claims, nothing beyond it is read. */
typedef union {
  rn_RAS_PROJECTION_INFO info;
  uint8_t bytes[RN_PROJECTION_SIZE];
} reading;

/* One status, as it was answered. */
typedef struct {
  uint32_t code;
  rn_RASCONNSTATUSW raw;
} sighting;

static int asks_for_another_size(uint32_t code) {
  return code == RAS_ERROR_BUFFER_TOO_SMALL || code == RAS_ERROR_INSUFFICIENT_BUFFER ||
         code == RAS_ERROR_INVALID_PARAMETER || rn__is_wrong_size(code);
}

static uint32_t fill(RasGetProjectionInfoEx_fn get, HRASCONN handle, uint32_t size,
                     reading *reading_out) {
  memset(reading_out, 0, sizeof *reading_out);
  reading_out->info.version = RASAPIVERSION_601;
  return get(handle, &reading_out->info, &size);
}

/* Offers a large buffer with the version set. A provider that wants another size is asked for it
 * without a buffer. */
static uint32_t ask_projection(RasGetProjectionInfoEx_fn get, HRASCONN handle,
                               reading *reading_out) {
  uint32_t code = fill(get, handle, sizeof *reading_out, reading_out);
  if (!asks_for_another_size(code)) return code;
  uint32_t size = 0, sizing = get(handle, NULL, &size);
  if (sizing != RAS_ERROR_BUFFER_TOO_SMALL || !size) return code;
  if (size > sizeof *reading_out) return RN_E_ABSURD;
  return fill(get, handle, size, reading_out);
}

static sighting ask_status(rn_provider *provider, HRASCONN handle) {
  sighting seen;
  uint32_t version;
  memset(&seen, 0, sizeof seen);
  seen.code = rn__ask_status(provider, handle, &seen.raw, &version);
  return seen;
}

/* Copies the list that the provider's pointer names, if all of it is in the reading. Returns how
 * many items were copied. */
static uint32_t copy_servers(const reading *from, const uint8_t *list, uint32_t count,
                             uint32_t item_size, uint8_t *servers_out) {
  uintptr_t start = (uintptr_t)from, first = (uintptr_t)list;
  if (first < start || first - start > sizeof *from) return 0;
  if (count > (sizeof *from - (first - start)) / item_size) return 0;
  uint32_t copied = count < RN_MAX_SERVER_ADDRESSES ? count : RN_MAX_SERVER_ADDRESSES;
  memcpy(servers_out, from->bytes + (first - start), (size_t)copied * item_size);
  return copied;
}

#define COPY(to, from) memcpy((to), (from), sizeof(to))

static void read_ikev2(const reading *from, rn_projection *projection_out) {
  rn_RASIKEV2_PROJECTION_INFO info;
  memcpy(&info, &from->info.ppp, sizeof info);
  projection_out->ipv4_error = info.dwIPv4NegotiationError;
  COPY(projection_out->ipv4_address, info.ipv4Address);
  COPY(projection_out->ipv4_server, info.ipv4ServerAddress);
  projection_out->ipv6_error = info.dwIPv6NegotiationError;
  projection_out->authentication = info.dwAuthenticationProtocol;
  projection_out->eap_type = info.dwEapTypeId;
  COPY(projection_out->ipv6_address, info.ipv6Address);
  COPY(projection_out->ipv6_server, info.ipv6ServerAddress);
  projection_out->prefix_length = info.dwPrefixLength;
  projection_out->flags = info.dwFlags;
  projection_out->encryption = info.dwEncryptionMethod;
  projection_out->ipv4_server_count = copy_servers(
      from, info.ipv4ServerAddresses, info.numIPv4ServerAddresses, 4, projection_out->ipv4_servers);
  projection_out->ipv6_server_count =
      copy_servers(from, info.ipv6ServerAddresses, info.numIPv6ServerAddresses, 16,
                   projection_out->ipv6_servers);
}

static void read_ppp(const rn_RASPPP_PROJECTION_INFO *info, rn_projection *projection_out) {
  projection_out->ipv4_error = info->dwIPv4NegotiationError;
  COPY(projection_out->ipv4_address, info->ipv4Address);
  COPY(projection_out->ipv4_server, info->ipv4ServerAddress);
  projection_out->ipv6_error = info->dwIPv6NegotiationError;
  projection_out->authentication = info->dwAuthenticationProtocol;
  projection_out->eap_type = info->dwEapTypeId;
  COPY(projection_out->interface_id, info->bInterfaceIdentifier);
  COPY(projection_out->server_interface_id, info->bServerInterfaceIdentifier);
  projection_out->bundled = (uint32_t)info->fBundled;
  projection_out->multilink = (uint32_t)info->fMultilink;
  projection_out->authentication_data = info->dwAuthenticationData;
  projection_out->server_authentication = info->dwServerAuthenticationProtocol;
  projection_out->server_authentication_data = info->dwServerAuthenticationData;
  projection_out->server_eap_type = info->dwServerEapTypeId;
  projection_out->link_options = info->dwLcpOptions;
  projection_out->server_link_options = info->dwLcpServerOptions;
  projection_out->compression_error = info->dwCcpError;
  projection_out->compression = info->dwCcpCompressionAlgorithm;
  projection_out->server_compression = info->dwCcpServerCompressionAlgorithm;
  projection_out->compression_options = info->dwCcpOptions;
  projection_out->server_compression_options = info->dwCcpServerOptions;
}

uint32_t rn_get_projection_info(rn_provider *provider, uint64_t handle,
                                rn_projection *projection_out) {
  RasGetProjectionInfoEx_fn get =
      (RasGetProjectionInfoEx_fn)rn__library_find(provider->library, "RasGetProjectionInfoEx");
  HRASCONN connection = (HRASCONN)(uintptr_t)handle;
  reading found;
  memset(projection_out, 0, sizeof *projection_out);
  if (!get) return RN_E_UNSUPPORTED;
  sighting now = ask_status(provider, connection), before;
  for (uint32_t readings = 0; readings < RN_PROJECTION_READINGS; readings++) {
    uint32_t code = ask_projection(get, connection, &found);
    if (code) return code;
    before = now;
    now = ask_status(provider, connection);
    if (!memcmp(&now, &before, sizeof now)) break;
  }
  if (now.code) return now.code;
  projection_out->type = found.info.type;
  if (found.info.type == PROJECTION_INFO_TYPE_IKEv2) read_ikev2(&found, projection_out);
  if (found.info.type == PROJECTION_INFO_TYPE_PPP) read_ppp(&found.info.ppp, projection_out);
  return 0;
}
