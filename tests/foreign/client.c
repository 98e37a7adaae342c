/*
 * A Windows program of the ordinary kind: written from the documentation of the
 * RAS functions alone, against the compiler's own <ras.h>, linked to
 * rasapi32.dll, as Unicode or as ANSI. It lists the connections, asks the
 * status of each, and ends the first one, waiting as the documentation says.
 */
#include <stdio.h>
#include <tchar.h>
#include <windows.h>

#include <ras.h>
#include <raserror.h>

#define PATIENCE_MS 10000
#define ERROR_TEXT_LENGTH 512

/* "%Ts" of every compiler. */
#ifdef UNICODE
#define TEXT_FORMAT "%ls"
#else
#define TEXT_FORMAT "%s"
#endif

/* The two-call pattern: how much is needed, then the list itself. The caller frees it. */
static DWORD list_connections(RASCONN **list_out, DWORD *count_out) {
  DWORD bytes = 0, code = RasEnumConnections(NULL, &bytes, count_out);
  *list_out = NULL;
  printf("asked\t%lu\t%lu\n", code, *count_out);
  if (code != ERROR_BUFFER_TOO_SMALL) return code;
  *list_out = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, bytes);
  if (!*list_out) return ERROR_NOT_ENOUGH_MEMORY;
  (*list_out)->dwSize = sizeof(RASCONN);
  code = RasEnumConnections(*list_out, &bytes, count_out);
  printf("listed\t%lu\t%lu\t%lu\n", code, *count_out, bytes / (*count_out ? *count_out : 1));
  return code;
}

static void print_connection(const RASCONN *connection) {
  printf("connection\t" TEXT_FORMAT "\t" TEXT_FORMAT "\t" TEXT_FORMAT "\t" TEXT_FORMAT,
         connection->szEntryName, connection->szDeviceType, connection->szDeviceName,
         connection->szPhonebook);
  printf("\t%lu\t%08lx\t%lu\t%ld:%lu\n", connection->dwSubEntry, connection->guidEntry.Data1,
         connection->dwFlags, connection->luid.HighPart, connection->luid.LowPart);
}

static void print_status(HRASCONN handle) {
  RASCONNSTATUS status = {0};
  DWORD code;
  status.dwSize = sizeof status;
  code = RasGetConnectStatus(handle, &status);
  printf("status\t%lu\t%d\t%lu\t" TEXT_FORMAT "\t" TEXT_FORMAT "\t" TEXT_FORMAT "\n", code,
         (int)status.rasconnstate, status.dwError, status.szDeviceType, status.szDeviceName,
         status.szPhoneNumber);
}

static void print_error(DWORD code) {
  TCHAR text[ERROR_TEXT_LENGTH];
  DWORD answer = RasGetErrorString(code, text, ERROR_TEXT_LENGTH);
  printf("error\t%lu\t" TEXT_FORMAT "\n", answer, answer ? TEXT("") : text);
}

/* RasHangUp, then RasGetConnectStatus until the handle is invalid, yielding in between. */
static void end_connection(HRASCONN handle) {
  RASCONNSTATUS status = {0};
  DWORD code = RasHangUp(handle), started = GetTickCount();
  printf("hang-up\t%lu\n", code);
  do {
    Sleep(0);
    status.dwSize = sizeof status;
    code = RasGetConnectStatus(handle, &status);
  } while (code != ERROR_INVALID_HANDLE && GetTickCount() - started < PATIENCE_MS);
  printf("ended\t%lu\n", code);
}

int main(void) {
  RASCONN *list;
  DWORD count = 0, code = list_connections(&list, &count), i;
  HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
  printf("sizes\t%u\t%u\n", (unsigned)sizeof(RASCONN), (unsigned)sizeof(RASCONNSTATUS));
  if (code == ERROR_SUCCESS && list) {
    for (i = 0; i < count; i++) print_connection(&list[i]);
    for (i = 0; i < count; i++) print_status(list[i].hrasconn);
    code = RasConnectionNotification(INVALID_HANDLE_VALUE, event, RASCN_Disconnection);
    printf("notification\t%lu\t%lu\n", code, WaitForSingleObject(event, 0));
    end_connection(list[0].hrasconn);
    printf("notified\t%lu\n", WaitForSingleObject(event, PATIENCE_MS));
    print_status(list[0].hrasconn);
    HeapFree(GetProcessHeap(), 0, list);
    list_connections(&list, &count);
    HeapFree(GetProcessHeap(), 0, list);
  }
  print_error(ERROR_CANNOT_FIND_PHONEBOOK_ENTRY);
  CloseHandle(event);
  return 0;
}
