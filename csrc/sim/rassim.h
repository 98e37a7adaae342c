/*
 * The simulator: a library with rasapi32's ABI and a RAS service of its own
 * behind it, and the controls that drive that service. One service per process.
 *
 * Controls return 0 or a Windows code: 6 no such connection, 8 no memory, 87 a
 * bad argument. Where a control takes delay_ns it is carried out that much
 * later on the simulator's clock; 0: now. Structures are the caller's and are
 * copied. Text is UTF-16 and ends at its first NUL.
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

#define RASSIM_VERSION 1
#define RASSIM_MAX_STATES 64
#define RASSIM_MAX_SUBENTRIES 32

#define RASSIM_CLOCK_MANUAL 0 /* time moves by rassim_advance and rassim_set_step_per_call */
#define RASSIM_CLOCK_REAL 1   /* a thread of the simulator does what is due */

#define RASSIM_NEXT_CALL 0           /* rassim_fail: from the next call on */
#define RASSIM_EVERY_CALL 0xFFFFFFFF /* rassim_fail: no end */

/* Members that rassim_set_status sets. */
#define RASSIM_STATE 0x01
#define RASSIM_ERROR 0x02
#define RASSIM_SUBSTATE 0x04
#define RASSIM_PHONE_NUMBER 0x08
#define RASSIM_LOCAL_ENDPOINT 0x10
#define RASSIM_REMOTE_ENDPOINT 0x20

/* Who this is: tells the simulator from any other rasapi32. */
RASSIM_EXPORT const char *rassim_identity(void);
RASSIM_EXPORT uint32_t rassim_version(void);

/* Ends everything and restores the defaults; old handles stay dead. To be called before the
 * library is unloaded. Like rassim_set_clock it is for one thread at a time, and not for a
 * dial callback (170). */
RASSIM_EXPORT uint32_t rassim_reset(void);

/* The clock, in nanoseconds since the reset. Advancing a real clock is 87. */
RASSIM_EXPORT uint32_t rassim_set_clock(uint32_t clock);
RASSIM_EXPORT uint64_t rassim_now(void);
RASSIM_EXPORT uint32_t rassim_advance(uint64_t ns);
RASSIM_EXPORT void rassim_set_step_per_call(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_step_per_call(void);

/* Connections: up at once, or dialled: a state every step_ns from `states` (count long), failing
 * with `error`, where that is not 0, instead of connecting; a paused state waits for
 * rassim_resume. An empty szEntryName: dialled by szPhoneNumber. `subentries`: links; more than
 * one makes it multilink. The handle is known at once and valid once the delay is over. */
RASSIM_EXPORT uint32_t rassim_add(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                                  uint32_t subentries, uint64_t delay_ns, HRASCONN *handle_out);
RASSIM_EXPORT uint32_t rassim_dial(const rn_RASCONNW *connection, const rn_RASCONNSTATUSW *status,
                                   uint32_t subentries, const uint32_t *states, uint32_t count,
                                   uint64_t step_ns, uint32_t error, uint64_t delay_ns,
                                   HRASCONN *handle_out);
RASSIM_EXPORT uint32_t rassim_resume(HRASCONN handle, uint64_t delay_ns);

/* A phone-book entry: listed by RasEnumEntriesW, dialled by RasDialW as said here. */
RASSIM_EXPORT uint32_t rassim_add_entry(const rn_RASCONNW *connection,
                                        const rn_RASCONNSTATUSW *status, uint32_t subentries,
                                        const uint32_t *states, uint32_t count, uint64_t step_ns,
                                        uint32_t error);

/* The far side drops the connection, or one link; a link connects again. */
RASSIM_EXPORT uint32_t rassim_drop(HRASCONN handle, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_drop_subentry(HRASCONN handle, uint32_t subentry, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_connect_subentry(HRASCONN handle, uint32_t subentry,
                                               uint64_t delay_ns);

RASSIM_EXPORT uint32_t rassim_set_status(HRASCONN handle, uint32_t members,
                                         const rn_RASCONNSTATUSW *status, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_set_statistics(HRASCONN handle, const rn_RAS_STATS *statistics);
RASSIM_EXPORT uint32_t rassim_add_reference(HRASCONN handle, uint64_t delay_ns);
RASSIM_EXPORT uint32_t rassim_references(HRASCONN handle, uint32_t *references_out);

/* Sets the events registered for these RASCN_ flags though nothing happened. */
RASSIM_EXPORT uint32_t rassim_signal(HRASCONN handle, uint32_t flags, uint64_t delay_ns);

/* How long the state machine takes after RasHangUp. */
RASSIM_EXPORT void rassim_set_teardown(uint64_t ns);
RASSIM_EXPORT uint64_t rassim_teardown(void);

/* The service: 0 runs; else what every call that needs it answers (711). */
RASSIM_EXPORT uint32_t rassim_set_service(uint32_t code, uint64_t delay_ns);

/* Behaves as the Windows of these WINVERs: newer structures are 632. */
RASSIM_EXPORT uint32_t rassim_limit_versions(uint32_t connection, uint32_t status);

/* Per function, by export name ("RasHangUpW"; an unknown name is 87). `call` counts from 1
 * since the last rassim_reset_calls. A failing call does nothing but answer the code. A delay
 * is real time, spent outside the service; another value ends those that are being spent. */
RASSIM_EXPORT uint32_t rassim_fail(const char *function, uint32_t code, uint32_t call,
                                   uint32_t count);
RASSIM_EXPORT uint32_t rassim_delay(const char *function, uint64_t ns);
RASSIM_EXPORT uint32_t rassim_calls(const char *function, uint64_t *calls_out); /* NULL: all */
RASSIM_EXPORT void rassim_reset_calls(void);

/* How many event registrations the service holds. */
RASSIM_EXPORT uint32_t rassim_registrations(void);

/* Starts the looping demonstration on a real clock; rassim_reset ends it. */
RASSIM_EXPORT uint32_t rassim_lively(void);

/* controls: end */

/* rasapi32 itself. `event` is a HANDLE on Windows, a file descriptor elsewhere. */
#define RASSIM_DECLARE(name, loading, parameters) RASSIM_EXPORT uint32_t RAS_CALL name parameters;
RAS_FUNCTIONS(RASSIM_DECLARE)
#undef RASSIM_DECLARE

RASSIM_EXPORT void RAS_CALL RasFreeEapUserIdentityW(void *identity);

#endif
