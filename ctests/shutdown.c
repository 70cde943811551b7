/* Shutdown: no more puts; drain or discard what is left; everybody who waits is woken. */
#include "calls.h"
#include "check.h"
#include "support.h"

enum { CROWD = 4 };

static const uint32_t modes[] = {BQ_DRAIN, BQ_DISCARD};

#define FOR_EVERY_MODE(mode)                                                                       \
  for (uint32_t mode = BQ_DRAIN; mode <= BQ_DISCARD; mode++)

static bq_queue *logged_queue(uint32_t order, size_t capacity, drop_log *log) {
  bq_options options = number_options(order, capacity);
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

static void shut_down(bq_queue *queue, uint32_t mode) {
  CHECK_STATUS(bq_shutdown(queue, mode), BQ_OK);
}

static void check_no_more_puts(bq_queue *queue) {
  const int64_t numbers[2] = {1, 2};
  CHECK_STATUS(bq_put(queue, numbers, BQ_NOWAIT), BQ_SHUTDOWN);
  CHECK_STATUS(bq_put(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
  CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_FOREVER), BQ_SHUTDOWN);
}

static void check_no_more_gets(bq_queue *queue) {
  int64_t numbers[2];
  CHECK_STATUS(bq_get(queue, numbers, BQ_NOWAIT), BQ_SHUTDOWN);
  CHECK_STATUS(bq_get(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
  CHECK_STATUS(bq_peek(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
  CHECK_STATUS(bq_get_many(queue, numbers, 2, BQ_FOREVER), BQ_SHUTDOWN);
}

TEST(the_modes_have_their_numbers) {
  CHECK_EQ(modes[0], 0);
  CHECK_EQ(modes[1], 1);
}

TEST(a_queue_that_is_shut_down_takes_no_more_puts) {
  FOR_EVERY_MODE(mode) {
    FOR_EVERY_ORDER(order) {
      bq_queue *queue = number_queue(order, 2);
      put_number(queue, 1);
      shut_down(queue, mode);
      check_no_more_puts(queue);
      bq_queue_unref(queue);
    }
  }
}

TEST(a_full_queue_that_is_shut_down_says_shutdown_not_full) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  put_number(queue, 1);
  shut_down(queue, BQ_DRAIN);
  check_no_more_puts(queue);
  CHECK_EQ(bq_len(queue), 1);
  bq_queue_unref(queue);
}

TEST(draining_gives_out_what_is_left_and_then_says_shutdown) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(order, 0, &log);
    int64_t number = 0;
    put_numbers(queue, 1, 3);
    shut_down(queue, BQ_DRAIN);
    CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
    for (int i = 0; i < 3; i++) CHECK_EQ(get_number(queue), order == BQ_LIFO ? 3 - i : 1 + i);
    check_no_more_gets(queue);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 0);
  }
}

TEST(discarding_drops_what_is_left_and_counts_it_as_done) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(order, 0, &log);
    put_numbers(queue, 1, 100);
    shut_down(queue, BQ_DISCARD);
    CHECK_EQ(log.count, 100);
    CHECK_EQ(log.sum, 5050);
    CHECK_EQ(bq_len(queue), 0);
    CHECK_EQ(bq_unfinished(queue), 0);
    CHECK_EQ(stats_of(queue).discards, 100);
    check_no_more_gets(queue);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 100);
  }
}

TEST(a_second_shutdown_changes_nothing) {
  FOR_EVERY_MODE(mode) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
    put_numbers(queue, 1, 2);
    for (int i = 0; i < 3; i++) shut_down(queue, mode);
    CHECK_EQ(bq_len(queue), mode == BQ_DRAIN ? 2 : 0);
    CHECK_EQ(log.count, mode == BQ_DRAIN ? 0 : 2);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 2);
  }
}

TEST(discard_may_follow_drain) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  put_numbers(queue, 1, 3);
  shut_down(queue, BQ_DRAIN);
  CHECK_EQ(get_number(queue), 1);
  shut_down(queue, BQ_DISCARD);
  CHECK_EQ(log.count, 2);
  CHECK_EQ(log.sum, 5);
  check_no_more_gets(queue);
  bq_queue_unref(queue);
}

TEST(drain_after_discard_changes_nothing) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  put_numbers(queue, 1, 3);
  shut_down(queue, BQ_DISCARD);
  shut_down(queue, BQ_DRAIN);
  check_no_more_gets(queue);
  check_no_more_puts(queue);
  CHECK_EQ(log.count, 3);
  bq_queue_unref(queue);
}

TEST(there_is_no_way_back) {
  FOR_EVERY_MODE(mode) {
    bq_queue *queue = number_queue(BQ_FIFO, 1);
    put_number(queue, 1);
    shut_down(queue, mode);
    bq_clear(queue);
    CHECK_STATUS(bq_set_capacity(queue, 10), BQ_OK);
    check_no_more_puts(queue);
    check_no_more_gets(queue);
    bq_queue_unref(queue);
  }
}

/* Who waits is woken. */

static void check_wakes_every_one(call_kind kind, uint32_t mode, bq_status want) {
  call crowd[CROWD];
  crowd[0] = stuck_call(kind, BQ_FOREVER);
  bq_queue *queue = crowd[0].queue;
  for (int i = 1; i < CROWD; i++) crowd[i] = crowd[0];
  for (int i = 0; i < CROWD; i++) call_start(&crowd[i]);
  await(blocked_gets(queue) + blocked_puts(queue) == CROWD);
  shut_down(queue, mode);
  for (int i = 0; i < CROWD; i++) {
    CHECK_STATUS(call_end(&crowd[i]), want);
    CHECK_EQ(crowd[i].items[0], 2);
  }
  CHECK_EQ(blocked_gets(queue) + blocked_puts(queue), 0);
  bq_queue_unref(queue);
}

TEST(shutdown_wakes_every_blocked_getter) {
  FOR_EVERY_MODE(mode) {
    check_wakes_every_one(CALL_GET, mode, BQ_SHUTDOWN);
    check_wakes_every_one(CALL_PEEK, mode, BQ_SHUTDOWN);
    check_wakes_every_one(CALL_GET_MANY, mode, BQ_SHUTDOWN);
  }
}

TEST(shutdown_wakes_every_blocked_putter) {
  FOR_EVERY_MODE(mode) {
    check_wakes_every_one(CALL_PUT, mode, BQ_SHUTDOWN);
    check_wakes_every_one(CALL_PUT_PRIORITY, mode, BQ_SHUTDOWN);
    check_wakes_every_one(CALL_PUT_MANY, mode, BQ_SHUTDOWN);
  }
}

TEST(an_item_whose_blocked_put_was_shut_down_stays_with_the_caller) {
  FOR_EVERY_MODE(mode) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(BQ_FIFO, 1, &log);
    call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {1000}};
    put_number(queue, 1);
    call_start(&put);
    await(blocked_puts(queue) == 1);
    shut_down(queue, mode);
    CHECK_STATUS(call_end(&put), BQ_SHUTDOWN);
    CHECK_EQ(put.items[0], 1000);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 1);
    CHECK_EQ(log.sum, 1);
  }
}

TEST(a_discarding_shutdown_wakes_every_blocked_join) {
  call joins[CROWD];
  joins[0] = stuck_call(CALL_JOIN, BQ_FOREVER);
  bq_queue *queue = joins[0].queue;
  for (int i = 1; i < CROWD; i++) joins[i] = joins[0];
  for (int i = 0; i < CROWD; i++) call_start(&joins[i]);
  await(blocked_joins(queue) == CROWD);
  shut_down(queue, BQ_DISCARD);
  for (int i = 0; i < CROWD; i++) CHECK_STATUS(call_end(&joins[i]), BQ_OK);
  bq_queue_unref(queue);
}

TEST(a_draining_shutdown_leaves_join_waiting_for_the_work) {
  call join = stuck_call(CALL_JOIN, BQ_FOREVER);
  call_start(&join);
  await(blocked_joins(join.queue) == 1);
  shut_down(join.queue, BQ_DRAIN);
  CHECK_EQ(get_number(join.queue), 1);
  CHECK(!call_ended(&join));
  CHECK_STATUS(bq_task_done(join.queue, 1), BQ_OK);
  CHECK_STATUS(call_end(&join), BQ_OK);
  bq_queue_unref(join.queue);
}

/* What a poll that waits on an empty, bounded queue says after the shutdown. */
static void check_wakes_poll(uint32_t events, uint32_t mode, uint32_t want) {
  call poll = stuck_call(CALL_POLL, BQ_FOREVER);
  poll.events = events;
  call_start(&poll);
  await(call_asleep(&poll));
  shut_down(poll.queue, mode);
  CHECK_EQ(call_end(&poll), want);
  bq_queue_unref(poll.queue);
}

TEST(shutdown_wakes_every_blocked_poll) {
  FOR_EVERY_MODE(mode) {
    check_wakes_poll(BQ_READABLE, mode, BQ_READABLE);
    check_wakes_poll(BQ_CLOSED, mode, BQ_CLOSED);
    check_wakes_poll(BQ_DRAINED, mode, BQ_DRAINED);
    check_wakes_poll(BQ_READABLE | BQ_DRAINED, mode, BQ_READABLE | BQ_DRAINED);
  }
}

TEST(shutdown_wakes_a_poll_for_room) {
  FOR_EVERY_MODE(mode) {
    bq_queue *queue = number_queue(BQ_FIFO, 1);
    call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
    poll.events = BQ_WRITABLE;
    put_number(queue, 1);
    call_start(&poll);
    await(call_asleep(&poll));
    shut_down(queue, mode);
    CHECK_EQ(call_end(&poll), BQ_WRITABLE);
    bq_queue_unref(queue);
  }
}

TEST(the_get_that_empties_a_draining_queue_wakes_who_waits_for_drained) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_DRAINED;
  put_numbers(queue, 1, 2);
  call_start(&poll);
  await(call_asleep(&poll));
  shut_down(queue, BQ_DRAIN);
  CHECK_EQ(get_number(queue), 1);
  CHECK(!call_ended(&poll));
  CHECK_EQ(get_number(queue), 2);
  CHECK_EQ(call_end(&poll), BQ_DRAINED);
  bq_queue_unref(queue);
}

TEST(after_shutdown_a_queue_is_readable_and_writable) {
  const uint32_t all = BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED;
  FOR_EVERY_MODE(mode) {
    bq_queue *queue = number_queue(BQ_FIFO, 1);
    put_number(queue, 1);
    shut_down(queue, mode);
    const uint32_t left = bq_poll(queue, all, BQ_FOREVER);
    CHECK_EQ(left, mode == BQ_DRAIN ? BQ_READABLE | BQ_WRITABLE | BQ_CLOSED : all);
    if (mode == BQ_DRAIN) CHECK_EQ(get_number(queue), 1);
    CHECK_EQ(bq_poll(queue, BQ_READABLE | BQ_WRITABLE, BQ_FOREVER), BQ_READABLE | BQ_WRITABLE);
    CHECK_EQ(bq_poll(queue, BQ_CLOSED | BQ_DRAINED, BQ_NOWAIT), BQ_CLOSED | BQ_DRAINED);
    bq_queue_unref(queue);
  }
}

TEST(the_shutdown_of_a_queue_nobody_uses_is_fine) {
  FOR_EVERY_MODE(mode) {
    FOR_EVERY_ORDER(order) {
      bq_queue *queue = number_queue(order, 0);
      shut_down(queue, mode);
      check_no_more_gets(queue);
      CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
      bq_queue_unref(queue);
    }
  }
}

CHECK_MAIN()
