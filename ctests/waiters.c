/* Who waits is served in order, and no wake-up is lost on one that no longer wants it. */
#include "calls.h"
#include "check.h"
#include "support.h"

enum { CROWD = 6 };

/* Threads that go to sleep at once, so that "began to wait" is one moment. */
static bq_queue *sleepy_queue(uint32_t order, size_t capacity) {
  bq_options options = number_options(order, capacity);
  options.linger_ns = BQ_NO_LINGER;
  return queue_from(&options);
}

static void start_crowd(call *crowd, call_kind kind, bq_queue *queue) {
  for (size_t i = 0; i < CROWD; i++) {
    crowd[i] = (call){.kind = kind, .queue = queue, .timeout_ns = BQ_FOREVER, .count = 1};
    crowd[i].items[0] = 100 + (int64_t)i;
    call_start(&crowd[i]);
    await(blocked_gets(queue) + blocked_puts(queue) == i + 1);
    await(call_asleep(&crowd[i]));
  }
}

static void check_gets_in_order(call_kind kind, uint32_t order) {
  bq_queue *queue = sleepy_queue(order, 0);
  call crowd[CROWD];
  start_crowd(crowd, kind, queue);
  for (int i = 0; i < CROWD; i++) {
    put_number(queue, i);
    await(call_ended(&crowd[i]));
    CHECK_STATUS(call_end(&crowd[i]), call_success(kind));
    CHECK_EQ(crowd[i].items[0], i);
  }
  bq_queue_unref(queue);
}

TEST(blocked_gets_are_served_in_the_order_in_which_they_began_to_wait) {
  FOR_EVERY_ORDER(order) {
    check_gets_in_order(CALL_GET, order);
    check_gets_in_order(CALL_GET_MANY, order);
  }
}

static void check_puts_in_order(call_kind kind) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 1);
  call crowd[CROWD];
  put_number(queue, 99);
  start_crowd(crowd, kind, queue);
  for (int i = 0; i < CROWD; i++) {
    CHECK_EQ(get_number(queue), 99 + i);
    await(call_ended(&crowd[i]));
    CHECK_STATUS(call_end(&crowd[i]), call_success(kind));
  }
  CHECK_EQ(get_number(queue), 99 + CROWD);
  bq_queue_unref(queue);
}

TEST(blocked_puts_are_served_in_the_order_in_which_they_began_to_wait) {
  check_puts_in_order(CALL_PUT);
  check_puts_in_order(CALL_PUT_MANY);
}

TEST(one_item_serves_one_waiter_and_leaves_the_others_waiting) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call crowd[CROWD];
  start_crowd(crowd, CALL_GET, queue);
  for (int i = 0; i < CROWD; i++) {
    const uint64_t before = stats_of(queue).wakes;
    put_number(queue, i);
    await(call_ended(&crowd[i]));
    CHECK_EQ(blocked_gets(queue), CROWD - 1 - i);
    CHECK_EQ(stats_of(queue).wakes, before + 1);
    call_end(&crowd[i]);
  }
  bq_queue_unref(queue);
}

TEST(items_put_at_once_serve_as_many_waiters) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call crowd[CROWD];
  int64_t sum = 0;
  start_crowd(crowd, CALL_GET, queue);
  put_numbers(queue, 1, CROWD);
  for (int i = 0; i < CROWD; i++) {
    CHECK_STATUS(call_end(&crowd[i]), BQ_OK);
    sum += crowd[i].items[0];
  }
  CHECK_EQ(sum, CROWD * (CROWD + 1) / 2);
  bq_queue_unref(queue);
}

TEST(a_newcomer_may_take_an_item_while_others_wait_for_the_next) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(blocked_gets(queue) == 1);
  int64_t number = -1;
  put_number(queue, 1);
  const bool taken = bq_get(queue, &number, BQ_NOWAIT) == BQ_OK;
  if (taken) put_number(queue, 2);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(get.items[0], taken ? 2 : 1);
  bq_queue_unref(queue);
}

/* Passing on. Who only looks at an item, or gives up, must hand its wake-up to the next. */

TEST(a_peek_that_was_woken_passes_its_wake_up_on_to_a_get) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call peek = {.kind = CALL_PEEK, .queue = queue, .timeout_ns = BQ_FOREVER};
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&peek);
  await(blocked_gets(queue) == 1);
  call_start(&get);
  await(blocked_gets(queue) == 2);
  put_number(queue, 1);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(get.items[0], 1);
  put_number(queue, 2);
  CHECK_STATUS(call_end(&peek), BQ_OK);
  CHECK_EQ(get_number(queue), 2);
  bq_queue_unref(queue);
}

TEST(a_poll_that_was_woken_passes_its_wake_up_on_to_a_get) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_READABLE;
  call_start(&poll);
  await(call_asleep(&poll));
  const size_t others = blocked_gets(queue);
  call_start(&get);
  await(blocked_gets(queue) > others);
  put_number(queue, 1);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(get.items[0], 1);
  put_number(queue, 2);
  CHECK_EQ(call_end(&poll), BQ_READABLE);
  bq_queue_unref(queue);
}

TEST(a_poll_for_room_that_was_woken_passes_its_wake_up_on_to_a_put) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 1);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
  poll.events = BQ_WRITABLE;
  put_number(queue, 1);
  call_start(&poll);
  await(call_asleep(&poll));
  const size_t others = blocked_puts(queue);
  call_start(&put);
  await(blocked_puts(queue) > others);
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(call_end(&put), BQ_OK);
  CHECK_EQ(get_number(queue), 2);
  CHECK_EQ(call_end(&poll), BQ_WRITABLE);
  bq_queue_unref(queue);
}

/* The put comes at about the time the first waiter gives up; one of the two gets the item. */
static void check_passed_on(call_kind kind, int64_t around_ns) {
  call first = stuck_call(kind, 200 * MICROSECOND);
  bq_queue *queue = first.queue;
  call second = first;
  second.timeout_ns = BQ_FOREVER;
  call_start(&first);
  call_start(&second);
  const int64_t until = now_ns() + around_ns;
  while (now_ns() < until) {}
  call_let_go(&first);
  const ptrdiff_t result = call_end(&first);
  if (result == call_success(kind)) {
    await(call_waits(&second) || call_ended(&second));
    call_let_go(&second);
  } else {
    CHECK_STATUS(result, call_too_late(kind));
  }
  CHECK_STATUS(call_end(&second), call_success(kind));
  bq_queue_unref(queue);
}

TEST(a_get_that_times_out_passes_its_wake_up_on) {
  for (int i = 0; i < 400; i++) check_passed_on(CALL_GET, (100 + i) * MICROSECOND);
}

TEST(a_put_that_times_out_passes_its_wake_up_on) {
  for (int i = 0; i < 400; i++) check_passed_on(CALL_PUT, (100 + i) * MICROSECOND);
}

/* How many of the waits that were started have begun: they go on, or are over. */
static size_t begun(const bq_queue *queue, call *passing, int started) {
  size_t over = 0;
  for (int i = 0; i < started; i++) over += call_ended(&passing[i]);
  return over + blocked_gets(queue);
}

TEST(waiters_that_give_up_leave_the_order_of_the_others_alone) {
  bq_queue *queue = sleepy_queue(BQ_FIFO, 0);
  call lasting[CROWD];
  call passing[CROWD];
  for (int i = 0; i < CROWD; i++) {
    passing[i] = (call){.kind = CALL_GET, .queue = queue, .timeout_ns = 30 * MILLISECOND};
    lasting[i] = (call){.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
    call_start(&passing[i]);
    await(begun(queue, passing, i + 1) == 2 * (size_t)i + 1);
    call_start(&lasting[i]);
    await(begun(queue, passing, i + 1) == 2 * (size_t)i + 2);
  }
  for (int i = 0; i < CROWD; i++) CHECK_STATUS(call_end(&passing[i]), BQ_EMPTY);
  CHECK_EQ(blocked_gets(queue), CROWD);
  for (int i = 0; i < CROWD; i++) {
    put_number(queue, i);
    await(call_ended(&lasting[i]));
    CHECK_STATUS(call_end(&lasting[i]), BQ_OK);
    CHECK_EQ(lasting[i].items[0], i);
  }
  bq_queue_unref(queue);
}

/* Every hand-over needs both wake-ups: one lost, and both sleep for ever. */

typedef struct pair {
  bq_queue *there;
  bq_queue *back;
} pair;

enum { ROUNDS = 3000 };

static void *echo(void *argument) {
  const pair *queues = argument;
  int64_t number;
  while (bq_get(queues->there, &number, BQ_FOREVER) == BQ_OK)
    CHECK_STATUS(bq_put(queues->back, &number, BQ_FOREVER), BQ_OK);
  return NULL;
}

static void check_echo(uint32_t order, size_t capacity, int64_t linger_ns) {
  bq_options options = number_options(order, capacity);
  options.linger_ns = linger_ns;
  pair queues = {queue_from(&options), queue_from(&options)};
  pthread_t other = thread_start(echo, &queues);
  for (int64_t n = 0; n < ROUNDS; n++) {
    int64_t number = -1;
    put_number(queues.there, n);
    CHECK_STATUS(bq_get(queues.back, &number, BQ_FOREVER), BQ_OK);
    CHECK_EQ(number, n);
  }
  CHECK_STATUS(bq_shutdown(queues.there, BQ_DRAIN), BQ_OK);
  thread_join(other);
  bq_queue_unref(queues.there);
  bq_queue_unref(queues.back);
}

TEST(two_threads_that_wake_each_other_never_fall_asleep_together) {
  FOR_EVERY_ORDER(order)
    for (size_t capacity = 0; capacity <= 1; capacity++) {
      check_echo(order, capacity, BQ_NO_LINGER);
      check_echo(order, capacity, 0);
    }
}

CHECK_MAIN()
