/* To be preloaded: from a limit on, socket() or connect() fails with ENOBUFS.
 *
 * The limit is a descriptor's number. The system gives out the lowest free one, so the number tells
 * how many are open. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

static int socket_limit = INT_MAX;
static int connect_limit = INT_MAX;

void limit_buffers(int for_socket, int for_connect) {
  socket_limit = for_socket;
  connect_limit = for_connect;
}

static int no_buffers(void) {
  errno = ENOBUFS;
  return -1;
}

int socket(int family, int type, int protocol) {
  int (*system_socket)(int, int, int);
  int fd;
  *(void **)&system_socket = dlsym(RTLD_NEXT, "socket");
  fd = system_socket(family, type, protocol);
  if (fd < socket_limit) return fd;
  close(fd);
  return no_buffers();
}

int connect(int fd, const struct sockaddr *name, socklen_t length) {
  int (*system_connect)(int, const struct sockaddr *, socklen_t);
  if (fd >= connect_limit) return no_buffers();
  *(void **)&system_connect = dlsym(RTLD_NEXT, "connect");
  return system_connect(fd, name, length);
}
