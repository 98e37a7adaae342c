/* The simulator's time, and the queue of what is due at a later time. */
#ifndef RASSIM_QUEUE_H
#define RASSIM_QUEUE_H

#include "service.h"

/* Something to do, now or later. */
typedef struct rassim_action {
  uint32_t (*run)(const struct rassim_action *action); /* returns 0 or a code */
  HRASCONN handle;                                     /* of a connection, or NULL */
  uint64_t incarnation; /* identifies one of the connections that had this handle */
  uint32_t number;      /* `run` decides what it means */
  void *data;           /* data_size bytes that `run` reads; a queued action owns a copy */
  size_t data_size;
} rassim_action;

/* Nanoseconds since the reset. */
uint64_t rassim__now(void);

/* A real clock follows the system's. Only actions and rassim__run_until advance a manual one.
 * Changing the kind of clock does not change the time. */
bool rassim__clock_is_real(void);
void rassim__change_clock(bool real);

/* Runs a copy of the action later. Returns 0 or 8. */
uint32_t rassim__schedule(const rassim_action *action, uint64_t delay_ns);

/* Runs the action now where delay_ns is 0, else schedules it. */
uint32_t rassim__act(const rassim_action *action, uint64_t delay_ns);

/* The time until the next action is due, at most `longest_ns`; 0 if it is due already. */
uint64_t rassim__until_next(uint64_t longest_ns);

/* Runs the next action if it is due by `until_ns`, and advances a manual clock to its time. Returns
 * false if none is due. */
bool rassim__run_next(uint64_t until_ns);

/* Runs every action that is due by `until_ns`, and advances a manual clock to `until_ns`. */
void rassim__run_until(uint64_t until_ns);

/* Forgets all actions, and sets a manual clock to 0. */
void rassim__clear_queue(void);

#endif
