/*
 * What one thread can measure alone. It never waits, so what counts is its processor time: others on
 * the machine do not lengthen that.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Repeats `rounds` of something until the time is over. */
struct stopwatch {
  struct usage before;
  int64_t began, limit;
};

static struct stopwatch stopwatch_start(const struct job *job) {
  counters_start();
  struct stopwatch watch = {.before = usage_of_this_thread()};
  watch.began = now_ns();
  watch.limit = (int64_t)(job->seconds * SECOND);
  return watch;
}

static bool stopwatch_runs(const struct stopwatch *watch, const struct job *job, uint64_t done) {
  return job->items ? done < job->items : now_ns() - watch->began < watch->limit;
}

static void stopwatch_stop(const struct stopwatch *watch, struct job *job, uint64_t items) {
  const int64_t ns = now_ns() - watch->began;
  const struct usage after = usage_of_this_thread();
  job->result.syscalls = counters_stop();
  usage_add(&job->result.usage, &watch->before, &after);
  job->result.items = items;
  job->result.seconds = (double)ns / SECOND;
  job->result.value = items ? (double)job->result.usage.cpu_ns / (double)items : 0;
}

/* put and get, in turn: nanoseconds a pair. */
void run_alone(struct job *job) {
  enum { PAIRS = 1000 };
  const struct spec *spec = &job->scenario->spec;
  const struct ops *ops = pick(job, spec);
  void *queue = make(ops, spec);
  void *putter = enter(ops, queue, PUTS, 0), *getter = enter(ops, queue, GETS, 0);
  uint64_t item[WORDS], got[WORDS], pairs = 0;
  struct tally tally = {.words = spec->item_size / sizeof *item};
  const struct stopwatch watch = stopwatch_start(job);
  while (stopwatch_runs(&watch, job, pairs)) {
    for (int i = 0; i < PAIRS; i++) {
      fill_item(item, tally.words, 0, ++pairs);
      ops->put(putter, item);
      ops->get(getter, got);
      tally_item(&tally, got);
    }
  }
  stopwatch_stop(&watch, job, pairs);
  if (tally.count != pairs || tally.last[0] != pairs) fail("items were lost");
  leave(ops, putter, PUTS);
  leave(ops, getter, GETS);
  ops->unmake(queue);
}

/* Orders. */

static uint64_t random_next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  return *state ^= *state << 17;
}

static void lifo_round(const struct ops *ops, void *putter, void *getter, uint64_t base) {
  for (uint64_t i = 1; i <= BATCH_OF; i++) {
    const uint64_t item = base + i;
    ops->put(putter, &item);
  }
  for (uint64_t got, i = BATCH_OF; i > 0; i--) {
    ops->get(getter, &got);
    if (got != base + i) fail("not last in, first out: %lu instead of %lu", got, base + i);
  }
}

/* The item is its own priority; what is put leaves later than what was got last. */
static uint64_t priority_round(const struct ops *ops, void *putter, void *getter, uint64_t spread,
                               uint64_t last) {
  static uint64_t seed = 88172645463325252;
  for (int i = 0; i < BATCH_OF; i++) {
    uint64_t item;
    ops->get(getter, &item);
    if (item < last) fail("priority %lu came after %lu", item, last);
    last = item;
    item += random_next(&seed) % spread;
    ops->put_priority(putter, &item, (int64_t)item);
  }
  return last;
}

static void fill_queue(const struct ops *ops, void *putter, uint64_t spread, int depth,
                       uint32_t order) {
  uint64_t seed = 88172645463325253;
  for (uint64_t i = 1; i <= (uint64_t)depth; i++) {
    const uint64_t item = order == PRIORITY ? random_next(&seed) % spread + 1 : i;
    if (order == PRIORITY) ops->put_priority(putter, &item, (int64_t)item);
    else ops->put(putter, &item);
  }
}

/* With scenario->number items queued: nanoseconds a pair of put and get, 64 pairs a round. */
void run_ordered(struct job *job) {
  const struct spec *spec = &job->scenario->spec;
  const struct ops *ops = pick(job, spec);
  void *queue = make(ops, spec);
  void *putter = enter(ops, queue, PUTS, 0), *getter = enter(ops, queue, GETS, 0);
  const int depth = job->scenario->number;
  const uint64_t spread = 1000 * (uint64_t)depth;
  uint64_t pairs = 0, last = 0, left = 0, item;
  fill_queue(ops, putter, spread, depth, spec->order);
  const struct stopwatch watch = stopwatch_start(job);
  for (; stopwatch_runs(&watch, job, pairs); pairs += BATCH_OF) {
    if (spec->order == LIFO) lifo_round(ops, putter, getter, (uint64_t)depth + pairs);
    else last = priority_round(ops, putter, getter, spread, last);
  }
  stopwatch_stop(&watch, job, pairs);
  while (ops->try_get(getter, &item)) left++;
  if (left != (uint64_t)depth) fail("%lu items were left of %d", (unsigned long)left, depth);
  leave(ops, putter, PUTS);
  leave(ops, getter, GETS);
  ops->unmake(queue);
}

/* Making and freeing a queue that nobody uses: nanoseconds; and the memory of one. */
void run_idle(struct job *job) {
  enum { QUEUES = 1000 };
  static void *queues[QUEUES];
  const struct spec *spec = &job->scenario->spec;
  const struct ops *ops = pick(job, spec);
  ops->unmake(make(ops, spec)); /* what is made once only */
  const size_t heap = heap_bytes(), resident = resident_bytes();
  for (int i = 0; i < QUEUES; i++) queues[i] = make(ops, spec);
  job->result.heap_bytes = ((double)heap_bytes() - (double)heap) / QUEUES;
  job->result.resident_bytes = ((double)resident_bytes() - (double)resident) / QUEUES;
  for (int i = 0; i < QUEUES; i++) ops->unmake(queues[i]);
  const struct result memory = job->result;
  uint64_t made = 0;
  const struct stopwatch watch = stopwatch_start(job);
  for (; stopwatch_runs(&watch, job, made); made += 10)
    for (int i = 0; i < 10; i++) ops->unmake(make(ops, spec));
  stopwatch_stop(&watch, job, made);
  job->result.heap_bytes = memory.heap_bytes;
  job->result.resident_bytes = memory.resident_bytes;
}

/* Many queues in one loop. */

enum { TAG_SHIFT = 40 };

struct watched {
  const struct ops *ops;
  struct loop loop;
  void **queues, **ports;
  size_t count;
  uint64_t put, taken;
};

static void take_watched(void *context, void *tag, const void *item) {
  struct watched *watched = context;
  watched->taken++;
  if (*(const uint64_t *)item >> TAG_SHIFT != (uintptr_t)tag) fail("an item of another queue");
}

static void watched_put(struct watched *watched, size_t index) {
  const uint64_t item = (uint64_t)index << TAG_SHIFT | ++watched->put;
  watched->ops->put(watched->ports[index], &item);
}

static void watched_open(struct watched *watched, const struct job *job) {
  const struct spec *spec = &job->scenario->spec;
  watched->count = (size_t)job->scenario->number;
  watched->ops = pick(job, spec);
  watched->queues = calloc(watched->count, sizeof(void *));
  watched->ports = calloc(watched->count, sizeof(void *));
  watched->loop = (struct loop){.spec = spec, .context = watched, .took = take_watched};
  loop_open(&watched->loop, watched->ops);
  for (size_t i = 0; i < watched->count; i++) {
    watched->queues[i] = make(watched->ops, spec);
    loop_watch(&watched->loop, watched->ops, watched->queues[i], (void *)i);
    watched->ports[i] = enter(watched->ops, watched->queues[i], PUTS, 0);
  }
}

static void watched_close(struct watched *watched) {
  for (size_t i = 0; i < watched->count; i++) leave(watched->ops, watched->ports[i], PUTS);
  loop_close(&watched->loop, watched->ops);
  for (size_t i = 0; i < watched->count; i++) watched->ops->unmake(watched->queues[i]);
  free(watched->queues);
  free(watched->ports);
}

/* One round of what is measured; returns how many it counts for. */
static uint64_t watched_round(struct watched *watched, int which) {
  if (which == WATCH_NONE) {
    if (watched->ops->look) watched->ops->look(&watched->loop);
    else loop_turn(&watched->loop, watched->ops, false);
    return 1;
  }
  const size_t first = which == WATCH_ONE ? watched->count / 2 : 0;
  const size_t many = which == WATCH_ONE ? 1 : watched->count;
  for (size_t i = 0; i < many; i++) watched_put(watched, first + i);
  while (watched->taken < watched->put) loop_turn(&watched->loop, watched->ops, true);
  return many;
}

/*
 * scenario->number queues watched by one loop. WATCH_ONE: put into one of them and let the loop
 * take it, nanoseconds an item; WATCH_ALL: the same with one put into each; WATCH_NONE: one look at
 * nothing, nanoseconds.
 */
void run_watched(struct job *job) {
  struct watched watched = {0};
  const int which = job->scenario->which;
  watched_open(&watched, job);
  watched_round(&watched, WATCH_ALL); /* whatever is done once only */
  for (int i = 0; i < 3; i++) loop_turn(&watched.loop, watched.ops, false);
  uint64_t done = 0;
  const struct stopwatch watch = stopwatch_start(job);
  while (stopwatch_runs(&watch, job, done))
    for (int i = 0; i < (which == WATCH_ALL ? 1 : 100); i++) done += watched_round(&watched, which);
  stopwatch_stop(&watch, job, done);
  watched_close(&watched);
}
