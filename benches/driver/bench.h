/* What the parts of the driver share: the job that the command line names, and its result. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "../contender.h"
#include "measure.h"

struct scenario;

struct result {
  double value; /* in the scenario's unit */
  uint64_t items;
  double seconds;
  struct usage usage;
  struct syscalls syscalls;
  double p50, p99, most;             /* ns, where there are samples */
  double heap_bytes, resident_bytes; /* of one queue, where that is asked */
};

struct job {
  const struct contender *contender;
  const struct scenario *scenario;
  double seconds;  /* to aim at */
  uint64_t items;  /* instead, when not 0 */
  struct result result;
};

struct scenario {
  const char *name, *title, *group, *unit;
  void (*run)(struct job *job);
  struct spec spec;
  int number; /* what it counts: loops, items queued, queues watched, processors */
  int which;  /* a variant of it, as the function says */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* What the scenarios are made of. The `run` of each is described where it is defined. */
void run_stream(struct job *job);
void run_ping(struct job *job);
void run_delay(struct job *job);
void run_alone(struct job *job);
void run_ordered(struct job *job);
void run_idle(struct job *job);
void run_watched(struct job *job);

enum { WATCH_NONE, WATCH_ONE, WATCH_ALL };
enum { DELAY_QUIET, DELAY_PING };
enum { PING_ALONE, PING_IN_COMPANY };

/* The contender's queue for this spec; ends the process, saying why, when it has none. */
const struct ops *pick(const struct job *job, const struct spec *spec);
/* Ends the process for errno; running out of descriptors is no error, but not on offer. */
_Noreturn void cannot(const char *what);
void *make(const struct ops *ops, const struct spec *spec);

/* A thread's port, made and given back by that thread. */
void *enter(const struct ops *ops, void *queue, enum side side, unsigned index);
void leave(const struct ops *ops, void *port, enum side side);

/* The benchmark's event loop; everything below is called by the loop's thread only. */
void loop_open(struct loop *loop, const struct ops *ops);
void loop_watch(struct loop *loop, const struct ops *ops, void *queue, void *tag);
void loop_turn(struct loop *loop, const struct ops *ops, bool may_wait);
void loop_close(struct loop *loop, const struct ops *ops);

/* Items: the producer's number and its count, and the same again in the last word. */
enum { PRODUCER_SHIFT = 48, MOST_PRODUCERS = 16, WORDS = LARGEST_ITEM / 8 };

static inline void fill_item(uint64_t *item, size_t words, unsigned producer, uint64_t number) {
  const uint64_t head = (uint64_t)producer << PRODUCER_SHIFT | number;
  item[0] = head;
  item[words - 1] = head + words - 1;
}

struct tally {
  size_t words;
  uint64_t count, sum;
  uint64_t last[MOST_PRODUCERS];
};

/* Counts an item that arrived; fails when it is torn, came twice or overtook another. */
static inline void tally_item(struct tally *tally, const uint64_t *item) {
  const uint64_t head = item[0];
  uint64_t *last = &tally->last[(head >> PRODUCER_SHIFT) % MOST_PRODUCERS];
  if (head <= *last) fail("item %#lx came after %#lx", (unsigned long)head, (unsigned long)*last);
  if (item[tally->words - 1] != head + tally->words - 1) fail("an item is torn");
  *last = head;
  tally->count++;
  tally->sum += head;
}

#endif
