/*
 * The baseline for watching, in plain C threads: polling at a rate, and waiting for RAS' event.
 * bench_monitor.py compiles it.
 */
#ifdef _WIN32
#include <stdint.h>
#include <windows.h>

/* Waits until `event` is set, resets it, and returns when it woke; 0 after a second. */
__declspec(dllexport) uint64_t bare_event(intptr_t event) {
  LARGE_INTEGER woken, frequency;
  if (WaitForSingleObject((HANDLE)event, 1000) != WAIT_OBJECT_0) return 0;
  QueryPerformanceCounter(&woken);
  QueryPerformanceFrequency(&frequency);
  ResetEvent((HANDLE)event);
  return (uint64_t)woken.QuadPart / (uint64_t)frequency.QuadPart * 1000000000u +
         (uint64_t)woken.QuadPart % (uint64_t)frequency.QuadPart * 1000000000u /
             (uint64_t)frequency.QuadPart;
}
#else
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "ras_abi.h"

typedef uint32_t(RAS_CALL *enum_fn)(rn_RASCONNW *, uint32_t *, uint32_t *);
typedef uint32_t(RAS_CALL *status_fn)(HRASCONN, rn_RASCONNSTATUSW *);

static uint64_t read_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Polls `polls` times, every interval_ns; returns the CPU time of this thread. */
uint64_t bare_watch(enum_fn enumerate, status_fn ask, rn_RASCONNW *connections, uint32_t size,
                    uint64_t interval_ns, uint32_t polls) {
  rn_RASCONNSTATUSW status;
  uint64_t begun_ns = read_ns(CLOCK_THREAD_CPUTIME_ID), due_ns = read_ns(CLOCK_MONOTONIC);
  for (uint32_t poll = 0; poll < polls; poll++) {
    uint32_t bytes = size, count = 0;
    connections[0].dwSize = sizeof *connections;
    if (enumerate(connections, &bytes, &count)) return 0;
    for (uint32_t i = 0; i < count; i++) {
      status.dwSize = sizeof status;
      ask(connections[i].hrasconn, &status);
    }
    due_ns += interval_ns;
    struct timespec due = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
  }
  return read_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
}

/* Waits until `event` is readable, reads it empty, and returns when it woke; 0 after a second. */
uint64_t bare_event(intptr_t event) {
  struct pollfd waited = {(int)event, POLLIN, 0};
  char drain[64];
  if (poll(&waited, 1, 1000) != 1) return 0;
  uint64_t woken_ns = read_ns(CLOCK_MONOTONIC);
  while (recv((int)event, drain, sizeof drain, MSG_DONTWAIT) > 0) {
  }
  return woken_ns;
}
#endif
