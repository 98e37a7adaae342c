/* The simulator's system layer on POSIX: an event is a descriptor that takes 8 bytes. */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC with -std=c11; macOS: the relative condition wait */

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "ras_abi.h"
#include "os.h"

#define NS_PER_S 1000000000ull

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static void (*body)(void); /* what the thread runs */
static bool started;

void rassim__lock(void) { pthread_mutex_lock(&lock); }

void rassim__unlock(void) { pthread_mutex_unlock(&lock); }

static struct timespec timespec_of(uint64_t ns) {
  struct timespec time;
  time.tv_sec = (time_t)(ns / NS_PER_S);
  time.tv_nsec = (long)(ns % NS_PER_S);
  return time;
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

void rassim__wait(uint64_t ns) {
  struct timespec deadline = timespec_of(read_clock(CLOCK_REALTIME) + ns);
  pthread_cond_timedwait(&woken, &lock, &deadline);
}

void rassim__wake(void) { pthread_cond_broadcast(&woken); }

uint64_t rassim__monotonic_ns(void) { return read_clock(CLOCK_MONOTONIC); }

static void *run_thread(void *unused) {
  (void)unused;
  body();
  return NULL;
}

uint32_t rassim__thread_start(void (*run)(void)) {
  body = run;
  started = !pthread_create(&thread, NULL, run_thread, NULL);
  return started ? RAS_SUCCESS : RAS_ERROR_NOT_ENOUGH_MEMORY;
}

void rassim__thread_join(void) {
  pthread_join(thread, NULL);
  started = false;
}

bool rassim__on_thread(void) { return started && pthread_equal(thread, pthread_self()); }

static void *pointer_of(int descriptor) { return (void *)(intptr_t)descriptor; }

static int descriptor_of(void *event) { return (int)(intptr_t)event; }

uint32_t rassim__event_duplicate(void *event, void **duplicate_out) {
  int flags = fcntl(descriptor_of(event), F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return RAS_ERROR_INVALID_HANDLE;
  int duplicate = fcntl(descriptor_of(event), F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return RAS_ERROR_INVALID_HANDLE;
#ifdef F_SETNOSIGPIPE /* macOS: a reader that closed must not end the process */
  fcntl(duplicate, F_SETNOSIGPIPE, 1);
#endif
  *duplicate_out = pointer_of(duplicate);
  return RAS_SUCCESS;
}

void rassim__event_set(void *duplicate) {
  const uint64_t one = 1;
  /* A full pipe is an event that is set already; a closed reader no longer waits. */
  ssize_t written = write(descriptor_of(duplicate), &one, sizeof one);
  (void)written;
}

void rassim__event_close(void *duplicate) { close(descriptor_of(duplicate)); }
