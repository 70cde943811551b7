/*
 * The readiness contract, point by point, on every kind of loop. The numbers are those of the
 * header's text on bq_poller.
 */
#include "loops.h"

/* 1. The descriptor's bytes mean nothing. */

ON_EVERY_LOOP(a_loop_that_never_reads_the_descriptor_is_served) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  for (int64_t round = 0; round < 100; round++) {
    CHECK(!fires(loop));
    put_number(queue, round);
    CHECK(fires(loop));
    expect_event(loop->poller, queue, BQ_READABLE);
    CHECK_EQ(get_number(queue), round);
    expect_nothing(loop->poller);
  }
  bq_queue_unref(queue);
}

/* A pipe that is never read must not fill up and go silent: it holds 65,536 bytes. */
TEST(a_pipe_that_is_never_read_fires_for_ever) {
  event_loop loop = loop_open(BY_PIPE_EDGE);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop.poller, queue, BQ_READABLE);
  for (int64_t round = 0; round < 70000; round++) {
    put_number(queue, round);
    CHECK(fires(&loop));
    CHECK_EQ(get_number(queue), round);
    expect_nothing(loop.poller);
  }
  bq_queue_unref(queue);
  loop_close(&loop);
}

/* 2. The descriptor stays readable until a call returns 0. */

ON_EVERY_LOOP(the_descriptor_stays_readable_until_a_call_returns_0) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_numbers(queue, 1, 2);
  CHECK(fires(loop));
  for (int64_t number = 1; number <= 2; number++) {
    expect_event(loop->poller, queue, BQ_READABLE);
    CHECK(stays_readable(loop));
    CHECK_EQ(get_number(queue), number);
  }
  CHECK(stays_readable(loop)); /* empty by now, but nothing has said so to the loop */
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(a_loop_that_stops_early_is_called_again) {
  bq_queue *queues[5];
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    watch(loop->poller, queues[i], BQ_READABLE);
    put_number(queues[i], 1);
  }
  CHECK(fires(loop));
  for (size_t served = 0; served < LENGTH(queues); served++) {
    bq_event one;
    CHECK(stays_readable(loop));
    CHECK_STATUS(bq_poller_poll(loop->poller, &one, 1), 1);
    get_number(one.queue);
  }
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
}

ON_EVERY_LOOP(what_arrives_before_the_0_is_reported_before_the_0) {
  bq_queue *first = number_queue(BQ_FIFO, 0);
  bq_queue *second = number_queue(BQ_FIFO, 0);
  watch(loop->poller, first, BQ_READABLE);
  watch(loop->poller, second, BQ_READABLE);
  put_number(first, 1);
  CHECK(fires(loop));
  expect_event(loop->poller, first, BQ_READABLE);
  get_number(first);
  put_number(second, 2);
  expect_event(loop->poller, second, BQ_READABLE);
  get_number(second);
  put_number(first, 3);
  expect_event(loop->poller, first, BQ_READABLE);
  get_number(first);
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  bq_queue_unref(first);
  bq_queue_unref(second);
}

/* 3. Readiness is level-triggered for each queue. */

ON_EVERY_LOOP(an_event_is_reported_again_for_as_long_as_it_holds) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK(fires(loop));
  for (int again = 0; again < 10; again++) expect_event(loop->poller, queue, BQ_READABLE);
  get_number(queue);
  expect_nothing(loop->poller);
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(a_queue_need_not_be_drained) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_numbers(queue, 1, 10);
  CHECK(fires(loop));
  for (int64_t number = 1; number <= 10; number++) {
    expect_event(loop->poller, queue, BQ_READABLE);
    CHECK_EQ(get_number(queue), number);
  }
  expect_nothing(loop->poller);
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(an_event_that_ended_is_not_reported) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK(fires(loop));
  CHECK_EQ(bq_clear(queue), 1);
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  put_number(queue, 2);
  CHECK(fires(loop));
  bq_queue_unref(queue);
}

/* 4. A call that returns 0 has armed. */

ON_EVERY_LOOP(a_new_poller_is_armed) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK(!fires(loop));
  watch(loop->poller, queue, BQ_READABLE);
  CHECK(!fires(loop));
  CHECK_EQ(armed_watches(queue), 1);
  put_number(queue, 1);
  CHECK(fires(loop));
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(a_call_that_returns_0_has_armed) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK(fires(loop));
  expect_event(loop->poller, queue, BQ_READABLE);
  CHECK_EQ(armed_watches(queue), 0);
  get_number(queue);
  expect_nothing(loop->poller);
  CHECK_EQ(armed_watches(queue), 1);
  CHECK(!fires(loop));
  put_number(queue, 2);
  CHECK(fires(loop));
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(an_armed_poller_is_signalled_exactly_once) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  for (uint64_t sleep = 1; sleep <= 3; sleep++) {
    put_numbers(queue, 1, 10);
    CHECK_EQ(stats_of(queue).wakes, sleep);
    CHECK(fires(loop));
    CHECK(!edge_triggered(loop->kind) || !fires(loop));
    CHECK_EQ(bq_clear(queue), 10);
    expect_nothing(loop->poller);
  }
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(a_busy_loop_is_not_signalled) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_queue *other = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  watch(loop->poller, other, BQ_READABLE);
  put_number(queue, 1);
  CHECK(fires(loop));
  for (int64_t number = 1; number <= 10; number++) {
    expect_event(loop->poller, queue, BQ_READABLE);
    CHECK_EQ(get_number(queue), number);
    put_number(queue, number + 1);
  }
  put_numbers(other, 1, 10);
  CHECK_EQ(stats_of(queue).wakes + stats_of(other).wakes, 1);
  CHECK(!edge_triggered(loop->kind) || !fires(loop));
  bq_queue_unref(queue);
  bq_queue_unref(other);
}

ON_EVERY_LOOP(adding_a_watch_whose_event_holds_fires_at_once) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_number(queue, 1);
  CHECK(!fires(loop));
  watch(loop->poller, queue, BQ_READABLE);
  CHECK(fires(loop));
  expect_event(loop->poller, queue, BQ_READABLE);
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(modifying_a_watch_to_an_event_that_holds_fires_at_once) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  watch(loop->poller, queue, BQ_READABLE);
  CHECK(!fires(loop));
  rewatch(loop->poller, queue, BQ_READABLE | BQ_WRITABLE);
  CHECK(fires(loop));
  expect_event(loop->poller, queue, BQ_WRITABLE);
  rewatch(loop->poller, queue, 0);
  expect_nothing(loop->poller);
  put_number(queue, 1);
  CHECK(!fires(loop));
  rewatch(loop->poller, queue, BQ_READABLE);
  CHECK(fires(loop));
  expect_event(loop->poller, queue, BQ_READABLE);
  bq_queue_unref(queue);
}

ON_EVERY_LOOP(a_descriptor_asked_for_late_fires_for_what_came_early) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *poller = poller_with(loop_flags(loop->kind));
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  event_loop late = loop_on(poller, loop->kind);
  CHECK(fires(&late));
  expect_event(poller, queue, BQ_READABLE);
  loop_close(&late);
  bq_queue_unref(queue);
}

/* Waking by hand is an event like any other. */

ON_EVERY_LOOP(a_wake_makes_the_descriptor_readable_until_a_call_returns_0) {
  for (int round = 0; round < 10; round++) {
    CHECK_STATUS(bq_poller_wake(loop->poller), BQ_OK);
    CHECK(fires(loop));
    CHECK(stays_readable(loop));
    expect_nothing(loop->poller);
    CHECK(!fires(loop));
  }
}

ON_EVERY_LOOP(a_wake_among_events_is_not_lost) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_wake(loop->poller), BQ_OK);
  CHECK(fires(loop));
  expect_event(loop->poller, queue, BQ_READABLE);
  get_number(queue);
  CHECK(stays_readable(loop));
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  bq_queue_unref(queue);
}

/* 8. An edge-triggered poller saves the read that clears its descriptor. */

TEST(an_edge_poller_leaves_its_descriptor_as_it_is) {
  event_loop loop = loop_open(BY_POLLER_EDGE);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop.poller, queue, BQ_READABLE);
  put_number(queue, 1);
  get_number(queue);
  expect_nothing(loop.poller);
  CHECK(readable_now(loop.descriptor));
  bq_queue_unref(queue);
  loop_close(&loop);
}

CHECK_MAIN()
