/*
 * The simulator: a library with the functions of rasapi32 and of the event log,
 * a simulated RAS service, and controls that drive the service. A process has
 * one service.
 *
 * Controls return 0 or a Windows code: 6 for no such connection, 8 for no
 * memory, 87 for a bad argument. A control that takes delay_ns acts after that
 * time on the simulator's clock; 0 is now. Controls copy the caller's
 * structures. Text is UTF-16 and ends at its first NUL.
 *
 * A forked child gets a copy of the service, with a manual clock, without
 * registrations and without open handles of the event log. A registration of a
 * pipe or socket ends when its other end is closed.
 */
#ifndef RASSIM_H
#define RASSIM_H

#include <stdint.h>

#include "evt_functions.h"
#include "ras_functions.h"

/* On Windows rassim.def lists the exports: stdcall names must stay undecorated. */
#ifdef _WIN32
#define RASSIM_EXPORT
#else
#define RASSIM_EXPORT __attribute__((visibility("default")))
#endif

/* controls: begin */

#define RASSIM_VERSION 3
#define RASSIM_MAX_STATES 64
#define RASSIM_MAX_SUBENTRIES 32
#define RASSIM_MAX_SERVER_ADDRESSES 64

#define RASSIM_CLOCK_MANUAL 0 /* rassim_advance and rassim_set_step_per_call advance the time */
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

/* Identifies the simulator: "ras_native simulator". */
RASSIM_EXPORT const char *rassim_identity(void);
RASSIM_EXPORT uint32_t rassim_version(void);

/* Ends everything and restores the defaults; old handles stay invalid. Call it before you unload
 * the library. Only one thread at a time may call this or rassim_set_clock. A dial callback on a
 * real clock may not (170). */
RASSIM_EXPORT uint32_t rassim_reset(void);

/* The clock, in nanoseconds since the reset. rassim_advance returns 87 for a real clock. */
RASSIM_EXPORT uint32_t rassim_set_clock(uint32_t clock);
RASSIM_EXPORT uint64_t rassim_now(void);
RASSIM_EXPORT uint32_t rassim_advance(uint64_t ns);
RASSIM_EXPORT void rassim_set_step_per_call(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_step_per_call(void);

/* rassim_add creates a connection that is up at once. rassim_dial dials one: every step_ns it
 * enters the next of the `count` items of `states`. Then it connects, or fails with `error` if that
 * is not 0. A paused state waits for rassim_resume. Without an szEntryName it dials szPhoneNumber.
 * `subentries` is the number of links; a multilink connection has more than one.
 * *handle_inout: NULL creates a new handle; the handle of an ended connection is used again (6 if
 * it is no such handle, or in use). The handle is known at once, and valid after the delay. */
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

/* The remote side ends the connection, or one link; or a link that is down connects again. `reason`
 * is the code that the event log gives for the end, such as 629. */
RASSIM_EXPORT uint32_t rassim_drop(HRASCONN handle, uint32_t reason, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_drop_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_connect_subentry(HRASCONN handle, uint32_t subentry,
                                               uint64_t delay_ns);

/* RAS ends a connection that is up because it reached a limit of its entry. */
#define RASSIM_LIMIT_IDLE 1    /* it was idle for that long */
#define RASSIM_LIMIT_LONGEST 2 /* it was up for that long */
RASSIM_EXPORT uint32_t rassim_time_out(HRASCONN handle, uint32_t limit, uint64_t delay_ns);

RASSIM_EXPORT uint32_t rassim_set_status(HRASCONN handle, uint32_t members,
                                         const rn_RASCONNSTATUSW *status, uint64_t delay_ns);

/* Gives the connection the szEntryName of `connection`, which must not be empty. */
RASSIM_EXPORT uint32_t rassim_rename(HRASCONN handle, const rn_RASCONNW *connection,
                                     uint64_t delay_ns);

RASSIM_EXPORT uint32_t rassim_set_statistics(HRASCONN handle, const rn_RAS_STATS *statistics);

/* What RasGetProjectionInfoEx reports. A `code` other than 0 is reported instead. The `ppp` of the
 * structure may hold IKEv2's form; its lists have at most RASSIM_MAX_SERVER_ADDRESSES addresses. */
RASSIM_EXPORT uint32_t rassim_set_projection(HRASCONN handle,
                                             const rn_RAS_PROJECTION_INFO *projection,
                                             uint32_t code, uint64_t delay_ns);

/* From now on this many bytes a second pass, in frames of RASSIM_FRAME_BYTES. The counters wrap as
 * Windows' do. 87 for more than RASSIM_MAX_RATE. */
#define RASSIM_MAX_RATE 10000000000
#define RASSIM_FRAME_BYTES 1000
RASSIM_EXPORT uint32_t rassim_set_traffic(HRASCONN handle, uint64_t received, uint64_t sent,
                                          uint64_t delay_ns);

/* Makes the connection as old as `ns`: its duration may run backwards. */
RASSIM_EXPORT uint32_t rassim_set_duration(HRASCONN handle, uint64_t ns);
RASSIM_EXPORT uint32_t rassim_add_reference(HRASCONN handle, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_references(HRASCONN handle, uint32_t *references_out);

/* Sets the events that are registered for these RASCN_ flags, without any change. */
RASSIM_EXPORT uint32_t rassim_signal(HRASCONN handle, uint32_t flags, uint64_t delay_ns);

/* The time from RasHangUp to the end of the handle. */
RASSIM_EXPORT void rassim_set_teardown(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_teardown(void);

/* Stops the service: every call that needs it returns `code`, such as 711. 0 starts it again. */
RASSIM_EXPORT uint32_t rassim_set_service(uint32_t code, uint64_t delay_ns);

/* Simulates the Windows of these WINVERs, which returns 632 for newer structures. */
RASSIM_EXPORT uint32_t rassim_limit_versions(uint32_t connection, uint32_t status);

/* Faults and counters of one function, by its name, such as "RasHangUpW" (87 for an unknown name).
 * `call` counts from 1 since the last rassim_reset_calls. A failing call only returns `code`. A
 * delay is real time and does not block other calls; setting another value ends current waits. A
 * function of the event log that fails with code 0 sets no error. */
RASSIM_EXPORT uint32_t rassim_fail(const char *function, uint32_t code, uint32_t call,
                                   uint32_t count);
RASSIM_EXPORT uint32_t rassim_delay(const char *function, uint64_t ns);
/* Every call of a RAS function keeps the processor busy for that long, in real time. */
RASSIM_EXPORT void rassim_set_call_cost(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_call_cost(void);
/* `function` NULL counts the calls of all functions. */
RASSIM_EXPORT uint32_t rassim_calls(const char *function, uint64_t *calls_out);
RASSIM_EXPORT void rassim_reset_calls(void);

/* How many event registrations the service holds. */
RASSIM_EXPORT uint32_t rassim_registrations(void);

/* Faults of notifications. */

/* The service forgets all registrations, as after a restart; nobody is told. */
RASSIM_EXPORT uint32_t rassim_forget_registrations(uint64_t delay_ns);

/* Loses signals at random, per_million of a million; equal seeds lose the same signals. */
RASSIM_EXPORT uint32_t rassim_lose_notifications(uint32_t per_million, uint64_t seed);

/* Sets events with this delay after the change. */
RASSIM_EXPORT void rassim_set_notification_delay(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_notification_delay(void);

/* After this many connections have come up and ended, counted from this call, no event is set any
 * more. 0 removes the limit. 1 simulates Windows 11 for a program that dials itself. */
RASSIM_EXPORT void rassim_set_notification_cycles(uint32_t cycles);
RASSIM_EXPORT uint32_t rassim_notification_cycles(void);

/* The event log has the channels Application and System, and the last RASSIM_LOG_CAPACITY records.
 * RasClient writes events about connections into Application. With a real clock an event has the
 * time of the system; with a manual one, the time of the clock since the epoch. */
#define RASSIM_LOG_CAPACITY 4096
#define RASSIM_MAX_SOURCE 63 /* characters of the name of a source */
#define RASSIM_MAX_FIELDS 64
#define RASSIM_MAX_COPIES 16

/* When a manual clock was at 0: nanoseconds since 1970, UTC. */
RASSIM_EXPORT void rassim_set_epoch(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_epoch(void);

/* Writes RasClient's event about a connection, without any change. `code` is the reason or the
 * error of events that have one. Returns 87 for an id that RasClient does not use. */
RASSIM_EXPORT uint32_t rassim_write_ras_event(HRASCONN handle, uint32_t event_id, uint32_t code,
                                              uint64_t delay_ns);

/* Writes any event. `fields` are `count` texts, one after the other, each with its NUL. */
RASSIM_EXPORT uint32_t rassim_write_event(const uint16_t *channel, const uint16_t *source,
                                          uint32_t event_id, const uint16_t *fields, uint32_t count,
                                          uint64_t delay_ns);

/* Writes an event whose XML is this text, whatever it is. Queries go by source and event_id. */
RASSIM_EXPORT uint32_t rassim_write_event_xml(const uint16_t *channel, const uint16_t *source,
                                              uint32_t event_id, const uint16_t *xml,
                                              uint64_t delay_ns);

/* Changes what RasClient writes with this id; 0 is every id that has no fault of its own. It writes
 * the event after the delay, `copies` times. `members` are the other changes; entry_name is NULL
 * unless there is another one. */
#define RASSIM_FAULT_NO_CORRELATION 1 /* the correlation id is "{NA}" */
#define RASSIM_FAULT_CODE 2           /* `code` replaces the reason or the error */
#define RASSIM_FAULT_ENTRY_NAME 4     /* `entry_name` replaces the name of the entry */
#define RASSIM_FAULT_BACKDATED 8      /* a delayed event has the time of the change */
RASSIM_EXPORT uint32_t rassim_set_log_fault(uint32_t event_id, uint64_t delay_ns, uint32_t copies,
                                            uint32_t members, uint32_t code,
                                            const uint16_t *entry_name);
RASSIM_EXPORT void rassim_clear_log_faults(void);

/* Removes all records; their numbers go on. */
RASSIM_EXPORT uint32_t rassim_clear_event_log(uint64_t delay_ns);

/* Sets the events of all subscriptions, without any news. */
RASSIM_EXPORT uint32_t rassim_signal_subscriptions(uint64_t delay_ns);

/* From now on EvtNext returns `code` for every subscription that exists. */
RASSIM_EXPORT uint32_t rassim_break_subscriptions(uint32_t code, uint64_t delay_ns);

/* The answer of EvtNext where nothing is new: 259, or 4317. */
RASSIM_EXPORT void rassim_set_no_news_code(uint32_t code);
RASSIM_EXPORT uint32_t rassim_no_news_code(void);

/* How many subscriptions, and how many handles of any kind, are open. */
RASSIM_EXPORT uint32_t rassim_subscriptions(void);
RASSIM_EXPORT uint32_t rassim_event_handles(void);

/* The history of what happened. It holds the last RASSIM_HISTORY_CAPACITY entries. */
#define RASSIM_HISTORY_CAPACITY 65536

#define RASSIM_EVENT_STATE 1                    /* value: the RASCS_ state entered */
#define RASSIM_EVENT_LISTED 2                   /* RasEnumConnections lists it from now on */
#define RASSIM_EVENT_UNLISTED 3                 /* RasEnumConnections no longer lists it */
#define RASSIM_EVENT_ENDED 4                    /* its handle is no longer valid */
#define RASSIM_EVENT_FAILED 5                   /* its dialling failed; value: the error */
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

/* Copies up to `capacity` entries, oldest first, from sequence number `first` or the oldest entry.
 * *count_out is the number of entries from there on; it may exceed `capacity`. */
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

/* wevtapi; the signal event is such a handle or descriptor, too. */
#define RASSIM_DECLARE(name, result, parameters) \
  RASSIM_EXPORT result RAS_CALL name parameters; /* NOLINT(bugprone-macro-parentheses) */
EVT_FUNCTIONS(RASSIM_DECLARE)
#undef RASSIM_DECLARE

RASSIM_EXPORT void RAS_CALL RasFreeEapUserIdentityW(void *identity);

#endif
