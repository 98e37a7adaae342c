/* The functions of os.h on POSIX. RAS exists only on Windows: here the provider is the simulator or
 * a test's own library. */
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
#define MSG_NOSIGNAL 0 /* macOS has SO_NOSIGPIPE instead */
#endif

struct rn__mutex {
  pthread_mutex_t mutex;
};

/* A manual-reset event is a pair of connected sockets: `reader` is readable while it is set. A pipe
 * is no substitute: writing to it after its reader is closed raises SIGPIPE. */
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

void rn__store(uint32_t *value, uint32_t number) {
  __atomic_store_n(value, number, __ATOMIC_RELAXED);
}

uint32_t rn__library_open(const char *path, void **library_out, char *reason_out) {
  *library_out = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (*library_out) return 0;
  const char *reason = path ? dlerror() : NULL;
  snprintf(reason_out, RN_REASON_SIZE, "%s", reason ? reason : "RAS exists only on Windows");
  return ENOEXEC; /* dlopen gives a text, but no number */
}

void rn__library_close(void *library) { dlclose(library); }

rn__function rn__library_find(void *library, const char *name) {
  union {
    void *object;
    rn__function function;
  } found; /* ISO C cannot cast an object pointer to a function; POSIX lets both share a value */
  found.object = dlsym(library, name);
  return found.function;
}

static uint32_t last_error(void) { return rn__os_code((uint32_t)errno); }

/* Both sockets are non-blocking, and programs that this process starts do not inherit them. */
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

int64_t rn_event_for_provider(rn_event *event) { return event->writer; }

static int is_full_or_empty(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

uint32_t rn_event_set(rn_event *event) {
  const char one = 1;
  /* If the socket is full, the event is set already. */
  if (send(event->writer, &one, sizeof one, MSG_NOSIGNAL) < 0 && !is_full_or_empty(errno))
    return last_error();
  return 0;
}

uint32_t rn_event_reset(rn_event *event) {
  char drain[512];
  /* A socket holds a bounded amount. If more arrives, somebody has set the event again. */
  for (int i = 0; i < 256; i++) {
    ssize_t got = recv(event->reader, drain, sizeof drain, 0);
    if (got < 0) return is_full_or_empty(errno) ? 0 : last_error();
    if (got < (ssize_t)sizeof drain) break;
  }
  return 0;
}

uint64_t rn_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ppoll itself takes nanoseconds, so the timer is empty. */
struct rn__timer {
  int unused;
};

uint32_t rn__timer_new(rn__timer **timer_out) {
  *timer_out = calloc(1, sizeof **timer_out);
  return *timer_out ? 0 : RN_E_NO_MEMORY;
}

void rn__timer_free(rn__timer *timer) { free(timer); }

static int poll_for_ns(struct pollfd *fds, uint32_t count, uint64_t ns) {
#ifdef __linux__
  const struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
  return ppoll(fds, count, &time, NULL);
#else
  const uint64_t ms = (ns + 999999) / 1000000;
  return poll(fds, count, ms > INT32_MAX ? INT32_MAX : (int)ms);
#endif
}

uint32_t rn__wait_until(rn__timer *timer, rn_event *const *events, uint32_t count,
                        uint64_t until_ns, uint32_t *set_out) {
  struct pollfd fds[RN_MAX_WATCH_EVENTS + 1];
  const uint64_t now_ns = rn_now_ns();
  (void)timer;
  *set_out = 0;
  for (uint32_t i = 0; i < count; i++) {
    fds[i].fd = events[i]->reader;
    fds[i].events = POLLIN;
    fds[i].revents = 0;
  }
  int ready = poll_for_ns(fds, count, until_ns > now_ns ? until_ns - now_ns : 0);
  if (ready < 0) return errno == EINTR ? 0 : last_error();
  for (uint32_t i = 0; i < count; i++) {
    if (fds[i].revents & ~POLLIN) return rn__os_code(EBADF);
    if (fds[i].revents) *set_out |= 1u << i;
  }
  return 0;
}

#ifdef CLOCK_BOOTTIME
static uint64_t read_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* CLOCK_BOOTTIME counts while the system sleeps, CLOCK_MONOTONIC does not. If this thread was
 * interrupted between the two, it reads both again. */
uint64_t rn__suspended_ns(void) {
  uint64_t awake_ns = 0, all_ns = 0;
  for (int i = 0; i < 100; i++) {
    awake_ns = read_ns(CLOCK_MONOTONIC);
    all_ns = read_ns(CLOCK_BOOTTIME);
    if (read_ns(CLOCK_MONOTONIC) - awake_ns < RN_SUSPENDED_NS / 4) break;
  }
  return all_ns > awake_ns ? all_ns - awake_ns : 0;
}
#else
uint64_t rn__suspended_ns(void) { return 0; }
#endif

void rn__yield(void) { sched_yield(); }
