/*
 * Many producers and consumers with random timeouts, in every order, bounded and not, with items of
 * several sizes: nothing is lost, nothing doubled, nothing torn, nobody stays asleep.
 *
 * STRESS=percent in the environment makes it longer or shorter; STRESS_SEED=number repeats a run.
 */
#include "check.h"
#include "random.h"
#include "support.h"

enum { PRODUCERS = 3, CONSUMERS = 3, BATCH = 8, LARGEST = 200 };

typedef struct run {
  bq_queue *queue;
  uint32_t order;
  size_t item_size;
  uint32_t each;       /* items of one producer */
  atomic_uchar *seen;  /* one for each item: how often it was got or dropped */
  atomic_llong got;
  atomic_llong dropped;
  atomic_uint threads; /* numbers them */
  atomic_bool over;    /* ends the disturbers */
} run;

static uint64_t seed(void) {
  const char *asked = getenv("STRESS_SEED");
  return asked ? strtoull(asked, NULL, 10) : 20;
}

static uint32_t scaled(uint32_t count) {
  const char *asked = getenv("STRESS");
  const unsigned long percent = asked ? strtoul(asked, NULL, 10) : 100;
  return (uint32_t)(count * percent / 100) + 1;
}

/* Now, soon, or for ever. */
static int64_t random_timeout(uint64_t *state) {
  switch (random_of(state) % 4) {
  case 0: return BQ_NOWAIT;
  case 1: return random_of(state) % 1000;
  case 2: return random_of(state) % MILLISECOND;
  default: return BQ_FOREVER;
  }
}

/* An item is its number, in 3 bytes at least, and a pattern that shows whether it is whole. */

static unsigned char pattern(uint32_t number, size_t at) {
  return (unsigned char)((number ^ number >> 7) + at * 31);
}

static void write_item(unsigned char *item, size_t size, uint32_t number) {
  for (size_t at = 0; at < 3; at++) item[at] = (unsigned char)(number >> 8 * at);
  for (size_t at = 3; at < size; at++) item[at] = pattern(number, at);
}

static uint32_t read_item(const unsigned char *item, size_t size) {
  const uint32_t number = item[0] | (uint32_t)item[1] << 8 | (uint32_t)item[2] << 16;
  for (size_t at = 3; at < size; at++)
    if (item[at] != pattern(number, at))
      check_fail(__FILE__, __LINE__, "item %u is torn at byte %zu of %zu", number, at, size);
  return number;
}

static uint32_t see(run *all, const unsigned char *item) {
  const uint32_t number = read_item(item, all->item_size);
  CHECK(number < PRODUCERS * all->each);
  if (atomic_fetch_add(&all->seen[number], 1) != 0)
    check_fail(__FILE__, __LINE__, "item %u came twice", number);
  return number;
}

static void drop_item(void *item, void *context) {
  run *all = context;
  see(all, item);
  atomic_fetch_add(&all->dropped, 1);
}

/* Threads */

static ptrdiff_t put_some(run *all, const unsigned char *items, size_t count, uint64_t *state) {
  const int64_t timeout_ns = random_timeout(state);
  if (count > 1 && random_of(state) % 2)
    return bq_put_many(all->queue, items, count, timeout_ns);
  const bool ranked = all->order == BQ_PRIORITY && random_of(state) % 2;
  const int64_t priority = (int64_t)(random_of(state) % 9) - 4;
  const bq_status status = ranked ? bq_put_priority(all->queue, items, priority, timeout_ns)
                                  : bq_put(all->queue, items, timeout_ns);
  return status == BQ_OK ? 1 : status;
}

static void *produce(void *argument) {
  run *all = argument;
  const unsigned me = atomic_fetch_add(&all->threads, 1);
  uint64_t state = random_state(seed(), me);
  unsigned char items[BATCH * LARGEST];
  for (uint32_t next = 0; next < all->each;) {
    const uint32_t wanted = 1 + random_of(&state) % BATCH;
    const uint32_t count = wanted < all->each - next ? wanted : all->each - next;
    for (uint32_t i = 0; i < count; i++)
      write_item(items + i * all->item_size, all->item_size, me * all->each + next + i);
    const ptrdiff_t put = put_some(all, items, count, &state);
    if (put > 0) next += (uint32_t)put;
    else CHECK_STATUS(put, BQ_FULL);
  }
  return NULL;
}

static ptrdiff_t get_some(run *all, unsigned char *items, uint64_t *state) {
  const int64_t timeout_ns = random_timeout(state);
  if (random_of(state) % 8 == 0) bq_peek(all->queue, items, random_timeout(state));
  if (random_of(state) % 8 == 0) bq_poll(all->queue, BQ_READABLE, random_timeout(state));
  if (random_of(state) % 2)
    return bq_get_many(all->queue, items, 1 + random_of(state) % BATCH, timeout_ns);
  const bq_status status = bq_get(all->queue, items, timeout_ns);
  return status == BQ_OK ? 1 : status;
}

/* FIFO: each producer's items rise, for every consumer. */
static void check_rises(const run *all, int64_t *last, uint32_t number) {
  const uint32_t producer = number / all->each;
  if (all->order != BQ_FIFO) return;
  if (number <= last[producer])
    check_fail(__FILE__, __LINE__, "item %u came after %lld", number, (long long)last[producer]);
  last[producer] = number;
}

static void *consume(void *argument) {
  run *all = argument;
  uint64_t state = random_state(seed(), atomic_fetch_add(&all->threads, 1));
  unsigned char items[BATCH * LARGEST];
  int64_t last[PRODUCERS] = {-1, -1, -1};
  for (;;) {
    const ptrdiff_t count = get_some(all, items, &state);
    if (count == BQ_SHUTDOWN) return NULL;
    if (count < 0) CHECK_STATUS(count, BQ_EMPTY);
    for (ptrdiff_t i = 0; i < count; i++)
      check_rises(all, last, see(all, items + (size_t)i * all->item_size));
    if (count > 0) {
      atomic_fetch_add(&all->got, count);
      CHECK_STATUS(bq_task_done(all->queue, (size_t)count), BQ_OK);
    }
  }
}

/* Clears, resizes and looks, now and then. */
static void *disturb(void *argument) {
  run *all = argument;
  uint64_t state = random_state(seed(), atomic_fetch_add(&all->threads, 1));
  while (!atomic_load(&all->over)) {
    switch (random_of(&state) % 4) {
    case 0: bq_clear(all->queue); break;
    case 1: CHECK_STATUS(bq_set_capacity(all->queue, random_of(&state) % 40), BQ_OK); break;
    case 2: stats_of(all->queue); break;
    default: bq_join(all->queue, random_of(&state) % MILLISECOND); break;
    }
    pause_briefly();
  }
  return NULL;
}

/* Runs */

static void start_all(pthread_t *threads, int count, void *(*body)(void *), run *all) {
  for (int i = 0; i < count; i++) threads[i] = thread_start(body, all);
}

static void join_all(const pthread_t *threads, int count) {
  for (int i = 0; i < count; i++) thread_join(threads[i]);
}

static void check_all_accounted_for(run *all) {
  const uint32_t total = PRODUCERS * all->each;
  for (uint32_t number = 0; number < total; number++)
    if (atomic_load(&all->seen[number]) != 1)
      check_fail(__FILE__, __LINE__, "item %u of %u was lost", number, total);
  CHECK_EQ(all->got + all->dropped, total);
}

static void run_once(uint32_t order, size_t capacity, size_t item_size, int disturbers) {
  run all = {.order = order, .item_size = item_size, .each = scaled(6000)};
  pthread_t producers[PRODUCERS];
  pthread_t consumers[CONSUMERS];
  pthread_t disturbing[1];
  bq_options options = number_options(order, capacity);
  options.item_size = item_size;
  options.drop = drop_item;
  options.context = &all;
  all.seen = calloc(PRODUCERS * all.each, sizeof *all.seen);
  CHECK(all.seen != NULL && PRODUCERS * all.each < 1u << 24);
  all.queue = queue_from(&options);
  start_all(producers, PRODUCERS, produce, &all);
  while (atomic_load(&all.threads) < PRODUCERS) pause_briefly(); /* they are numbered from 0 */
  start_all(consumers, CONSUMERS, consume, &all);
  start_all(disturbing, disturbers, disturb, &all);
  join_all(producers, PRODUCERS);
  atomic_store(&all.over, true);
  join_all(disturbing, disturbers);
  if (!disturbers) CHECK_STATUS(bq_join(all.queue, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_shutdown(all.queue, disturbers ? BQ_DISCARD : BQ_DRAIN), BQ_OK);
  join_all(consumers, CONSUMERS);
  CHECK_EQ(bq_unfinished(all.queue), 0);
  const bq_stats stats = stats_of(all.queue);
  CHECK_EQ(stats.puts, stats.gets + stats.discards);
  CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.blocked_joins, 0);
  bq_queue_unref(all.queue);
  check_all_accounted_for(&all);
  free(all.seen);
}

static void run_sizes(uint32_t order, size_t capacity, int disturbers) {
  static const size_t sizes[] = {3, 8, 24, LARGEST};
  for (size_t i = 0; i < LENGTH(sizes); i++) run_once(order, capacity, sizes[i], disturbers);
}

TEST(a_bounded_fifo_loses_and_doubles_nothing_and_keeps_each_producers_order) {
  run_sizes(BQ_FIFO, 1, 0);
  run_sizes(BQ_FIFO, 16, 0);
}

TEST(an_unbounded_fifo_loses_and_doubles_nothing_and_keeps_each_producers_order) {
  run_sizes(BQ_FIFO, 0, 0);
}

TEST(a_bounded_lifo_loses_and_doubles_nothing) { run_sizes(BQ_LIFO, 16, 0); }

TEST(an_unbounded_lifo_loses_and_doubles_nothing) { run_sizes(BQ_LIFO, 0, 0); }

TEST(a_bounded_priority_queue_loses_and_doubles_nothing) { run_sizes(BQ_PRIORITY, 16, 0); }

TEST(an_unbounded_priority_queue_loses_and_doubles_nothing) { run_sizes(BQ_PRIORITY, 0, 0); }

TEST(a_fifo_that_is_cleared_and_resized_loses_and_doubles_nothing) { run_sizes(BQ_FIFO, 16, 1); }

TEST(a_lifo_that_is_cleared_and_resized_loses_and_doubles_nothing) { run_sizes(BQ_LIFO, 16, 1); }

TEST(a_priority_queue_that_is_cleared_and_resized_loses_and_doubles_nothing) {
  run_sizes(BQ_PRIORITY, 16, 1);
}

CHECK_MAIN()
