/*
 * Linked beside client.c, which knows nothing of it: fills the simulator that
 * stands in as rasapi32.dll before main runs, or ends the program where some
 * other rasapi32.dll was loaded.
 */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "rassim.h"

#define TEARDOWN_NS 50000000ull

typedef const char *(*identity_function)(void);
typedef uint32_t (*set_clock_function)(uint32_t);
typedef void (*set_teardown_function)(uint64_t);
typedef uint32_t (*add_function)(const rn_RASCONNW *, const rn_RASCONNSTATUSW *, uint32_t, uint64_t,
                                 HRASCONN *);

/* A control of the simulator, as the function pointer type that asks for it. */
static FARPROC control(const char *name) {
  FARPROC found = GetProcAddress(GetModuleHandleW(L"rasapi32.dll"), name);
  if (!found) {
    printf("rasapi32.dll is not the simulator: it has no %s\n", name);
    ExitProcess(2);
  }
  return found;
}

#define CONTROL(type, name) ((type)(void (*)(void))control(name))

static void put(uint16_t *text, const char *ascii) {
  while ((*text++ = (uint16_t)*ascii++)) continue;
}

static void add(const char *entry, uint32_t number) {
  rn_RASCONNW connection = {0};
  rn_RASCONNSTATUSW status = {0};
  HRASCONN handle = NULL;
  put(connection.szEntryName, entry);
  put(connection.szDeviceType, "vpn");
  put(connection.szDeviceName, "WAN Miniport (IKEv2)");
  put(connection.szPhonebook, "C:\\phone.pbk");
  put(status.szPhoneNumber, "vpn.example");
  connection.dwSubEntry = number;
  connection.dwFlags = number + 1;
  connection.luid.LowPart = number + 2;
  connection.luid.HighPart = (int32_t)number + 3;
  memset(connection.guidEntry, (int)number, sizeof connection.guidEntry);
  if (CONTROL(add_function, "rassim_add")(&connection, &status, 1, 0, &handle)) ExitProcess(3);
}

__attribute__((constructor)) static void begin(void) {
  printf("%s\n", CONTROL(identity_function, "rassim_identity")());
  CONTROL(set_clock_function, "rassim_set_clock")(RASSIM_CLOCK_REAL);
  CONTROL(set_teardown_function, "rassim_set_teardown")(TEARDOWN_NS);
  add("Head office", 1);
  add("Branch", 0x20);
  add("Home", 0x40);
}
