/* The demonstration: a script of six connections that repeats until the reset. */
#include <string.h>

#include "calls.h"

#define STEP_MS 150ull

typedef struct {
  const uint16_t *entry, *device_type, *device, *peer;
  uint32_t subentries;
  uint8_t host; /* the last byte of the far end's address; 0: the end points are unknown */
} demo_connection;

static const demo_connection connections[] = {
    {u"Head office", u"vpn", u"WAN Miniport (IKEv2)", u"vpn.example.com", 1, 10},
    {u"Z\u00fcrich B\u00fcro", u"vpn", u"WAN Miniport (SSTP)", u"zrh.example.com", 1, 0},
    {u"\u6771\u4eac\u652f\u793e", u"vpn", u"WAN Miniport (IKEv2)", u"tyo.example.com", 1, 30},
    {u"Branch, two lines", u"isdn", u"ISDN channel", u"555-0100", 2, 0},
    {u"Field \U0001F6F0 uplink", u"vpn", u"WAN Miniport (L2TP)", u"sat.example.com", 1, 50},
    {u"", u"modem", u"Standard modem", u"555-0199", 1, 0},
};

enum { HEAD_OFFICE, ZURICH, TOKYO, BRANCH, FIELD, BY_NUMBER, CONNECTION_COUNT };

typedef enum { DIAL, FAIL_TO_DIAL, DROP, LINK_DOWN, LINK_UP, SUBSTATE } change_kind;

static const struct {
  uint32_t wait_ms;    /* since the line before */
  uint32_t connection; /* its index in `connections` */
  change_kind kind;
  uint32_t number; /* the reason of a drop, a sub-entry or a substate */
} script[] = {
    {0, HEAD_OFFICE, DIAL, 0},
    {900, ZURICH, DIAL, 0},
    {600, FIELD, FAIL_TO_DIAL, 0},
    {1200, BRANCH, DIAL, 0},
    {800, TOKYO, DIAL, 0},
    {1500, HEAD_OFFICE, SUBSTATE, RASCSS_Dormant},
    {700, FIELD, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {600, HEAD_OFFICE, SUBSTATE, RASCSS_Reconnecting},
    {700, BY_NUMBER, DIAL, 0},
    {500, HEAD_OFFICE, SUBSTATE, RASCSS_Reconnected},
    {900, BRANCH, LINK_DOWN, 2},
    {800, FIELD, DIAL, 0},
    {900, BRANCH, LINK_UP, 2},
    {700, ZURICH, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {1100, TOKYO, SUBSTATE, RASCSS_Dormant},
    {900, ZURICH, DIAL, 0},
    {800, TOKYO, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {900, BY_NUMBER, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {700, FIELD, DROP, RAS_ERROR_LINK_FAILURE},
    {900, BRANCH, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {800, ZURICH, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
    {900, HEAD_OFFICE, DROP, RAS_ERROR_REMOTE_DISCONNECTION},
};

static HRASCONN handles[CONNECTION_COUNT];
static uint64_t dial_count; /* makes correlation ids that differ */

static void put_text(uint16_t *text, const uint16_t *source) {
  while ((*text++ = *source++)) continue;
}

/* Uses addresses that are reserved for documentation. */
static void put_endpoints(rn_RASCONNSTATUSW *status, uint8_t host) {
  const rn_RASTUNNELENDPOINT local = {1, {198, 51, 100, 7}}, remote = {1, {203, 0, 113, host}};
  status->localEndPoint = local;
  status->remoteEndPoint = remote;
}

static void make_profile(uint32_t index, uint32_t error, rassim_profile *profile) {
  const demo_connection *demo = &connections[index];
  memset(profile, 0, sizeof *profile);
  rn_RASCONNW *connection = &profile->connection;
  put_text(profile->status.szPhoneNumber, demo->peer);
  put_text(connection->szEntryName, demo->entry);
  put_text(connection->szDeviceType, demo->device_type);
  put_text(connection->szDeviceName, demo->device);
  if (demo->host) put_endpoints(&profile->status, demo->host);
  rassim__complete(profile);
  connection->dwSubEntry = 1;
  connection->guidEntry[0] = (uint8_t)(index + 1);
  dial_count++;
  memcpy(connection->guidCorrelationId, &dial_count, sizeof dial_count);
  profile->subentries = demo->subentries;
  profile->step_ns = STEP_MS * RASSIM_NS_PER_MS;
  profile->error = error;
  profile->state_count = RASSIM_USUAL_STATES;
  memcpy(profile->states, rassim__usual_states, sizeof rassim__usual_states);
}

static void dial(uint32_t index, uint32_t error) {
  rassim_profile profile;
  rassim_connection *connection;
  make_profile(index, error, &profile);
  if (rassim__new_connection(&profile, NULL, &connection)) return; /* no memory: skip it */
  handles[index] = connection->handle;
  rassim__begin_dialling(connection);
}

/* Does nothing if a client has hung up the connection. */
static void change(uint32_t index, change_kind kind, uint32_t number) {
  static uint32_t (*const runs[])(const rassim_action *) = {
      [DROP] = rassim__run_drop,
      [LINK_DOWN] = rassim__run_drop_link,
      [LINK_UP] = rassim__run_connect_link,
      [SUBSTATE] = rassim__run_set_status,
  };
  uint32_t subentry;
  const rassim_connection *connection = rassim__find(handles[index], &subentry);
  if (!connection) return;
  rn_RASCONNSTATUSW status = {.rasconnsubstate = number};
  rassim_action action =
      rassim__action_on(connection, runs[kind], kind == SUBSTATE ? RASSIM_SUBSTATE : number);
  action.data = &status;
  action.data_size = sizeof status;
  rassim__act(&action, 0);
}

/* Runs a line of the script and schedules the next one. After the last line comes the first. */
static uint32_t run_line(const rassim_action *action) {
  const uint32_t lines = sizeof script / sizeof *script;
  uint32_t line = action->number, next_line = (line + 1) % lines;
  if (script[line].kind == DIAL || script[line].kind == FAIL_TO_DIAL) {
    bool fails = script[line].kind == FAIL_TO_DIAL;
    dial(script[line].connection, fails ? RAS_ERROR_AUTHENTICATION_FAILURE : RAS_SUCCESS);
  } else {
    change(script[line].connection, script[line].kind, script[line].number);
  }
  const rassim_action next = {.run = run_line, .number = next_line};
  uint64_t wait_ms = next_line ? script[next_line].wait_ms : 3 * STEP_MS;
  return rassim__schedule(&next, wait_ms * RASSIM_NS_PER_MS);
}

uint32_t rassim_demo(void) {
  const rassim_action first = {.run = run_line};
  uint32_t code = rassim_set_clock(RASSIM_CLOCK_REAL);
  if (code) return code;
  rassim__lock();
  code = rassim__schedule(&first, 0);
  rassim__unlock();
  return code;
}
