/*
 * The functions of rasapi32 that this project knows. The simulator exports each;
 * the shim loads those that it calls.
 *
 * RAS_FUNCTIONS(X) expands to X(name, loading, parameters) for each, where
 * `loading` says how the shim finds it:
 *   REQUIRED  every provider must have it
 *   OPTIONAL  looked up on first use; a provider may lack it
 *   UNUSED    only other clients call it
 * Each returns a code as uint32_t. gen_layout.py reads this list, too.
 */
#ifndef RAS_FUNCTIONS_H
#define RAS_FUNCTIONS_H

#include "ras_abi.h"

#define RAS_FUNCTIONS(X)                                                                          \
  X(RasEnumConnectionsW, REQUIRED, (rn_RASCONNW * connections, uint32_t *bytes, uint32_t *count)) \
  X(RasGetConnectStatusW, REQUIRED, (HRASCONN handle, rn_RASCONNSTATUSW * status))                \
  X(RasHangUpW, REQUIRED, (HRASCONN handle))                                                      \
  X(RasConnectionNotificationW, OPTIONAL, (HRASCONN handle, void *event, uint32_t flags))         \
  X(RasConnectionNotificationA, OPTIONAL, (HRASCONN handle, void *event, uint32_t flags))         \
  X(RasGetSubEntryHandleW, OPTIONAL, (HRASCONN handle, uint32_t subentry, HRASCONN *handle_out))  \
  X(RasGetErrorStringW, OPTIONAL, (uint32_t code, uint16_t *text, uint32_t length))               \
  X(RasGetConnectionStatistics, OPTIONAL, (HRASCONN handle, rn_RAS_STATS * statistics))           \
  X(RasGetLinkStatistics, OPTIONAL,                                                               \
    (HRASCONN handle, uint32_t subentry, rn_RAS_STATS *statistics))                               \
  X(RasClearConnectionStatistics, OPTIONAL, (HRASCONN handle))                                    \
  X(RasGetProjectionInfoEx, OPTIONAL,                                                             \
    (HRASCONN handle, rn_RAS_PROJECTION_INFO * projection, uint32_t *bytes))                      \
  X(RasEnumConnectionsA, UNUSED, (rn_RASCONNA * connections, uint32_t *bytes, uint32_t *count))   \
  X(RasGetConnectStatusA, UNUSED, (HRASCONN handle, rn_RASCONNSTATUSA * status))                  \
  X(RasHangUpA, UNUSED, (HRASCONN handle))                                                        \
  X(RasGetSubEntryHandleA, UNUSED, (HRASCONN handle, uint32_t subentry, HRASCONN *handle_out))    \
  X(RasGetErrorStringA, UNUSED, (uint32_t code, char *text, uint32_t length))                     \
  X(RasEnumEntriesW, UNUSED,                                                                      \
    (const uint16_t *reserved, const uint16_t *phonebook, rn_RASENTRYNAMEW *entries,              \
     uint32_t *bytes, uint32_t *count))                                                           \
  X(RasDialW, UNUSED,                                                                             \
    (const rn_RASDIALEXTENSIONS *extensions, const uint16_t *phonebook,                           \
     const rn_RASDIALPARAMSW *params, uint32_t notifier_type, void *notifier, HRASCONN *handle))  \
  X(RasCreatePhonebookEntryW, UNUSED, (void *window, const uint16_t *phonebook))                  \
  X(RasEditPhonebookEntryW, UNUSED,                                                               \
    (void *window, const uint16_t *phonebook, const uint16_t *entry))                             \
  X(RasGetEntryDialParamsW, UNUSED,                                                               \
    (const uint16_t *phonebook, rn_RASDIALPARAMSW *params, int32_t *password))                    \
  X(RasSetEntryDialParamsW, UNUSED,                                                               \
    (const uint16_t *phonebook, const rn_RASDIALPARAMSW *params, int32_t remove_password))        \
  X(RasGetEapUserIdentityW, UNUSED,                                                               \
    (const uint16_t *phonebook, const uint16_t *entry, uint32_t flags, void *window,              \
     void **identity_out))

/* The function-pointer type of each, such as RasHangUpW_fn. */
#define RAS_FUNCTION_POINTER(name, loading, parameters) \
  typedef uint32_t(RAS_CALL *name##_fn) parameters; /* NOLINT(bugprone-macro-parentheses) */
RAS_FUNCTIONS(RAS_FUNCTION_POINTER)
#undef RAS_FUNCTION_POINTER

#endif
