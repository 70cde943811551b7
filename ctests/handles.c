/* References: who holds one may use the queue; the last one discards what is left, exactly once. */
#include "calls.h"
#include "check.h"
#include "support.h"

static bq_queue *logged_queue(uint32_t order, size_t capacity, drop_log *log) {
  bq_options options = number_options(order, capacity);
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

TEST(ref_gives_the_same_handle) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK(bq_queue_ref(queue) == queue);
  bq_queue_unref(queue);
  bq_queue_unref(queue);
}

TEST(null_can_be_reffed_and_unreffed) {
  CHECK(bq_queue_ref(NULL) == NULL);
  bq_queue_unref(NULL);
}

TEST(a_queue_lives_until_its_last_reference) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  bq_queue_ref(queue);
  bq_queue_ref(queue);
  put_number(queue, 1);
  bq_queue_unref(queue);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 0);
  put_number(queue, 2);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 1);
  CHECK_EQ(log.sum, 2);
}

TEST(the_last_unref_drops_every_item_that_is_left_exactly_once) {
  FOR_EVERY_ORDER(order) {
    for (size_t capacity = 0; capacity <= 1000; capacity += 1000) {
      drop_log log = {0};
      bq_queue *queue = logged_queue(order, capacity, &log);
      put_numbers(queue, 1, 1000);
      bq_queue_unref(queue);
      CHECK_EQ(log.count, 1000);
      CHECK_EQ(log.sum, 1000 * 1001 / 2);
    }
  }
}

TEST(an_item_that_was_got_is_not_dropped) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(order, 0, &log);
    int64_t got = 0;
    put_numbers(queue, 1, 1000);
    for (int i = 0; i < 600; i++) got += get_number(queue);
    CHECK_EQ(log.count, 0);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 400);
    CHECK_EQ(log.sum + got, 1000 * 1001 / 2);
  }
}

TEST(an_item_that_was_peeked_is_dropped_once) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  int64_t number;
  put_number(queue, 9);
  CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
  CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 1);
  CHECK_EQ(log.sum, 9);
}

TEST(an_item_whose_put_failed_is_not_dropped) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 1, &log);
  put_number(queue, 1);
  CHECK_STATUS(try_put(queue, 2), BQ_FULL);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_STATUS(try_put(queue, 3), BQ_SHUTDOWN);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 1);
  CHECK_EQ(log.sum, 1);
}

TEST(a_queue_that_was_never_used_can_be_freed) {
  drop_log log = {0};
  FOR_EVERY_ORDER(order)
    for (size_t capacity = 0; capacity <= 1; capacity++)
      bq_queue_unref(logged_queue(order, capacity, &log));
  CHECK_EQ(log.count, 0);
}

TEST(without_a_drop_what_is_left_is_just_forgotten) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 1000);
  CHECK_EQ(bq_clear(queue), 1000);
  put_numbers(queue, 1, 1000);
  bq_queue_unref(queue);
}

TEST(unfinished_tasks_do_not_keep_a_queue_alive) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  put_numbers(queue, 1, 2);
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(bq_unfinished(queue), 2);
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 1);
}

/* A caller that holds a reference of its own may be blocked while everyone else lets go. */
TEST(an_unref_in_the_middle_of_a_blocked_call_harms_nobody) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, BQ_FOREVER);
    bq_queue_ref(one.queue);
    call_start(&one);
    await(call_waits(&one));
    bq_queue_unref(one.queue);
    call_let_go(&one);
    CHECK_STATUS(call_end(&one), call_success(kind));
    bq_queue_unref(one.queue);
  }
}

enum { SHARERS = 4, SHARES = 20000 };

static void *share(void *argument) {
  bq_queue *queue = argument;
  for (int i = 0; i < SHARES; i++) {
    bq_queue_ref(queue);
    bq_queue_unref(queue);
  }
  bq_queue_unref(queue);
  return NULL;
}

TEST(references_are_counted_from_many_threads) {
  drop_log log = {0};
  bq_queue *queue = logged_queue(BQ_FIFO, 0, &log);
  pthread_t threads[SHARERS];
  put_numbers(queue, 1, 10);
  for (int i = 0; i < SHARERS; i++) threads[i] = thread_start(share, bq_queue_ref(queue));
  bq_queue_unref(queue);
  for (int i = 0; i < SHARERS; i++) thread_join(threads[i]);
  CHECK_EQ(log.count, 10);
  CHECK_EQ(log.sum, 55);
}

CHECK_MAIN()
