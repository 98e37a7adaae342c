/* The functions of net.h on Windows. */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>

#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "ready.h"
#include "waiting.h"

/* An fd_set of any length, with the layout that select reads. The fd_set of winsock2.h holds 64
 * sockets, and FD_SET ignores any further one. */
typedef struct {
  u_int count;
  SOCKET sockets[1]; /* `capacity` long */
} socket_set;

struct rn__waiter {
  rn__waiting waiting;
  uint32_t unseen;       /* sockets below this index may have an answer to take */
  socket_set *connected; /* owned; select's writefds */
  socket_set *failed;    /* owned; select's exceptfds: only there it reports a failed connect */
  rn__ready ready;       /* owned; what the last wait found in both sets */
};

typedef union {
  struct sockaddr any;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
} socket_name;

uint32_t rn_net_start(void) {
  WSADATA data;
  return (uint32_t)WSAStartup(MAKEWORD(2, 2), &data);
}

uint32_t rn_wsa_connect(int64_t socket, const uint8_t *name, uint32_t name_length,
                        const uint8_t *caller_data, uint32_t caller_length, const uint8_t *sqos,
                        uint8_t *callee_data, uint32_t *callee_length_inout) {
  WSABUF caller = {caller_length, (char *)caller_data};
  WSABUF callee = {*callee_length_inout, (char *)callee_data};
  QOS quality;
  int answer;
  if (sqos) memcpy(&quality, sqos, sizeof quality);
  answer = WSAConnect((SOCKET)socket, (const struct sockaddr *)(const void *)name, (int)name_length,
                      caller_data ? &caller : NULL, callee_data ? &callee : NULL,
                      sqos ? &quality : NULL, NULL);
  if (answer) {
    *callee_length_inout = 0;
    return (uint32_t)WSAGetLastError();
  }
  if (!callee_data) *callee_length_inout = 0;
  if (callee.len < *callee_length_inout) *callee_length_inout = callee.len;
  return 0;
}

uint32_t rn__socket_open(uint32_t family, rn__socket *socket_out) {
  u_long on = 1;
  SOCKET opened = WSASocketW(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  *socket_out = (rn__socket)opened;
  if (opened == INVALID_SOCKET) return (uint32_t)WSAGetLastError();
  ioctlsocket(opened, (long)FIONBIO, &on);
  return 0;
}

static int fill_name(const rn_target *target, socket_name *name_out) {
  memset(name_out, 0, sizeof *name_out);
  if (target->family == 4) {
    name_out->ipv4.sin_family = AF_INET;
    name_out->ipv4.sin_port = htons((uint16_t)target->port);
    memcpy(&name_out->ipv4.sin_addr, target->address, 4);
    return (int)sizeof name_out->ipv4;
  }
  name_out->ipv6.sin6_family = AF_INET6;
  name_out->ipv6.sin6_port = htons((uint16_t)target->port);
  name_out->ipv6.sin6_flowinfo = htonl(target->flowinfo);
  name_out->ipv6.sin6_scope_id = target->scope_id;
  memcpy(&name_out->ipv6.sin6_addr, target->address, 16);
  return (int)sizeof name_out->ipv6;
}

uint32_t rn__socket_bind(rn__socket socket, const rn_target *local) {
  socket_name name;
  int length = fill_name(local, &name);
  return bind((SOCKET)socket, &name.any, length) ? (uint32_t)WSAGetLastError() : 0;
}

void rn__socket_close(rn__socket socket, int abortive) {
  struct linger at_once = {1, 0};
  if (abortive) {
    setsockopt((SOCKET)socket, SOL_SOCKET, SO_LINGER, (const char *)&at_once, (int)sizeof at_once);
  }
  closesocket((SOCKET)socket);
}

int rn__socket_is_at_capacity(uint32_t os_error, const rn_target *target) {
  (void)target;
  return os_error == WSAEMFILE || os_error == WSAENOBUFS;
}

int rn__socket_is_refusal(uint32_t os_error) { return os_error == WSAECONNREFUSED; }

/* The bytes are those of TCP_INITIAL_RTO_PARAMETERS. The ioctl fails on old systems; then a refusal
 * only takes longer. */
void rn_set_syn_retries(int64_t socket, uint32_t retries) {
  struct {
    USHORT rtt;
    UCHAR max_syn_retransmissions;
    UCHAR padding;
  } parameters = {RN_UNSPECIFIED_RTT, RN_NO_SYN_RETRANSMISSIONS, 0};
  DWORD returned;
  if (retries == RN_SYN_RETRIES_UNSET) return;
  if (retries) parameters.max_syn_retransmissions = (UCHAR)retries;
  WSAIoctl((SOCKET)socket, RN_SIO_TCP_INITIAL_RTO, &parameters, (DWORD)sizeof parameters, NULL, 0,
           &returned, NULL, NULL);
}

uint32_t rn__socket_connect(rn__socket socket, const rn_target *target) {
  socket_name name;
  int length = fill_name(target, &name);
  uint32_t error;
  if (!WSAConnect((SOCKET)socket, &name.any, length, NULL, NULL, NULL, NULL)) return 0;
  error = (uint32_t)WSAGetLastError();
  return error == WSAEWOULDBLOCK ? RN_E_AGAIN : error;
}

static socket_set *set_new(uint32_t capacity) {
  return malloc(sizeof(socket_set) + capacity * sizeof(SOCKET));
}

rn__waiter *rn__waiter_new(uint32_t capacity) {
  rn__waiter *waiter = calloc(1, sizeof *waiter);
  int has_memory;
  if (!waiter) return NULL;
  waiter->connected = set_new(capacity);
  waiter->failed = set_new(capacity);
  has_memory = waiter->connected && waiter->failed;
  has_memory = rn__waiting_new(&waiter->waiting, capacity) && has_memory;
  has_memory = rn__ready_new(&waiter->ready, capacity) && has_memory;
  if (has_memory) return waiter;
  rn__waiter_free(waiter);
  return NULL;
}

void rn__waiter_free(rn__waiter *waiter) {
  if (!waiter) return;
  free(waiter->connected);
  free(waiter->failed);
  rn__waiting_free(&waiter->waiting);
  rn__ready_free(&waiter->ready);
  free(waiter);
}

uint32_t rn__waiter_add(rn__waiter *waiter, uint32_t slot, rn__socket socket) {
  rn__waiting_add(&waiter->waiting, slot, socket);
  return 0;
}

void rn__waiter_remove(rn__waiter *waiter, uint32_t slot, rn__socket socket) {
  (void)socket;
  rn__waiting_remove(&waiter->waiting, slot);
}

static void set_fill(socket_set *set, const rn__waiting *waiting) {
  set->count = waiting->count;
  for (uint32_t i = 0; i < waiting->count; i++) set->sockets[i] = (SOCKET)waiting->sockets[i];
}

static void record_states(rn__ready *ready, const socket_set *set, uint64_t state) {
  for (u_int i = 0; i < set->count; i++) rn__ready_set(ready, set->sockets[i], state);
}

/* Waits for the sockets of both sets, and leaves those in them that connected or failed. */
static uint32_t wait_for_sets(socket_set *connected, socket_set *failed, uint64_t timeout_ns) {
  uint64_t us = (timeout_ns + 999) / 1000;
  struct timeval timeout = {(long)(us / 1000000), (long)(us % 1000000)};
  int found = select(0, NULL, (fd_set *)(void *)connected, (fd_set *)(void *)failed, &timeout);
  return found == SOCKET_ERROR ? (uint32_t)WSAGetLastError() : 0;
}

uint32_t rn__waiter_wait(rn__waiter *waiter, uint64_t timeout_ns) {
  socket_set *connected = waiter->connected, *failed = waiter->failed;
  uint32_t count = waiter->waiting.count, error;
  waiter->unseen = 0;
  if (!count) { /* select refuses to wait for nothing */
    Sleep((DWORD)((timeout_ns + 999999) / 1000000));
    return 0;
  }
  set_fill(connected, &waiter->waiting);
  set_fill(failed, &waiter->waiting);
  error = wait_for_sets(connected, failed, timeout_ns);
  if (error) return error;
  /* A socket in both sets has failed. */
  rn__ready_clear(&waiter->ready, min(count, connected->count + failed->count));
  record_states(&waiter->ready, connected, RN__READY_CONNECTED);
  record_states(&waiter->ready, failed, RN__READY_FAILED);
  waiter->unseen = count;
  return 0;
}

/* The set that reports the socket decides whether its connect failed. SO_ERROR alone does not: it
 * may hold an earlier failure, and setsockopt can change it. */
static uint32_t failure_of(rn__socket socket) {
  int error = 0;
  int length = (int)sizeof error;
  if (getsockopt((SOCKET)socket, SOL_SOCKET, SO_ERROR, (char *)&error, &length)) {
    return (uint32_t)WSAGetLastError();
  }
  return error ? (uint32_t)error : WSAECONNABORTED;
}

/* Goes backwards: rn__waiting_remove moves the last socket to `index`, and it was seen already. */
int rn__waiter_next(rn__waiter *waiter, uint32_t *slot_out, uint32_t *answer_out) {
  while (waiter->unseen) {
    uint32_t index = --waiter->unseen;
    rn__socket socket = waiter->waiting.sockets[index];
    uint64_t state = rn__ready_state(&waiter->ready, (uint64_t)socket);
    if (state == RN__NOT_READY) continue;
    *slot_out = waiter->waiting.slots[index];
    *answer_out = state == RN__READY_FAILED ? failure_of(socket) : 0;
    rn__waiting_remove(&waiter->waiting, *slot_out);
    return 1;
  }
  return 0;
}

uint32_t rn_connect_wait(int64_t socket, uint64_t slice_ns) {
  socket_set connected = {1, {(SOCKET)socket}}, failed = connected;
  uint32_t error = wait_for_sets(&connected, &failed, slice_ns);
  if (error) return error;
  if (failed.count) return failure_of(socket);
  return connected.count ? 0 : RN_E_AGAIN;
}
