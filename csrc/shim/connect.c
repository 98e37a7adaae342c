/*
 * Runs a batch of connects to many targets, with a limited number in flight.
 *
 * Each target in flight has an attempt. Its index in rn_batch.attempts is also the slot of its
 * socket in the waiter. An attempt whose connect was refused can pause, without a socket, and
 * connect again. No step looks at all attempts: two lists give the oldest one and the one whose
 * pause ends first.
 */
#include <stdlib.h>
#include <string.h>

#include "net.h"

#define NO_SOCKET (-1)

typedef struct {
  rn_target target;
  uint64_t number;
  uint64_t started_ns; /* when its first connect began */
  uint64_t begun_ns;   /* when its last connect began */
  uint64_t resume_ns;  /* when its pause ends */
  rn__socket socket;   /* NO_SOCKET: it pauses */
  uint32_t refusal;    /* the error of an earlier connect, or 0 */
  uint32_t repeats;    /* connects after the first */
} attempt;

/* The neighbours of an index in a circular list. The list's head is the entry at `concurrency`. */
typedef struct {
  uint32_t previous;
  uint32_t next;
} list_node;

struct rn_batch {
  rn_batch_options options;
  attempt *attempts;  /* owned, options.concurrency long; the batch closes their sockets */
  uint32_t *unused;   /* owned; a stack of the indexes that are not in flight */
  list_node *ages;    /* owned; the attempts in flight, oldest first */
  list_node *pauses;  /* owned; those of them that pause, in the order of resume_ns */
  rn__waiter *waiter; /* owned */
  uint64_t number;    /* of the next target */
  uint64_t due_ns;    /* with options.interval_ns: when the next connect may begin */
  uint32_t in_flight;
  int at_capacity; /* the system refused one more socket: begin none until one is closed */

  /* Of the current rn_batch_run. */
  const rn_target *targets; /* borrowed, `count` long */
  rn_outcome *outcomes;     /* borrowed */
  uint32_t count;
  uint32_t begun;
  uint32_t ended;
};

static void list_init(list_node *links, uint32_t head) { links[head] = (list_node){head, head}; }

static void list_append(list_node *links, uint32_t head, uint32_t index) {
  uint32_t last = links[head].previous;
  links[index] = (list_node){last, head};
  links[last].next = index;
  links[head].previous = index;
}

static void list_remove(list_node *links, uint32_t index) {
  links[links[index].previous].next = links[index].next;
  links[links[index].next].previous = links[index].previous;
}

/* Returns the first index, or the head if the list is empty. */
static uint32_t list_first(const list_node *links, uint32_t head) { return links[head].next; }

static uint32_t allocate(rn_batch *batch) {
  uint32_t capacity = batch->options.concurrency;
  batch->attempts = calloc(capacity, sizeof *batch->attempts);
  batch->unused = malloc(capacity * sizeof *batch->unused);
  batch->ages = calloc(capacity + 1, sizeof *batch->ages);
  batch->pauses = calloc(capacity + 1, sizeof *batch->pauses);
  batch->waiter = rn__waiter_new(capacity);
  if (!batch->attempts || !batch->unused || !batch->ages || !batch->pauses || !batch->waiter) {
    return RN_E_NO_MEMORY;
  }
  for (uint32_t i = 0; i < capacity; i++) batch->unused[i] = capacity - 1 - i;
  list_init(batch->ages, capacity);
  list_init(batch->pauses, capacity);
  return 0;
}

uint32_t rn_batch_new(const rn_batch_options *options, rn_batch **batch_out) {
  rn_batch *batch;
  uint32_t code;
  *batch_out = NULL;
  if (!options->concurrency || options->concurrency > RN_MAX_CONCURRENCY || !options->wanted ||
      options->wanted > RN_MAX_WANTED) {
    return RN_E_ABSURD;
  }
  batch = calloc(1, sizeof *batch);
  if (!batch) return RN_E_NO_MEMORY;
  batch->options = *options;
  batch->due_ns = rn_now_ns();
  code = allocate(batch);
  if (code) {
    rn_batch_free(batch);
  } else {
    *batch_out = batch;
  }
  return code;
}

static void close_socket(rn_batch *batch, attempt *closed, int abortive) {
  if (closed->socket == NO_SOCKET) return;
  rn__socket_close(closed->socket, abortive);
  closed->socket = NO_SOCKET;
  batch->at_capacity = 0;
}

void rn_batch_free(rn_batch *batch) {
  uint32_t index;
  if (!batch) return;
  index = batch->options.concurrency;
  for (uint32_t i = 0; i < batch->in_flight; i++) {
    index = batch->ages[index].next;
    close_socket(batch, &batch->attempts[index], 0);
  }
  rn__waiter_free(batch->waiter);
  free(batch->attempts);
  free(batch->unused);
  free(batch->ages);
  free(batch->pauses);
  free(batch);
}

static void record_outcome(rn_batch *batch, uint64_t number, uint32_t status, uint32_t os_error,
                           uint64_t elapsed_ns) {
  rn_outcome *outcome = &batch->outcomes[batch->ended++];
  outcome->elapsed_ns = elapsed_ns;
  outcome->number = number;
  outcome->status = status;
  outcome->os_error = os_error;
}

/* Records the outcome of an attempt in flight, closes its socket and frees its index. */
static void close_attempt(rn_batch *batch, uint32_t index, uint32_t status, uint32_t os_error,
                          uint64_t now_ns) {
  attempt *ended = &batch->attempts[index];
  /* Without a socket, no connect began. */
  uint64_t elapsed_ns = ended->started_ns ? now_ns - ended->started_ns : 0;
  record_outcome(batch, ended->number, status, os_error, elapsed_ns);
  close_socket(batch, ended, status == RN_CONNECTED && batch->options.abortive);
  list_remove(batch->ages, index);
  batch->unused[--batch->in_flight] = index;
}

static int is_loopback(const rn_target *target) {
  static const uint8_t one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (target->family == 4) return target->address[0] == 127;
  return !memcmp(target->address, one, sizeof one);
}

static uint32_t open_socket(const rn_batch *batch, const rn_target *target,
                            rn__socket *socket_out) {
  const rn_batch_options *options = &batch->options;
  uint32_t error = rn__socket_open(target->family, socket_out);
  if (error) {
    *socket_out = NO_SOCKET;
    return error;
  }
  rn_set_syn_retries(*socket_out,
                     is_loopback(target) ? options->loopback_syn_retries : options->syn_retries);
  return options->source.family ? rn__socket_bind(*socket_out, &options->source) : 0;
}

/* Begins a connect of this attempt on a new socket; returns the answer. */
static uint32_t begin_connect(rn_batch *batch, uint32_t index) {
  attempt *begun = &batch->attempts[index];
  uint32_t answer = open_socket(batch, &begun->target, &begun->socket);
  if (answer) return answer;
  begun->begun_ns = rn_now_ns();
  if (!begun->started_ns) begun->started_ns = begun->begun_ns;
  answer = rn__socket_connect(begun->socket, &begun->target);
  if (answer == RN_E_AGAIN) {
    uint32_t error = rn__waiter_add(batch->waiter, index, begun->socket);
    if (error) answer = error;
  }
  return answer;
}

/* Whether a refused connect should begin again. Windows refuses while a listener's queue is full.
 * Its TCP repeats the SYN, but on loopback the batch repeats the connect, which is faster. */
static int should_repeat(const rn_batch *batch, const attempt *refused, uint32_t answer,
                         uint64_t now_ns) {
  return rn__socket_is_refusal(answer) && refused->repeats < batch->options.loopback_repeats &&
         is_loopback(&refused->target) && now_ns - refused->begun_ns < RN_SLOW_REFUSAL_NS;
}

/* Ends the attempt with its answer, or lets it pause. Once refused, an attempt ends as connected or
 * refused; later errors are ignored. */
static void apply_answer(rn_batch *batch, uint32_t index, uint32_t answer, uint64_t now_ns) {
  attempt *answered = &batch->attempts[index];
  if (answer && should_repeat(batch, answered, answer, now_ns)) {
    close_socket(batch, answered, 0);
    answered->refusal = answer;
    answered->resume_ns = now_ns + RN_REPEAT_PAUSE_NS;
    list_append(batch->pauses, batch->options.concurrency, index);
    return;
  }
  if (answer && answered->refusal) answer = answered->refusal;
  close_attempt(batch, index, answer ? RN_FAILED : RN_CONNECTED, answer, now_ns);
}

/* Begins the next target's connect, unless the system is at capacity. */
static void begin_next(rn_batch *batch) {
  const rn_target *target = &batch->targets[batch->begun];
  uint32_t index = batch->unused[batch->in_flight], answer;
  attempt *next = &batch->attempts[index];
  if (!target->family) {
    record_outcome(batch, batch->number++, RN_NO_ADDRESS, 0, 0);
    batch->begun++;
    return;
  }
  memset(next, 0, sizeof *next);
  next->target = *target;
  answer = begin_connect(batch, index);
  if (answer && answer != RN_E_AGAIN && batch->in_flight &&
      rn__socket_is_at_capacity(answer, target)) {
    close_socket(batch, next, 0);
    batch->at_capacity = 1;
    return;
  }
  next->number = batch->number++;
  batch->begun++;
  batch->in_flight++;
  list_append(batch->ages, batch->options.concurrency, index);
  if (answer != RN_E_AGAIN) apply_answer(batch, index, answer, rn_now_ns());
}

/* Every attempt in flight has space for its outcome. */
static int can_begin(const rn_batch *batch) {
  const rn_batch_options *options = &batch->options;
  return batch->begun < batch->count && batch->in_flight < options->concurrency &&
         batch->in_flight + batch->ended < options->concurrency + options->wanted &&
         !batch->at_capacity;
}

/* With a rate: moves the moment of the next connect on. */
static void count_begun(rn_batch *batch, uint64_t now_ns) {
  if (!batch->options.interval_ns) return;
  if (now_ns > RN_CATCH_UP_NS && batch->due_ns < now_ns - RN_CATCH_UP_NS) {
    batch->due_ns = now_ns - RN_CATCH_UP_NS;
  }
  batch->due_ns += batch->options.interval_ns;
}

/* Begins only a few connects before the next wait, so that early answers get an exact elapsed_ns.
 * Where a wait costs time in proportion to the sockets in flight, the few must grow with them. */
static void begin_some(rn_batch *batch, uint64_t now_ns) {
  for (uint32_t i = 0; i <= batch->in_flight / 16 && can_begin(batch); i++) {
    if (batch->options.interval_ns && now_ns < batch->due_ns) return;
    begin_next(batch);
    if (!batch->at_capacity) count_begun(batch, now_ns);
  }
}

/* Begins the connects again whose pause has ended. */
static void resume_paused(rn_batch *batch, uint64_t now_ns) {
  uint32_t head = batch->options.concurrency, index;
  while ((index = list_first(batch->pauses, head)) != head &&
         batch->attempts[index].resume_ns <= now_ns) {
    uint32_t answer;
    list_remove(batch->pauses, index);
    batch->attempts[index].repeats++;
    answer = begin_connect(batch, index);
    if (answer != RN_E_AGAIN) apply_answer(batch, index, answer, rn_now_ns());
  }
}

/* Ends the attempts whose time is over, also those that pause. */
static void expire(rn_batch *batch, uint64_t now_ns) {
  uint32_t head = batch->options.concurrency, index;
  while ((index = list_first(batch->ages, head)) != head &&
         now_ns - batch->attempts[index].started_ns >= batch->options.timeout_ns) {
    attempt *expired = &batch->attempts[index];
    uint32_t refusal = expired->refusal;
    if (expired->socket == NO_SOCKET) {
      list_remove(batch->pauses, index);
    } else {
      rn__waiter_remove(batch->waiter, index, expired->socket);
    }
    close_attempt(batch, index, refusal ? RN_FAILED : RN_TIMED_OUT, refusal, now_ns);
  }
}

static void collect(rn_batch *batch, uint64_t now_ns) {
  uint32_t index, answer;
  while (rn__waiter_next(batch->waiter, &index, &answer)) {
    apply_answer(batch, index, answer, now_ns);
  }
  resume_paused(batch, now_ns);
  expire(batch, now_ns);
}

static int is_done(const rn_batch *batch, int more) {
  return batch->ended >= batch->options.wanted ||
         (batch->begun == batch->count && (more || !batch->in_flight));
}

static uint64_t earlier(uint64_t one, uint64_t other) { return one < other ? one : other; }

/* Returns the time until something other than an answer is due. */
static uint64_t time_to_wait(const rn_batch *batch, uint64_t now_ns, uint64_t end_ns) {
  uint32_t head = batch->options.concurrency;
  uint32_t oldest = list_first(batch->ages, head), paused = list_first(batch->pauses, head);
  uint64_t until = end_ns;
  if (can_begin(batch)) until = batch->options.interval_ns ? earlier(until, batch->due_ns) : 0;
  if (oldest != head) {
    until = earlier(until, batch->attempts[oldest].started_ns + batch->options.timeout_ns);
  }
  if (paused != head) until = earlier(until, batch->attempts[paused].resume_ns);
  return until > now_ns ? until - now_ns : 0;
}

uint32_t rn_batch_run(rn_batch *batch, const rn_target *targets, uint32_t count, int more,
                      uint64_t slice_ns, rn_outcome *outcomes_out,
                      rn_batch_progress *progress_out) {
  uint64_t now_ns = rn_now_ns(), end_ns = now_ns + slice_ns;
  uint32_t code = 0;
  batch->targets = targets;
  batch->outcomes = outcomes_out;
  batch->count = count;
  batch->begun = batch->ended = 0;
  do {
    begin_some(batch, now_ns);
    code = rn__waiter_wait(batch->waiter,
                           is_done(batch, more) ? 0 : time_to_wait(batch, now_ns, end_ns));
    if (code) break;
    now_ns = rn_now_ns();
    collect(batch, now_ns);
  } while (!is_done(batch, more) && now_ns < end_ns);
  progress_out->begun = batch->begun;
  progress_out->ended = batch->ended;
  if (code) return code;
  return is_done(batch, more) ? 0 : RN_E_AGAIN;
}
