/* The baseline for connect_many: the same work in a plain C loop. It uses non-blocking connects and
 * epoll, ends each connection with a reset, and records each outcome and time. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  uint64_t elapsed_ns;
  int32_t error;
  int32_t fd;
} bare_outcome;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void close_attempt(bare_outcome *outcome, int error) {
  struct linger at_once = {1, 0};
  outcome->elapsed_ns = now_ns() - outcome->elapsed_ns;
  outcome->error = error;
  if (!error) setsockopt(outcome->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(outcome->fd);
}

static int begin(int poller, const struct sockaddr_in *target, uint32_t index,
                 bare_outcome *outcome) {
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
  outcome->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (outcome->fd < 0) return -1;
  outcome->elapsed_ns = now_ns();
  if (connect(outcome->fd, (const struct sockaddr *)target, sizeof *target) &&
      errno != EINPROGRESS) {
    close_attempt(outcome, errno);
    return 0;
  }
  epoll_ctl(poller, EPOLL_CTL_ADD, outcome->fd, &event);
  return 1;
}

/* Returns 0, or -1 if no socket could be opened or nothing happened for timeout_ms. */
int bare_connect_many(const struct sockaddr_in *targets, uint32_t count, uint32_t concurrency,
                      int timeout_ms, bare_outcome *outcomes) {
  struct epoll_event events[256];
  uint32_t next = 0, in_flight = 0;
  int poller = epoll_create1(EPOLL_CLOEXEC);
  while (next < count || in_flight) {
    while (next < count && in_flight < concurrency) {
      int begun = begin(poller, &targets[next], next, &outcomes[next]);
      if (begun < 0) return -1;
      in_flight += (uint32_t)begun;
      next++;
    }
    int ready = epoll_wait(poller, events, 256, timeout_ms);
    if (ready <= 0) return -1;
    for (int i = 0; i < ready; i++) {
      bare_outcome *outcome = &outcomes[events[i].data.u32];
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(outcome->fd, SOL_SOCKET, SO_ERROR, &error, &length);
      close_attempt(outcome, error);
      in_flight--;
    }
  }
  close(poller);
  return 0;
}
