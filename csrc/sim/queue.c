/* The simulator's time, and a heap of actions whose first item is the next action. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  uint64_t due_ns;
  uint64_t serial; /* actions that are due together run in the order of scheduling */
  rassim_action action;
} entry;

static struct {
  bool real;
  uint64_t now_ns;    /* the time of the manual clock */
  uint64_t origin_ns; /* the system's time at which the real clock was at 0 */
  uint64_t serial;
  RASSIM_ARRAY(entry) heap;
} queue;

uint64_t rassim__now(void) {
  return queue.real ? rassim__monotonic_ns() - queue.origin_ns : queue.now_ns;
}

bool rassim__clock_is_real(void) { return queue.real; }

void rassim__change_clock(bool real) {
  uint64_t now = rassim__now();
  queue.real = real;
  queue.now_ns = now;
  queue.origin_ns = rassim__monotonic_ns() - now;
}

static bool comes_before(const entry *a, const entry *b) {
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static void push(entry item) {
  entry *heap = queue.heap.items;
  uint32_t index = queue.heap.count++;
  for (; index && comes_before(&item, &heap[(index - 1) / 2]); index = (index - 1) / 2) {
    heap[index] = heap[(index - 1) / 2];
  }
  heap[index] = item;
}

static entry pop(void) {
  entry *heap = queue.heap.items, top = heap[0];
  uint32_t count = --queue.heap.count, index = 0;
  entry last = heap[count];
  for (uint32_t child = 1; child < count; child = 2 * index + 1) {
    if (child + 1 < count && comes_before(&heap[child + 1], &heap[child])) child++;
    if (!comes_before(&heap[child], &last)) break;
    heap[index] = heap[child];
    index = child;
  }
  heap[index] = last;
  return top;
}

uint32_t rassim__schedule(const rassim_action *action, uint64_t delay_ns) {
  uint32_t code = RASSIM_RESERVE(queue.heap);
  if (code) return code;
  entry item = {rassim__now() + delay_ns, queue.serial++, *action};
  if (action->data_size) {
    item.action.data = malloc(action->data_size);
    if (!item.action.data) return RAS_ERROR_NOT_ENOUGH_MEMORY;
    memcpy(item.action.data, action->data, action->data_size);
  }
  push(item);
  rassim__wake();
  return RAS_SUCCESS;
}

uint32_t rassim__act(const rassim_action *action, uint64_t delay_ns) {
  return delay_ns ? rassim__schedule(action, delay_ns) : action->run(action);
}

uint64_t rassim__until_next(uint64_t longest_ns) {
  if (!queue.heap.count) return longest_ns;
  uint64_t now = rassim__now(), due = queue.heap.items[0].due_ns;
  if (due <= now) return 0;
  return due - now < longest_ns ? due - now : longest_ns;
}

/* Ignores the code of the action: its connection may have ended since. */
bool rassim__run_next(uint64_t until_ns) {
  if (!queue.heap.count || queue.heap.items[0].due_ns > until_ns) return false;
  entry next = pop();
  if (queue.now_ns < next.due_ns) queue.now_ns = next.due_ns;
  next.action.run(&next.action);
  free(next.action.data);
  return true;
}

void rassim__run_until(uint64_t until_ns) {
  while (rassim__run_next(until_ns)) continue;
  if (queue.now_ns < until_ns) queue.now_ns = until_ns;
}

void rassim__clear_queue(void) {
  for (uint32_t i = 0; i < queue.heap.count; i++) free(queue.heap.items[i].action.data);
  queue.heap.count = 0;
  queue.now_ns = 0;
}
