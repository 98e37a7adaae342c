/* The demonstration: a cast of connections and a script that goes round until the reset. */
#include "service.h"

#include <string.h>

#define MS 1000000ull
#define STEP_MS 150ull
#define DORMANT 1u
#define RECONNECTING 2u
#define RECONNECTED 0x2000u
#define AUTHENTICATION_FAILURE 691u

typedef struct {
  const uint16_t *entry, *device_type, *device, *peer;
  uint32_t subentries;
  uint8_t host; /* of the tunnel's far end; 0: the system does not know the end points */
} actor;

static const actor cast[] = {
    {u"Head office", u"vpn", u"WAN Miniport (IKEv2)", u"vpn.example.com", 1, 10},
    {u"Z\u00fcrich B\u00fcro", u"vpn", u"WAN Miniport (SSTP)", u"zrh.example.com", 1, 0},
    {u"\u6771\u4eac\u652f\u793e", u"vpn", u"WAN Miniport (IKEv2)", u"tyo.example.com", 1, 30},
    {u"Branch, two lines", u"isdn", u"ISDN channel", u"555-0100", 2, 0},
    {u"Field \U0001F6F0 uplink", u"vpn", u"WAN Miniport (L2TP)", u"sat.example.com", 1, 50},
    {u"", u"modem", u"Standard modem", u"555-0199", 1, 0},
};

enum { HEAD_OFFICE, ZURICH, TOKYO, BRANCH, FIELD, BY_NUMBER, CAST_COUNT };

typedef enum { DIAL, DIAL_IN_VAIN, DROP, LINK_DOWN, LINK_UP, SUBSTATE } deed;

static const struct {
  uint32_t wait_ms; /* after the line before */
  uint32_t who;
  deed what;
  uint32_t number; /* a sub-entry or a substate */
} script[] = {
    {0, HEAD_OFFICE, DIAL, 0},
    {900, ZURICH, DIAL, 0},
    {600, FIELD, DIAL_IN_VAIN, 0},
    {1200, BRANCH, DIAL, 0},
    {800, TOKYO, DIAL, 0},
    {1500, HEAD_OFFICE, SUBSTATE, DORMANT},
    {700, FIELD, DROP, 0},
    {600, HEAD_OFFICE, SUBSTATE, RECONNECTING},
    {700, BY_NUMBER, DIAL, 0},
    {500, HEAD_OFFICE, SUBSTATE, RECONNECTED},
    {900, BRANCH, LINK_DOWN, 2},
    {800, FIELD, DIAL, 0},
    {900, BRANCH, LINK_UP, 2},
    {700, ZURICH, DROP, 0},
    {1100, TOKYO, SUBSTATE, DORMANT},
    {900, ZURICH, DIAL, 0},
    {800, TOKYO, DROP, 0},
    {900, BY_NUMBER, DROP, 0},
    {700, FIELD, DROP, 0},
    {900, BRANCH, DROP, 0},
    {800, ZURICH, DROP, 0},
    {900, HEAD_OFFICE, DROP, 0},
};

static HRASCONN handles[CAST_COUNT];

static void put_text(uint16_t *to, const uint16_t *from) {
  while ((*to++ = *from++)) {
  }
}

/* From the networks kept for documentation. */
static void put_endpoints(rn_RASCONNSTATUSW *status, uint8_t host) {
  const rn_RASTUNNELENDPOINT local = {1, {198, 51, 100, 7}}, remote = {1, {203, 0, 113, host}};
  status->localEndPoint = local;
  status->remoteEndPoint = remote;
}

static void cast_profile(uint32_t who, uint32_t error, rassim_profile *profile) {
  const actor *is = &cast[who];
  memset(profile, 0, sizeof *profile);
  rn_RASCONNW *connection = &profile->connection;
  put_text(profile->status.szPhoneNumber, is->peer);
  put_text(connection->szEntryName, is->entry);
  put_text(connection->szDeviceType, is->device_type);
  put_text(connection->szDeviceName, is->device);
  if (is->host) put_endpoints(&profile->status, is->host);
  rassim__complete(profile);
  connection->dwSubEntry = 1;
  connection->guidEntry[0] = (uint8_t)(who + 1);
  memcpy(connection->guidCorrelationId, &rassim__service.serial, sizeof rassim__service.serial);
  profile->subentries = is->subentries;
  profile->step_ns = STEP_MS * MS;
  profile->error = error;
  profile->count = RASSIM_COURSE_LENGTH;
  memcpy(profile->states, rassim__course, sizeof rassim__course);
}

static void dial(uint32_t who, uint32_t error) {
  rassim_profile profile;
  rassim_connection *connection;
  cast_profile(who, error, &profile);
  if (rassim__new_connection(&profile, &connection)) return; /* no memory: the actor is absent */
  handles[who] = connection->handle;
  rassim__begin_dialling(connection);
}

/* What a client has hung up in the meantime is no longer there to be acted on. */
static void play(uint32_t who, deed what, uint32_t number) {
  static const rassim_verb verbs[] = {
      [DROP] = RASSIM_DROP,
      [LINK_DOWN] = RASSIM_DROP_LINK,
      [LINK_UP] = RASSIM_CONNECT_LINK,
      [SUBSTATE] = RASSIM_SET_STATUS,
  };
  if (what == DIAL || what == DIAL_IN_VAIN) {
    dial(who, what == DIAL ? 0 : AUTHENTICATION_FAILURE);
    return;
  }
  rn_RASCONNSTATUSW status = {.rasconnsubstate = number};
  rassim_action action = {verbs[what], what == SUBSTATE ? RASSIM_SUBSTATE : number, handles[who],
                          &status};
  rassim__perform(&action);
}

/* Every line schedules the next; the last one the first, for another round. */
void rassim__lively_step(uint32_t step) {
  const uint32_t lines = sizeof script / sizeof *script;
  uint32_t next = (step + 1) % lines;
  play(script[step].who, script[step].what, script[step].number);
  rassim_action action = {RASSIM_LIVELY_STEP, next, NULL, NULL};
  uint64_t wait_ms = next ? script[next].wait_ms : 3 * STEP_MS;
  rassim__schedule(&action, wait_ms * MS);
}

uint32_t rassim_lively(void) {
  uint32_t code = rassim_set_clock(RASSIM_CLOCK_REAL);
  if (code) return code;
  rassim_action action = {RASSIM_LIVELY_STEP, 0, NULL, NULL};
  rassim__lock();
  code = rassim__schedule(&action, 0);
  rassim__unlock();
  return code;
}
