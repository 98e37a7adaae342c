/* The functions of net.h that are the same on all POSIX systems. */
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
  struct sockaddr any;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
} socket_name;

uint32_t rn_net_start(void) { return 0; }

uint32_t rn_wsa_connect(int64_t socket, const uint8_t *name, uint32_t name_length,
                        const uint8_t *caller_data, uint32_t caller_length, const uint8_t *sqos,
                        uint8_t *callee_data, uint32_t *callee_length_inout) {
  struct sockaddr_storage aligned;
  (void)caller_data, (void)caller_length, (void)sqos, (void)callee_data;
  *callee_length_inout = 0;
  if (name_length > sizeof aligned) return EINVAL;
  memcpy(&aligned, name, name_length);
  if (!connect((int)socket, (struct sockaddr *)&aligned, name_length)) return 0;
  return (uint32_t)errno;
}

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
uint32_t rn__socket_open(uint32_t family, rn__socket *socket_out) {
  int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  *socket_out = socket(family == 4 ? AF_INET : AF_INET6, type, 0);
  return *socket_out < 0 ? (uint32_t)errno : 0;
}
#else
uint32_t rn__socket_open(uint32_t family, rn__socket *socket_out) {
  int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
  *socket_out = fd;
  if (fd < 0) return (uint32_t)errno;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return 0;
}
#endif

static socklen_t fill_name(const rn_target *target, socket_name *name_out) {
  memset(name_out, 0, sizeof *name_out);
  if (target->family == 4) {
    name_out->ipv4.sin_family = AF_INET;
    name_out->ipv4.sin_port = htons((uint16_t)target->port);
    memcpy(&name_out->ipv4.sin_addr, target->address, 4);
    return sizeof name_out->ipv4;
  }
  name_out->ipv6.sin6_family = AF_INET6;
  name_out->ipv6.sin6_port = htons((uint16_t)target->port);
  name_out->ipv6.sin6_flowinfo = htonl(target->flowinfo);
  name_out->ipv6.sin6_scope_id = target->scope_id;
  memcpy(&name_out->ipv6.sin6_addr, target->address, 16);
  return sizeof name_out->ipv6;
}

uint32_t rn__socket_bind(rn__socket socket, const rn_target *local) {
  socket_name name;
  socklen_t length = fill_name(local, &name);
  return bind((int)socket, &name.any, length) ? (uint32_t)errno : 0;
}

void rn__socket_close(rn__socket socket, int abortive) {
  struct linger at_once = {1, 0};
  if (abortive) setsockopt((int)socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close((int)socket);
}

/* Whether the system has a local address for the target. Connecting a datagram socket shows it
 * without sending anything, and uses no TCP port. */
static int has_local_address(const rn_target *target) {
  socket_name name;
  socklen_t length = fill_name(target, &name);
  int probe = socket(name.any.sa_family, SOCK_DGRAM, 0), failed;
  if (probe < 0) return 0;
  failed = connect(probe, &name.any, length);
  close(probe);
  return !failed;
}

int rn__socket_is_at_capacity(uint32_t os_error, const rn_target *target) {
  switch (os_error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:     /* epoll can watch no more sockets */
    case EADDRINUSE: /* bind found no local port: the source's is always 0 */
      return 1;
    case EADDRNOTAVAIL: /* connect found no local port, or no local address */
      return has_local_address(target);
    default:
      return 0;
  }
}

int rn__socket_is_refusal(uint32_t os_error) { return os_error == ECONNREFUSED; }

uint32_t rn__socket_connect(rn__socket socket, const rn_target *target) {
  socket_name name;
  socklen_t length = fill_name(target, &name);
  if (!connect((int)socket, &name.any, length)) return 0;
  /* After EINTR the attempt continues. */
  return errno == EINPROGRESS || errno == EINTR ? RN_E_AGAIN : (uint32_t)errno;
}

uint32_t rn_connect_wait(int64_t socket, uint64_t slice_ns) {
  /* Round up to whole ms: a wait of 0 ms would make a busy loop. */
  uint64_t ms = (slice_ns + 999999) / 1000000;
  struct pollfd waited = {(int)socket, POLLOUT, 0};
  int error = 0, ready = poll(&waited, 1, ms > 60000 ? 60000 : (int)ms);
  socklen_t length = sizeof error;
  if (ready < 0) return errno == EINTR ? RN_E_AGAIN : (uint32_t)errno;
  if (!ready) return RN_E_AGAIN;
  if (getsockopt((int)socket, SOL_SOCKET, SO_ERROR, &error, &length)) return (uint32_t)errno;
  return (uint32_t)error;
}
