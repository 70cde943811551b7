/* bq_poll: waits until one of the events holds and returns those that hold now. */
#include "calls.h"
#include "check.h"
#include "support.h"

enum {
  NEITHER = 0,
  ALL = BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED,
};

static uint32_t holds(bq_queue *queue) { return bq_poll(queue, ALL, BQ_NOWAIT); }

static call poll_call(bq_queue *queue, uint32_t events) {
  return (call){.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER, .events = events};
}

static void start_and_await(call *poll) {
  call_start(poll);
  await(call_asleep(poll));
}

TEST(the_events_have_their_bits) {
  CHECK_EQ(BQ_READABLE, 1);
  CHECK_EQ(BQ_WRITABLE, 2);
  CHECK_EQ(BQ_JOINED, 4);
  CHECK_EQ(BQ_CLOSED, 8);
  CHECK_EQ(BQ_DRAINED, 16);
}

TEST(a_queue_is_readable_while_it_has_an_item) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    CHECK_EQ(holds(queue) & BQ_READABLE, NEITHER);
    put_numbers(queue, 1, 2);
    CHECK_EQ(holds(queue) & BQ_READABLE, BQ_READABLE);
    get_number(queue);
    CHECK_EQ(holds(queue) & BQ_READABLE, BQ_READABLE);
    get_number(queue);
    CHECK_EQ(holds(queue) & BQ_READABLE, NEITHER);
    bq_queue_unref(queue);
  }
}

TEST(a_queue_is_writable_while_it_has_room) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 2);
    CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
    put_number(queue, 1);
    CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
    put_number(queue, 2);
    CHECK_EQ(holds(queue) & BQ_WRITABLE, NEITHER);
    get_number(queue);
    CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
    bq_queue_unref(queue);
  }
}

TEST(an_unbounded_queue_is_always_writable) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
  put_numbers(queue, 1, 10000);
  CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
  bq_queue_unref(queue);
}

TEST(a_queue_that_shrank_below_its_length_is_not_writable) {
  bq_queue *queue = number_queue(BQ_FIFO, 4);
  put_numbers(queue, 1, 3);
  CHECK_STATUS(bq_set_capacity(queue, 2), BQ_OK);
  CHECK_EQ(holds(queue) & BQ_WRITABLE, NEITHER);
  get_number(queue);
  CHECK_EQ(holds(queue) & BQ_WRITABLE, NEITHER);
  get_number(queue);
  CHECK_EQ(holds(queue) & BQ_WRITABLE, BQ_WRITABLE);
  bq_queue_unref(queue);
}

TEST(a_queue_is_joined_while_nothing_is_unfinished) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK_EQ(holds(queue) & BQ_JOINED, BQ_JOINED);
  put_number(queue, 1);
  get_number(queue);
  CHECK_EQ(holds(queue) & BQ_JOINED, NEITHER);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(holds(queue) & BQ_JOINED, BQ_JOINED);
  bq_queue_unref(queue);
}

TEST(a_queue_is_closed_once_it_is_shut_down_and_drained_once_it_is_empty_as_well) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_number(queue, 1);
  CHECK_EQ(holds(queue) & (BQ_CLOSED | BQ_DRAINED), NEITHER);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_EQ(holds(queue) & (BQ_CLOSED | BQ_DRAINED), BQ_CLOSED);
  get_number(queue);
  CHECK_EQ(holds(queue) & (BQ_CLOSED | BQ_DRAINED), BQ_CLOSED | BQ_DRAINED);
  bq_queue_unref(queue);
}

TEST(an_empty_queue_that_is_not_shut_down_is_not_drained) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK_EQ(bq_poll(queue, BQ_DRAINED, MILLISECOND), NEITHER);
  bq_queue_unref(queue);
}

TEST(only_events_that_were_asked_for_are_reported) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  put_number(queue, 1);
  CHECK_EQ(bq_poll(queue, BQ_READABLE, BQ_NOWAIT), BQ_READABLE);
  CHECK_EQ(bq_poll(queue, BQ_WRITABLE, BQ_NOWAIT), BQ_WRITABLE);
  CHECK_EQ(bq_poll(queue, BQ_READABLE | BQ_JOINED, BQ_FOREVER), BQ_READABLE);
  CHECK_EQ(bq_poll(queue, BQ_WRITABLE | BQ_CLOSED, BQ_FOREVER), BQ_WRITABLE);
  CHECK_EQ(bq_poll(queue, BQ_JOINED | BQ_CLOSED | BQ_DRAINED, BQ_NOWAIT), NEITHER);
  bq_queue_unref(queue);
}

TEST(all_events_that_hold_are_reported) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  CHECK_EQ(bq_poll(queue, ALL, BQ_FOREVER), BQ_WRITABLE | BQ_JOINED);
  put_number(queue, 1);
  CHECK_EQ(bq_poll(queue, ALL, BQ_FOREVER), BQ_READABLE | BQ_WRITABLE);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(bq_poll(queue, ALL, BQ_FOREVER), BQ_READABLE | BQ_WRITABLE | BQ_JOINED);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  CHECK_EQ(bq_poll(queue, ALL, BQ_FOREVER), ALL);
  bq_queue_unref(queue);
}

TEST(a_poll_takes_nothing) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  put_number(queue, 1);
  for (int i = 0; i < 3; i++) CHECK_EQ(bq_poll(queue, BQ_READABLE, BQ_FOREVER), BQ_READABLE);
  CHECK_EQ(bq_len(queue), 1);
  CHECK_EQ(stats_of(queue).gets, 0);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

/* Waiting. */

TEST(a_poll_for_nothing_that_holds_is_0_at_the_deadline) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  CHECK_EQ(bq_poll(queue, BQ_READABLE, BQ_NOWAIT), NEITHER);
  const int64_t began_ns = now_ns();
  CHECK_EQ(bq_poll(queue, BQ_READABLE | BQ_CLOSED | BQ_DRAINED, 5 * MILLISECOND), NEITHER);
  CHECK(now_ns() - began_ns >= 5 * MILLISECOND);
  put_number(queue, 1);
  CHECK_EQ(bq_poll(queue, BQ_WRITABLE | BQ_JOINED, MILLISECOND), NEITHER);
  bq_queue_unref(queue);
}

TEST(a_put_ends_a_poll_for_an_item) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    call poll = poll_call(queue, BQ_READABLE);
    start_and_await(&poll);
    put_number(queue, 1);
    CHECK_EQ(call_end(&poll), BQ_READABLE);
    CHECK_EQ(get_number(queue), 1);
    bq_queue_unref(queue);
  }
}

TEST(a_get_ends_a_poll_for_room) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 1);
    call poll = poll_call(queue, BQ_WRITABLE);
    put_number(queue, 1);
    start_and_await(&poll);
    CHECK_EQ(get_number(queue), 1);
    CHECK_EQ(call_end(&poll), BQ_WRITABLE);
    bq_queue_unref(queue);
  }
}

TEST(the_last_task_done_ends_a_poll_for_joined) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call poll = poll_call(queue, BQ_JOINED);
  put_numbers(queue, 1, 2);
  start_and_await(&poll);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK(!call_ended(&poll));
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(call_end(&poll), BQ_JOINED);
  bq_queue_unref(queue);
}

TEST(a_discard_ends_a_poll_for_joined) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call poll = poll_call(queue, BQ_JOINED);
  put_numbers(queue, 1, 2);
  start_and_await(&poll);
  CHECK_EQ(bq_clear(queue), 2);
  CHECK_EQ(call_end(&poll), BQ_JOINED);
  bq_queue_unref(queue);
}

/* Asked for several events, it ends with whichever comes. */
static void check_ended_by(bool by_put) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call poll = poll_call(queue, BQ_READABLE | BQ_CLOSED);
  start_and_await(&poll);
  if (by_put) put_number(queue, 1);
  else CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_EQ(call_end(&poll), by_put ? BQ_READABLE : BQ_READABLE | BQ_CLOSED);
  bq_queue_unref(queue);
}

TEST(whichever_of_several_events_comes_first_ends_the_poll) {
  check_ended_by(true);
  check_ended_by(false);
}

TEST(every_blocked_poll_is_woken_by_one_item) {
  enum { POLLS = 4 };
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call polls[POLLS];
  for (int i = 0; i < POLLS; i++) {
    polls[i] = poll_call(queue, BQ_READABLE);
    start_and_await(&polls[i]);
  }
  put_number(queue, 1);
  for (int i = 0; i < POLLS; i++) CHECK_EQ(call_end(&polls[i]), BQ_READABLE);
  bq_queue_unref(queue);
}

TEST(who_polls_and_gets_without_waiting_sees_every_item) {
  enum { ITEMS = 2000 };
  bq_queue *queue = number_queue(BQ_FIFO, 4);
  call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER};
  int64_t got = 0;
  for (int64_t round = 0; round < ITEMS / 4; round++) {
    put.items[0] = round;
    call_start(&put);
    CHECK_EQ(bq_poll(queue, BQ_READABLE, BQ_FOREVER), BQ_READABLE);
    CHECK_EQ(get_number(queue), round);
    CHECK_STATUS(call_end(&put), BQ_OK);
    got++;
  }
  CHECK_EQ(got, ITEMS / 4);
  bq_queue_unref(queue);
}

CHECK_MAIN()
