/*
 * Waiting for one connect, and a batch of connects to many targets, bounded in flight.
 *
 * sockets and attempts: those in flight, side by side, [0, in_flight) in use; one that ended is
 * replaced by the last. Each target gets a socket of its own, which is never used again.
 */
#include <stdlib.h>

#include "net.h"

typedef struct {
  uint64_t started_ns;
  uint32_t target;
} attempt;

struct rn_batch {
  const rn_target *targets; /* borrowed, `count` long */
  rn_outcome *outcomes;     /* borrowed, ditto */
  rn__socket *sockets;      /* owned, options.concurrency long; the open ones are ours to close */
  attempt *attempts;        /* owned, ditto */
  rn__waiter *waiter;       /* owned */
  rn_batch_options options;
  uint32_t count;
  uint32_t next; /* the first target not begun yet */
  uint32_t in_flight;
  int no_room; /* the process has no descriptor left: begin no more until one is closed */
};

uint32_t rn_connect_wait(int64_t socket, uint64_t slice_ns) {
  rn__socket sockets[1] = {socket};
  rn__waiter *waiter = rn__waiter_new(1);
  uint32_t code;
  if (!waiter) return RN_E_NO_MEMORY;
  code = rn__waiter_wait(waiter, sockets, 1, slice_ns);
  if (!code) code = rn__waiter_answer(waiter, 0, socket);
  rn__waiter_free(waiter);
  return code;
}

uint32_t rn_batch_new(const rn_target *targets, uint32_t count, const rn_batch_options *options,
                      rn_outcome *outcomes_out, rn_batch **batch_out) {
  rn_batch *batch;
  uint32_t room = options->concurrency;
  *batch_out = NULL;
  if (!room || room > RN_MAX_CONCURRENCY || count > RN_MAX_TARGETS) return RN_E_ABSURD;
  batch = calloc(1, sizeof *batch);
  if (!batch) return RN_E_NO_MEMORY;
  if (room > count) room = count ? count : 1;
  batch->targets = targets;
  batch->outcomes = outcomes_out;
  batch->count = count;
  batch->options = *options;
  batch->options.concurrency = room;
  batch->sockets = malloc(room * sizeof *batch->sockets);
  batch->attempts = malloc(room * sizeof *batch->attempts);
  batch->waiter = rn__waiter_new(room);
  if (!batch->sockets || !batch->attempts || !batch->waiter) {
    rn_batch_free(batch);
    return RN_E_NO_MEMORY;
  }
  *batch_out = batch;
  return 0;
}

void rn_batch_free(rn_batch *batch) {
  if (!batch) return;
  for (uint32_t i = 0; i < batch->in_flight; i++) rn__socket_close(batch->sockets[i], 0);
  free(batch->sockets);
  free(batch->attempts);
  rn__waiter_free(batch->waiter);
  free(batch);
}

static void settle(rn_batch *batch, uint32_t target, uint32_t status, uint32_t os_error,
                   uint64_t elapsed_ns) {
  rn_outcome *outcome = &batch->outcomes[target];
  outcome->elapsed_ns = elapsed_ns;
  outcome->status = status;
  outcome->os_error = os_error;
}

static void finish(rn_batch *batch, uint32_t index, uint32_t status, uint32_t os_error,
                   uint64_t now_ns) {
  attempt done = batch->attempts[index];
  settle(batch, done.target, status, os_error, now_ns - done.started_ns);
  rn__socket_close(batch->sockets[index], status == RN_CONNECTED && batch->options.abortive);
  batch->in_flight--;
  batch->sockets[index] = batch->sockets[batch->in_flight];
  batch->attempts[index] = batch->attempts[batch->in_flight];
  batch->no_room = 0;
}

static void finish_answered(rn_batch *batch, uint32_t index, uint32_t answer, uint64_t now_ns) {
  finish(batch, index, answer ? RN_FAILED : RN_CONNECTED, answer, now_ns);
}

static uint32_t open_socket(const rn_batch *batch, const rn_target *target,
                            rn__socket *socket_out) {
  uint32_t error = rn__socket_open(target->family, socket_out);
  if (error || !batch->options.source.family) return error;
  error = rn__socket_bind(*socket_out, &batch->options.source);
  if (error) rn__socket_close(*socket_out, 0);
  return error;
}

/* Begins the next target's connect, unless there is no room for its socket. */
static void begin_next(rn_batch *batch) {
  const rn_target *target = &batch->targets[batch->next];
  uint32_t place = batch->in_flight, error, answer;
  if (!target->family) {
    settle(batch, batch->next++, RN_NO_ADDRESS, 0, 0);
    return;
  }
  error = open_socket(batch, target, &batch->sockets[place]);
  if (rn__socket_is_out_of_room(error) && batch->in_flight) {
    batch->no_room = 1;
    return;
  }
  if (error) {
    settle(batch, batch->next++, RN_FAILED, error, 0);
    return;
  }
  batch->attempts[place].target = batch->next++;
  batch->attempts[place].started_ns = rn_now_ns();
  batch->in_flight++;
  answer = rn__socket_connect(batch->sockets[place], target);
  if (answer != RN_E_AGAIN) finish_answered(batch, place, answer, rn_now_ns());
}

static int can_begin(const rn_batch *batch) {
  return batch->next < batch->count && batch->in_flight < batch->options.concurrency &&
         !batch->no_room;
}

/* A few at a time: an answer that is there already is seen at once, so that elapsed_ns is the
 * connect's and not ours. The share keeps the waits' cost per connect constant. */
static void begin_some(rn_batch *batch) {
  for (uint32_t i = 0; i <= batch->in_flight / 16 && can_begin(batch); i++) begin_next(batch);
}

static uint64_t time_to_wait(const rn_batch *batch, uint64_t now_ns, uint64_t slice_end_ns) {
  uint64_t until = slice_end_ns;
  if (can_begin(batch)) return 0;
  for (uint32_t i = 0; i < batch->in_flight; i++) {
    uint64_t deadline = batch->attempts[i].started_ns + batch->options.timeout_ns;
    if (deadline < until) until = deadline;
  }
  return until > now_ns ? until - now_ns : 0;
}

/* From the last to the first: what finish moves has been looked at. */
static void collect(rn_batch *batch, uint64_t now_ns) {
  for (uint32_t i = batch->in_flight; i-- > 0;) {
    uint32_t answer = rn__waiter_answer(batch->waiter, i, batch->sockets[i]);
    if (answer != RN_E_AGAIN) {
      finish_answered(batch, i, answer, now_ns);
    } else if (now_ns - batch->attempts[i].started_ns >= batch->options.timeout_ns) {
      finish(batch, i, RN_TIMED_OUT, 0, now_ns);
    }
  }
}

uint32_t rn_batch_run(rn_batch *batch, uint64_t slice_ns) {
  uint64_t now_ns = rn_now_ns();
  uint64_t end_ns = now_ns + slice_ns;
  while (now_ns < end_ns) {
    begin_some(batch);
    if (batch->in_flight) {
      uint32_t code = rn__waiter_wait(batch->waiter, batch->sockets, batch->in_flight,
                                      time_to_wait(batch, now_ns, end_ns));
      if (code) return code;
    } else if (batch->next == batch->count) {
      return 0;
    }
    now_ns = rn_now_ns();
    collect(batch, now_ns);
  }
  return RN_E_AGAIN;
}
