/*
 * The floor of put and get on one thread: what any queue for many threads must pay, a call into a
 * shared library and one locked instruction each. Not a queue: nothing waits, nothing is checked.
 * The call is made as for every contender: by a function of the plug-in, which looks at the status.
 */
#include "../contender.h"

#include <stdlib.h>

enum { SLOTS = 1024 };

struct ring {
  _Alignas(128) uint64_t tail;
  _Alignas(128) uint64_t head;
  _Alignas(128) uint64_t slots[SLOTS];
};

static void *make(const struct spec *spec) {
  (void)spec;
  struct ring *ring = aligned_alloc(128, sizeof *ring);
  if (ring) ring->head = ring->tail = 0;
  return ring;
}

/* The library: exported, so that calls go through the table of a shared object. */

#define EXPORTED __attribute__((visibility("default"), noinline))

int floor_put(struct ring *ring, const void *item, int64_t timeout_ns);
int floor_get(struct ring *ring, void *item, int64_t timeout_ns);

EXPORTED int floor_put(struct ring *ring, const void *item, int64_t timeout_ns) {
  (void)timeout_ns;
  const uint64_t at = __atomic_fetch_add(&ring->tail, 1, __ATOMIC_SEQ_CST);
  ring->slots[at % SLOTS] = *(const uint64_t *)item;
  return 0;
}

EXPORTED int floor_get(struct ring *ring, void *item, int64_t timeout_ns) {
  (void)timeout_ns;
  const uint64_t at = __atomic_fetch_add(&ring->head, 1, __ATOMIC_SEQ_CST);
  *(uint64_t *)item = ring->slots[at % SLOTS];
  return 0;
}

/* Its user. */

static void must(int status) {
  if (status) abort();
}

static void put(void *port, const void *item) { must(floor_put(port, item, -1)); }

static void get(void *port, void *item) { must(floor_get(port, item, -1)); }

static const struct ops ops = {.make = make, .unmake = free, .put = put, .get = get};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  *why_not = "only a floor for one thread alone";
  const bool alone = spec->uses == SOLO && spec->order == FIFO && spec->item_size == 8;
  return alone ? &ops : NULL;
}

static const char *version(void) { return "2 locked instructions"; }

static const struct contender contender = {"floor", "no queue: the least a put and a get must do",
                                           version, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
