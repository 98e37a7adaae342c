/* The functions of net.h on macOS, BSD and other POSIX systems without epoll. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net.h"
#include "waiting.h"

struct rn__waiter {
  rn__waiting waiting;
  uint32_t unseen;    /* fds below this index may have an answer to take */
  struct pollfd *fds; /* owned */
};

/* macOS and BSD have no such option. */
void rn_set_syn_retries(int64_t socket, uint32_t retries) { (void)socket, (void)retries; }

rn__waiter *rn__waiter_new(uint32_t capacity) {
  rn__waiter *waiter = calloc(1, sizeof *waiter);
  if (!waiter) return NULL;
  waiter->fds = malloc(capacity * sizeof *waiter->fds);
  if (rn__waiting_new(&waiter->waiting, capacity) && waiter->fds) return waiter;
  rn__waiter_free(waiter);
  return NULL;
}

void rn__waiter_free(rn__waiter *waiter) {
  if (!waiter) return;
  rn__waiting_free(&waiter->waiting);
  free(waiter->fds);
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

uint32_t rn__waiter_wait(rn__waiter *waiter, uint64_t timeout_ns) {
  /* Round up to whole ms: a wait of 0 ms would make a busy loop. */
  uint64_t ms = (timeout_ns + 999999) / 1000000;
  uint32_t count = waiter->waiting.count;
  waiter->unseen = 0;
  for (uint32_t i = 0; i < count; i++) {
    waiter->fds[i].fd = (int)waiter->waiting.sockets[i];
    waiter->fds[i].events = POLLOUT;
    waiter->fds[i].revents = 0;
  }
  if (poll(waiter->fds, count, ms > 60000 ? 60000 : (int)ms) < 0) {
    return errno == EINTR ? RN_E_AGAIN : (uint32_t)errno;
  }
  waiter->unseen = count;
  return 0;
}

/* Goes backwards: rn__waiting_remove moves the last socket to `index`, and it was seen already. */
int rn__waiter_next(rn__waiter *waiter, uint32_t *slot_out, uint32_t *answer_out) {
  while (waiter->unseen) {
    uint32_t index = --waiter->unseen;
    int error = 0;
    socklen_t length = sizeof error;
    if (!waiter->fds[index].revents) continue;
    if (getsockopt(waiter->fds[index].fd, SOL_SOCKET, SO_ERROR, &error, &length)) error = errno;
    *slot_out = waiter->waiting.slots[index];
    *answer_out = (uint32_t)error;
    rn__waiting_remove(&waiter->waiting, *slot_out);
    return 1;
  }
  return 0;
}
