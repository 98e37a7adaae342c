/* Makes the calls of a hot path on the simulator, very often. instructions.py counts what they
 * execute.
 *
 * usage: instructions SIMULATOR poll|statistics CONNECTIONS CALLS */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rassim.h"
#include "rn.h"

#define MOST 256

static int add_connections(void *simulator, uint32_t count) {
  uint32_t (*add)(const rn_RASCONNW *, const rn_RASCONNSTATUSW *, uint32_t, uint64_t, HRASCONN *);
  *(void **)&add = dlsym(simulator, "rassim_add");
  for (uint32_t i = 0; add && i < count; i++) {
    static const char name[] = "Work VPN";
    rn_RASCONNW connection;
    rn_RASCONNSTATUSW status;
    HRASCONN handle = NULL;
    memset(&connection, 0, sizeof connection);
    memset(&status, 0, sizeof status);
    for (uint32_t c = 0; c < sizeof name; c++) connection.szEntryName[c] = (uint16_t)name[c];
    if (add(&connection, &status, 1, 0, &handle)) return 0;
  }
  return add != NULL;
}

static int run(rn_list *list, const char *path, uint32_t count, long calls) {
  static rn_statistics statistics[MOST];
  uint32_t found = count;
  int64_t first = rn_list_poll(list);
  int is_poll = !strcmp(path, "poll");
  for (long call = 0; call < calls; call++) {
    int64_t answer =
        is_poll ? rn_list_poll(list) : rn_list_statistics(list, MOST, statistics, &found);
    if (answer != first || found != count) return 0;
  }
  return first > 0;
}

int main(int arguments, char **values) {
  char reason[RN_REASON_SIZE];
  uint32_t os_error;
  rn_provider *provider;
  rn_list *list;
  if (arguments != 5) return 2;
  uint32_t count = (uint32_t)atoi(values[3]);
  void *simulator = dlopen(values[1], RTLD_NOW);
  if (!simulator || count > MOST || !add_connections(simulator, count)) return 3;
  if (rn_provider_open(values[1], &provider, &os_error, reason)) return 4;
  if (rn_list_new(provider, !strcmp(values[2], "poll"), &list)) return 5;
  return run(list, values[2], count, atol(values[4])) ? 0 : 6;
}
