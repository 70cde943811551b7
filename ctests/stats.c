/* Statistics: every field, and how the struct may differ in size. */
#include "calls.h"
#include "check.h"
#include "support.h"

TEST(the_init_macro_sets_the_size_and_nothing_else) {
  const bq_stats stats = BQ_STATS_INIT;
  CHECK_EQ(stats.size, sizeof(bq_stats));
  CHECK_EQ(stats.puts + stats.gets + stats.discards + stats.wakes, 0);
  CHECK_EQ(stats.len + stats.capacity + stats.unfinished, 0);
  CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.blocked_joins, 0);
  CHECK_EQ(stats.armed_watches, 0);
}

TEST(a_new_queue_has_done_nothing) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 9);
    const bq_stats stats = stats_of(queue);
    CHECK_EQ(stats.size, sizeof stats);
    CHECK_EQ(stats.puts + stats.gets + stats.discards + stats.wakes, 0);
    CHECK_EQ(stats.len + stats.unfinished, 0);
    CHECK_EQ(stats.capacity, 9);
    CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.blocked_joins, 0);
    CHECK_EQ(stats.armed_watches, 0);
    bq_queue_unref(queue);
  }
}

TEST(puts_gets_and_discards_count_items) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 10);
    int64_t numbers[4] = {1, 2, 3, 4};
    put_numbers(queue, 1, 3);
    CHECK_STATUS(bq_put_many(queue, numbers, 4, BQ_NOWAIT), 4);
    CHECK_EQ(stats_of(queue).puts, 7);
    get_number(queue);
    CHECK_STATUS(bq_get_many(queue, numbers, 2, BQ_NOWAIT), 2);
    CHECK_EQ(stats_of(queue).gets, 3);
    CHECK_EQ(bq_clear(queue), 4);
    put_number(queue, 9);
    CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
    const bq_stats stats = stats_of(queue);
    CHECK_EQ(stats.puts, 8);
    CHECK_EQ(stats.gets, 3);
    CHECK_EQ(stats.discards, 5);
    bq_queue_unref(queue);
  }
}

typedef struct monitor {
  bq_queue *queue;
  uint64_t discards;
} monitor;

static void look_at_gets(void *item, void *context) {
  monitor *one = context;
  const bq_stats stats = stats_of(one->queue);
  (void)item;
  CHECK_EQ(stats.gets, 1);
  CHECK(stats.discards > one->discards || stats.discards == 3);
  one->discards = stats.discards;
}

TEST(what_is_being_discarded_never_counts_as_got) {
  FOR_EVERY_ORDER(order) {
    monitor one = {.queue = NULL};
    bq_options options = number_options(order, 0);
    options.drop = look_at_gets;
    options.context = &one;
    one.queue = queue_from(&options);
    put_numbers(one.queue, 1, 4);
    get_number(one.queue);
    CHECK_EQ(bq_clear(one.queue), 3);
    CHECK_EQ(one.discards, 3);
    bq_queue_unref(one.queue);
  }
}

TEST(what_failed_is_not_counted) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 1);
    int64_t numbers[2] = {1, 2};
    check_empty(queue);
    CHECK_STATUS(bq_get(queue, NULL, BQ_NOWAIT), BQ_INVALID);
    CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_NOWAIT), 1);
    CHECK_STATUS(try_put(queue, 3), BQ_FULL);
    CHECK_EQ(stats_of(queue).puts, 1);
    CHECK_EQ(stats_of(queue).gets, 0);
    bq_queue_unref(queue);
  }
}

TEST(a_peek_is_no_get) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  int64_t number;
  put_number(queue, 1);
  CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
  CHECK_EQ(stats_of(queue).gets, 0);
  bq_queue_unref(queue);
}

TEST(len_capacity_and_unfinished_are_those_of_the_queue) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 10);
    put_numbers(queue, 1, 5);
    get_number(queue);
    CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
    get_number(queue);
    const bq_stats stats = stats_of(queue);
    CHECK_EQ(stats.len, 3);
    CHECK_EQ(stats.len, bq_len(queue));
    CHECK_EQ(stats.unfinished, 4);
    CHECK_EQ(stats.unfinished, bq_unfinished(queue));
    CHECK_EQ(stats.capacity, 10);
    CHECK_EQ(stats.capacity, bq_capacity(queue));
    bq_queue_unref(queue);
  }
}

static void check_blocked(call_kind kind, size_t gets, size_t puts, size_t joins) {
  call one = stuck_call(kind, BQ_FOREVER);
  call_start(&one);
  await(call_waits(&one));
  const bq_stats stats = stats_of(one.queue);
  CHECK_EQ(stats.blocked_gets, gets);
  CHECK_EQ(stats.blocked_puts, puts);
  CHECK_EQ(stats.blocked_joins, joins);
  call_let_go(&one);
  CHECK_STATUS(call_end(&one), call_success(kind));
  const bq_stats after = stats_of(one.queue);
  CHECK_EQ(after.blocked_gets + after.blocked_puts + after.blocked_joins, 0);
  bq_queue_unref(one.queue);
}

TEST(blocked_threads_are_counted_by_what_they_wait_for) {
  check_blocked(CALL_GET, 1, 0, 0);
  check_blocked(CALL_GET_MANY, 1, 0, 0);
  check_blocked(CALL_PUT, 0, 1, 0);
  check_blocked(CALL_PUT_PRIORITY, 0, 1, 0);
  check_blocked(CALL_PUT_MANY, 0, 1, 0);
  check_blocked(CALL_JOIN, 0, 0, 1);
}

TEST(a_blocked_peek_counts_as_a_get) { check_blocked(CALL_PEEK, 1, 0, 0); }

TEST(every_blocked_thread_is_counted) {
  enum { GETTERS = 5 };
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call gets[GETTERS];
  for (size_t i = 0; i < GETTERS; i++) {
    gets[i] = (call){.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
    call_start(&gets[i]);
    await(blocked_gets(queue) == i + 1);
  }
  for (int i = 0; i < GETTERS; i++) {
    put_number(queue, 1);
    await(blocked_gets(queue) == (size_t)(GETTERS - 1 - i));
  }
  for (int i = 0; i < GETTERS; i++) CHECK_STATUS(call_end(&gets[i]), BQ_OK);
  bq_queue_unref(queue);
}

TEST(a_thread_that_timed_out_is_no_longer_counted) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, MILLISECOND);
    CHECK_STATUS(call_now(&one), call_too_late(kind));
    const bq_stats stats = stats_of(one.queue);
    CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.blocked_joins, 0);
    bq_queue_unref(one.queue);
  }
}

static bq_queue *sleepy_queue(void) {
  bq_options options = number_options(BQ_FIFO, 0);
  options.linger_ns = BQ_NO_LINGER;
  return queue_from(&options);
}

TEST(waking_a_thread_is_counted) {
  bq_queue *queue = sleepy_queue();
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(blocked_gets(queue) == 1 && call_asleep(&get));
  const uint64_t before = stats_of(queue).wakes;
  put_number(queue, 1);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(stats_of(queue).wakes, before + 1);
  bq_queue_unref(queue);
}

TEST(where_nobody_waits_nobody_is_woken) {
  bq_queue *queue = number_queue(BQ_FIFO, 100);
  for (int round = 0; round < 10; round++) {
    put_numbers(queue, 1, 100);
    for (int i = 0; i < 100; i++) get_number(queue);
    CHECK_STATUS(bq_task_done(queue, 100), BQ_OK);
  }
  CHECK_EQ(stats_of(queue).wakes, 0);
  bq_queue_unref(queue);
}

/* The size field. */

TEST(a_smaller_struct_gets_the_fields_that_fit) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 3);
  get_number(queue);
  bq_stats stats;
  memset(&stats, 0xa5, sizeof stats);
  stats.size = offsetof(bq_stats, discards);
  CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_OK);
  CHECK_EQ(stats.puts, 3);
  CHECK_EQ(stats.gets, 1);
  bq_queue_unref(queue);
}

TEST(nothing_is_written_beyond_the_size_of_the_struct) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_number(queue, 1);
  for (size_t size = sizeof(size_t); size <= sizeof(bq_stats); size++) {
    bq_stats stats;
    unsigned char *bytes = (unsigned char *)&stats;
    memset(&stats, 0xa5, sizeof stats);
    stats.size = size;
    CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_OK);
    CHECK_EQ(stats.size, size);
    for (size_t at = size; at < sizeof stats; at++) CHECK_EQ(bytes[at], 0xa5);
  }
  bq_queue_unref(queue);
}

TEST(a_larger_struct_of_a_later_version_gets_what_is_known) {
  struct {
    bq_stats stats;
    unsigned char tail[32];
  } later;
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_number(queue, 1);
  memset(&later, 0, sizeof later);
  later.stats.size = sizeof later;
  CHECK_STATUS(bq_queue_stats(queue, &later.stats), BQ_OK);
  CHECK_EQ(later.stats.puts, 1);
  CHECK_EQ(later.stats.len, 1);
  for (size_t at = 0; at < sizeof later.tail; at++) CHECK_EQ(later.tail[at], 0);
  bq_queue_unref(queue);
}

TEST(a_struct_without_a_size_is_invalid_and_stays_as_it_is) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_stats stats = {0};
  stats.puts = 77;
  CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_INVALID);
  CHECK_EQ(stats.puts, 77);
  CHECK_STATUS(bq_queue_stats(queue, NULL), BQ_INVALID);
  bq_queue_unref(queue);
}

CHECK_MAIN()
