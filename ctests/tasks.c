/* Unfinished items: counted from the put until task_done or a discard; join waits for none. */
#include "calls.h"
#include "check.h"
#include "support.h"

static bq_queue *queue_with(int64_t items) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, items);
  return queue;
}

static call join_call(bq_queue *queue) {
  return (call){.kind = CALL_JOIN, .queue = queue, .timeout_ns = BQ_FOREVER};
}

TEST(every_item_put_is_unfinished) {
  bq_queue *queue = number_queue(BQ_FIFO, 4);
  const int64_t many[] = {3, 4, 5, 6};
  CHECK_EQ(bq_unfinished(queue), 0);
  put_numbers(queue, 1, 2);
  CHECK_EQ(bq_unfinished(queue), 2);
  CHECK_STATUS(bq_put_many(queue, many, 4, BQ_NOWAIT), 2);
  CHECK_EQ(bq_unfinished(queue), 4);
  CHECK_STATUS(try_put(queue, 7), BQ_FULL);
  CHECK_EQ(bq_unfinished(queue), 4);
  bq_queue_unref(queue);
}

TEST(a_get_does_not_finish_an_item) {
  bq_queue *queue = queue_with(2);
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(get_number(queue), 2);
  CHECK_EQ(bq_len(queue), 0);
  CHECK_EQ(bq_unfinished(queue), 2);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_TIMEDOUT);
  bq_queue_unref(queue);
}

TEST(task_done_lowers_the_unfinished_count) {
  bq_queue *queue = queue_with(5);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 4);
  CHECK_STATUS(bq_task_done(queue, 3), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 0);
  bq_queue_unref(queue);
}

TEST(more_done_than_unfinished_is_too_many_and_changes_nothing) {
  bq_queue *queue = queue_with(2);
  CHECK_STATUS(bq_task_done(queue, 3), BQ_TOO_MANY_DONE);
  CHECK_EQ(bq_unfinished(queue), 2);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_TIMEDOUT);
  CHECK_STATUS(bq_task_done(queue, 2), BQ_OK);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_TOO_MANY_DONE);
  CHECK_EQ(bq_unfinished(queue), 0);
  bq_queue_unref(queue);
}

TEST(none_done_is_fine) {
  bq_queue *queue = queue_with(1);
  CHECK_STATUS(bq_task_done(queue, 0), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 1);
  bq_queue_unref(queue);
}

TEST(join_returns_at_once_when_nothing_is_unfinished) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_OK);
  CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
  put_number(queue, 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
  bq_queue_unref(queue);
}

TEST(join_times_out_while_something_is_unfinished) {
  bq_queue *queue = queue_with(1);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_TIMEDOUT);
  CHECK_STATUS(bq_join(queue, MILLISECOND), BQ_TIMEDOUT);
  CHECK_EQ(bq_unfinished(queue), 1);
  bq_queue_unref(queue);
}

TEST(the_last_task_done_wakes_every_blocked_join) {
  enum { JOINS = 4 };
  bq_queue *queue = queue_with(3);
  call joins[JOINS];
  for (size_t i = 0; i < JOINS; i++) {
    joins[i] = join_call(queue);
    call_start(&joins[i]);
  }
  await(blocked_joins(queue) == JOINS);
  CHECK_STATUS(bq_task_done(queue, 2), BQ_OK);
  CHECK_STATUS(bq_task_done(queue, 2), BQ_TOO_MANY_DONE);
  CHECK_EQ(blocked_joins(queue), JOINS);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  for (int i = 0; i < JOINS; i++) CHECK_STATUS(call_end(&joins[i]), BQ_OK);
  CHECK_EQ(blocked_joins(queue), 0);
  bq_queue_unref(queue);
}

TEST(a_join_does_not_sleep_through_a_moment_in_which_nothing_is_unfinished) {
  bq_queue *queue = queue_with(1);
  call join = join_call(queue);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  put_number(queue, 2);
  CHECK_STATUS(call_end(&join), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 1);
  bq_queue_unref(queue);
}

TEST(nor_does_one_that_has_not_gone_to_sleep_yet) {
  bq_options options = number_options(BQ_FIFO, 0);
  options.linger_ns = 2 * AWAIT_NS;
  bq_queue *queue = queue_from(&options);
  put_numbers(queue, 1, 1);
  call join = join_call(queue);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  put_numbers(queue, 2, 2);
  CHECK_STATUS(call_end(&join), BQ_OK);
  CHECK_EQ(blocked_joins(queue), 0);
  bq_queue_unref(queue);
}

TEST(join_and_task_done_work_the_same_after_a_shutdown) {
  bq_queue *queue = queue_with(2);
  call join = join_call(queue);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_TIMEDOUT);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(get_number(queue), 2);
  CHECK_STATUS(bq_task_done(queue, 3), BQ_TOO_MANY_DONE);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_EQ(blocked_joins(queue), 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_STATUS(call_end(&join), BQ_OK);
  CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_TOO_MANY_DONE);
  bq_queue_unref(queue);
}

/* Discards */

TEST(a_cleared_item_counts_as_done_and_wakes_join) {
  bq_queue *queue = queue_with(3);
  call join = join_call(queue);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_EQ(bq_clear(queue), 3);
  CHECK_STATUS(call_end(&join), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 0);
  bq_queue_unref(queue);
}

TEST(an_item_discarded_by_a_shutdown_counts_as_done_and_wakes_join) {
  bq_queue *queue = queue_with(3);
  call join = join_call(queue);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  CHECK_STATUS(call_end(&join), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 0);
  bq_queue_unref(queue);
}

TEST(an_item_that_somebody_works_on_is_not_finished_by_a_discard) {
  bq_queue *queue = queue_with(3);
  call join = join_call(queue);
  CHECK_EQ(get_number(queue), 1);
  call_start(&join);
  await(blocked_joins(queue) == 1);
  CHECK_EQ(bq_clear(queue), 2);
  CHECK_EQ(bq_unfinished(queue), 1);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  CHECK_EQ(bq_unfinished(queue), 1);
  CHECK_EQ(blocked_joins(queue), 1);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_STATUS(call_end(&join), BQ_OK);
  bq_queue_unref(queue);
}

/* A caller that reports too early is wrong, and must not make the count run below 0. */
TEST(items_reported_done_and_then_discarded_never_underflow) {
  bq_queue *queue = queue_with(3);
  CHECK_STATUS(bq_task_done(queue, 2), BQ_OK);
  CHECK_EQ(bq_clear(queue), 3);
  CHECK_EQ(bq_unfinished(queue), 0);
  CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
  put_number(queue, 1);
  CHECK_EQ(bq_unfinished(queue), 1);
  bq_queue_unref(queue);
}

/* Workers and a boss: when join returns, all the work is done. */

typedef struct shop {
  bq_queue *queue;
  atomic_int done;
} shop;

static void *work(void *argument) {
  shop *at = argument;
  int64_t number;
  while (bq_get(at->queue, &number, BQ_FOREVER) == BQ_OK) {
    atomic_fetch_add(&at->done, 1);
    CHECK_STATUS(bq_task_done(at->queue, 1), BQ_OK);
  }
  return NULL;
}

TEST(when_join_returns_all_the_work_is_done) {
  enum { WORKERS = 3, ROUNDS = 200, JOBS = 20 };
  shop at = {.queue = number_queue(BQ_FIFO, 8)};
  pthread_t workers[WORKERS];
  for (int i = 0; i < WORKERS; i++) workers[i] = thread_start(work, &at);
  for (int round = 1; round <= ROUNDS; round++) {
    for (int64_t job = 0; job < JOBS; job++)
      CHECK_STATUS(bq_put(at.queue, &job, BQ_FOREVER), BQ_OK);
    CHECK_STATUS(bq_join(at.queue, BQ_FOREVER), BQ_OK);
    CHECK_EQ(atomic_load(&at.done), round * JOBS);
  }
  CHECK_STATUS(bq_shutdown(at.queue, BQ_DRAIN), BQ_OK);
  for (int i = 0; i < WORKERS; i++) thread_join(workers[i]);
  bq_queue_unref(at.queue);
}

CHECK_MAIN()
