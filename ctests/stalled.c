/*
 * Calls that are stalled half-way, as the scheduler may do to any thread at any point: they hide at
 * most what is theirs, nobody hangs on them, and their end wakes who waits for it.
 *
 * An item is two pages, the second of which is out of reach: whoever copies it faults half-way and
 * stays in the handler until the test lets it go on.
 */
#include "calls.h"
#include "check.h"
#include "support.h"

#include <sys/mman.h>

enum { PAGE = 65536, ITEM = 2 * PAGE }; /* a multiple of every usual page size */

typedef enum half_way { PUT, GET, PEEK } half_way;

typedef struct stalled {
  half_way what;
  bq_queue *queue;
  unsigned char *item;
  atomic_bool reached;
  atomic_bool released;
  bq_status status;
  pthread_t thread;
} stalled;

static stalled *_Atomic at_work;

static bool owns(const stalled *one, const void *address) {
  const uintptr_t second_page = (uintptr_t)one->item + PAGE;
  return (uintptr_t)address >= second_page && (uintptr_t)address < second_page + PAGE;
}

static void stay_here(int signal_number, siginfo_t *info, void *context) {
  stalled *one = atomic_load(&at_work);
  (void)context;
  if (!one || !owns(one, info->si_addr)) {
    signal(signal_number, SIG_DFL); /* a fault of somebody's own */
    return;
  }
  atomic_store(&one->reached, true);
  while (!atomic_load(&one->released)) pause_briefly();
  mprotect(one->item, ITEM, PROT_READ | PROT_WRITE);
}

static void write_item(unsigned char *item, int64_t number) {
  memset(item, (int)number, ITEM);
  memcpy(item, &number, sizeof number);
  memcpy(item + ITEM - sizeof number, &number, sizeof number);
}

static int64_t read_item(const unsigned char *item) {
  int64_t first;
  int64_t last;
  memcpy(&first, item, sizeof first);
  memcpy(&last, item + ITEM - sizeof last, sizeof last);
  CHECK_EQ(first, last);
  return first;
}

static bq_status put_item(bq_queue *queue, int64_t number) {
  static _Thread_local unsigned char item[ITEM];
  write_item(item, number);
  return bq_put(queue, item, BQ_NOWAIT);
}

static bq_status get_item(bq_queue *queue, int64_t *number, int64_t timeout_ns) {
  static _Thread_local unsigned char item[ITEM];
  const bq_status status = bq_get(queue, item, timeout_ns);
  if (status == BQ_OK) *number = read_item(item);
  return status;
}

static void *run_stalled(void *argument) {
  stalled *one = argument;
  switch (one->what) {
  case PUT: one->status = bq_put(one->queue, one->item, BQ_NOWAIT); break;
  case GET: one->status = bq_get(one->queue, one->item, BQ_NOWAIT); break;
  case PEEK: one->status = bq_peek(one->queue, one->item, BQ_NOWAIT); break;
  }
  return NULL;
}

/* Returns when the call is half-way. */
static void stall(stalled *one, half_way what, bq_queue *queue, int64_t number) {
  struct sigaction action = {.sa_sigaction = stay_here, .sa_flags = SA_SIGINFO};
  void *pages =
      mmap(NULL, ITEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  *one = (stalled){.what = what, .queue = queue, .item = pages};
  write_item(one->item, number);
  CHECK_EQ(mprotect(one->item + PAGE, PAGE, PROT_NONE), 0);
  atomic_store(&at_work, one);
  CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
  one->thread = thread_start(run_stalled, one);
  await(atomic_load(&one->reached));
}

/* Lets it go on, and says how it ended. */
static bq_status finish(stalled *one) {
  atomic_store(&one->released, true);
  thread_join(one->thread);
  signal(SIGSEGV, SIG_DFL);
  atomic_store(&at_work, NULL);
  return one->status;
}

static void forget(stalled *one) { CHECK_EQ(munmap(one->item, ITEM), 0); }

static bq_queue *item_queue(size_t capacity, drop_log *log) {
  bq_options options = BQ_OPTIONS_INIT;
  options.capacity = capacity;
  options.item_size = ITEM;
  options.drop = log ? log_drop : NULL;
  options.context = log;
  return queue_from(&options);
}

/* A getter with room for such an item. */
typedef struct waiter {
  bq_queue *queue;
  int64_t number;
  bq_status status;
} waiter;

static void *wait_for_item(void *argument) {
  waiter *one = argument;
  one->status = get_item(one->queue, &one->number, BQ_FOREVER);
  return NULL;
}

/* Puts */

TEST(while_a_put_is_stalled_others_go_on_and_a_get_does_not_hang) {
  bq_queue *queue = item_queue(0, NULL);
  stalled put;
  stall(&put, PUT, queue, 1);
  for (int64_t number = 2; number <= 20; number++) CHECK_STATUS(put_item(queue, number), BQ_OK);
  int64_t number = -1;
  CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_EMPTY);
  CHECK_STATUS(get_item(queue, &number, 2 * MILLISECOND), BQ_EMPTY);
  CHECK_EQ(bq_poll(queue, BQ_READABLE, BQ_NOWAIT), 0);
  CHECK_STATUS(finish(&put), BQ_OK);
  for (int64_t next = 1; next <= 20; next++) {
    CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_EQ(number, next);
  }
  forget(&put);
  bq_queue_unref(queue);
}

/* Whoever came before the stalled put, or comes while it lasts, is woken by its end. */
static void check_wakes_getters(int before) {
  enum { GETTERS = 3 };
  bq_queue *queue = item_queue(0, NULL);
  waiter getters[GETTERS];
  pthread_t threads[GETTERS];
  stalled put;
  int64_t sum = 0;
  for (int i = 0; i < GETTERS; i++) {
    if (i == before) stall(&put, PUT, queue, 1);
    getters[i] = (waiter){.queue = queue};
    threads[i] = thread_start(wait_for_item, &getters[i]);
    await(blocked_gets(queue) == (size_t)i + 1);
  }
  if (before == GETTERS) stall(&put, PUT, queue, 1);
  for (int64_t number = 2; number <= GETTERS; number++)
    CHECK_STATUS(put_item(queue, number), BQ_OK);
  CHECK_STATUS(finish(&put), BQ_OK);
  for (int i = 0; i < GETTERS; i++) {
    thread_join(threads[i]);
    CHECK_STATUS(getters[i].status, BQ_OK);
    sum += getters[i].number;
  }
  CHECK_EQ(sum, GETTERS * (GETTERS + 1) / 2);
  forget(&put);
  bq_queue_unref(queue);
}

TEST(the_end_of_a_stalled_put_wakes_every_get_that_its_item_held_up) {
  for (int before = 0; before <= 3; before++) check_wakes_getters(before);
}

TEST(the_end_of_a_stalled_put_wakes_a_poll) {
  bq_queue *queue = item_queue(0, NULL);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_READABLE;
  stalled put;
  stall(&put, PUT, queue, 1);
  call_start(&poll);
  await(call_asleep(&poll));
  CHECK_STATUS(finish(&put), BQ_OK);
  CHECK_EQ(call_end(&poll), BQ_READABLE);
  forget(&put);
  bq_queue_unref(queue);
}

TEST(a_get_behind_a_stalled_put_keeps_its_deadline) {
  bq_queue *queue = item_queue(0, NULL);
  stalled put;
  int64_t number = -1;
  stall(&put, PUT, queue, 1);
  CHECK_STATUS(put_item(queue, 2), BQ_OK);
  const int64_t began_ns = now_ns();
  CHECK_STATUS(get_item(queue, &number, 10 * MILLISECOND), BQ_EMPTY);
  CHECK(now_ns() - began_ns >= 10 * MILLISECOND);
  CHECK_STATUS(finish(&put), BQ_OK);
  forget(&put);
  bq_queue_unref(queue);
}

/* Shutdown and clear: the item of a put that says BQ_OK is got or dropped, and only once. */

TEST(a_draining_queue_gives_out_the_item_of_a_stalled_put_that_succeeds) {
  bq_queue *queue = item_queue(0, NULL);
  waiter getter = {.queue = queue};
  stalled put;
  stall(&put, PUT, queue, 1);
  pthread_t thread = thread_start(wait_for_item, &getter);
  await(blocked_gets(queue) == 1);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_STATUS(put_item(queue, 2), BQ_SHUTDOWN);
  const bq_status status = finish(&put);
  thread_join(thread);
  CHECK(status == BQ_OK || status == BQ_SHUTDOWN);
  CHECK_STATUS(getter.status, status);
  int64_t number = -1;
  CHECK_STATUS(get_item(queue, &number, BQ_FOREVER), BQ_SHUTDOWN);
  CHECK_EQ(bq_poll(queue, BQ_DRAINED, BQ_FOREVER), BQ_DRAINED);
  forget(&put);
  bq_queue_unref(queue);
}

TEST(a_discarding_shutdown_drops_the_item_of_a_stalled_put_that_succeeds) {
  drop_log log = {0};
  bq_queue *queue = item_queue(0, &log);
  stalled put;
  stall(&put, PUT, queue, 1);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  const bq_status status = finish(&put);
  CHECK(status == BQ_OK || status == BQ_SHUTDOWN);
  CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
  CHECK_EQ(log.count, status == BQ_OK);
  int64_t number = -1;
  CHECK_STATUS(get_item(queue, &number, BQ_FOREVER), BQ_SHUTDOWN);
  forget(&put);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, status == BQ_OK);
}

TEST(a_clear_does_not_hang_on_a_stalled_put) {
  drop_log log = {0};
  bq_queue *queue = item_queue(0, &log);
  stalled put;
  CHECK_STATUS(put_item(queue, 1), BQ_OK);
  stall(&put, PUT, queue, 2);
  CHECK_STATUS(put_item(queue, 3), BQ_OK);
  size_t cleared = bq_clear(queue);
  CHECK(cleared >= 1 && cleared <= 2);
  CHECK_STATUS(finish(&put), BQ_OK);
  CHECK_EQ(bq_len(queue), 3 - cleared);
  cleared += bq_clear(queue);
  CHECK_EQ(cleared, 3);
  CHECK_EQ(log.sum, 6);
  CHECK_EQ(bq_unfinished(queue), 0);
  forget(&put);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 3);
}

/* Gets and peeks */

TEST(while_a_get_is_stalled_others_go_on) {
  bq_queue *queue = item_queue(0, NULL);
  stalled get;
  int64_t number = -1;
  for (int64_t next = 1; next <= 3; next++) CHECK_STATUS(put_item(queue, next), BQ_OK);
  stall(&get, GET, queue, 0);
  for (int64_t next = 2; next <= 200; next++) {
    CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_EQ(number, next);
    CHECK_STATUS(put_item(queue, next + 2), BQ_OK);
  }
  CHECK_STATUS(finish(&get), BQ_OK);
  CHECK_EQ(read_item(get.item), 1);
  forget(&get);
  bq_queue_unref(queue);
}

TEST(a_put_does_not_hang_on_a_stalled_get_and_is_let_in_at_its_end) {
  for (size_t capacity = 1; capacity <= 3; capacity++) {
    bq_queue *queue = item_queue(capacity, NULL);
    static int64_t items[2][ITEM / sizeof(int64_t)];
    stalled get;
    int64_t number = -1;
    for (size_t next = 1; next <= capacity; next++)
      CHECK_STATUS(put_item(queue, (int64_t)next), BQ_OK);
    stall(&get, GET, queue, 0);
    const bq_status first = bq_put(queue, items[0], BQ_NOWAIT);
    CHECK(first == BQ_OK || first == BQ_FULL);
    CHECK_STATUS(finish(&get), BQ_OK);
    CHECK_EQ(read_item(get.item), 1);
    CHECK_STATUS(bq_put(queue, items[1], BQ_NOWAIT), first == BQ_OK ? BQ_FULL : BQ_OK);
    for (size_t left = capacity; left > 0; left--)
      CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_EMPTY);
    forget(&get);
    bq_queue_unref(queue);
  }
}

/* The item may be got and its place reused meanwhile: what was peeked is whole all the same. */
TEST(a_stalled_peek_holds_up_nobody_and_sees_a_whole_item) {
  for (size_t capacity = 0; capacity <= 2; capacity++) {
    bq_queue *queue = item_queue(capacity, NULL);
    stalled peek;
    int64_t number = -1;
    CHECK_STATUS(put_item(queue, 1), BQ_OK);
    stall(&peek, PEEK, queue, 0);
    for (int64_t next = 1; next <= 100; next++) {
      CHECK_STATUS(get_item(queue, &number, BQ_NOWAIT), BQ_OK);
      CHECK_EQ(number, next);
      CHECK_STATUS(put_item(queue, next + 1), BQ_OK);
    }
    CHECK_STATUS(finish(&peek), BQ_OK);
    CHECK_EQ(read_item(peek.item), 1);
    forget(&peek);
    bq_queue_unref(queue);
  }
}

static void wipe_item(void *item, void *context) {
  (void)context;
  memset(item, 0xee, ITEM);
}

TEST(a_stalled_peek_sees_a_whole_item_though_drop_writes_to_it) {
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = ITEM;
  options.drop = wipe_item;
  bq_queue *queue = queue_from(&options);
  stalled peek;
  CHECK_STATUS(put_item(queue, 1), BQ_OK);
  CHECK_STATUS(put_item(queue, 2), BQ_OK);
  stall(&peek, PEEK, queue, 0);
  CHECK_EQ(bq_clear(queue), 2);
  CHECK_STATUS(finish(&peek), BQ_OK);
  CHECK_EQ(read_item(peek.item), 1);
  forget(&peek);
  bq_queue_unref(queue);
}

CHECK_MAIN()
