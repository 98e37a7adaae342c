/*
 * The simulator: a library with rasapi32's functions, a RAS service of its own
 * behind them, and controls that drive that service. A process has one service.
 *
 * Controls return 0 or a Windows code: 6 for no such connection, 8 for no
 * memory, 87 for a bad argument. A control that takes delay_ns acts that much
 * later on the simulator's clock; 0 is now. Structures belong to the caller and
 * are copied. Text is UTF-16 and ends at its first NUL.
 *
 * A forked child has a copy of the service as it stood, on a manual clock and
 * without registrations. A registration ends when nobody can wait for its event
 * any more, as far as the system can tell: a pipe or socket whose other end is
 * closed.
 */
#ifndef RASSIM_H
#define RASSIM_H

#include <stdint.h>

#include "ras_functions.h"

/* On Windows rassim.def lists the exports: stdcall names must stay undecorated. */
#ifdef _WIN32
#define RASSIM_EXPORT
#else
#define RASSIM_EXPORT __attribute__((visibility("default")))
#endif

/* controls: begin */

#define RASSIM_VERSION 2
#define RASSIM_MAX_STATES 64
#define RASSIM_MAX_SUBENTRIES 32

#define RASSIM_CLOCK_MANUAL 0 /* time moves by rassim_advance and rassim_set_step_per_call */
#define RASSIM_CLOCK_REAL 1   /* time passes by itself, in a thread of the simulator */

#define RASSIM_NEXT_CALL 0           /* rassim_fail: from the next call on */
#define RASSIM_EVERY_CALL 0xFFFFFFFF /* rassim_fail: no end */

/* Members that rassim_set_status sets. */
#define RASSIM_STATE 0x01
#define RASSIM_ERROR 0x02
#define RASSIM_SUBSTATE 0x04
#define RASSIM_PHONE_NUMBER 0x08
#define RASSIM_LOCAL_ENDPOINT 0x10
#define RASSIM_REMOTE_ENDPOINT 0x20

/* A text that no other rasapi32 has: "ras_native simulator". */
RASSIM_EXPORT const char *rassim_identity(void);
RASSIM_EXPORT uint32_t rassim_version(void);

/* Ends everything and restores the defaults; old handles stay invalid. Call it before the library
 * is unloaded. Only one thread may call this or rassim_set_clock at a time; a dial callback on the
 * real clock may not (170). */
RASSIM_EXPORT uint32_t rassim_reset(void);

/* The clock, in nanoseconds since the reset. Advancing a real clock is 87. */
RASSIM_EXPORT uint32_t rassim_set_clock(uint32_t clock);
RASSIM_EXPORT uint64_t rassim_now(void);
RASSIM_EXPORT uint32_t rassim_advance(uint64_t ns);
RASSIM_EXPORT void rassim_set_step_per_call(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_step_per_call(void);

/* Makes a connection that is up at once (add), or dials one (dial): it enters the next of `states`
 * (count long) every step_ns, and fails with `error`, where that is not 0, instead of connecting.
 * A paused state waits for rassim_resume. With an empty szEntryName it is dialled by
 * szPhoneNumber. `subentries` is the number of links; more than one makes it multilink.
 * *handle_inout: NULL for a new handle, or the handle of a connection that has ended, which this
 * one gets again (6: it is no such handle, or was used again already). The handle is known at once
 * and valid when the delay is over. */
RASSIM_EXPORT uint32_t rassim_add(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                                  uint32_t subentries, uint64_t delay_ns, HRASCONN *handle_inout);
RASSIM_EXPORT uint32_t rassim_dial(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                                   uint32_t subentries, const uint32_t *states, uint32_t count,
                                   uint64_t step_ns, uint32_t error, uint64_t delay_ns,
                                   HRASCONN *handle_inout);
RASSIM_EXPORT uint32_t rassim_resume(HRASCONN handle, uint64_t delay_ns);

/* Adds a phone-book entry: RasEnumEntriesW lists it, and RasDialW dials it as rassim_dial would. */
RASSIM_EXPORT uint32_t rassim_add_entry(const rn_RASCONNW *connection,
                                        const rn_RASCONNSTATUSW *status, uint32_t subentries,
                                        const uint32_t *states, uint32_t count, uint64_t step_ns,
                                        uint32_t error);

/* The far side ends the connection, or one link; a link that is down connects again. */
RASSIM_EXPORT uint32_t rassim_drop(HRASCONN handle, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_drop_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_connect_subentry(HRASCONN handle, uint32_t subentry,
                                               uint64_t delay_ns);

RASSIM_EXPORT uint32_t rassim_set_status(HRASCONN handle, uint32_t members,
                                         const rn_RASCONNSTATUSW *status, uint64_t delay_ns);

/* Gives the connection the szEntryName of `connection`, which must not be empty. */
RASSIM_EXPORT uint32_t rassim_rename(HRASCONN handle, const rn_RASCONNW *connection,
                                     uint64_t delay_ns);

RASSIM_EXPORT uint32_t rassim_set_statistics(HRASCONN handle, const rn_RAS_STATS *statistics);
RASSIM_EXPORT uint32_t rassim_add_reference(HRASCONN handle, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_references(HRASCONN handle, uint32_t *references_out);

/* Sets the events registered for these RASCN_ flags though nothing happened. */
RASSIM_EXPORT uint32_t rassim_signal(HRASCONN handle, uint32_t flags, uint64_t delay_ns);

/* How long after RasHangUp the handle ends. */
RASSIM_EXPORT void rassim_set_teardown(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_teardown(void);

/* Stops the service: every call that needs it answers `code`, such as 711. 0 starts it again. */
RASSIM_EXPORT uint32_t rassim_set_service(uint32_t code, uint64_t delay_ns);

/* Behaves as the Windows of these WINVERs, which answers 632 to newer structures. */
RASSIM_EXPORT uint32_t rassim_limit_versions(uint32_t connection, uint32_t status);

/* Faults and counters of one function, by its name: "RasHangUpW" (87 for an unknown name). `call`
 * counts from 1 since the last rassim_reset_calls. A failing call does nothing but answer `code`.
 * A delay is real time, during which other calls go on; another value ends the waits. */
RASSIM_EXPORT uint32_t rassim_fail(const char *function, uint32_t code, uint32_t call,
                                   uint32_t count);
RASSIM_EXPORT uint32_t rassim_delay(const char *function, uint64_t ns);
RASSIM_EXPORT uint32_t rassim_calls(const char *function, uint64_t *calls_out); /* NULL: all */
RASSIM_EXPORT void rassim_reset_calls(void);

/* How many event registrations the service holds. */
RASSIM_EXPORT uint32_t rassim_registrations(void);

/* Faults of notifications. */

/* The service forgets all registrations, as after a restart; nobody is told. */
RASSIM_EXPORT uint32_t rassim_forget_registrations(uint64_t delay_ns);

/* Loses signals at random: so many of a million, the same ones for the same seed. */
RASSIM_EXPORT uint32_t rassim_lose_notifications(uint32_t per_million, uint64_t seed);

/* Events are set so long after the change. */
RASSIM_EXPORT void rassim_set_notification_delay(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_notification_delay(void);

/* No event is set any more once so many connections have come up and ended; they are counted
 * from this call on. 0: no such limit. 1 is what Windows 11 does to a program that dials. */
RASSIM_EXPORT void rassim_set_notification_cycles(uint32_t cycles);
RASSIM_EXPORT uint32_t rassim_notification_cycles(void);

/* What happened, oldest first; the log holds the last RASSIM_HISTORY_CAPACITY entries. */
#define RASSIM_HISTORY_CAPACITY 65536

#define RASSIM_EVENT_STATE 1                    /* value: the RASCS_ state entered */
#define RASSIM_EVENT_LISTED 2                   /* RasEnumConnections lists it from now on */
#define RASSIM_EVENT_UNLISTED 3                 /* and no longer */
#define RASSIM_EVENT_ENDED 4                    /* its handle is no longer valid */
#define RASSIM_EVENT_FAILED 5                   /* its dialling; value: the error */
#define RASSIM_EVENT_SUBSTATE 6                 /* value: the RASCSS_ substate set */
#define RASSIM_EVENT_STATUS 7                   /* value: the other members that were set */
#define RASSIM_EVENT_RENAMED 8                  /* it has another szEntryName */
#define RASSIM_EVENT_LINK_UP 9                  /* value: the link */
#define RASSIM_EVENT_LINK_DOWN 10               /* value: the link */
#define RASSIM_EVENT_SIGNALLED 11               /* value: RASCN_ flags; events were set */
#define RASSIM_EVENT_SIGNAL_LOST 12             /* value: RASCN_ flags; a fault left events unset */
#define RASSIM_EVENT_SERVICE 13                 /* value: what the service answers; 0: it runs */
#define RASSIM_EVENT_REGISTRATIONS_FORGOTTEN 14 /* by rassim_forget_registrations */

typedef struct {
  uint64_t sequence; /* counts from 0 since the reset */
  uint64_t time_ns;
  uint64_t handle; /* 0: the service */
  uint32_t event;  /* RASSIM_EVENT_... */
  uint32_t value;
  uint32_t registrations; /* how many were signalled, missed or forgotten */
  uint32_t reserved;      /* 0 */
} rassim_history_entry;

/* Copies up to `capacity` entries from sequence `first` on, or from the oldest one. *count_out is
 * how many there are from there on, also if that is more than `capacity`. */
RASSIM_EXPORT uint32_t rassim_history(uint64_t first, uint32_t capacity,
                                      rassim_history_entry *entries_out, uint32_t *count_out);

/* Starts the demonstration on a real clock. It repeats until rassim_reset. */
RASSIM_EXPORT uint32_t rassim_demo(void);

/* controls: end */

/* rasapi32 itself. `event` is a HANDLE on Windows, a file descriptor elsewhere. */
#define RASSIM_DECLARE(name, loading, parameters) \
  RASSIM_EXPORT uint32_t RAS_CALL name parameters; /* NOLINT(bugprone-macro-parentheses) */
RAS_FUNCTIONS(RASSIM_DECLARE)
#undef RASSIM_DECLARE

RASSIM_EXPORT void RAS_CALL RasFreeEapUserIdentityW(void *identity);

#endif
