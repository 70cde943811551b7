/*
 * A storm: several producers, blocking getters and loops of every kind on the same queues, with
 * random timeouts, pollers that come and go, watches that are paused and removed. Nothing may be
 * lost, doubled or overtaken, and nobody may sleep on: a watchdog looks for progress.
 */
#include "loops.h"

enum {
  QUEUES = 3,
  PRODUCERS = 3,
  GETTERS = 2,
  LOOPS = 3,
  ITEMS = 20000, /* per producer */
  TOTAL = PRODUCERS * ITEMS,
  LOOP_KINDS = BY_PIPE_EDGE + 1
};

#define STALLED_NS (10 * SECOND)

typedef struct storm {
  bq_queue *queues[QUEUES];
  bool ordered; /* FIFO: a producer's items reach each consumer in their order */
  atomic_uchar taken[TOTAL];
  atomic_llong got;
} storm;

typedef struct worker {
  storm *storm;
  uint64_t seed;
  int64_t first; /* producers: the number of their first item */
  bool over[QUEUES];
  int64_t last[QUEUES][PRODUCERS]; /* consumers: of each producer, by queue */
  pthread_t thread;
} worker;

static uint64_t roll(worker *one, uint64_t sides) {
  one->seed ^= one->seed << 13;
  one->seed ^= one->seed >> 7;
  one->seed ^= one->seed << 17;
  return one->seed % sides;
}

static int64_t any_timeout(worker *one) {
  switch (roll(one, 4)) {
  case 0: return BQ_NOWAIT;
  case 1: return BQ_FOREVER;
  default: return (int64_t)roll(one, 200) * MICROSECOND;
  }
}

/* Puts. */

static void *produce(void *argument) {
  worker *one = argument;
  int64_t numbers[8];
  for (int64_t put = 0; put < ITEMS;) {
    bq_queue *queue = one->storm->queues[roll(one, QUEUES)];
    size_t count = 1 + roll(one, LENGTH(numbers));
    if (count > (size_t)(ITEMS - put)) count = (size_t)(ITEMS - put);
    for (size_t i = 0; i < count; i++) numbers[i] = one->first + put + (int64_t)i;
    const ptrdiff_t result = bq_put_many(queue, numbers, count, any_timeout(one));
    if (result > 0) put += result;
    else CHECK_STATUS(result, BQ_FULL);
  }
  return NULL;
}

/* Gets. */

static void take(worker *one, size_t queue, int64_t number) {
  CHECK(number >= 0 && number < TOTAL);
  CHECK_EQ(atomic_fetch_add(&one->storm->taken[number], 1), 0);
  int64_t *last = &one->last[queue][number / ITEMS];
  CHECK(!one->storm->ordered || number > *last);
  *last = number;
  atomic_fetch_add(&one->storm->got, 1);
}

/* Whether there was an item; notes the end of the queue. */
static bool get_one(worker *one, size_t queue, int64_t timeout_ns) {
  int64_t number;
  const bq_status status = bq_get(one->storm->queues[queue], &number, timeout_ns);
  if (status == BQ_OK) take(one, queue, number);
  else if (status == BQ_SHUTDOWN) one->over[queue] = true;
  else CHECK_STATUS(status, BQ_EMPTY);
  return status == BQ_OK;
}

static bool all_over(const worker *one) {
  for (size_t i = 0; i < QUEUES; i++) {
    if (!one->over[i]) return false;
  }
  return true;
}

static void *get_until_shutdown(void *argument) {
  worker *one = argument;
  while (!all_over(one)) {
    const size_t queue = (size_t)roll(one, QUEUES);
    if (!one->over[queue]) get_one(one, queue, any_timeout(one));
  }
  return NULL;
}

/* Loops. A queue's watch has as data where this worker notes that the queue is over. */

static void serve(worker *one, bq_poller *poller, const bq_event *ready) {
  const size_t queue = (size_t)((bool *)ready->data - one->over);
  const uint64_t most = 1 + roll(one, 4);
  CHECK(ready->queue == one->storm->queues[queue]);
  for (uint64_t i = 0; i < most && get_one(one, queue, BQ_NOWAIT); i++) continue;
  if (one->over[queue]) unwatch(poller, ready->queue);
}

/* Polls until 0, or stops early where the kind of loop allows it. */
static void serve_ready(worker *one, const event_loop *loop) {
  bq_event ready[QUEUES];
  ptrdiff_t count;
  while ((count = bq_poller_poll(loop->poller, ready, 1 + roll(one, QUEUES))) > 0) {
    for (ptrdiff_t i = 0; i < count; i++) serve(one, loop->poller, &ready[i]);
    if (!edge_triggered(loop->kind) && roll(one, 4) == 0) return;
  }
  CHECK_STATUS(count, 0);
}

static void wait_and_serve(worker *one, bq_poller *poller, int64_t timeout_ns) {
  bq_event ready[QUEUES];
  const ptrdiff_t count = bq_poller_wait(poller, ready, LENGTH(ready), timeout_ns);
  for (ptrdiff_t i = 0; i < count; i++) serve(one, poller, &ready[i]);
  if (count <= 0) CHECK_STATUS(count, BQ_TIMEDOUT);
}

/* Pauses a watch or removes it, for one turn. */
static void with_one_less(worker *one, bq_poller *poller, size_t queue, bool pause) {
  bq_queue *spared = one->storm->queues[queue];
  if (pause) CHECK_STATUS(bq_poller_modify(poller, spared, 0, &one->over[queue]), BQ_OK);
  else unwatch(poller, spared);
  wait_and_serve(one, poller, (int64_t)roll(one, 100) * MICROSECOND);
  bq_status (*restore)(bq_poller *, bq_queue *, uint32_t, void *) =
      pause ? bq_poller_modify : bq_poller_add;
  CHECK_STATUS(restore(poller, spared, BQ_READABLE, &one->over[queue]), BQ_OK);
}

static void turn(worker *one, event_loop *loop, bool by_descriptor) {
  const size_t queue = (size_t)roll(one, QUEUES);
  if (!one->over[queue] && !by_descriptor && roll(one, 4) == 0) {
    with_one_less(one, loop->poller, queue, roll(one, 2) == 0);
  } else if (!by_descriptor) {
    wait_and_serve(one, loop->poller, any_timeout(one));
  } else if (loop_turn(loop, roll(one, 4) == 0 ? 1 : (int)(2 * STALLED_NS / MILLISECOND))) {
    serve_ready(one, loop);
  }
}

static void live_one_life(worker *one) {
  event_loop loop = loop_open((loop_kind)roll(one, LOOP_KINDS));
  const bool by_descriptor = roll(one, 3) > 0;
  for (size_t i = 0; i < QUEUES; i++) {
    if (one->over[i]) continue;
    CHECK_STATUS(bq_poller_add(loop.poller, one->storm->queues[i], BQ_READABLE, &one->over[i]),
                 BQ_OK);
  }
  for (uint64_t turns = 1 + roll(one, 50); turns > 0 && !all_over(one); turns--) {
    turn(one, &loop, by_descriptor);
  }
  loop_close(&loop);
}

static void *loop_until_shutdown(void *argument) {
  worker *one = argument;
  while (!all_over(one)) live_one_life(one);
  return NULL;
}

/* The watchdog. */

static void show_waiters(storm *all) {
  for (size_t i = 0; i < QUEUES; i++) {
    const bq_stats stats = stats_of(all->queues[i]);
    fprintf(stderr, "queue %zu: %zu items, blocked: %zu gets, %zu puts; %zu armed watches\n", i,
            stats.len, stats.blocked_gets, stats.blocked_puts, stats.armed_watches);
  }
}

static void watch_until_all_is_got(storm *all) {
  int64_t seen = -1;
  int64_t patience_until = 0;
  for (int64_t got; (got = atomic_load(&all->got)) < TOTAL; pause_briefly()) {
    if (got != seen) patience_until = now_ns() + STALLED_NS;
    seen = got;
    if (now_ns() < patience_until) continue;
    show_waiters(all);
    check_fail(__FILE__, __LINE__, "no progress after %lld of %d items", (long long)got, TOTAL);
  }
}

static void expect_all_at_rest(storm *all) {
  uint64_t puts = 0;
  for (size_t i = 0; i < QUEUES; i++) {
    const bq_stats stats = stats_of(all->queues[i]);
    puts += stats.puts;
    CHECK_EQ(stats.puts, stats.gets);
    CHECK_EQ(stats.discards, 0);
    CHECK_EQ(stats.len, 0);
    CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.armed_watches, 0);
  }
  CHECK_EQ(puts, TOTAL);
  for (size_t i = 0; i < TOTAL; i++) CHECK_EQ(atomic_load(&all->taken[i]), 1);
}

static void start(storm *all, worker *workers, size_t count, void *(*run)(void *), uint64_t seed) {
  for (size_t i = 0; i < count; i++) {
    workers[i] = (worker){.storm = all, .seed = (seed + i) * UINT64_C(0x9e3779b97f4a7c15)};
    workers[i].first = (int64_t)i * ITEMS;
    memset(workers[i].last, -1, sizeof workers[i].last);
    workers[i].thread = thread_start(run, &workers[i]);
  }
}

static void join(worker *workers, size_t count) {
  for (size_t i = 0; i < count; i++) thread_join(workers[i].thread);
}

static void raise_a_storm(uint32_t order, size_t capacity) {
  static storm all;
  static worker producers[PRODUCERS], getters[GETTERS], loops[LOOPS];
  memset(&all, 0, sizeof all);
  all.ordered = order == BQ_FIFO;
  for (size_t i = 0; i < QUEUES; i++) all.queues[i] = number_queue(order, capacity);
  start(&all, loops, LOOPS, loop_until_shutdown, 100);
  start(&all, getters, GETTERS, get_until_shutdown, 200);
  start(&all, producers, PRODUCERS, produce, 300);
  watch_until_all_is_got(&all);
  join(producers, PRODUCERS);
  for (size_t i = 0; i < QUEUES; i++) CHECK_STATUS(bq_shutdown(all.queues[i], BQ_DRAIN), BQ_OK);
  join(getters, GETTERS);
  join(loops, LOOPS);
  expect_all_at_rest(&all);
  for (size_t i = 0; i < QUEUES; i++) bq_queue_unref(all.queues[i]);
}

TEST(nothing_is_lost_in_a_storm_on_unbounded_fifos) { raise_a_storm(BQ_FIFO, 0); }
TEST(nothing_is_lost_in_a_storm_on_fifos_of_64) { raise_a_storm(BQ_FIFO, 64); }
TEST(nothing_is_lost_in_a_storm_on_fifos_of_1) { raise_a_storm(BQ_FIFO, 1); }
TEST(nothing_is_lost_in_a_storm_on_lifos) { raise_a_storm(BQ_LIFO, 8); }
TEST(nothing_is_lost_in_a_storm_on_priority_queues) { raise_a_storm(BQ_PRIORITY, 8); }

CHECK_MAIN()
