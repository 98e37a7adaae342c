/* The functions of os.h on Windows. */
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif
#include <windows.h>

#include "os.h"
#include "ras_abi.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define FILETIME_OF_1970 116444736000000000ull
#define LONGEST_MS 0x7FFFFFFFull

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE woken = CONDITION_VARIABLE_INIT;
static void (*body)(void); /* the thread's function */
static HANDLE thread;
static DWORD thread_id;

void rassim__lock(void) { AcquireSRWLockExclusive(&lock); }

void rassim__unlock(void) { ReleaseSRWLockExclusive(&lock); }

/* Rounds up, because a wait must not end too early. */
static DWORD milliseconds(uint64_t ns) {
  uint64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
  return (DWORD)(ms < LONGEST_MS ? ms : LONGEST_MS);
}

void rassim__wait(uint64_t ns) { SleepConditionVariableSRW(&woken, &lock, milliseconds(ns), 0); }

void rassim__wake(void) { WakeAllConditionVariable(&woken); }

uint64_t rassim__monotonic_ns(void) {
  LARGE_INTEGER frequency, count;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&count);
  uint64_t per_second = (uint64_t)frequency.QuadPart, ticks = (uint64_t)count.QuadPart;
  return ticks / per_second * NS_PER_S + ticks % per_second * NS_PER_S / per_second;
}

uint64_t rassim__utc_ns(void) {
  FILETIME now; /* in 100 ns since 1601 */
  GetSystemTimeAsFileTime(&now);
  uint64_t since_1601 = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
  return (since_1601 - FILETIME_OF_1970) * 100;
}

void rassim__set_error(uint32_t code) { SetLastError(code); }

static DWORD WINAPI run_thread(void *unused) {
  (void)unused;
  body();
  return 0;
}

uint32_t rassim__thread_start(void (*run)(void)) {
  body = run;
  thread = CreateThread(NULL, 0, run_thread, NULL, 0, &thread_id);
  return thread ? RAS_SUCCESS : RAS_ERROR_NOT_ENOUGH_MEMORY;
}

void rassim__thread_join(void) {
  WaitForSingleObject(thread, INFINITE);
  rassim__lock();
  CloseHandle(thread);
  thread = NULL;
  rassim__unlock();
}

bool rassim__on_thread(void) { return thread && GetCurrentThreadId() == thread_id; }

void rassim__on_fork(void (*run)(void)) { (void)run; }

uint32_t rassim__event_duplicate(void *event, void **duplicate_out) {
  HANDLE process = GetCurrentProcess();
  if (!event || event == INVALID_HANDLE_VALUE) return RAS_ERROR_INVALID_HANDLE;
  if (!DuplicateHandle(process, event, process, duplicate_out, EVENT_MODIFY_STATE, FALSE, 0)) {
    return RAS_ERROR_INVALID_HANDLE;
  }
  return RAS_SUCCESS;
}

/* The duplicate keeps the event open, so SetEvent succeeds even after the caller closes its own
 * handle. Nothing shows whether anybody still waits. */
bool rassim__event_set(void *duplicate) {
  SetEvent(duplicate);
  return true;
}

bool rassim__event_is_heard(void *duplicate) {
  (void)duplicate;
  return true;
}

void rassim__event_close(void *duplicate) { CloseHandle(duplicate); }
