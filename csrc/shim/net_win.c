/* The functions of net.h on Windows. */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>

#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "ready.h"

/* An fd_set of any length, with the layout that select reads. The fd_set of winsock2.h holds 64
 * sockets, and FD_SET ignores any further one. */
typedef struct {
  u_int count;
  SOCKET sockets[1]; /* `capacity` long */
} socket_set;

struct rn__waiter {
  uint32_t capacity;
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

static int is_loopback(const rn_target *target) {
  static const uint8_t one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (target->family == 4) return target->address[0] == 127;
  return !memcmp(target->address, one, sizeof one);
}

/* Windows repeats a refused SYN for up to 2 s. Loopback loses no SYN, so one is enough there.
 * Without this ioctl the connect only takes longer. */
static void send_one_syn(rn__socket socket) {
  struct {
    USHORT rtt;
    UCHAR max_syn_retransmissions;
  } no_retransmission = {0, RN_NO_SYN_RETRANSMISSIONS};
  DWORD returned;
  WSAIoctl((SOCKET)socket, RN_SIO_TCP_INITIAL_RTO, &no_retransmission,
           (DWORD)sizeof no_retransmission, NULL, 0, &returned, NULL, NULL);
}

uint32_t rn__socket_connect(rn__socket socket, const rn_target *target) {
  socket_name name;
  int length = fill_name(target, &name);
  uint32_t error;
  if (is_loopback(target)) send_one_syn(socket);
  if (!WSAConnect((SOCKET)socket, &name.any, length, NULL, NULL, NULL, NULL)) return 0;
  error = (uint32_t)WSAGetLastError();
  return error == WSAEWOULDBLOCK ? RN_E_AGAIN : error;
}

static socket_set *set_new(uint32_t capacity) {
  return malloc(sizeof(socket_set) + capacity * sizeof(SOCKET));
}

rn__waiter *rn__waiter_new(uint32_t capacity) {
  rn__waiter *waiter = calloc(1, sizeof *waiter);
  if (!waiter) return NULL;
  waiter->capacity = capacity;
  waiter->connected = set_new(capacity);
  waiter->failed = set_new(capacity);
  if (rn__ready_new(&waiter->ready, capacity) && waiter->connected && waiter->failed) {
    return waiter;
  }
  rn__waiter_free(waiter);
  return NULL;
}

void rn__waiter_free(rn__waiter *waiter) {
  if (waiter) {
    free(waiter->connected);
    free(waiter->failed);
    rn__ready_free(&waiter->ready);
    free(waiter);
  }
}

static void set_fill(socket_set *set, const rn__socket *sockets, uint32_t count) {
  set->count = count;
  for (uint32_t i = 0; i < count; i++) set->sockets[i] = (SOCKET)sockets[i];
}

static void record_states(rn__ready *ready, const socket_set *set, uint64_t state) {
  for (u_int i = 0; i < set->count; i++) rn__ready_set(ready, set->sockets[i], state);
}

uint32_t rn__waiter_wait(rn__waiter *waiter, const rn__socket *sockets, uint32_t count,
                         uint64_t timeout_ns) {
  uint64_t us = (timeout_ns + 999) / 1000;
  struct timeval timeout = {(long)(us / 1000000), (long)(us % 1000000)};
  if (count > waiter->capacity) return WSAEINVAL;
  set_fill(waiter->connected, sockets, count);
  set_fill(waiter->failed, sockets, count);
  if (select(0, NULL, (fd_set *)(void *)waiter->connected, (fd_set *)(void *)waiter->failed,
             &timeout) == SOCKET_ERROR) {
    return (uint32_t)WSAGetLastError();
  }
  /* A socket in both sets has failed. */
  rn__ready_clear(&waiter->ready, min(count, waiter->connected->count + waiter->failed->count));
  record_states(&waiter->ready, waiter->connected, RN__READY_CONNECTED);
  record_states(&waiter->ready, waiter->failed, RN__READY_FAILED);
  return 0;
}

/* The set that reports the socket decides whether its connect failed. SO_ERROR alone does not: it
 * may hold an earlier failure, and setsockopt can change it. */
uint32_t rn__waiter_answer(const rn__waiter *waiter, uint32_t index, rn__socket socket) {
  int error = 0;
  int length = (int)sizeof error;
  (void)index;
  switch (rn__ready_state(&waiter->ready, (uint64_t)socket)) {
    case RN__NOT_READY:
      return RN_E_AGAIN;
    case RN__READY_CONNECTED:
      return 0;
    default:
      if (getsockopt((SOCKET)socket, SOL_SOCKET, SO_ERROR, (char *)&error, &length)) {
        return (uint32_t)WSAGetLastError();
      }
      return error ? (uint32_t)error : WSAECONNABORTED;
  }
}
