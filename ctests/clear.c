/* Clear: discards what is queued now, each item counting as done, and lets blocked puts in. */
#include "calls.h"
#include "check.h"
#include "support.h"

static bq_queue *logged_queue(uint32_t order, size_t capacity, drop_log *log) {
  bq_options options = number_options(order, capacity);
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

TEST(clear_returns_how_many_items_it_discarded) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = logged_queue(order, 0, &log);
    put_numbers(queue, 1, 500);
    CHECK_EQ(bq_clear(queue), 500);
    CHECK_EQ(log.count, 500);
    CHECK_EQ(log.sum, 500 * 501 / 2);
    CHECK_EQ(bq_len(queue), 0);
    check_empty(queue);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 500);
  }
}

TEST(clearing_an_empty_queue_discards_nothing) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 2);
    CHECK_EQ(bq_clear(queue), 0);
    put_number(queue, 1);
    CHECK_EQ(get_number(queue), 1);
    CHECK_EQ(bq_clear(queue), 0);
    bq_queue_unref(queue);
  }
}

TEST(a_cleared_queue_can_be_used_again) {
  static const size_t capacities[] = {0, 1, 3, 64};
  FOR_EVERY_ORDER(order) {
    for (size_t i = 0; i < LENGTH(capacities); i++) {
      const int64_t depth = capacities[i] ? (int64_t)capacities[i] : 100;
      bq_queue *queue = number_queue(order, capacities[i]);
      for (int round = 0; round < 20; round++) {
        put_numbers(queue, 1, depth);
        if (capacities[i]) CHECK_STATUS(try_put(queue, 0), BQ_FULL);
        CHECK_EQ(get_number(queue), order == BQ_LIFO ? depth : 1);
        CHECK_EQ(bq_clear(queue), depth - 1);
      }
      bq_queue_unref(queue);
    }
  }
}

TEST(every_cleared_item_counts_as_done) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 5);
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(bq_clear(queue), 4);
  CHECK_EQ(bq_unfinished(queue), 1);
  CHECK_STATUS(bq_task_done(queue, 2), BQ_TOO_MANY_DONE);
  CHECK_STATUS(bq_task_done(queue, 1), BQ_OK);
  CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_OK);
  bq_queue_unref(queue);
}

TEST(a_cleared_item_counts_as_discarded_not_as_got) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  put_numbers(queue, 1, 5);
  CHECK_EQ(get_number(queue), 1);
  CHECK_EQ(bq_clear(queue), 4);
  CHECK_EQ(stats_of(queue).gets, 1);
  CHECK_EQ(stats_of(queue).discards, 4);
  bq_queue_unref(queue);
}

TEST(clear_lets_blocked_puts_in) {
  enum { PUTS = 3 };
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, PUTS);
    call puts[PUTS];
    put_numbers(queue, 1, PUTS);
    for (int i = 0; i < PUTS; i++) {
      puts[i] = (call){.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {9}};
      call_start(&puts[i]);
    }
    await(blocked_puts(queue) == PUTS);
    CHECK_EQ(bq_clear(queue), PUTS);
    for (int i = 0; i < PUTS; i++) CHECK_STATUS(call_end(&puts[i]), BQ_OK);
    for (int i = 0; i < PUTS; i++) CHECK_EQ(get_number(queue), 9);
    check_empty(queue);
    bq_queue_unref(queue);
  }
}

static void drop_when_it_is_in(void *item, void *context) {
  call *put = context;
  (void)item;
  await(call_ended(put));
}

TEST(clear_lets_blocked_puts_in_before_it_drops) {
  FOR_EVERY_ORDER(order) {
    call put = {.kind = CALL_PUT, .timeout_ns = BQ_FOREVER, .items = {4}};
    bq_options options = number_options(order, 3);
    options.drop = drop_when_it_is_in;
    options.context = &put;
    bq_queue *queue = put.queue = queue_from(&options);
    put_numbers(queue, 1, 3);
    call_start(&put);
    await(blocked_puts(queue) == 1);
    CHECK_EQ(bq_clear(queue), 3);
    CHECK_STATUS(call_end(&put), BQ_OK);
    CHECK_EQ(get_number(queue), 4);
    bq_queue_unref(queue);
  }
}

TEST(clear_lets_a_poll_for_room_in) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_WRITABLE;
  put_number(queue, 1);
  call_start(&poll);
  await(call_asleep(&poll));
  CHECK_EQ(bq_clear(queue), 1);
  CHECK_EQ(call_end(&poll), BQ_WRITABLE);
  bq_queue_unref(queue);
}

TEST(a_draining_queue_that_is_cleared_is_drained) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_DRAINED;
  put_numbers(queue, 1, 3);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  call_start(&poll);
  await(call_asleep(&poll));
  CHECK_EQ(bq_clear(queue), 3);
  CHECK_EQ(call_end(&poll), BQ_DRAINED);
  bq_queue_unref(queue);
}

/* Items put meanwhile: clear ends, and takes what was there when it was called. */

typedef struct refill {
  bq_queue *queue;
  int64_t next;
  int64_t dropped_below;
  size_t dropped;
} refill;

/* A producer that is exactly as fast as the clear. */
static void put_one_more(void *item, void *context) {
  refill *state = context;
  int64_t number;
  memcpy(&number, item, sizeof number);
  CHECK(number < state->dropped_below);
  state->dropped++;
  if (state->queue) put_number(state->queue, state->next++);
}

TEST(clear_ends_though_every_item_it_drops_is_replaced) {
  enum { ITEMS = 300 };
  FOR_EVERY_ORDER(order) {
    refill state = {.next = ITEMS + 1, .dropped_below = ITEMS + 1};
    bq_options options = number_options(order, 0);
    options.drop = put_one_more;
    options.context = &state;
    state.queue = queue_from(&options);
    put_numbers(state.queue, 1, ITEMS);
    CHECK_EQ(bq_clear(state.queue), ITEMS);
    CHECK_EQ(state.dropped, ITEMS);
    CHECK_EQ(bq_len(state.queue), ITEMS);
    bq_queue *queue = state.queue;
    state = (refill){.dropped_below = INT64_MAX};
    bq_queue_unref(queue);
    CHECK_EQ(state.dropped, ITEMS);
  }
}

typedef struct flood {
  bq_queue *queue;
  atomic_bool over;
  atomic_llong puts;
} flood;

/* As fast as it goes; an unbounded queue needs a bound all the same, or memory is the limit. */
static void *put_without_end(void *argument) {
  flood *state = argument;
  while (!atomic_load(&state->over)) {
    if (bq_len(state->queue) > 2000) continue;
    const bq_status status = try_put(state->queue, 1);
    if (status == BQ_OK) atomic_fetch_add(&state->puts, 1);
    else CHECK_STATUS(status, BQ_FULL);
  }
  return NULL;
}

static void check_ends_under_flood(uint32_t order, size_t capacity) {
  enum { PRODUCERS = 2, CLEARS = 100 };
  drop_log log = {0};
  flood state = {.queue = logged_queue(order, capacity, &log)};
  pthread_t producers[PRODUCERS];
  long long cleared = 0;
  for (int i = 0; i < PRODUCERS; i++) producers[i] = thread_start(put_without_end, &state);
  for (int i = 0; i < CLEARS; i++) {
    await(bq_len(state.queue) > 0);
    cleared += (long long)bq_clear(state.queue);
  }
  atomic_store(&state.over, true);
  for (int i = 0; i < PRODUCERS; i++) thread_join(producers[i]);
  CHECK_EQ(log.count, cleared);
  cleared += (long long)bq_clear(state.queue);
  CHECK_EQ(cleared, state.puts);
  CHECK_EQ(bq_unfinished(state.queue), 0);
  bq_queue_unref(state.queue);
  CHECK_EQ(log.count, cleared);
}

TEST(clear_ends_while_producers_keep_putting) {
  FOR_EVERY_ORDER(order) {
    check_ends_under_flood(order, 100);
    check_ends_under_flood(order, 0);
  }
}

CHECK_MAIN()
