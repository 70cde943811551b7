/* FIFO: items leave in the order in which their puts took effect; FULL, EMPTY and peek. */
#include "calls.h"
#include "check.h"
#include "support.h"

static const size_t capacities[] = {1, 2, 3, 4, 7, 8, 100, 1024, 1025};

TEST(items_leave_in_the_order_of_their_puts) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 10000);
  for (int64_t number = 1; number <= 10000; number++) CHECK_EQ(get_number(queue), number);
  check_empty(queue);
  bq_queue_unref(queue);
}

/* Puts and gets a little at a time, so that the front and the back meet everywhere. */
static void check_order_in_turns(size_t capacity, size_t depth) {
  bq_queue *queue = number_queue(BQ_FIFO, capacity);
  int64_t next_put = 0;
  int64_t next_get = 0;
  for (size_t round = 0; round < 400; round++) {
    const size_t puts = round % (depth + 1);
    while ((size_t)(next_put - next_get) < puts) put_number(queue, next_put++);
    const size_t gets = round * 7 % (depth + 1);
    for (size_t i = 0; i < gets && next_get < next_put; i++)
      CHECK_EQ(get_number(queue), next_get++);
    CHECK_EQ(bq_len(queue), next_put - next_get);
  }
  bq_queue_unref(queue);
}

TEST(order_is_kept_however_puts_and_gets_alternate) {
  for (size_t i = 0; i < LENGTH(capacities); i++)
    check_order_in_turns(capacities[i], capacities[i]);
  check_order_in_turns(0, 1);
  check_order_in_turns(0, 31);
  check_order_in_turns(0, 300);
}

TEST(a_bounded_queue_is_full_at_its_capacity_exactly) {
  for (size_t i = 0; i < LENGTH(capacities); i++) {
    bq_queue *queue = number_queue(BQ_FIFO, capacities[i]);
    for (int round = 0; round < 3; round++) {
      put_numbers(queue, 1, (int64_t)capacities[i]);
      CHECK_STATUS(try_put(queue, 0), BQ_FULL);
      CHECK_EQ(bq_len(queue), capacities[i]);
      for (size_t n = 1; n <= capacities[i]; n++) CHECK_EQ(get_number(queue), n);
      check_empty(queue);
    }
    bq_queue_unref(queue);
  }
}

TEST(every_get_makes_room_for_exactly_one_put) {
  for (size_t i = 0; i < LENGTH(capacities); i++) {
    bq_queue *queue = number_queue(BQ_FIFO, capacities[i]);
    put_numbers(queue, 1, (int64_t)capacities[i]);
    for (int64_t n = 1; n <= 50; n++) {
      CHECK_EQ(get_number(queue), n);
      put_number(queue, n + (int64_t)capacities[i]);
      CHECK_STATUS(try_put(queue, 0), BQ_FULL);
    }
    bq_queue_unref(queue);
  }
}

TEST(an_unbounded_queue_is_never_full) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 200000);
  CHECK_EQ(bq_len(queue), 200000);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(an_empty_queue_says_so) {
  bq_queue *bounded = number_queue(BQ_FIFO, 2);
  bq_queue *unbounded = number_queue(BQ_FIFO, 0);
  check_empty(bounded);
  check_empty(unbounded);
  CHECK_EQ(bq_len(bounded) + bq_len(unbounded), 0);
  bq_queue_unref(bounded);
  bq_queue_unref(unbounded);
}

TEST(a_put_into_a_full_queue_leaves_the_item_with_the_caller) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  int64_t number = 2;
  put_number(queue, 1);
  CHECK_STATUS(bq_put(queue, &number, BQ_NOWAIT), BQ_FULL);
  CHECK_STATUS(bq_put(queue, &number, MILLISECOND), BQ_FULL);
  CHECK_EQ(number, 2);
  CHECK_EQ(bq_unfinished(queue), 1);
  CHECK_EQ(get_number(queue), 1);
  check_empty(queue);
  bq_queue_unref(queue);
}

static void check_writes_nothing(bq_queue *queue, int64_t timeout_ns, bq_status want) {
  int64_t numbers[3] = {5, 6, 7};
  CHECK_STATUS(bq_get(queue, numbers, timeout_ns), want);
  CHECK_STATUS(bq_peek(queue, numbers, timeout_ns), want);
  CHECK_STATUS(bq_get_many(queue, numbers, 3, timeout_ns), want);
  for (int i = 0; i < 3; i++) CHECK_EQ(numbers[i], 5 + i);
}

TEST(a_failed_get_writes_nothing) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    check_writes_nothing(queue, BQ_NOWAIT, BQ_EMPTY);
    check_writes_nothing(queue, MILLISECOND, BQ_EMPTY);
    put_number(queue, 1);
    check_writes_nothing(queue, -7, BQ_INVALID);
    CHECK_EQ(get_number(queue), 1);
    CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
    check_writes_nothing(queue, BQ_FOREVER, BQ_SHUTDOWN);
    bq_queue_unref(queue);
  }
}

/* Peek. */

TEST(a_peek_copies_the_next_item_and_leaves_it) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  put_numbers(queue, 1, 2);
  for (int i = 0; i < 3; i++) {
    int64_t number = 0;
    CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_EQ(number, 1);
    CHECK_EQ(bq_len(queue), 2);
    CHECK_STATUS(try_put(queue, 3), BQ_FULL);
  }
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(get_number(queue), 2);
  bq_queue_unref(queue);
}

TEST(a_peek_waits_for_an_item) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call peek = {.kind = CALL_PEEK, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&peek);
  await(blocked_gets(queue) == 1);
  put_number(queue, 8);
  CHECK_STATUS(call_end(&peek), BQ_OK);
  CHECK_EQ(peek.items[0], 8);
  CHECK_EQ(get_number(queue), 8);
  bq_queue_unref(queue);
}

/* Between threads. */

enum { HANDED = 20000 };

typedef struct handover {
  bq_queue *queue;
  atomic_llong puts;
  atomic_llong gets;
} handover;

static void *put_and_tell(void *argument) {
  handover *shared = argument;
  for (int64_t n = 1; n <= HANDED; n++) {
    while (n - atomic_load(&shared->gets) > 64) sched_yield();
    put_number(shared->queue, n);
    atomic_store(&shared->puts, n);
  }
  return NULL;
}

/* With one thread on either side nothing is ever stalled: now means now. */
static void check_handover(size_t capacity) {
  handover shared = {.queue = number_queue(BQ_FIFO, capacity)};
  pthread_t producer = thread_start(put_and_tell, &shared);
  for (int64_t n = 1; n <= HANDED; n++) {
    while (atomic_load(&shared.puts) < n) sched_yield();
    CHECK_EQ(get_number(shared.queue), n);
    atomic_store(&shared.gets, n);
  }
  thread_join(producer);
  bq_queue_unref(shared.queue);
}

TEST(an_item_is_there_once_its_put_has_finished) { check_handover(0); }

TEST(room_is_there_once_a_get_has_finished) { check_handover(64); }

enum { PRODUCERS = 4, EACH = 10000 };

typedef struct crowd {
  bq_queue *queue;
  atomic_int next_producer;
  atomic_int taken;
} crowd;

static void *put_in_order(void *argument) {
  crowd *all = argument;
  const int64_t me = atomic_fetch_add(&all->next_producer, 1);
  for (int64_t n = 0; n < EACH; n++) {
    const int64_t item = me * EACH + n;
    CHECK_STATUS(bq_put(all->queue, &item, BQ_FOREVER), BQ_OK);
  }
  return NULL;
}

/* Every consumer sees each producer's items rise. */
static void *get_in_order(void *argument) {
  crowd *all = argument;
  int64_t last[PRODUCERS] = {-1, -1, -1, -1};
  int64_t item;
  while (bq_get(all->queue, &item, BQ_FOREVER) == BQ_OK) {
    CHECK(item % EACH > last[item / EACH]);
    last[item / EACH] = item % EACH;
    atomic_fetch_add(&all->taken, 1);
  }
  return NULL;
}

static void check_producers_order(size_t capacity, int consumers) {
  crowd all = {.queue = number_queue(BQ_FIFO, capacity)};
  pthread_t threads[PRODUCERS + 4];
  for (int i = 0; i < PRODUCERS; i++) threads[i] = thread_start(put_in_order, &all);
  for (int i = 0; i < consumers; i++) threads[PRODUCERS + i] = thread_start(get_in_order, &all);
  for (int i = 0; i < PRODUCERS; i++) thread_join(threads[i]);
  CHECK_STATUS(bq_shutdown(all.queue, BQ_DRAIN), BQ_OK);
  for (int i = 0; i < consumers; i++) thread_join(threads[PRODUCERS + i]);
  CHECK_EQ(all.taken, PRODUCERS * EACH);
  bq_queue_unref(all.queue);
}

TEST(one_producers_items_never_overtake_each_other_in_a_bounded_queue) {
  check_producers_order(16, 1);
  check_producers_order(16, 4);
}

TEST(one_producers_items_never_overtake_each_other_in_an_unbounded_queue) {
  check_producers_order(0, 1);
  check_producers_order(0, 4);
}

CHECK_MAIN()
