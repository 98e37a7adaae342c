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
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct rn__mutex {
  pthread_mutex_t mutex;
};

/* A pipe stands for a manual-reset event: readable while set. */
struct rn_event {
  int read_fd;
  int write_fd;
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

uint32_t rn__library_open(const char *path, void **library_out) {
  *library_out = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  return *library_out ? 0 : ENOEXEC; /* dlopen gives no number */
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

uint32_t rn_event_new(rn_event **event_out, uint32_t *os_error_out) {
  rn_event *event = malloc(sizeof *event);
  int fds[2];
  *event_out = NULL;
  *os_error_out = 0;
  if (!event) return RN_E_NO_MEMORY;
  if (pipe(fds)) {
    *os_error_out = (uint32_t)errno;
    free(event);
    return RN_E_OS;
  }
  for (int i = 0; i < 2; i++) {
    fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
  }
  event->read_fd = fds[0];
  event->write_fd = fds[1];
  *event_out = event;
  return 0;
}

void rn_event_free(rn_event *event) {
  if (event) {
    close(event->read_fd);
    close(event->write_fd);
    free(event);
  }
}

int64_t rn_event_handle(rn_event *event) { return event->read_fd; }

void *rn__event_for_provider(rn_event *event) { return (void *)(intptr_t)event->write_fd; }

uint32_t rn_event_set(rn_event *event) {
  uint64_t one = 1;
  /* A full pipe is a set event. */
  if (write(event->write_fd, &one, sizeof one) < 0 && errno != EAGAIN) return RN_E_OS;
  return 0;
}

uint32_t rn_event_reset(rn_event *event) {
  char drain[512];
  /* A pipe holds a bounded amount; whoever writes on while this reads has set it again. */
  for (int i = 0; i < 256; i++) {
    ssize_t got = read(event->read_fd, drain, sizeof drain);
    if (got < 0) return errno == EAGAIN ? 0 : RN_E_OS;
    if (got < (ssize_t)sizeof drain) break;
  }
  return 0;
}

uint32_t rn_event_wait(rn_event *event, rn_event *cancel, uint64_t slice_ns) {
  struct pollfd fds[2] = {{event ? event->read_fd : -1, POLLIN, 0},
                          {cancel ? cancel->read_fd : -1, POLLIN, 0}};
  /* poll counts in ms; rounded up, so that a short slice is not a busy loop */
  uint64_t ms = (slice_ns + 999999) / 1000000;
  int ready = poll(fds, 2, ms > 60000 ? 60000 : (int)ms);
  if (ready < 0) return errno == EINTR ? RN_E_AGAIN : RN_E_OS;
  if (fds[0].revents & POLLIN) return 0;
  if (fds[1].revents & POLLIN) return RN_E_CANCELLED;
  return ready ? RN_E_OS : RN_E_AGAIN;
}

uint64_t rn_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void rn__yield(void) { sched_yield(); }

#if defined(__x86_64__)
int rn__has_avx2(void) { return !!__builtin_cpu_supports("avx2"); }
#else
int rn__has_avx2(void) { return 0; }
#endif
