/* To be preloaded: counts the connects, lets the first ones be refused, and records TCP_SYNCNT.
 *
 * A refused connect goes to another port, which refuses. No packet leaves loopback: a connect to
 * another address is refused here. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int connects, refused_connects, refusing_port, syn_counts[64], syn_count_calls;

/* Starts to count again. The first `refused` connects go to `port`. */
void watch_connects(int refused, int port) {
  connects = syn_count_calls = 0;
  refused_connects = refused;
  refusing_port = port;
}

int watched_connects(void) { return connects; }

/* Copies the numbers that TCP_SYNCNT was set to; returns how many. `counts_out` holds 64. */
int watched_syn_counts(int *counts_out) {
  for (int i = 0; i < syn_count_calls && i < 64; i++) counts_out[i] = syn_counts[i];
  return syn_count_calls;
}

int connect(int fd, const struct sockaddr *name, socklen_t length) {
  int (*system_connect)(int, const struct sockaddr *, socklen_t);
  struct sockaddr_in target;
  int failed;
  *(void **)&system_connect = dlsym(RTLD_NEXT, "connect");
  if (name->sa_family != AF_INET) return system_connect(fd, name, length);
  target = *(const struct sockaddr_in *)(const void *)name;
  connects++;
  if (ntohl(target.sin_addr.s_addr) >> 24 != 127) {
    errno = ECONNREFUSED;
    return -1;
  }
  if (connects <= refused_connects) target.sin_port = htons((unsigned short)refusing_port);
  failed = system_connect(fd, (const struct sockaddr *)&target, sizeof target);
  if (failed && errno == ECONNABORTED) connects--; /* it only told of the refusal before */
  return failed;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length) {
  int (*system_setsockopt)(int, int, int, const void *, socklen_t);
  *(void **)&system_setsockopt = dlsym(RTLD_NEXT, "setsockopt");
  if (level == IPPROTO_TCP && option == TCP_SYNCNT && syn_count_calls < 64) {
    syn_counts[syn_count_calls++] = *(const int *)value;
  }
  return system_setsockopt(fd, level, option, value, length);
}
