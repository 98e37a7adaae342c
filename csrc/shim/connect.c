/*
 * Waits for one connect; runs a batch of connects to many targets, with a limited number in flight.
 *
 * Two arrays hold the sockets in flight and their attempts, at the same indexes below in_flight.
 * When an attempt ends, the last entry fills its index. Each target gets a new socket.
 */
#include <stdlib.h>

#include "net.h"

typedef struct {
  uint64_t started_ns;
  uint32_t target; /* index into rn_batch.targets */
} attempt;

struct rn_batch {
  const rn_target *targets; /* borrowed, `count` long */
  rn_outcome *outcomes;     /* borrowed, `count` long */
  rn__socket *sockets;      /* owned, options.concurrency long; the batch closes the open ones */
  attempt *attempts;        /* owned, options.concurrency long */
  rn__waiter *waiter;       /* owned */
  rn_batch_options options;
  uint32_t count;
  uint32_t next; /* the first target whose connect has not begun */
  uint32_t in_flight;
  int at_capacity; /* the system refused one more socket: begin none until one ends */
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
  uint32_t capacity = options->concurrency;
  *batch_out = NULL;
  if (!capacity || capacity > RN_MAX_CONCURRENCY || count > RN_MAX_TARGETS) return RN_E_ABSURD;
  batch = calloc(1, sizeof *batch);
  if (!batch) return RN_E_NO_MEMORY;
  if (capacity > count) capacity = count ? count : 1;
  batch->targets = targets;
  batch->outcomes = outcomes_out;
  batch->count = count;
  batch->options = *options;
  batch->options.concurrency = capacity;
  batch->sockets = malloc(capacity * sizeof *batch->sockets);
  batch->attempts = malloc(capacity * sizeof *batch->attempts);
  batch->waiter = rn__waiter_new(capacity);
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

static void record_outcome(rn_batch *batch, uint32_t target, uint32_t status, uint32_t os_error,
                           uint64_t elapsed_ns) {
  rn_outcome *outcome = &batch->outcomes[target];
  outcome->elapsed_ns = elapsed_ns;
  outcome->status = status;
  outcome->os_error = os_error;
}

/* Records the outcome of the attempt at `index`, closes its socket and frees the index. */
static void close_attempt(rn_batch *batch, uint32_t index, uint32_t status, uint32_t os_error,
                          uint64_t now_ns) {
  attempt ended = batch->attempts[index];
  record_outcome(batch, ended.target, status, os_error, now_ns - ended.started_ns);
  rn__socket_close(batch->sockets[index], status == RN_CONNECTED && batch->options.abortive);
  batch->in_flight--;
  batch->sockets[index] = batch->sockets[batch->in_flight];
  batch->attempts[index] = batch->attempts[batch->in_flight];
  batch->at_capacity = 0;
}

static void close_answered(rn_batch *batch, uint32_t index, uint32_t answer, uint64_t now_ns) {
  close_attempt(batch, index, answer ? RN_FAILED : RN_CONNECTED, answer, now_ns);
}

static uint32_t open_socket(const rn_batch *batch, const rn_target *target,
                            rn__socket *socket_out) {
  uint32_t error = rn__socket_open(target->family, socket_out);
  if (error || !batch->options.source.family) return error;
  error = rn__socket_bind(*socket_out, &batch->options.source);
  if (error) rn__socket_close(*socket_out, 0);
  return error;
}

/* Whether the next target should wait for one in flight to end and be tried again. */
static int should_wait(const rn_batch *batch, uint32_t os_error, const rn_target *target) {
  return batch->in_flight && rn__socket_is_at_capacity(os_error, target);
}

/* Begins the next target's connect, unless the system is at capacity. */
static void begin_next(rn_batch *batch) {
  const rn_target *target = &batch->targets[batch->next];
  uint32_t index = batch->in_flight, error, answer;
  uint64_t started_ns;
  if (!target->family) {
    record_outcome(batch, batch->next++, RN_NO_ADDRESS, 0, 0);
    return;
  }
  error = open_socket(batch, target, &batch->sockets[index]);
  if (error) {
    batch->at_capacity = should_wait(batch, error, target);
    if (!batch->at_capacity) record_outcome(batch, batch->next++, RN_FAILED, error, 0);
    return;
  }
  started_ns = rn_now_ns();
  answer = rn__socket_connect(batch->sockets[index], target);
  if (answer && answer != RN_E_AGAIN && should_wait(batch, answer, target)) {
    rn__socket_close(batch->sockets[index], 0);
    batch->at_capacity = 1;
    return;
  }
  batch->attempts[index].target = batch->next++;
  batch->attempts[index].started_ns = started_ns;
  batch->in_flight++;
  if (answer != RN_E_AGAIN) close_answered(batch, index, answer, rn_now_ns());
}

static int can_begin(const rn_batch *batch) {
  return batch->next < batch->count && batch->in_flight < batch->options.concurrency &&
         !batch->at_capacity;
}

/* Begins only a few connects before the next wait, so that early answers get an exact elapsed_ns.
 * A wait costs time in proportion to the sockets in flight, so the few grow with them. */
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

/* Iterates backwards: close_attempt() moves the last entry to `i`, and it was visited already. */
static void collect(rn_batch *batch, uint64_t now_ns) {
  for (uint32_t i = batch->in_flight; i-- > 0;) {
    uint32_t answer = rn__waiter_answer(batch->waiter, i, batch->sockets[i]);
    if (answer != RN_E_AGAIN) {
      close_answered(batch, i, answer, now_ns);
    } else if (now_ns - batch->attempts[i].started_ns >= batch->options.timeout_ns) {
      close_attempt(batch, i, RN_TIMED_OUT, 0, now_ns);
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
