/*
 * The simulated RAS service as the simulator's own files see it. Everything
 * here needs the lock, os.h, unless it says otherwise.
 */
#ifndef RASSIM_SERVICE_H
#define RASSIM_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os.h"
#include "ras_abi.h"
#include "ras_versions.h"
#include "rassim.h"

#define RASSIM_EVERY_CONNECTION ((HRASCONN)(intptr_t)-1)

/* The functions that are counted, delayed and failed. */
#define RASSIM_INDEX(name, loading, parameters) RASSIM_##name,
typedef enum { RAS_FUNCTIONS(RASSIM_INDEX) RASSIM_FUNCTION_COUNT } rassim_function;

/* Who is told of the states of a dialling; type as RasDialW takes it. */
typedef struct {
  void *function; /* NULL: nobody */
  uint32_t type;
  uintptr_t callback_id;
} rassim_notifier;

/* What a connection is, and the course its dialling takes. */
typedef struct {
  rn_RASCONNW connection;
  rn_RASCONNSTATUSW status;
  uint64_t step_ns;
  uint32_t subentries;
  uint32_t error;
  uint32_t count;
  uint32_t states[RASSIM_MAX_STATES];
} rassim_profile;

typedef enum {
  RASSIM_PLANNED, /* its delay is not over: the handle is not valid yet */
  RASSIM_DIALLING,
  RASSIM_FAILED, /* readable until hung up */
  RASSIM_UP,     /* listed */
  RASSIM_CLOSING /* hung up; the state machine is at work */
} rassim_phase;

typedef enum { RASSIM_LINK_DOWN, RASSIM_LINK_UP, RASSIM_LINK_CLOSING } rassim_link;

typedef struct {
  HRASCONN handle;
  rassim_phase phase;
  uint32_t references;
  uint32_t position;  /* in the course's states */
  bool paused_states; /* the dialler said RDEOPT_PausedStates */
  bool resumed;       /* from its paused state: the next state is scheduled */
  bool in_callback;   /* hang-ups wait until it has returned */
  uint32_t deferred_hang_ups;
  bool was_up;
  uint64_t connected_ns;
  rn_RAS_STATS statistics;
  rassim_notifier notifier;
  HRASCONN subentry_handles[RASSIM_MAX_SUBENTRIES]; /* NULL until asked for */
  rassim_link links[RASSIM_MAX_SUBENTRIES];
  rassim_profile profile; /* connection and status are what callers are given */
} rassim_connection;

/* A handle is its slot's index and generation, so a dead one is told from a wrong one. */
typedef struct {
  rassim_connection *connection; /* NULL: free */
  uint32_t subentry;             /* 0: the connection itself */
  uint32_t generation;
  uint32_t next_free;
} rassim_slot;

typedef struct {
  HRASCONN handle; /* RASSIM_EVERY_CONNECTION or one */
  void *event;     /* the service's duplicate */
  uint32_t flags;
} rassim_registration;

typedef enum {
  RASSIM_BEGIN_ADDED,
  RASSIM_BEGIN_DIALLED,
  RASSIM_NEXT_STATE,
  RASSIM_RESUME,
  RASSIM_CLOSED,
  RASSIM_LINK_CLOSED,
  RASSIM_DROP,
  RASSIM_DROP_LINK,
  RASSIM_CONNECT_LINK,
  RASSIM_SET_STATUS,
  RASSIM_ADD_REFERENCE,
  RASSIM_SIGNAL,
  RASSIM_SET_SERVICE,
  RASSIM_LIVELY_STEP
} rassim_verb;

typedef struct {
  rassim_verb verb;
  uint32_t number; /* a sub-entry, flags, members, a code, or a step */
  HRASCONN handle;
  rn_RASCONNSTATUSW *status; /* RASSIM_SET_STATUS; owned by the queue once scheduled */
} rassim_action;

typedef struct {
  uint64_t due_ns;
  uint64_t serial; /* what is due together happens in the order it was scheduled */
  rassim_action action;
} rassim_due;

/* A call of a dialler's function that is to be made. */
typedef struct {
  rassim_notifier notifier;
  HRASCONN handle;
  uint32_t state;
  uint32_t error;
} rassim_callback;

/* A growing array; `items` is owned. */
#define RASSIM_ARRAY(type) \
  struct {                 \
    type *items;           \
    uint32_t count;        \
    uint32_t capacity;     \
  }

typedef struct {
  uint32_t code;                           /* 0: runs */
  uint32_t connection_limit, status_limit; /* WINVER */
  uint64_t teardown_ns;

  bool real, running; /* the clock; its thread */
  uint64_t now_ns;    /* of the manual clock */
  uint64_t origin_ns; /* of the real one */
  uint64_t step_per_call_ns;
  uint64_t serial;
  RASSIM_ARRAY(rassim_due) queue; /* a heap, the next on top */

  RASSIM_ARRAY(rassim_slot) slots;
  uint32_t first_free, last_free;           /* the slots free longest are taken first */
  RASSIM_ARRAY(rassim_connection *) listed; /* in the order they connected */
  RASSIM_ARRAY(rassim_profile) entries;     /* the phone book */
  RASSIM_ARRAY(rassim_registration) registrations;
  RASSIM_ARRAY(rassim_callback) callbacks; /* first in, first out */
  bool delivering;                         /* one thread delivers, in order */
} rassim_service;

extern rassim_service rassim__service;

/* service.c: connections, links, handles, who is told */

/* Room for one more item of any RASSIM_ARRAY. Returns 0 or 8. */
#define RASSIM_ROOM(array) \
  rassim__room(&(array).items, &(array).capacity, (array).count, sizeof *(array).items)
uint32_t rassim__room(void *items_pointer, uint32_t *capacity, uint32_t count, size_t size);

/* Ends every text, and derives what follows from the rest. */
void rassim__complete(rassim_profile *profile);
uint32_t rassim__new_connection(const rassim_profile *profile, rassim_connection **connection_out);

/* The live connection of a handle, its own (subentry 0) or a link's, or NULL. */
rassim_connection *rassim__find(HRASCONN handle, uint32_t *subentry_out);
rassim_connection *rassim__find_planned(HRASCONN handle);
bool rassim__was_valid(HRASCONN handle);
uint32_t rassim__subentry_handle(rassim_connection *connection, uint32_t subentry,
                                 HRASCONN *handle_out);

uint32_t rassim__connect(rassim_connection *connection);
void rassim__terminate(rassim_connection *connection);
uint32_t rassim__hang_up(rassim_connection *connection, uint32_t subentry);
void rassim__close_link(rassim_connection *connection, uint32_t subentry);
void rassim__connect_link(rassim_connection *connection, uint32_t subentry);
void rassim__set_status(rassim_connection *connection, uint32_t members,
                        const rn_RASCONNSTATUSW *status);
void rassim__signal(HRASCONN handle, uint32_t flags);
uint32_t rassim__register(HRASCONN handle, void *event, uint32_t flags);
void rassim__remove_all_registrations(void);
void rassim__clear(void);

/* clock.c: time, and what is due */

uint64_t rassim__now(void);

/* Carries the action out, delay_ns 0, or schedules a copy of it. */
uint32_t rassim__act(const rassim_action *action, uint64_t delay_ns);
uint32_t rassim__schedule(const rassim_action *action, uint64_t delay_ns);

/* Moves the manual clock to the next thing due until then and does it; false: nothing was. */
bool rassim__run_next(uint64_t until_ns);
void rassim__run_until(uint64_t until_ns);
void rassim__clear_queue(void);
uint32_t rassim__perform(const rassim_action *action);

/* dialling.c: the state machine of a dialling, and its callbacks */

#define RASSIM_COURSE_LENGTH 11
extern const uint32_t rassim__course[RASSIM_COURSE_LENGTH]; /* the usual states */

void rassim__begin_dialling(rassim_connection *connection);
void rassim__next_state(rassim_connection *connection);
uint32_t rassim__resume(rassim_connection *connection);

/* Makes the calls that are due; gives the lock up around each. */
void rassim__deliver(void);

/* In a forked child: the callbacks that other threads were in, or waited for, do not return. */
void rassim__abandon_callbacks(void);

/* calls.c: every RAS function begins and ends here */

/* Takes the lock and counts; false: the call ends with *code. */
bool rassim__enter(rassim_function function, uint32_t *code);
uint32_t rassim__leave(uint32_t code);
void rassim__clear_calls(void);

/* demo.c */
void rassim__lively_step(uint32_t step);

#endif
