/* Loads a provider and calls its functions. */
#include "provider.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_REQUIRED(name)                           \
  provider->name = RN__FIND(provider->library, name); \
  if (!provider->name) return RN_E_UNSUPPORTED;
#define LOAD_OPTIONAL(name)
#define LOAD_UNUSED(name)
#define LOAD(name, loading, parameters) LOAD_##loading(name)

static uint32_t load_functions(rn_provider *provider) {
  RAS_FUNCTIONS(LOAD)
  return 0;
}

uint32_t rn_provider_open(const char *path, rn_provider **provider_out, uint32_t *os_error_out,
                          char *reason_out) {
  rn_provider *provider = calloc(1, sizeof *provider);
  *provider_out = NULL;
  *os_error_out = 0;
  reason_out[0] = 0;
  if (!provider) return RN_E_NO_MEMORY;
  *os_error_out = rn__library_open(path, &provider->library, reason_out);
  if (*os_error_out) {
    free(provider);
    return RN_E_LOAD;
  }
  uint32_t code = load_functions(provider);
  if (code) {
    rn_provider_close(provider);
    return code;
  }
  *provider_out = provider;
  return 0;
}

void rn_provider_close(rn_provider *provider) {
  if (provider) {
    rn__library_close(provider->library);
    free(provider);
  }
}

void rn_provider_sizes(rn_provider *provider, uint32_t *rasconn_out, uint32_t *rasconnstatus_out) {
  uint32_t rasconn = rn__load(&provider->rasconn_version);
  uint32_t status = rn__load(&provider->rasconnstatus_version);
  *rasconn_out = rasconn ? rn__rasconn_versions[rasconn - 1].size : 0;
  *rasconnstatus_out = status ? rn__rasconnstatus_versions[status - 1].size : 0;
}

uint32_t rn__first_version(const uint32_t *negotiated) {
  uint32_t known = rn__load(negotiated);
  return known ? known - 1 : 0;
}

void rn__remember_version(uint32_t *negotiated, uint32_t index) {
  if (rn__load(negotiated) != index + 1) rn__store(negotiated, index + 1);
}

int rn__is_wrong_size(uint32_t code) {
  return code == RAS_ERROR_INVALID_SIZE || code == RAS_ERROR_BUFFER_INVALID;
}

uint32_t rn__ask_status(rn_provider *provider, HRASCONN handle, rn_RASCONNSTATUSW *raw_inout,
                        uint32_t *version_out) {
  for (uint32_t version = rn__first_version(&provider->rasconnstatus_version);; version++) {
    raw_inout->dwSize = rn__rasconnstatus_versions[version].size;
    uint32_t code = provider->RasGetConnectStatusW(handle, raw_inout);
    if (!code) {
      rn__remember_version(&provider->rasconnstatus_version, version);
      *version_out = version;
      return 0;
    }
    memset(raw_inout, 0, sizeof *raw_inout);
    if (!rn__is_wrong_size(code) || version + 1 == RN_RASCONNSTATUS_VERSION_COUNT) {
      *version_out = 0;
      return code;
    }
  }
}

uint32_t rn_get_connect_status(rn_provider *provider, uint64_t handle, rn_status *status_out) {
  rn_RASCONNSTATUSW raw = {0};
  uint32_t version, code = rn__ask_status(provider, rn__as_handle(handle), &raw, &version);
  memset(status_out, 0, sizeof *status_out);
  status_out->code = code;
  if (!code) rn__read_rasconnstatus(&raw, &rn__rasconnstatus_versions[version], status_out);
  return code;
}

static int is_reached(const rn_status *status, const uint32_t *states, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (status->state == states[i]) return 1;
  return !count && (status->error || status->state & (RASCS_DONE | RASCS_PAUSED));
}

/* Waits for `ns` (RN_E_AGAIN), or until `cancel` is set (RN_E_CANCELLED). */
static uint32_t pause_for(uint64_t ns, rn_event *cancel) {
  if (!ns) rn__yield();
  return ns || cancel ? rn_event_wait(NULL, cancel, ns) : RN_E_AGAIN;
}

uint32_t rn_wait_status(rn_provider *provider, uint64_t handle, const uint32_t *states,
                        uint32_t count, uint64_t interval_ns, uint64_t slice_ns, rn_event *cancel,
                        uint64_t *due_inout, rn_status *status_out) {
  uint64_t end = rn_now_ns() + slice_ns;
  for (;;) {
    uint64_t now = rn_now_ns();
    if (now >= *due_inout) {
      uint32_t code = rn_get_connect_status(provider, handle, status_out);
      if (code || is_reached(status_out, states, count)) return code;
      now = rn_now_ns();
      *due_inout = now + interval_ns;
    }
    if (now >= end) return RN_E_AGAIN;
    uint64_t left = *due_inout < end ? *due_inout - now : end - now;
    uint32_t paused = pause_for(left, cancel);
    if (paused != RN_E_AGAIN) return paused;
  }
}

uint32_t rn_hang_up(rn_provider *provider, uint64_t handle) {
  return provider->RasHangUpW(rn__as_handle(handle));
}

uint32_t rn_wait_gone(rn_provider *provider, uint64_t handle, uint64_t slice_ns) {
  uint64_t end = rn_now_ns() + slice_ns;
  for (uint32_t asked = 0;; asked++) {
    rn_RASCONNSTATUSW raw = {0};
    uint32_t version, code = rn__ask_status(provider, rn__as_handle(handle), &raw, &version);
    if (code == RAS_ERROR_INVALID_HANDLE || code == RAS_ERROR_NO_CONNECTION) return 0;
    if (code) return code;
    if (rn_now_ns() >= end) return RN_E_AGAIN;
    pause_for(asked < RN_YIELDS_BEFORE_SLEEP ? 0 : RN_GONE_INTERVAL_NS, NULL);
  }
}

uint32_t rn_get_subentry_handle(rn_provider *provider, uint64_t handle, uint32_t subentry,
                                uint64_t *handle_out) {
  RasGetSubEntryHandleW_fn get = RN__FIND(provider->library, RasGetSubEntryHandleW);
  HRASCONN found = NULL;
  uint32_t code = get ? get(rn__as_handle(handle), subentry, &found) : RN_E_UNSUPPORTED;
  *handle_out = code ? 0 : (uintptr_t)found;
  return code;
}

uint32_t rn_get_error_string(rn_provider *provider, uint32_t code, uint32_t length,
                             uint16_t *text_out) {
  RasGetErrorStringW_fn get = RN__FIND(provider->library, RasGetErrorStringW);
  memset(text_out, 0, length * sizeof *text_out);
  return get ? get(code, text_out, length) : RN_E_UNSUPPORTED;
}

uint32_t rn_connection_notification(rn_provider *provider, uint64_t handle, rn_event *event,
                                    uint32_t flags, int ansi) {
  RasConnectionNotificationW_fn notify =
      ansi ? RN__FIND(provider->library, RasConnectionNotificationA)
           : RN__FIND(provider->library, RasConnectionNotificationW);
  if (!notify) return RN_E_UNSUPPORTED;
  void *to_set = (void *)(intptr_t)rn_event_for_provider(event);
  return notify(rn__as_handle(handle), to_set, flags);
}
