/* The simulator's time, and the queue of what is due at a later time. */
#ifndef RASSIM_QUEUE_H
#define RASSIM_QUEUE_H

#include "service.h"

/* Something to do, now or later. */
typedef struct rassim_action {
  uint32_t (*run)(const struct rassim_action *action); /* returns 0 or a code */
  HRASCONN handle;                                     /* of a connection, or NULL */
  uint64_t incarnation; /* which of the connections that had this handle */
  uint32_t number;      /* what it means is up to `run` */
  void *data;           /* data_size bytes that `run` reads; a queued action owns a copy */
  size_t data_size;
} rassim_action;

/* Nanoseconds since the reset. */
uint64_t rassim__now(void);

/* A real clock follows the system's; a manual one stands until actions or rassim__run_until
 * move it. The time goes on from where it is. */
bool rassim__clock_is_real(void);
void rassim__change_clock(bool real);

/* Runs a copy of the action later. Returns 0 or 8. */
uint32_t rassim__schedule(const rassim_action *action, uint64_t delay_ns);

/* Runs the action now where delay_ns is 0, else schedules it. */
uint32_t rassim__act(const rassim_action *action, uint64_t delay_ns);

/* How long until the next action is due: 0 if it is due already, `longest_ns` if none is sooner. */
uint64_t rassim__until_next(uint64_t longest_ns);

/* Moves a manual clock to the next action that is due by then and runs it. False: there is none. */
bool rassim__run_next(uint64_t until_ns);

/* Runs everything that is due by then, and moves a manual clock there. */
void rassim__run_until(uint64_t until_ns);

/* Forgets all actions; a manual clock is at 0 again. */
void rassim__clear_queue(void);

#endif
