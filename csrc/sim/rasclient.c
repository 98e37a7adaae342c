/*
 * RasClient's events, and their faults. The fields and their order are those of
 * the message templates in mprmsg.dll; the wording of a field that describes
 * settings, a device or an address is [I].
 */
#include "rasclient.h"

#include <string.h>

#define LINE "\r\n"
#define IPV4 1u /* RASTUNNELENDPOINT.dwType */
#define IPV6 2u

typedef struct {
  uint32_t event_id; /* 0: any that has no fault of its own */
  uint64_t delay_ns;
  uint32_t copies;
  uint32_t members; /* RASSIM_FAULT_... */
  uint32_t code;
  uint16_t entry_name[RAS_MaxEntryName + 1];
} fault;

static RASSIM_ARRAY(fault) faults;

/* One event that is to be written. */
typedef struct {
  const rn_RASCONNW *connection;
  const rn_RASCONNSTATUSW *status;
  const fault *fault;
  uint32_t code;
} subject;

/* The fields, in order; put_field() says what each letter stands for. */
typedef struct {
  uint32_t event_id;
  uint32_t level;
  const char *fields;
} template;

static const template templates[] = {
    {RASSIM_LOG_DIALLING, RASSIM_LEVEL_INFORMATION, "CUKAES"},
    {RASSIM_LOG_LINK_BEGUN, RASSIM_LEVEL_INFORMATION, "CUED"},
    {RASSIM_LOG_LINK_UP, RASSIM_LEVEL_INFORMATION, "CUD"},
    {RASSIM_LOG_LINK_ESTABLISHED, RASSIM_LEVEL_INFORMATION, "CU"},
    {RASSIM_LOG_CONNECTED, RASSIM_LEVEL_INFORMATION, "CUEP"},
    {RASSIM_LOG_ENDED, RASSIM_LEVEL_INFORMATION, "CUER"},
    {RASSIM_LOG_FAILED, RASSIM_LEVEL_ERROR, "CUER"},
    {RASSIM_LOG_IDLE, RASSIM_LEVEL_INFORMATION, "CL"},
    {RASSIM_LOG_LONGEST_TIME, RASSIM_LEVEL_INFORMATION, "CL"},
    {RASSIM_LOG_MOVED, RASSIM_LEVEL_INFORMATION, "CEN"},
    {RASSIM_LOG_MOVE_FAILED, RASSIM_LEVEL_ERROR, "CER"},
    {RASSIM_LOG_CAN_MOVE, RASSIM_LEVEL_INFORMATION, "C"},
};

static const template *find_template(uint32_t event_id) {
  for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
    if (templates[i].event_id == event_id) return &templates[i];
  }
  return NULL;
}

bool rassim__is_ras_event(uint32_t event_id) { return find_template(event_id) != NULL; }

bool rassim__is_ikev2(const rn_RASCONNW *connection) {
  static const char ikev2[] = "IKEv2";
  const uint16_t *name = connection->szDeviceName;
  size_t length = rassim__length(name), part = sizeof ikev2 - 1;
  for (size_t i = 0; i + part <= length; i++) {
    if (rassim__is(name + i, part, ikev2)) return true;
  }
  return false;
}

/* Fields. */

static void put_hex(rassim_text *text, const uint8_t *bytes, int first, int last) {
  int step = first < last ? 1 : -1;
  for (int i = first; i != last + step; i += step) {
    const char digits[] = "0123456789ABCDEF";
    const char pair[] = {digits[bytes[i] >> 4], digits[bytes[i] & 15], 0};
    rassim__put(text, pair);
  }
}

/* The first three parts of a GUID are numbers, lowest byte first. */
static void put_correlation_id(rassim_text *text, const subject *of) {
  const uint8_t *id = of->connection->guidCorrelationId;
  if (of->fault && of->fault->members & RASSIM_FAULT_NO_CORRELATION) {
    rassim__put(text, "{NA}");
    return;
  }
  static const struct {
    int first, last;
  } parts[] = {{3, 0}, {5, 4}, {7, 6}, {8, 9}, {10, 15}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    rassim__put(text, i ? "-" : "{");
    put_hex(text, id, parts[i].first, parts[i].last);
  }
  rassim__put(text, "}");
}

static void put_entry_name(rassim_text *text, const subject *of) {
  bool mangled = of->fault && of->fault->members & RASSIM_FAULT_ENTRY_NAME;
  rassim__put_escaped(text, mangled ? of->fault->entry_name : of->connection->szEntryName);
}

/* A code is a signed number in the log. */
static void put_code(rassim_text *text, const subject *of) {
  bool changed = of->fault && of->fault->members & RASSIM_FAULT_CODE;
  uint32_t code = changed ? of->fault->code : of->code;
  if (code > INT32_MAX) rassim__put(text, "-");
  rassim__put_number(text, code > INT32_MAX ? 0 - code : code, 1);
}

static void put_kind(rassim_text *text, const rn_RASCONNW *connection) {
  bool vpn = rassim__is(connection->szDeviceType, rassim__length(connection->szDeviceType), "vpn");
  rassim__put(text, vpn ? "VPN" : "Dial-up");
}

static void put_device(rassim_text *text, const subject *of) {
  rassim__put(text, LINE "Server address/Phone Number = ");
  rassim__put_escaped(text, of->status->szPhoneNumber);
  rassim__put(text, LINE "Device = ");
  rassim__put_escaped(text, of->connection->szDeviceName);
  rassim__put(text, LINE "Port = VPN2-1" LINE "MediaType = ");
  put_kind(text, of->connection);
  rassim__put(text, ".");
}

static void put_ipv6(rassim_text *text, const uint8_t *bytes) {
  for (int i = 0; i < 16; i += 2) {
    if (i) rassim__put(text, ":");
    put_hex(text, bytes, i, i + 1);
  }
}

static void put_address(rassim_text *text, const rn_RASTUNNELENDPOINT *endpoint) {
  if (endpoint->dwType == IPV6) {
    put_ipv6(text, endpoint->address);
    return;
  }
  for (uint32_t i = 0; endpoint->dwType == IPV4 && i < 4; i++) {
    if (i) rassim__put(text, ".");
    rassim__put_number(text, endpoint->address[i], 1);
  }
}

static void put_endpoints(rassim_text *text, const subject *of) {
  rassim__put(text, LINE "Local = ");
  put_address(text, &of->status->localEndPoint);
  rassim__put(text, LINE "Remote = ");
  put_address(text, &of->status->remoteEndPoint);
}

static void put_field(rassim_text *text, char field, const subject *of) {
  switch (field) {
    case 'C':
      put_correlation_id(text, of);
      break;
    case 'U':
      rassim__put(text, "RASSIM\\user");
      break;
    case 'K':
      put_kind(text, of->connection);
      break;
    case 'A': /* RASCF_AllUsers */
      rassim__put(text, of->connection->dwFlags & 1 ? "all-user" : "per-user");
      break;
    case 'E':
      put_entry_name(text, of);
      break;
    case 'S':
      rassim__put(text, LINE "Dial-in User = " LINE "DataEncryption = Require" LINE
                             "PrerequisiteEntry = " LINE "AutoLogon = No");
      break;
    case 'D':
      put_device(text, of);
      break;
    case 'P':
      rassim__put(
          text, LINE "TunnelIpAddress = " LINE "TunnelIpv6Address = None" LINE "Dial-in User = .");
      break;
    case 'N':
      put_endpoints(text, of);
      break;
    case 'L':
      rassim__put(text, "VPN2-1");
      break;
    default:
      put_code(text, of);
      break;
  }
}

/* Writing. */

static const fault *find_fault(uint32_t event_id) {
  const fault *found = NULL;
  for (uint32_t i = 0; i < faults.count; i++) {
    const fault *each = &faults.items[i];
    if (each->event_id == event_id || (!each->event_id && !found)) found = each;
  }
  return found;
}

void rassim__log_event(uint32_t event_id, const rn_RASCONNW *connection,
                       const rn_RASCONNSTATUSW *status, uint32_t code) {
  static const uint16_t source[] = {'R', 'a', 's', 'C', 'l', 'i', 'e', 'n', 't', 0};
  const template *found = find_template(event_id);
  const subject of = {connection, status, find_fault(event_id), code};
  rassim_event_head head = {RASSIM_APPLICATION, event_id, found->level, 0, {0}, false};
  rassim_text text = {{0}, false};
  memcpy(head.source, source, sizeof source);
  for (const char *field = found->fields; *field; field++) {
    rassim__put(&text, "<Data>");
    put_field(&text, *field, &of);
    rassim__put(&text, "</Data>");
  }
  if (of.fault && of.fault->members & RASSIM_FAULT_BACKDATED) head.utc_ns = rassim__utc_now();
  uint32_t copies = of.fault ? of.fault->copies : 1;
  for (uint32_t i = 0; i < copies; i++) {
    rassim__write_event(&head, &text, of.fault ? of.fault->delay_ns : 0);
  }
  rassim__free_text(&text);
}

void rassim__clear_log_faults(void) { faults.count = 0; }

/* Controls. */

static void remove_fault(uint32_t event_id) {
  uint32_t remaining = 0;
  for (uint32_t i = 0; i < faults.count; i++) {
    if (faults.items[i].event_id != event_id) faults.items[remaining++] = faults.items[i];
  }
  faults.count = remaining;
}

static uint32_t set_fault(const fault *wanted) {
  remove_fault(wanted->event_id);
  uint32_t code = RASSIM_RESERVE(faults);
  if (!code) faults.items[faults.count++] = *wanted;
  return code;
}

uint32_t rassim_set_log_fault(uint32_t event_id, uint64_t delay_ns, uint32_t copies,
                              uint32_t members, uint32_t code, const uint16_t *entry_name) {
  fault wanted = {event_id, delay_ns, copies, members, code, {0}};
  bool known = !event_id || rassim__is_ras_event(event_id);
  if (!known || copies > RASSIM_MAX_COPIES) return RAS_ERROR_INVALID_PARAMETER;
  if (members & RASSIM_FAULT_ENTRY_NAME) {
    size_t length = entry_name ? rassim__length(entry_name) : RAS_MaxEntryName + 1;
    if (length > RAS_MaxEntryName) return RAS_ERROR_INVALID_PARAMETER;
    memcpy(wanted.entry_name, entry_name, length * sizeof *entry_name);
  }
  rassim__lock();
  uint32_t failed = set_fault(&wanted);
  rassim__unlock();
  return failed;
}

void rassim_clear_log_faults(void) {
  rassim__lock();
  rassim__clear_log_faults();
  rassim__unlock();
}
