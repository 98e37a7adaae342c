/*
 * An allocator that fails on demand, for a library whose sources are compiled together with this
 * file and with -Dmalloc=failing_malloc and so on. It also counts what the library has not freed.
 */
#include <stdint.h>
#include <stdlib.h> /* declares the four failing_ functions, by the same macros */

#undef malloc
#undef calloc
#undef realloc
#undef free

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void free(void *memory);

static uint32_t until_failure; /* allocations until one fails; 0: none will */
static uint32_t failures;
static uint32_t unfreed;

void fail_allocation(uint32_t number) {
  until_failure = number;
  failures = 0;
}

uint32_t failed_allocations(void) { return failures; }

uint32_t unfreed_allocations(void) { return unfreed; }

static int must_fail(void) {
  if (!until_failure || --until_failure) return 0;
  failures++;
  return 1;
}

static void *counted(void *memory) {
  unfreed += memory != NULL;
  return memory;
}

void *failing_malloc(size_t size) { return must_fail() ? NULL : counted(malloc(size)); }

void *failing_calloc(size_t count, size_t size) {
  return must_fail() ? NULL : counted(calloc(count, size));
}

void *failing_realloc(void *memory, size_t size) {
  if (must_fail()) return NULL;
  return memory ? realloc(memory, size) : counted(realloc(NULL, size));
}

void failing_free(void *memory) {
  unfreed -= memory != NULL;
  free(memory);
}
