/* Connections, their links and handles, and the phone book. */
#ifndef RASSIM_CONNECTIONS_H
#define RASSIM_CONNECTIONS_H

#include "notifications.h"

/* The data of a connection, and the states that its dialling goes through. */
typedef struct {
  rn_RASCONNW connection;
  rn_RASCONNSTATUSW status;
  uint32_t subentries;
  uint64_t step_ns; /* between two states */
  uint32_t error;   /* the dialling fails with this error; 0: it connects */
  uint32_t state_count;
  uint32_t states[RASSIM_MAX_STATES];
} rassim_profile;

typedef enum {
  RASSIM_PLANNED, /* its delay has not passed: the handle is not valid yet */
  RASSIM_DIALLING,
  RASSIM_FAILED, /* its status can be read until it is hung up */
  RASSIM_UP,     /* listed */
  RASSIM_CLOSING /* hung up, and in its teardown */
} rassim_phase;

typedef enum { RASSIM_LINK_DOWN, RASSIM_LINK_UP, RASSIM_LINK_CLOSING } rassim_link;

/* The function that RasDialW was given for the states of a dialling, and its type. */
typedef struct {
  void *function; /* NULL: nobody */
  uint32_t type;
  uintptr_t callback_id;
} rassim_notifier;

/* What RasGetProjectionInfoEx reports. Its pointers are not used; the lists are here. */
typedef struct {
  uint32_t code;               /* it reports this code instead, unless 0 */
  rn_RAS_PROJECTION_INFO info; /* version 0: the usual data */
  uint8_t ipv4_servers[4 * RASSIM_MAX_SERVER_ADDRESSES];
  uint8_t ipv6_servers[16 * RASSIM_MAX_SERVER_ADDRESSES];
} rassim_projection;

/* Bytes a second. */
typedef struct {
  uint64_t received, sent;
} rassim_traffic;

typedef struct {
  HRASCONN handle;
  uint64_t incarnation; /* distinguishes it from others that had the same handle */
  rassim_phase phase;
  uint32_t references;
  bool was_up;
  uint64_t connected_ns;
  rassim_projection projection;
  rn_RAS_STATS statistics; /* at counted_ns; callers get rassim__statistics */
  uint64_t counted_ns;
  rassim_traffic traffic;                           /* since then */
  HRASCONN subentry_handles[RASSIM_MAX_SUBENTRIES]; /* NULL until asked for */
  rassim_link links[RASSIM_MAX_SUBENTRIES];

  uint32_t position;  /* of the next state in profile.states */
  bool paused_states; /* the dialler set RDEOPT_PausedStates */
  bool resumed;       /* it was resumed from a paused state: its next state is scheduled */
  rassim_notifier notifier;
  bool in_callback; /* a callback runs; hang-ups wait until it returns */
  uint32_t deferred_hang_ups;

  rassim_profile profile; /* callers get its `connection` and `status` */
} rassim_connection;

typedef RASSIM_ARRAY(rassim_connection *) rassim_list;
extern rassim_list rassim__listed; /* in the order they connected */

typedef RASSIM_ARRAY(rassim_profile) rassim_phone_book;
extern rassim_phone_book rassim__phone_book;

/* Ends every text, and derives the members that follow from others. */
void rassim__complete(rassim_profile *profile);

/* Compares two texts of up to `length` units. */
bool rassim__same_text(const uint16_t *a, const uint16_t *b, size_t length);

/* Creates a planned connection. `reused` is the handle of an ended connection to use again; NULL
 * creates a new handle. Returns 0, 6 if `reused` is no such handle, or 8. */
uint32_t rassim__new_connection(const rassim_profile *profile, HRASCONN reused,
                                rassim_connection **connection_out);

/* Finds the connection of a handle. *subentry_out is the number of the link if the handle is a
 * link's, otherwise 0. Returns NULL if there is no such connection, or it is only planned. */
rassim_connection *rassim__find(HRASCONN handle, uint32_t *subentry_out);
rassim_connection *rassim__find_planned(HRASCONN handle);
bool rassim__was_valid(HRASCONN handle);
uint32_t rassim__subentry_handle(rassim_connection *connection, uint32_t subentry,
                                 HRASCONN *handle_out);

/* Make an action on a connection, and find the connection of an action. rassim__find_for returns
 * NULL if that connection has ended, even if its handle was used again. */
rassim_action rassim__action_on(const rassim_connection *connection,
                                uint32_t (*run)(const rassim_action *action), uint32_t number);
rassim_connection *rassim__find_for(const rassim_action *action);

/* Calls `visit` for each connection until it returns true; returns that connection, or NULL. */
rassim_connection *rassim__find_if(bool (*visit)(rassim_connection *connection, const void *data),
                                   const void *data);

uint32_t rassim__connect(rassim_connection *connection);
/* Ends it. `reason` is the code that the event log gives, such as 629. */
void rassim__terminate(rassim_connection *connection, uint32_t reason);

/* Writes RasClient's event about the connection into the event log. */
void rassim__tell(const rassim_connection *connection, uint32_t event_id, uint32_t code);

uint32_t rassim__hang_up(rassim_connection *connection, uint32_t subentry);
void rassim__disconnect_link(rassim_connection *connection, uint32_t subentry, uint32_t reason);
void rassim__connect_link(rassim_connection *connection, uint32_t subentry);
void rassim__set_state(rassim_connection *connection, uint32_t state);
void rassim__set_status(rassim_connection *connection, uint32_t members,
                        const rn_RASCONNSTATUSW *status);
void rassim__rename(rassim_connection *connection, const uint16_t *name);

/* The statistics as of now. */
rn_RAS_STATS rassim__statistics(const rassim_connection *connection);

/* Sets the counters, and what passes from now on; NULL does not change it. */
void rassim__set_statistics(rassim_connection *connection, const rn_RAS_STATS *statistics,
                            const rassim_traffic *traffic);

/* Ends all connections without a signal, and empties the phone book. */
void rassim__clear_connections(void);

#endif
