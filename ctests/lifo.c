/* LIFO: what was put last leaves first. */
#include "calls.h"
#include "check.h"
#include "support.h"

TEST(what_was_put_last_leaves_first) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  put_numbers(queue, 1, 10000);
  for (int64_t number = 10000; number >= 1; number--) CHECK_EQ(get_number(queue), number);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(a_put_goes_on_top_of_what_is_left) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  put_numbers(queue, 1, 3);
  CHECK_EQ(get_number(queue), 3);
  put_numbers(queue, 4, 5);
  CHECK_EQ(get_number(queue), 5);
  CHECK_EQ(get_number(queue), 4);
  CHECK_EQ(get_number(queue), 2);
  put_number(queue, 6);
  CHECK_EQ(get_number(queue), 6);
  CHECK_EQ(get_number(queue), 1);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(a_bounded_stack_is_full_at_its_capacity_exactly) {
  for (size_t capacity = 1; capacity <= 9; capacity++) {
    bq_queue *queue = number_queue(BQ_LIFO, capacity);
    for (int round = 0; round < 3; round++) {
      put_numbers(queue, 1, (int64_t)capacity);
      CHECK_STATUS(try_put(queue, 0), BQ_FULL);
      CHECK_EQ(bq_len(queue), capacity);
      for (size_t n = capacity; n >= 1; n--) CHECK_EQ(get_number(queue), n);
      check_empty(queue);
    }
    bq_queue_unref(queue);
  }
}

TEST(an_unbounded_stack_is_never_full) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  put_numbers(queue, 1, 200000);
  CHECK_EQ(bq_len(queue), 200000);
  CHECK_EQ(get_number(queue), 200000);
  bq_queue_unref(queue);
}

TEST(a_peek_shows_the_top) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  int64_t number = 0;
  put_numbers(queue, 1, 2);
  CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
  CHECK_EQ(number, 2);
  put_number(queue, 3);
  CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
  CHECK_EQ(number, 3);
  CHECK_EQ(bq_len(queue), 3);
  bq_queue_unref(queue);
}

TEST(items_of_one_put_many_lie_on_each_other_in_their_order) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  const int64_t numbers[] = {1, 2, 3};
  put_number(queue, 0);
  CHECK_STATUS(bq_put_many(queue, numbers, 3, BQ_NOWAIT), 3);
  for (int64_t number = 3; number >= 0; number--) CHECK_EQ(get_number(queue), number);
  bq_queue_unref(queue);
}

TEST(get_many_takes_from_the_top) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  int64_t numbers[3];
  put_numbers(queue, 1, 5);
  CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_NOWAIT), 3);
  for (int i = 0; i < 3; i++) CHECK_EQ(numbers[i], 5 - i);
  CHECK_EQ(get_number(queue), 2);
  bq_queue_unref(queue);
}

TEST(a_blocked_get_is_woken_by_a_put) {
  bq_queue *queue = number_queue(BQ_LIFO, 0);
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(blocked_gets(queue) == 1);
  put_number(queue, 4);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(get.items[0], 4);
  bq_queue_unref(queue);
}

TEST(a_blocked_put_is_let_in_by_a_get) {
  bq_queue *queue = number_queue(BQ_LIFO, 1);
  call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
  put_number(queue, 1);
  call_start(&put);
  await(blocked_puts(queue) == 1);
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(call_end(&put), BQ_OK);
  CHECK_EQ(get_number(queue), 2);
  bq_queue_unref(queue);
}

CHECK_MAIN()
