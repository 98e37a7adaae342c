/* The functions of net.h that only Linux has: epoll's cost does not depend on how many sockets do
 * not answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define ANSWERS 256 /* how many one wait takes */

struct rn__waiter {
  int epoll; /* owned; -1 until the first socket is added */
  int count; /* answers that the last wait found */
  int next;  /* the first that rn__waiter_next has not returned */
  struct epoll_event answers[ANSWERS];
};

void rn_set_syn_retries(int64_t socket, uint32_t retries) {
  int count = retries ? (int)retries : 1; /* the least that Linux accepts */
  if (retries == RN_SYN_RETRIES_UNSET) return;
  setsockopt((int)socket, IPPROTO_TCP, TCP_SYNCNT, &count, sizeof count);
}

rn__waiter *rn__waiter_new(uint32_t capacity) {
  rn__waiter *waiter = calloc(1, sizeof *waiter);
  (void)capacity;
  if (waiter) waiter->epoll = -1;
  return waiter;
}

void rn__waiter_free(rn__waiter *waiter) {
  if (waiter && waiter->epoll >= 0) close(waiter->epoll);
  free(waiter);
}

/* EPOLLONESHOT: after its answer a socket is never reported again, even if a forked process keeps
 * it open. */
uint32_t rn__waiter_add(rn__waiter *waiter, uint32_t slot, rn__socket socket) {
  struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT};
  event.data.u64 = (uint64_t)slot << 32 | (uint32_t)socket;
  if (waiter->epoll < 0) waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (waiter->epoll < 0) return (uint32_t)errno;
  return epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, (int)socket, &event) ? (uint32_t)errno : 0;
}

void rn__waiter_remove(rn__waiter *waiter, uint32_t slot, rn__socket socket) {
  struct epoll_event unused = {0}; /* Linux before 2.6.9 needs one */
  (void)slot;
  epoll_ctl(waiter->epoll, EPOLL_CTL_DEL, (int)socket, &unused);
}

uint32_t rn__waiter_wait(rn__waiter *waiter, uint64_t timeout_ns) {
  /* Round up to whole ms: a wait of 0 ms would make a busy loop. */
  uint64_t ms = (timeout_ns + 999999) / 1000000;
  int timeout = ms > 60000 ? 60000 : (int)ms;
  waiter->count = waiter->next = 0;
  if (waiter->epoll < 0) {
    if (poll(NULL, 0, timeout) >= 0) return 0;
  } else {
    int count = epoll_wait(waiter->epoll, waiter->answers, ANSWERS, timeout);
    if (count >= 0) {
      waiter->count = count;
      return 0;
    }
  }
  return errno == EINTR ? RN_E_AGAIN : (uint32_t)errno;
}

int rn__waiter_next(rn__waiter *waiter, uint32_t *slot_out, uint32_t *answer_out) {
  uint64_t found;
  int error = 0;
  socklen_t length = sizeof error;
  if (waiter->next == waiter->count) return 0;
  found = waiter->answers[waiter->next++].data.u64;
  if (getsockopt((int)(uint32_t)found, SOL_SOCKET, SO_ERROR, &error, &length)) error = errno;
  *slot_out = (uint32_t)(found >> 32);
  *answer_out = (uint32_t)error;
  return 1;
}
