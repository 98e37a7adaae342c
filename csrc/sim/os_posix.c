/* The functions of os.h on POSIX. An event is a descriptor to which 8 bytes can be written. */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC with -std=c11; macOS: the relative condition wait */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os.h"
#include "ras_abi.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS has F_SETNOSIGPIPE instead */
#endif

#define NS_PER_S 1000000000ull

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static void (*body)(void); /* the thread's function */
static bool started;
static void (*in_child)(void); /* NULL: nothing to do after a fork */

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

uint64_t rassim__utc_ns(void) { return read_clock(CLOCK_REALTIME); }

void rassim__set_error(uint32_t code) { errno = (int)code; }

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
  rassim__lock();
  started = false;
  rassim__unlock();
}

bool rassim__on_thread(void) { return started && pthread_equal(thread, pthread_self()); }

/* fork() runs with the lock held, so no other thread is inside the simulator. */

void rassim__on_fork(void (*run)(void)) { in_child = run; }

static void after_fork_in_child(void) {
  pthread_cond_init(&woken, NULL); /* the child lacks the threads that waited for it */
  started = false;
  if (in_child) in_child();
  rassim__unlock();
}

__attribute__((constructor)) static void register_fork_handlers(void) {
  pthread_atfork(rassim__lock, rassim__unlock, after_fork_in_child);
}

/* Events. */

static void *pointer_of(int descriptor) { return (void *)(intptr_t)descriptor; }

static int descriptor_of(void *event) { return (int)(intptr_t)event; }

uint32_t rassim__event_duplicate(void *event, void **duplicate_out) {
  int flags = fcntl(descriptor_of(event), F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return RAS_ERROR_INVALID_HANDLE;
  int duplicate = fcntl(descriptor_of(event), F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return RAS_ERROR_INVALID_HANDLE;
#ifdef F_SETNOSIGPIPE /* macOS: writing after the reader closed must not end the process */
  fcntl(duplicate, F_SETNOSIGPIPE, 1);
#endif
  *duplicate_out = pointer_of(duplicate);
  return RAS_SUCCESS;
}

/* Whether `signal` is pending for this thread. */
static bool is_pending(int signal) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, signal) == 1;
}

/* Writes with SIGPIPE blocked, and removes a SIGPIPE that this write raised. */
static ssize_t write_without_signal(int descriptor, const void *bytes, size_t size) {
  sigset_t broken_pipe, before;
  int signal;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  bool was_pending = is_pending(SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  ssize_t written = write(descriptor, bytes, size);
  int error = errno;
  if (!was_pending && is_pending(SIGPIPE)) sigwait(&broken_pipe, &signal);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return written;
}

static short poll_events(int descriptor) {
  struct pollfd polled = {descriptor, POLLOUT, 0};
  return poll(&polled, 1, 0) > 0 ? polled.revents : 0;
}

/* Writes nothing to a full pipe or eventfd, because the write might block. */
static ssize_t write_unless_full(int descriptor, const void *bytes, size_t size) {
  if (poll_events(descriptor)) return write_without_signal(descriptor, bytes, size);
  errno = EAGAIN;
  return -1;
}

bool rassim__event_set(void *duplicate) {
  const uint64_t one = 1;
  int descriptor = descriptor_of(duplicate);
  ssize_t written = send(descriptor, &one, sizeof one, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (written < 0 && errno == ENOTSOCK) {
    written = write_unless_full(descriptor, &one, sizeof one);
  }
  /* If the pipe or socket is full, the event is set already. */
  return written >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
         errno == EINTR;
}

bool rassim__event_is_heard(void *duplicate) {
  return !(poll_events(descriptor_of(duplicate)) & (POLLERR | POLLHUP));
}

void rassim__event_close(void *duplicate) { close(descriptor_of(duplicate)); }
