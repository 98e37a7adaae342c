/* The system below the RAS half: POSIX. RAS itself exists only on Windows; here a provider
 * is the simulator or a test's own library. */
#define _GNU_SOURCE
#include "os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: the sockets have SO_NOSIGPIPE instead */
#endif

struct rn__mutex {
  pthread_mutex_t mutex;
};

/* A pair of connected sockets stands for a manual-reset event: `reader` is readable while it is
 * set. A pipe would not do: writing to one whose reader is closed ends the process by SIGPIPE. */
struct rn_event {
  int reader;
  int writer;
};

rn__mutex *rn__mutex_new(void) {
  rn__mutex *mutex = malloc(sizeof *mutex);
  if (mutex && pthread_mutex_init(&mutex->mutex, NULL)) {
    free(mutex);
    return NULL;
  }
  return mutex;
}

void rn__mutex_free(rn__mutex *mutex) {
  if (mutex) {
    pthread_mutex_destroy(&mutex->mutex);
    free(mutex);
  }
}

void rn__mutex_lock(rn__mutex *mutex) { pthread_mutex_lock(&mutex->mutex); }

void rn__mutex_unlock(rn__mutex *mutex) { pthread_mutex_unlock(&mutex->mutex); }

uint32_t rn__load(const uint32_t *value) { return __atomic_load_n(value, __ATOMIC_RELAXED); }

void rn__store(uint32_t *value, uint32_t to) { __atomic_store_n(value, to, __ATOMIC_RELAXED); }

uint32_t rn__library_open(const char *path, void **library_out, char *reason_out) {
  *library_out = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (*library_out) return 0;
  const char *reason = path ? dlerror() : NULL;
  snprintf(reason_out, RN_REASON_SIZE, "%s", reason ? reason : "RAS exists only on Windows");
  return ENOEXEC; /* dlopen gives a text and no number */
}

void rn__library_close(void *library) { dlclose(library); }

rn__function rn__library_find(void *library, const char *name) {
  union {
    void *object;
    rn__function function;
  } found; /* ISO C has no cast between the two; POSIX says they are alike */
  found.object = dlsym(library, name);
  return found.function;
}

static uint32_t last_error(void) { return rn__os_code((uint32_t)errno); }

/* The sockets close in other programs that this process starts, and they never block. */
static int new_pair(int pair_out[2]) {
#ifdef SOCK_CLOEXEC
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair_out);
#else /* macOS */
  const int on = 1;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair_out)) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(pair_out[i], F_SETFD, FD_CLOEXEC);
    fcntl(pair_out[i], F_SETFL, O_NONBLOCK);
    setsockopt(pair_out[i], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  }
  return 0;
#endif
}

uint32_t rn_event_new(rn_event **event_out) {
  rn_event *event = malloc(sizeof *event);
  int pair[2];
  *event_out = NULL;
  if (!event) return RN_E_NO_MEMORY;
  if (new_pair(pair)) {
    uint32_t code = last_error();
    free(event);
    return code;
  }
  event->reader = pair[0];
  event->writer = pair[1];
  *event_out = event;
  return 0;
}

void rn_event_free(rn_event *event) {
  if (event) {
    close(event->reader);
    close(event->writer);
    free(event);
  }
}

int64_t rn_event_handle(rn_event *event) { return event->reader; }

void *rn__event_for_provider(rn_event *event) { return (void *)(intptr_t)event->writer; }

static int is_full_or_empty(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

uint32_t rn_event_set(rn_event *event) {
  const char one = 1;
  /* A full socket is a set event. */
  if (send(event->writer, &one, sizeof one, MSG_NOSIGNAL) < 0 && !is_full_or_empty(errno))
    return last_error();
  return 0;
}

uint32_t rn_event_reset(rn_event *event) {
  char drain[512];
  /* A socket holds a bounded amount; whoever sends more while this reads has set it again. */
  for (int i = 0; i < 256; i++) {
    ssize_t got = recv(event->reader, drain, sizeof drain, 0);
    if (got < 0) return is_full_or_empty(errno) ? 0 : last_error();
    if (got < (ssize_t)sizeof drain) break;
  }
  return 0;
}

uint32_t rn_event_wait(rn_event *event, rn_event *cancel, uint64_t slice_ns) {
  struct pollfd fds[2] = {{event ? event->reader : -1, POLLIN, 0},
                          {cancel ? cancel->reader : -1, POLLIN, 0}};
  /* poll counts in ms; rounded up, so that a short slice is not a busy loop */
  uint64_t ms = (slice_ns + 999999) / 1000000;
  int ready = poll(fds, 2, ms > 60000 ? 60000 : (int)ms);
  if (ready < 0) return errno == EINTR ? RN_E_AGAIN : last_error();
  if (fds[0].revents & POLLIN) return 0;
  if (fds[1].revents & POLLIN) return RN_E_CANCELLED;
  return ready ? rn__os_code(EBADF) : RN_E_AGAIN;
}

uint64_t rn_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void rn__yield(void) { sched_yield(); }
