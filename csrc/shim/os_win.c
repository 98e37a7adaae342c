/* The functions of os.h on Windows. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdlib.h>

#include "os.h"

struct rn__mutex {
  SRWLOCK lock;
};

struct rn_event {
  HANDLE handle;
};

static uint32_t last_error(void) { return rn__os_code(GetLastError()); }

rn__mutex *rn__mutex_new(void) {
  rn__mutex *mutex = malloc(sizeof *mutex);
  if (mutex) InitializeSRWLock(&mutex->lock);
  return mutex;
}

void rn__mutex_free(rn__mutex *mutex) { free(mutex); }

void rn__mutex_lock(rn__mutex *mutex) { AcquireSRWLockExclusive(&mutex->lock); }

void rn__mutex_unlock(rn__mutex *mutex) { ReleaseSRWLockExclusive(&mutex->lock); }

/* Windows makes aligned 32-bit accesses atomic; volatile makes the compiler access only once. */
uint32_t rn__load(const uint32_t *value) { return *(const volatile uint32_t *)value; }

void rn__store(uint32_t *value, uint32_t number) { *(volatile uint32_t *)value = number; }

/* Converts UTF-8 to UTF-16; the caller frees. Returns NULL for bad UTF-8 or without memory. */
static wchar_t *widen(const char *text) {
  int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
  wchar_t *wide = length > 0 ? malloc((size_t)length * sizeof *wide) : NULL;
  if (wide) MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, length);
  return wide;
}

/* A library at `path` may load others from its own folder and System32. */
uint32_t rn__library_open(const char *path, void **library_out, char *reason_out) {
  *library_out = NULL;
  reason_out[0] = 0; /* the error number is enough: Windows has a text for each */
  if (!path) {
    *library_out = LoadLibraryExW(L"rasapi32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    return *library_out ? 0 : GetLastError();
  }
  wchar_t *wide = widen(path);
  if (!wide) return ERROR_INVALID_NAME;
  *library_out =
      LoadLibraryExW(wide, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32 | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
  uint32_t error = *library_out ? 0 : GetLastError();
  free(wide);
  return error;
}

void rn__library_close(void *library) { FreeLibrary(library); }

rn__function rn__library_find(void *library, const char *name) {
  return (rn__function)(void (*)(void))GetProcAddress(library, name);
}

uint32_t rn_event_new(rn_event **event_out) {
  rn_event *event = malloc(sizeof *event);
  *event_out = NULL;
  if (!event) return RN_E_NO_MEMORY;
  event->handle = CreateEventW(NULL, TRUE, FALSE, NULL);
  if (!event->handle) {
    uint32_t code = last_error();
    free(event);
    return code;
  }
  *event_out = event;
  return 0;
}

void rn_event_free(rn_event *event) {
  if (event) {
    CloseHandle(event->handle);
    free(event);
  }
}

int64_t rn_event_handle(rn_event *event) { return (int64_t)(intptr_t)event->handle; }

int64_t rn_event_for_provider(rn_event *event) { return rn_event_handle(event); }

uint32_t rn_event_set(rn_event *event) { return SetEvent(event->handle) ? 0 : last_error(); }

uint32_t rn_event_reset(rn_event *event) { return ResetEvent(event->handle) ? 0 : last_error(); }

uint64_t rn_now_ns(void) {
  LARGE_INTEGER now, frequency;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&frequency);
  uint64_t ticks = (uint64_t)now.QuadPart, per_second = (uint64_t)frequency.QuadPart;
  return ticks / per_second * 1000000000u + ticks % per_second * 1000000000u / per_second;
}

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002 /* Windows 10, version 1803 */
#endif

struct rn__timer {
  HANDLE handle;
};

uint32_t rn__timer_new(rn__timer **timer_out) {
  rn__timer *timer = malloc(sizeof *timer);
  *timer_out = NULL;
  if (!timer) return RN_E_NO_MEMORY;
  timer->handle = CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
                                         TIMER_MODIFY_STATE | SYNCHRONIZE);
  if (!timer->handle) timer->handle = CreateWaitableTimerW(NULL, FALSE, NULL);
  if (!timer->handle) {
    uint32_t code = last_error();
    free(timer);
    return code;
  }
  *timer_out = timer;
  return 0;
}

void rn__timer_free(rn__timer *timer) {
  if (timer) {
    CloseHandle(timer->handle);
    free(timer);
  }
}

/* Sleeps until one of the handles is set, at most `ns`. `handles` has one more element, for the
 * timer's handle. */
static int sleep_for(rn__timer *timer, HANDLE *handles, uint32_t count, uint64_t ns) {
  const uint64_t rounded = (ns + 999999) / 1000000;
  DWORD ms = rounded > 60000 ? 60000 : (DWORD)rounded;
  if (timer) {
    LARGE_INTEGER due; /* in units of 100 ns; a negative number counts from now */
    due.QuadPart = -(LONGLONG)((ns + 99) / 100);
    if (!SetWaitableTimer(timer->handle, &due, 0, NULL, NULL, FALSE)) return 0;
    handles[count++] = timer->handle;
    ms = INFINITE;
  }
  if (count) return WaitForMultipleObjects(count, handles, FALSE, ms) != WAIT_FAILED;
  Sleep(ms);
  return 1;
}

uint32_t rn__wait_until(rn__timer *timer, rn_event *const *events, uint32_t count,
                        uint64_t until_ns, uint32_t *set_out) {
  HANDLE handles[RN_MAX_WATCH_EVENTS + 2];
  const uint64_t now_ns = rn_now_ns();
  *set_out = 0;
  for (uint32_t i = 0; i < count; i++) handles[i] = events[i]->handle;
  if (until_ns > now_ns && !sleep_for(timer, handles, count, until_ns - now_ns))
    return last_error();
  for (uint32_t i = 0; i < count; i++) { /* a wait does not reset a manual-reset event */
    DWORD answer = WaitForSingleObject(handles[i], 0);
    if (answer == WAIT_FAILED) return last_error();
    if (answer == WAIT_OBJECT_0) *set_out |= 1u << i;
  }
  return 0;
}

static uint64_t awake_ns(void) {
  ULONGLONG time = 0; /* in units of 100 ns */
  QueryUnbiasedInterruptTime(&time);
  return time * 100;
}

/* GetTickCount64 counts while the system sleeps, the unbiased time does not. If this thread was
 * interrupted between the two, it reads both again. */
uint64_t rn__suspended_ns(void) {
  uint64_t awake = 0, all = 0;
  for (int i = 0; i < 100; i++) {
    awake = awake_ns();
    all = (uint64_t)GetTickCount64() * 1000000u;
    if (awake_ns() - awake < RN_SUSPENDED_NS / 4) break;
  }
  return all > awake ? all - awake : 0;
}

void rn__yield(void) { Sleep(0); }
