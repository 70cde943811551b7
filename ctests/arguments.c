/* Hostile callers: NULLs, wild numbers and reserved bits are refused, and nothing has changed. */
#include "check.h"
#include "support.h"

static const int64_t bad_timeouts[] = {-2, -3, -1000, INT64_MIN, INT64_MIN + 1, INT32_MIN};

/* A queue with one item and room for one more, so that any call could succeed at once. */
static bq_queue *willing_queue(uint32_t order) {
  bq_queue *queue = number_queue(order, 2);
  put_number(queue, 7);
  return queue;
}

static void check_unchanged(bq_queue *queue) {
  const bq_stats stats = stats_of(queue);
  CHECK_EQ(stats.len, 1);
  CHECK_EQ(stats.unfinished, 1);
  CHECK_EQ(stats.capacity, 2);
  CHECK_EQ(stats.puts, 1);
  CHECK_EQ(stats.gets, 0);
  CHECK_EQ(stats.discards, 0);
  CHECK_EQ(bq_poll(queue, BQ_CLOSED, BQ_NOWAIT), 0);
  CHECK_EQ(get_number(queue), 7);
  bq_queue_unref(queue);
}

TEST(a_null_queue_is_invalid_for_every_call) {
  int64_t number = 5;
  bq_stats stats = BQ_STATS_INIT;
  CHECK_STATUS(bq_put(NULL, &number, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_put_priority(NULL, &number, 1, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_get(NULL, &number, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_peek(NULL, &number, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_put_many(NULL, &number, 1, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_get_many(NULL, &number, 1, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_task_done(NULL, 1), BQ_INVALID);
  CHECK_STATUS(bq_join(NULL, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_shutdown(NULL, BQ_DRAIN), BQ_INVALID);
  CHECK_STATUS(bq_set_capacity(NULL, 1), BQ_INVALID);
  CHECK_STATUS(bq_queue_stats(NULL, &stats), BQ_INVALID);
  CHECK_EQ(number, 5);
  CHECK_EQ(stats.size, sizeof stats);
}

TEST(a_null_queue_counts_nothing_and_never_waits) {
  CHECK_EQ(bq_clear(NULL), 0);
  CHECK_EQ(bq_poll(NULL, BQ_READABLE, BQ_FOREVER), 0);
  CHECK_EQ(bq_len(NULL), 0);
  CHECK_EQ(bq_capacity(NULL), 0);
  CHECK_EQ(bq_unfinished(NULL), 0);
  CHECK(bq_queue_ref(NULL) == NULL);
  bq_queue_unref(NULL);
}

TEST(a_null_item_is_invalid_and_changes_nothing) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = willing_queue(order);
    CHECK_STATUS(bq_put(queue, NULL, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_put_priority(queue, NULL, 0, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_get(queue, NULL, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_peek(queue, NULL, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_put_many(queue, NULL, 1, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_get_many(queue, NULL, 1, BQ_FOREVER), BQ_INVALID);
    CHECK_STATUS(bq_queue_stats(queue, NULL), BQ_INVALID);
    check_unchanged(queue);
  }
}

TEST(a_negative_timeout_other_than_forever_is_invalid_even_where_nothing_would_wait) {
  for (size_t i = 0; i < LENGTH(bad_timeouts); i++) {
    bq_queue *queue = willing_queue(BQ_PRIORITY);
    int64_t number = 5;
    CHECK_STATUS(bq_put(queue, &number, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_put_priority(queue, &number, 0, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_get(queue, &number, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_peek(queue, &number, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_put_many(queue, &number, 1, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_get_many(queue, &number, 1, bad_timeouts[i]), BQ_INVALID);
    CHECK_STATUS(bq_join(queue, bad_timeouts[i]), BQ_INVALID);
    CHECK_EQ(bq_poll(queue, BQ_READABLE, bad_timeouts[i]), 0);
    CHECK_EQ(number, 5);
    check_unchanged(queue);
  }
}

TEST(a_join_with_a_bad_timeout_is_invalid_even_when_nothing_is_unfinished) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  for (size_t i = 0; i < LENGTH(bad_timeouts); i++)
    CHECK_STATUS(bq_join(queue, bad_timeouts[i]), BQ_INVALID);
  bq_queue_unref(queue);
}

TEST(an_unknown_shutdown_mode_is_invalid_and_shuts_nothing_down) {
  static const uint32_t wild[] = {2, 3, 4, 1u << 31, UINT32_MAX};
  bq_queue *queue = willing_queue(BQ_FIFO);
  for (size_t i = 0; i < LENGTH(wild); i++)
    CHECK_STATUS(bq_shutdown(queue, wild[i]), BQ_INVALID);
  check_unchanged(queue);
}

/* Nowhere to say BQ_INVALID: no event holds. */
TEST(an_unknown_event_never_holds_and_never_waits) {
  bq_queue *queue = willing_queue(BQ_FIFO);
  for (int bit = 5; bit < 32; bit++) {
    CHECK_EQ(bq_poll(queue, UINT32_C(1) << bit, BQ_FOREVER), 0);
    CHECK_EQ(bq_poll(queue, UINT32_C(1) << bit | BQ_READABLE, BQ_FOREVER), 0);
  }
  CHECK_EQ(bq_poll(queue, 0, BQ_FOREVER), 0);
  check_unchanged(queue);
}

TEST(a_count_of_0_is_invalid) {
  bq_queue *queue = willing_queue(BQ_FIFO);
  int64_t number = 5;
  CHECK_STATUS(bq_put_many(queue, &number, 0, BQ_FOREVER), BQ_INVALID);
  CHECK_STATUS(bq_get_many(queue, &number, 0, BQ_FOREVER), BQ_INVALID);
  CHECK_EQ(number, 5);
  check_unchanged(queue);
}

TEST(a_count_larger_than_any_array_is_invalid) {
  static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 8 + 1,
                                  SIZE_MAX / 8 + 2, PTRDIFF_MAX};
  bq_queue *queue = willing_queue(BQ_FIFO);
  int64_t number = 5;
  for (size_t i = 0; i < LENGTH(counts); i++) {
    CHECK_STATUS(bq_put_many(queue, &number, counts[i], BQ_NOWAIT), BQ_INVALID);
    CHECK_STATUS(bq_get_many(queue, &number, counts[i], BQ_NOWAIT), BQ_INVALID);
  }
  CHECK_EQ(number, 5);
  check_unchanged(queue);
}

TEST(more_done_than_can_be_counted_is_too_many) {
  bq_queue *queue = willing_queue(BQ_FIFO);
  CHECK_STATUS(bq_task_done(queue, SIZE_MAX), BQ_TOO_MANY_DONE);
  CHECK_STATUS(bq_task_done(queue, SIZE_MAX / 2 + 1), BQ_TOO_MANY_DONE);
  check_unchanged(queue);
}

TEST(put_priority_is_for_priority_queues_without_a_compare_only) {
  for (uint32_t order = BQ_FIFO; order <= BQ_LIFO; order++) {
    bq_queue *queue = willing_queue(order);
    int64_t number = 5;
    CHECK_STATUS(bq_put_priority(queue, &number, 0, BQ_FOREVER), BQ_INVALID);
    check_unchanged(queue);
  }
}

TEST(a_wild_capacity_never_harms) {
  static const size_t wild[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 8,
                                PTRDIFF_MAX};
  FOR_EVERY_ORDER(order) {
    for (size_t i = 0; i < LENGTH(wild); i++) {
      bq_queue *queue = willing_queue(order);
      const bq_status status = bq_set_capacity(queue, wild[i]);
      CHECK_EQ(bq_capacity(queue), status == BQ_OK ? wild[i] : 2);
      if (status == BQ_OK) put_numbers(queue, 1, 100);
      CHECK_STATUS(bq_set_capacity(queue, 2), BQ_OK);
      CHECK_EQ(bq_len(queue), status == BQ_OK ? 101 : 1);
      bq_queue_unref(queue);
    }
  }
}

CHECK_MAIN()
