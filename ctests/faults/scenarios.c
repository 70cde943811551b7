/*
 * Everything that may fail, in scenes that take no for an answer: each call says what it must say,
 * what was put is got or dropped exactly once, nothing is leaked, and all of it works afterwards.
 * sweep.sh runs every scene with the first, the second, ... call of each kind made to fail.
 */
#include "loops.h"

#include "inject.h"

#include <dirent.h>

enum { SIZE = 1000, ITEMS = 300, FEW = 10 };

/* What is in a queue, as far as the caller has been told. */
typedef struct ledger {
  bool accepted[2 * ITEMS];
  atomic_int seen[2 * ITEMS];
  int next;
} ledger;

static void write_item(unsigned char *item, int number) {
  memset(item, number, SIZE);
  memcpy(item, &number, sizeof number);
}

static void see(ledger *all, const void *item) {
  int number;
  memcpy(&number, item, sizeof number);
  CHECK(number >= 0 && number < all->next);
  CHECK_EQ(((const unsigned char *)item)[SIZE - 1], (unsigned char)number);
  CHECK_EQ(atomic_fetch_add(&all->seen[number], 1), 0);
}

static void drop_item(void *item, void *context) { see(context, item); }

static bool got_memory(bq_status status) {
  if (status != BQ_OK) CHECK_STATUS(status, BQ_NO_MEMORY);
  return status == BQ_OK;
}

/* Untouched when there is no memory for it. */
static bq_queue *try_queue(const bq_options *options) {
  bq_queue *queue = NULL;
  if (!got_memory(bq_queue_new(options, &queue))) CHECK(queue == NULL);
  return queue;
}

static bq_poller *try_poller(const bq_poller_options *options) {
  bq_poller *poller = NULL;
  if (!got_memory(bq_poller_new(options, &poller))) CHECK(poller == NULL);
  return poller;
}

static size_t open_descriptors(void) {
  size_t count = 0;
  DIR *directory = opendir("/proc/self/fd");
  CHECK(directory != NULL);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* A scene from which nothing is left: run once as it comes, and once more with nothing failing. */
static void play(void (*scene)(void)) {
  const size_t descriptors = open_descriptors();
  scene();
  CHECK_EQ(fault_live(), 0);
  CHECK_EQ(open_descriptors(), descriptors);
  fault_off();
  scene();
  CHECK_EQ(fault_live(), 0);
  CHECK_EQ(open_descriptors(), descriptors);
}

/* Puts and gets. */

static int put_some(ledger *all, bq_queue *queue, int count) {
  unsigned char item[SIZE];
  int put = 0;
  for (int i = 0; i < count; i++) {
    const int number = all->next++;
    write_item(item, number);
    all->accepted[number] = got_memory(bq_put(queue, item, BQ_NOWAIT));
    put += all->accepted[number];
  }
  return put;
}

static int put_many(ledger *all, bq_queue *queue, int count) {
  static unsigned char items[FEW * SIZE];
  const int first = all->next;
  all->next += count;
  for (int i = 0; i < count; i++) write_item(items + i * SIZE, first + i);
  const ptrdiff_t put = bq_put_many(queue, items, (size_t)count, BQ_FOREVER);
  if (put <= 0) CHECK_STATUS(put, BQ_NO_MEMORY);
  for (int i = 0; i < put; i++) all->accepted[first + i] = true;
  return put > 0 ? (int)put : 0;
}

static void get_exactly(ledger *all, bq_queue *queue, int count) {
  unsigned char item[SIZE];
  for (int i = 0; i < count; i++) {
    CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_OK);
    see(all, item);
  }
}

static void check_ledger(ledger *all) {
  for (int i = 0; i < all->next; i++) CHECK_EQ(atomic_load(&all->seen[i]), all->accepted[i]);
}

static int compare_numbers(const void *a, const void *b, void *context) {
  (void)context;
  return memcmp(a, b, sizeof(int));
}

static void use_queue(bq_queue *queue, ledger *all) {
  unsigned char item[SIZE];
  int inside = put_some(all, queue, ITEMS / 2);
  CHECK_EQ(bq_len(queue), inside);
  CHECK_EQ(bq_unfinished(queue), inside);
  CHECK_STATUS(bq_peek(queue, item, BQ_NOWAIT), inside ? BQ_OK : BQ_EMPTY);
  get_exactly(all, queue, inside / 2);
  CHECK_STATUS(bq_task_done(queue, (size_t)(inside / 2)), BQ_OK);
  inside -= inside / 2;
  inside += put_many(all, queue, FEW);
  inside += put_some(all, queue, ITEMS / 2);
  CHECK_STATUS(bq_set_capacity(queue, 1), BQ_OK);
  CHECK_STATUS(bq_set_capacity(queue, 0), BQ_OK);
  CHECK_EQ(bq_len(queue), inside);
  get_exactly(all, queue, inside / 2);
  inside -= inside / 2;
  CHECK_EQ(bq_clear(queue), inside);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), bq_unfinished(queue) ? BQ_TIMEDOUT : BQ_OK);
  inside = put_some(all, queue, FEW);
  CHECK_EQ(bq_len(queue), inside); /* the last unref drops these */
}

static void scene_of_queue(uint32_t order, bq_compare_fn compare, size_t capacity) {
  static ledger all;
  memset(&all, 0, sizeof all);
  bq_options options = number_options(order, capacity);
  options.item_size = SIZE;
  options.drop = drop_item;
  options.compare = compare;
  options.context = &all;
  bq_queue *queue = try_queue(&options);
  if (queue) use_queue(queue, &all);
  bq_queue_unref(queue);
  check_ledger(&all);
}

static void fifo(void) { scene_of_queue(BQ_FIFO, NULL, 0); }
static void bounded_fifo(void) { scene_of_queue(BQ_FIFO, NULL, ITEMS); }
static void lifo(void) { scene_of_queue(BQ_LIFO, NULL, 0); }
static void by_priority(void) { scene_of_queue(BQ_PRIORITY, NULL, 0); }
static void by_compare(void) { scene_of_queue(BQ_PRIORITY, compare_numbers, 0); }

TEST(a_fifo) { play(fifo); }
TEST(a_bounded_fifo) { play(bounded_fifo); }
TEST(a_lifo) { play(lifo); }
TEST(a_queue_by_priority) { play(by_priority); }
TEST(a_queue_by_compare) { play(by_compare); }

/* Large rings that come and go: the memory of those to spare is given back. */
static void large_fifo(void) {
  enum { LARGE = 1 << 16, TIMES = 60 };
  static unsigned char item[LARGE];
  bq_options options = number_options(BQ_FIFO, 0);
  options.item_size = LARGE;
  bq_queue *queue = try_queue(&options);
  for (int round = 0; queue && round < 3; round++) {
    int inside = 0;
    for (int i = 0; i < TIMES; i++) inside += got_memory(bq_put(queue, item, BQ_NOWAIT));
    for (int i = 0; i < inside; i++) CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_EMPTY);
  }
  bq_queue_unref(queue);
}

TEST(a_fifo_of_large_items) { play(large_fifo); }

/* Threads that wait. A put that finds no memory after waiting hands its turn on. */

typedef struct exchange {
  bq_queue *there;
  bq_queue *back;
} exchange;

/* Puts it in the end: what was refused is tried again, as a program would. */
static void insist(bq_queue *queue, const int64_t *number) {
  while (!got_memory(bq_put(queue, number, BQ_FOREVER))) fault_off();
}

static void *echo(void *argument) {
  const exchange *both = argument;
  int64_t number;
  while (bq_get(both->there, &number, BQ_FOREVER) == BQ_OK) insist(both->back, &number);
  return NULL;
}

static void waiting(void) {
  bq_options options = number_options(BQ_FIFO, 1);
  options.linger_ns = BQ_NO_LINGER;
  exchange both = {try_queue(&options), try_queue(&options)};
  if (both.there && both.back) {
    const pthread_t thread = thread_start(echo, &both);
    for (int64_t number = 0; number < FEW; number++) {
      int64_t answer = -1;
      insist(both.there, &number);
      CHECK_STATUS(bq_get(both.back, &answer, BQ_FOREVER), BQ_OK);
      CHECK_EQ(answer, number);
      CHECK_STATUS(bq_get(both.back, &answer, 100 * MICROSECOND), BQ_EMPTY);
      CHECK_STATUS(bq_join(both.there, 100 * MICROSECOND), BQ_TIMEDOUT);
    }
    CHECK_STATUS(bq_shutdown(both.there, BQ_DRAIN), BQ_OK);
    thread_join(thread);
  }
  bq_queue_unref(both.there);
  bq_queue_unref(both.back);
}

TEST(threads_that_wait_for_each_other) { play(waiting); }

typedef struct writers {
  bq_queue *queue;
  atomic_int refused;
} writers;

static void *put_one(void *argument) {
  writers *both = argument;
  const int64_t number = 1;
  if (!got_memory(bq_put(both->queue, &number, BQ_FOREVER))) atomic_fetch_add(&both->refused, 1);
  return NULL;
}

/* There comes room for one of two: if the first has no memory for its item, it is the other's. */
static void passing_room_on(void) {
  bq_options options = number_options(BQ_FIFO, 1);
  options.linger_ns = BQ_NO_LINGER;
  writers both = {.queue = try_queue(&options)};
  const int64_t number = 0;
  if (both.queue && got_memory(bq_put(both.queue, &number, BQ_NOWAIT))) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
      threads[i] = thread_start(put_one, &both);
      await(blocked_puts(both.queue) == (size_t)i + 1);
    }
    CHECK_STATUS(bq_set_capacity(both.queue, 2), BQ_OK);
    await(bq_len(both.queue) == 2 || atomic_load(&both.refused) == 2);
    CHECK_STATUS(bq_set_capacity(both.queue, 0), BQ_OK);
    for (int i = 0; i < 2; i++) thread_join(threads[i]);
    CHECK_EQ(bq_len(both.queue), 3 - (size_t)atomic_load(&both.refused));
  }
  bq_queue_unref(both.queue);
}

TEST(two_threads_that_wait_for_room) { play(passing_room_on); }

/* Pollers. */

static bool has_descriptor(bq_poller *poller) {
  const int descriptor = bq_poller_fd(poller);
  CHECK(descriptor >= 0 || descriptor == BQ_NO_FD || descriptor == BQ_NO_MEMORY);
  return descriptor >= 0;
}

/* With a descriptor or without one, an event reaches the loop. */
static void expect_served(bq_poller *poller, bq_queue *queue) {
  bq_event event;
  int64_t number = 6;
  if (!got_memory(bq_put(queue, &number, BQ_NOWAIT))) return;
  if (has_descriptor(poller)) CHECK(poller_readable(poller));
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
  CHECK(event.queue == queue && event.events == BQ_READABLE);
  CHECK_EQ(get_number(queue), 6);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 0);
  if (has_descriptor(poller)) CHECK(!poller_readable(poller));
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, 100 * MICROSECOND), BQ_TIMEDOUT);
}

static void expect_answered(bq_poller *poller) {
  bq_event event;
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  if (has_descriptor(poller)) CHECK(poller_readable(poller));
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 0);
}

static void use_poller(bq_poller *poller) {
  bq_queue *queues[FEW];
  bool watched[FEW];
  for (int i = 0; i < FEW; i++) {
    const bq_options options = number_options((uint32_t)i % 3, 4);
    queues[i] = try_queue(&options);
    watched[i] = queues[i] && got_memory(bq_poller_add(poller, queues[i], BQ_READABLE, NULL));
  }
  for (int i = 0; i < FEW; i++)
    if (watched[i]) expect_served(poller, queues[i]);
  expect_answered(poller);
  for (int i = 0; i < FEW; i++) {
    if (!queues[i]) continue;
    const bq_status expected = watched[i] ? BQ_OK : BQ_NOT_FOUND;
    CHECK_STATUS(bq_poller_modify(poller, queues[i], BQ_WRITABLE, NULL), expected);
    if (i % 2) CHECK_STATUS(bq_poller_remove(poller, queues[i]), expected);
    bq_queue_unref(queues[i]);
  }
}

static void scene_of_poller(uint32_t flags) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.flags = flags;
  bq_poller *poller = try_poller(&options);
  if (poller) {
    has_descriptor(poller);
    use_poller(poller);
  }
  bq_poller_unref(poller);
}

static void with_eventfd(void) { scene_of_poller(0); }
static void with_pipe(void) { scene_of_poller(BQ_POLLER_PIPE); }

TEST(a_poller_with_an_eventfd) { play(with_eventfd); }
TEST(a_poller_with_a_pipe) { play(with_pipe); }

/* An edge-triggered descriptor is never read: it stays readable, and that means nothing. */
static void use_edge(void) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  bq_poller *poller;
  bq_event event;
  options.flags = BQ_POLLER_EDGE;
  const bq_options queue_options = number_options(BQ_FIFO, 4);
  bq_queue *queue = try_queue(&queue_options);
  if (!(poller = try_poller(&options))) {
    bq_queue_unref(queue);
    return;
  }
  const int descriptor = has_descriptor(poller) ? bq_poller_fd(poller) : -1;
  const int epoll = descriptor >= 0 ? epoll_for(descriptor, true) : -1;
  const bool watched = queue && got_memory(bq_poller_add(poller, queue, BQ_READABLE, NULL));
  const int64_t number = 3;
  for (int i = 0; watched && i < FEW; i++) {
    struct epoll_event fired;
    if (!got_memory(bq_put(queue, &number, BQ_NOWAIT))) continue;
    if (epoll >= 0) CHECK_EQ(epoll_wait(epoll, &fired, 1, 0), 1);
    CHECK_STATUS(bq_poller_poll(poller, &event, 1), 1);
    CHECK_EQ(get_number(queue), number);
    CHECK_STATUS(bq_poller_poll(poller, &event, 1), 0);
    if (epoll >= 0) CHECK_EQ(epoll_wait(epoll, &fired, 1, 0), 0);
  }
  if (epoll >= 0) close(epoll);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_poller_that_is_edge_triggered) { play(use_edge); }

/* A thread in bq_poller_wait, woken by puts of another. */
static void *serve(void *poller) {
  bq_event event;
  int64_t number = 0;
  while (number < FEW) {
    CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
    while (bq_get(event.queue, &number, BQ_NOWAIT) == BQ_OK) continue;
  }
  return NULL;
}

static void selecting(void) {
  const bq_options options = number_options(BQ_FIFO, 0);
  bq_queue *queue = try_queue(&options);
  bq_poller *poller = try_poller(NULL);
  if (queue && poller && got_memory(bq_poller_add(poller, queue, BQ_READABLE, NULL))) {
    const pthread_t thread = thread_start(serve, poller);
    for (int64_t number = 1; number <= FEW; number++) {
      insist(queue, &number);
      pause_briefly();
    }
    thread_join(thread);
  }
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_thread_that_waits_on_a_poller) { play(selecting); }

CHECK_MAIN()
