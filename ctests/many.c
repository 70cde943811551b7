/* put_many is write(2) on a blocking pipe, get_many is read(2). */
#include "calls.h"
#include "check.h"
#include "support.h"

static void number_from(int64_t *numbers, size_t count, int64_t first) {
  for (size_t i = 0; i < count; i++) numbers[i] = first + (int64_t)i;
}

/* A call that puts count items, numbered from 1. */
static call put_many_call(bq_queue *queue, size_t count, int64_t timeout_ns) {
  call made = {.kind = CALL_PUT_MANY, .queue = queue, .count = count, .timeout_ns = timeout_ns};
  number_from(made.items, count, 1);
  return made;
}

/* put_many */

TEST(put_many_puts_everything_there_is_room_for) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 5);
    int64_t numbers[5];
    number_from(numbers, 5, 1);
    CHECK_STATUS(bq_put_many(queue, numbers, 5, BQ_NOWAIT), 5);
    CHECK_EQ(bq_len(queue), 5);
    CHECK_EQ(bq_unfinished(queue), 5);
    for (int i = 0; i < 5; i++) CHECK_EQ(get_number(queue), order == BQ_LIFO ? 5 - i : 1 + i);
    bq_queue_unref(queue);
  }
}

TEST(put_many_returns_how_many_went_in_and_they_are_the_first) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 5);
    int64_t numbers[6];
    int64_t sum = 0;
    put_numbers(queue, 100, 101);
    number_from(numbers, 6, 1);
    CHECK_STATUS(bq_put_many(queue, numbers, 6, BQ_NOWAIT), 3);
    CHECK_EQ(bq_len(queue), 5);
    for (int i = 0; i < 5; i++) sum += get_number(queue);
    CHECK_EQ(sum, 100 + 101 + 1 + 2 + 3);
    bq_queue_unref(queue);
  }
}

TEST(put_many_gives_a_status_only_if_nothing_went_in) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 1);
    const int64_t numbers[2] = {1, 2};
    CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_NOWAIT), 1);
    CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_NOWAIT), BQ_FULL);
    CHECK_STATUS(bq_put_many(queue, numbers, 2, MILLISECOND), BQ_FULL);
    CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
    CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_NOWAIT), BQ_SHUTDOWN);
    CHECK_EQ(bq_len(queue), 1);
    bq_queue_unref(queue);
  }
}

TEST(put_many_waits_for_room_as_needed) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 2);
    call put = put_many_call(queue, 10, BQ_FOREVER);
    int64_t sum = 0;
    call_start(&put);
    for (int i = 0; i < 10; i++) {
      int64_t number = 0;
      CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_OK);
      if (order != BQ_LIFO) CHECK_EQ(number, i + 1);
      sum += number;
    }
    CHECK_STATUS(call_end(&put), 10);
    CHECK_EQ(sum, 55);
    bq_queue_unref(queue);
  }
}

TEST(put_many_blocks_while_something_is_left_to_put) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  call put = put_many_call(queue, 4, BQ_FOREVER);
  call_start(&put);
  for (int64_t number = 1; number <= 2; number++) {
    await(blocked_puts(queue) == 1 && bq_len(queue) == 2);
    CHECK(!call_ended(&put));
    CHECK_EQ(get_number(queue), number);
  }
  CHECK_STATUS(call_end(&put), 4);
  CHECK_EQ(bq_len(queue), 2);
  bq_queue_unref(queue);
}

TEST(put_many_returns_what_went_in_before_the_deadline) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 3);
    call put = put_many_call(queue, 10, 10 * MILLISECOND);
    call_start(&put);
    CHECK_STATUS(call_end(&put), 3);
    CHECK(put.took_ns >= put.timeout_ns);
    CHECK_EQ(bq_len(queue), 3);
    CHECK_EQ(get_number(queue), order == BQ_LIFO ? 3 : 1);
    bq_queue_unref(queue);
  }
}

/* Room comes all the time, and all of it together would take longer than the call may. */
TEST(put_many_has_one_deadline_for_all_its_items) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call put = put_many_call(queue, CALL_ITEMS, 50 * MILLISECOND);
  int64_t next_ns = now_ns();
  int64_t number;
  call_start(&put);
  while (!call_ended(&put)) {
    if (now_ns() < next_ns) continue;
    if (bq_get(queue, &number, BQ_NOWAIT) == BQ_OK) next_ns = now_ns() + 10 * MILLISECOND;
  }
  const ptrdiff_t count = call_end(&put);
  CHECK(count > 0 && count < CALL_ITEMS);
  CHECK(put.took_ns >= put.timeout_ns);
  bq_queue_unref(queue);
}

static int compare_when_it_is_time(const void *a, const void *b, void *context) {
  const int64_t *when_ns = context;
  while (now_ns() < *when_ns) pause_briefly();
  return memcmp(a, b, sizeof(int64_t));
}

/* What it takes before it has to wait counts as well. */
TEST(the_deadline_of_put_many_begins_with_the_call) {
  int64_t when_ns = 0;
  bq_options options = number_options(BQ_PRIORITY, 2);
  options.compare = compare_when_it_is_time;
  options.context = &when_ns;
  bq_queue *queue = queue_from(&options);
  call put = put_many_call(queue, 3, SECOND);
  when_ns = now_ns() + SECOND;
  call_start(&put);
  CHECK_STATUS(call_end(&put), 2);
  CHECK(put.took_ns < 2 * SECOND - 100 * MILLISECOND);
  bq_queue_unref(queue);
}

static void check_shutdown_mid_way(uint32_t order, uint32_t mode) {
  bq_queue *queue = number_queue(order, 3);
  call put = put_many_call(queue, 10, BQ_FOREVER);
  call_start(&put);
  await(blocked_puts(queue) == 1 && bq_len(queue) == 3);
  CHECK_STATUS(bq_shutdown(queue, mode), BQ_OK);
  CHECK_STATUS(call_end(&put), 3);
  CHECK_EQ(bq_len(queue), mode == BQ_DRAIN ? 3 : 0);
  bq_queue_unref(queue);
}

TEST(put_many_returns_what_went_in_before_the_shutdown) {
  FOR_EVERY_ORDER(order) {
    check_shutdown_mid_way(order, BQ_DRAIN);
    check_shutdown_mid_way(order, BQ_DISCARD);
  }
}

TEST(put_many_wakes_as_many_getters_as_it_puts) {
  enum { GETTERS = 4 };
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call gets[GETTERS];
  const int64_t numbers[GETTERS] = {1, 2, 3, 4};
  int64_t sum = 0;
  for (size_t i = 0; i < GETTERS; i++) {
    gets[i] = (call){.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
    call_start(&gets[i]);
  }
  await(blocked_gets(queue) == GETTERS);
  CHECK_STATUS(bq_put_many(queue, numbers, GETTERS, BQ_NOWAIT), GETTERS);
  for (int i = 0; i < GETTERS; i++) {
    CHECK_STATUS(call_end(&gets[i]), BQ_OK);
    sum += gets[i].items[0];
  }
  CHECK_EQ(sum, 10);
  bq_queue_unref(queue);
}

/* get_many */

TEST(get_many_takes_what_is_there_up_to_max) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    int64_t numbers[5] = {-1, -1, -1, -1, -1};
    put_numbers(queue, 1, 7);
    CHECK_STATUS(bq_get_many(queue, numbers, 4, BQ_NOWAIT), 4);
    for (int i = 0; i < 4; i++) CHECK_EQ(numbers[i], order == BQ_LIFO ? 7 - i : 1 + i);
    CHECK_EQ(numbers[4], -1);
    CHECK_STATUS(bq_get_many(queue, numbers, 5, BQ_NOWAIT), 3);
    for (int i = 0; i < 3; i++) CHECK_EQ(numbers[i], order == BQ_LIFO ? 3 - i : 5 + i);
    CHECK_EQ(bq_len(queue), 0);
    bq_queue_unref(queue);
  }
}

TEST(get_many_never_waits_for_more_than_the_first_item) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    int64_t numbers[8];
    put_number(queue, 1);
    CHECK_STATUS(bq_get_many(queue, numbers, 8, BQ_FOREVER), 1);
    CHECK_EQ(numbers[0], 1);
    bq_queue_unref(queue);
  }
}

TEST(get_many_waits_for_the_first_item) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call get = {.kind = CALL_GET_MANY, .queue = queue, .count = 8, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(blocked_gets(queue) == 1);
  put_number(queue, 3);
  CHECK_STATUS(call_end(&get), 1);
  CHECK_EQ(get.items[0], 3);
  bq_queue_unref(queue);
}

TEST(get_many_from_an_empty_queue_is_empty_at_the_deadline) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    int64_t numbers[2] = {-1, -1};
    CHECK_STATUS(bq_get_many(queue, numbers, 2, BQ_NOWAIT), BQ_EMPTY);
    CHECK_STATUS(bq_get_many(queue, numbers, 2, MILLISECOND), BQ_EMPTY);
    CHECK_EQ(numbers[0], -1);
    bq_queue_unref(queue);
  }
}

TEST(get_many_drains_after_a_shutdown_and_then_says_so) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    int64_t numbers[3];
    put_numbers(queue, 1, 4);
    CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
    CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_FOREVER), 3);
    CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_FOREVER), 1);
    CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_FOREVER), BQ_SHUTDOWN);
    bq_queue_unref(queue);
  }
}

static size_t ended_of(call *calls, size_t count) {
  size_t ended = 0;
  for (size_t i = 0; i < count; i++) ended += call_ended(&calls[i]);
  return ended;
}

TEST(get_many_lets_in_as_many_blocked_puts_as_it_took) {
  enum { PUTS = 5 };
  bq_queue *queue = number_queue(BQ_FIFO, 3);
  call puts[PUTS];
  int64_t numbers[3];
  put_numbers(queue, 1, 3);
  for (size_t i = 0; i < PUTS; i++) {
    puts[i] = (call){.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {9}};
    call_start(&puts[i]);
  }
  await(blocked_puts(queue) == PUTS);
  CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_NOWAIT), 3);
  /* Not bq_len(queue) == 3: that counts an item as soon as its put has its place. */
  await(ended_of(puts, PUTS) == 3 && blocked_puts(queue) == 2);
  CHECK_STATUS(bq_get_many(queue, numbers, 3, BQ_NOWAIT), 3);
  for (int i = 0; i < PUTS; i++) CHECK_STATUS(call_end(&puts[i]), BQ_OK);
  CHECK_EQ(bq_len(queue), 2);
  bq_queue_unref(queue);
}

/* Both */

TEST(thousands_go_through_at_once) {
  enum { COUNT = 50000 };
  int64_t *numbers = malloc(COUNT * sizeof *numbers);
  CHECK(numbers != NULL);
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    number_from(numbers, COUNT, 0);
    CHECK_STATUS(bq_put_many(queue, numbers, COUNT, BQ_NOWAIT), COUNT);
    memset(numbers, 0, COUNT * sizeof *numbers);
    CHECK_STATUS(bq_get_many(queue, numbers, COUNT, BQ_NOWAIT), COUNT);
    for (int i = 0; i < COUNT; i++)
      CHECK_EQ(numbers[i], order == BQ_LIFO ? COUNT - 1 - i : i);
    bq_queue_unref(queue);
  }
  free(numbers);
}

typedef struct supply {
  bq_queue *queue;
  size_t batches, size;
} supply;

/* Rising numbers from 0 on. */
static void *put_batches(void *argument) {
  const supply *all = argument;
  int64_t numbers[64];
  CHECK(all->size <= LENGTH(numbers));
  for (size_t batch = 0; batch < all->batches; batch++) {
    number_from(numbers, all->size, (int64_t)(batch * all->size));
    CHECK_STATUS(bq_put_many(all->queue, numbers, all->size, BQ_FOREVER), (ptrdiff_t)all->size);
  }
  return NULL;
}

/* Two producers put the same rising numbers: each number's first and second coming rise as well. */
TEST(items_of_one_call_keep_their_order_among_other_producers) {
  enum { BATCHES = 400, BATCH = 13, TOTAL = BATCHES * BATCH };
  bq_queue *queue = number_queue(BQ_FIFO, 16);
  static char seen[TOTAL];
  int64_t numbers[7];
  supply all = {queue, BATCHES, BATCH};
  pthread_t producers[2] = {thread_start(put_batches, &all), thread_start(put_batches, &all)};
  for (size_t taken = 0; taken < 2 * TOTAL;) {
    const ptrdiff_t count = bq_get_many(queue, numbers, LENGTH(numbers), BQ_FOREVER);
    CHECK(count > 0);
    for (ptrdiff_t i = 0; i < count; i++) {
      CHECK(numbers[i] == 0 || seen[numbers[i] - 1] > seen[numbers[i]]);
      seen[numbers[i]]++;
    }
    taken += (size_t)count;
  }
  for (int i = 0; i < 2; i++) thread_join(producers[i]);
  for (int i = 0; i < TOTAL; i++) CHECK_EQ(seen[i], 2);
  check_empty(queue);
  bq_queue_unref(queue);
}

/* From one thread to another batches go in a way of their own, until a third one gets or looks. */
static void stream_batches(size_t capacity, call_kind third) {
  bq_queue *queue = number_queue(BQ_FIFO, capacity);
  supply all = {queue, 4000, 64};
  for (int stream = 0; stream < 3; stream++) {
    const pthread_t producer = thread_start(put_batches, &all);
    int64_t numbers[50];
    for (int64_t next = 0; next < (int64_t)(all.batches * all.size);) {
      const ptrdiff_t count = bq_get_many(queue, numbers, LENGTH(numbers), BQ_FOREVER);
      CHECK(count > 0);
      for (ptrdiff_t i = 0; i < count; i++) CHECK_EQ(numbers[i], next++);
    }
    thread_join(producer);
    put_number(queue, 7);
    call other = {.kind = third, .queue = queue, .timeout_ns = BQ_NOWAIT};
    call_start(&other);
    CHECK_STATUS(call_end(&other), BQ_OK);
    CHECK_EQ(other.items[0], 7);
    if (third == CALL_PEEK) CHECK_EQ(get_number(queue), 7);
  }
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(batches_from_one_thread_to_another_come_whole_and_in_order) {
  const size_t capacities[] = {0, 100, 1024};
  for (size_t i = 0; i < LENGTH(capacities); i++) {
    stream_batches(capacities[i], CALL_GET);
    stream_batches(capacities[i], CALL_PEEK);
  }
}

CHECK_MAIN()
