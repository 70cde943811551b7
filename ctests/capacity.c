/* The capacity and how it changes while putters wait. */
#include "calls.h"
#include "check.h"
#include "loops.h"
#include "support.h"

enum { PUTS = 5 };

static void start_puts(bq_queue *queue, call *puts, int count) {
  for (int i = 0; i < count; i++) {
    puts[i] = (call){.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2 + i}};
    call_start(&puts[i]);
  }
  await(blocked_puts(queue) == (size_t)count);
}

/* A full queue of 1 with PUTS more puts waiting. */
static bq_queue *crowded_queue(uint32_t order, call *puts) {
  bq_queue *queue = number_queue(order, 1);
  put_number(queue, 1);
  start_puts(queue, puts, PUTS);
  return queue;
}

static void set_capacity(bq_queue *queue, size_t capacity) {
  CHECK_STATUS(bq_set_capacity(queue, capacity), BQ_OK);
  CHECK_EQ(bq_capacity(queue), capacity);
  CHECK_EQ(stats_of(queue).capacity, capacity);
}

static void end_all(call *puts, bq_status want) {
  for (int i = 0; i < PUTS; i++) CHECK_STATUS(call_end(&puts[i]), want);
}

TEST(growing_makes_room) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 2);
    put_numbers(queue, 1, 2);
    CHECK_STATUS(try_put(queue, 3), BQ_FULL);
    set_capacity(queue, 5);
    put_numbers(queue, 3, 5);
    CHECK_STATUS(try_put(queue, 6), BQ_FULL);
    for (int i = 0; i < 5; i++) CHECK_EQ(get_number(queue), order == BQ_LIFO ? 5 - i : 1 + i);
    check_empty(queue);
    bq_queue_unref(queue);
  }
}

TEST(growing_lets_as_many_blocked_puts_in_as_now_fit) {
  FOR_EVERY_ORDER(order) {
    call puts[PUTS];
    bq_queue *queue = crowded_queue(order, puts);
    set_capacity(queue, 4);
    await(bq_len(queue) == 4 && blocked_puts(queue) == PUTS - 3);
    CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
    int in = 0;
    for (int i = 0; i < PUTS; i++) in += call_end(&puts[i]) == BQ_OK;
    CHECK_EQ(in, 3);
    CHECK_EQ(bq_len(queue), 4);
    bq_queue_unref(queue);
  }
}

/* A loop that is told of room may have nothing to put. */
TEST(growing_lets_blocked_puts_in_past_a_watch) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  call puts[2];
  put_number(queue, 1);
  watch(poller, queue, BQ_WRITABLE);
  start_puts(queue, puts, LENGTH(puts));
  set_capacity(queue, 3);
  for (size_t i = 0; i < LENGTH(puts); i++) CHECK_STATUS(call_end(&puts[i]), BQ_OK);
  CHECK_EQ(bq_len(queue), 3);
  CHECK(poller_readable(poller));
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* Nor does a watch behind the puts make another put wake for nothing. */
TEST(growing_wakes_as_many_puts_as_now_fit) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  call puts[2];
  put_number(queue, 1);
  start_puts(queue, puts, LENGTH(puts));
  watch(poller, queue, BQ_WRITABLE);
  const uint64_t before = stats_of(queue).wakes;
  set_capacity(queue, 2);
  CHECK_EQ(stats_of(queue).wakes, before + 1);
  CHECK(!poller_readable(poller));
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  for (size_t i = 0; i < LENGTH(puts); i++) call_end(&puts[i]);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* A thread that polls for room passes its wake-up on, past a watch. */
TEST(growing_lets_a_blocked_put_in_past_a_poll_and_a_watch) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
  poll.events = BQ_WRITABLE;
  put_number(queue, 1);
  call_start(&poll);
  await(call_asleep(&poll));
  watch(poller, queue, BQ_WRITABLE);
  call_start(&put);
  await(blocked_puts(queue) == 2); /* the poll counts as one */
  await(call_asleep(&put));
  set_capacity(queue, 2);
  CHECK_STATUS(call_end(&put), BQ_OK);
  call_end(&poll);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(growing_without_bounds_lets_every_blocked_put_in) {
  FOR_EVERY_ORDER(order) {
    call puts[PUTS];
    bq_queue *queue = crowded_queue(order, puts);
    set_capacity(queue, 0);
    end_all(puts, BQ_OK);
    CHECK_EQ(bq_len(queue), 1 + PUTS);
    put_numbers(queue, 1, 1000);
    bq_queue_unref(queue);
  }
}

TEST(growing_wakes_a_poll_for_room) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call poll = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  poll.events = BQ_WRITABLE;
  put_number(queue, 1);
  call_start(&poll);
  await(call_asleep(&poll));
  set_capacity(queue, 2);
  CHECK_EQ(call_end(&poll), BQ_WRITABLE);
  bq_queue_unref(queue);
}

static void count_drop(void *item, void *context) {
  (void)item;
  (*(int *)context)++;
}

TEST(shrinking_discards_nothing) {
  FOR_EVERY_ORDER(order) {
    int drops = 0;
    bq_options options = number_options(order, 8);
    options.drop = count_drop;
    options.context = &drops;
    bq_queue *queue = queue_from(&options);
    put_numbers(queue, 1, 6);
    set_capacity(queue, 2);
    CHECK_EQ(bq_len(queue), 6);
    CHECK_EQ(drops, 0);
    for (int i = 0; i < 6; i++) CHECK_EQ(get_number(queue), order == BQ_LIFO ? 6 - i : 1 + i);
    bq_queue_unref(queue);
    CHECK_EQ(drops, 0);
  }
}

TEST(after_shrinking_puts_wait_until_there_is_room_again) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 8);
    call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {7}};
    put_numbers(queue, 1, 6);
    set_capacity(queue, 2);
    call_start(&put);
    await(blocked_puts(queue) == 1);
    for (size_t left = 5; left >= 2; left--) {
      get_number(queue);
      CHECK_STATUS(try_put(queue, 0), BQ_FULL);
      CHECK_EQ(bq_len(queue), left);
    }
    CHECK_EQ(blocked_puts(queue), 1);
    get_number(queue);
    CHECK_STATUS(call_end(&put), BQ_OK);
    CHECK_EQ(bq_len(queue), 2);
    bq_queue_unref(queue);
  }
}

TEST(a_queue_can_be_unbounded_and_bounded_in_turn) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 2);
    put_numbers(queue, 1, 2);
    set_capacity(queue, 0);
    put_numbers(queue, 3, 500);
    set_capacity(queue, 501);
    put_number(queue, 501);
    CHECK_STATUS(try_put(queue, 0), BQ_FULL);
    set_capacity(queue, 1);
    CHECK_STATUS(try_put(queue, 0), BQ_FULL);
    set_capacity(queue, 0);
    put_number(queue, 502);
    for (int i = 0; i < 502; i++) CHECK_EQ(get_number(queue), order == BQ_LIFO ? 502 - i : 1 + i);
    check_empty(queue);
    bq_queue_unref(queue);
  }
}

TEST(order_survives_any_sequence_of_capacities) {
  static const size_t capacities[] = {3, 1, 0, 7, 2, 64, 5, 0, 1, 1000, 4};
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  int64_t next_put = 0;
  int64_t next_get = 0;
  for (int round = 0; round < 300; round++) {
    set_capacity(queue, capacities[(size_t)round % LENGTH(capacities)]);
    for (int i = 0; i < 10 && try_put(queue, next_put) == BQ_OK; i++) next_put++;
    for (int i = 0; i < 1 + round % 7 && next_get < next_put; i++)
      CHECK_EQ(get_number(queue), next_get++);
    CHECK_EQ(bq_len(queue), next_put - next_get);
  }
  bq_queue_unref(queue);
}

TEST(setting_the_capacity_it_has_changes_nothing) {
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  put_numbers(queue, 1, 2);
  set_capacity(queue, 2);
  CHECK_STATUS(try_put(queue, 3), BQ_FULL);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

/* Producers wait, a consumer takes, and the capacity changes under both. */

enum { PRODUCERS = 3, EACH = 2000 };

static void *put_each(void *argument) {
  bq_queue *queue = argument;
  for (int64_t number = 1; number <= EACH; number++)
    CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
  return NULL;
}

static void *take_all(void *argument) {
  bq_queue *queue = argument;
  int64_t sum = 0;
  for (int i = 0; i < PRODUCERS * EACH; i++) {
    int64_t number;
    CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_OK);
    sum += number;
  }
  CHECK_EQ(sum, (int64_t)PRODUCERS * EACH * (EACH + 1) / 2);
  return NULL;
}

TEST(resizing_under_way_loses_nothing_and_leaves_nobody_asleep) {
  static const size_t capacities[] = {1, 3, 0, 2, 17, 1, 0};
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 1);
    pthread_t producers[PRODUCERS];
    pthread_t consumer = thread_start(take_all, queue);
    for (int i = 0; i < PRODUCERS; i++) producers[i] = thread_start(put_each, queue);
    for (int i = 0; i < 700; i++) {
      set_capacity(queue, capacities[(size_t)i % LENGTH(capacities)]);
      sched_yield();
    }
    for (int i = 0; i < PRODUCERS; i++) thread_join(producers[i]);
    thread_join(consumer);
    check_empty(queue);
    bq_queue_unref(queue);
  }
}

enum { FULL_AT = 8 };

typedef struct meter {
  bq_queue *queue;
  atomic_bool over;
} meter;

static void *measure(void *argument) {
  meter *state = argument;
  while (!atomic_load(&state->over)) {
    CHECK(bq_len(state->queue) <= FULL_AT);
    sched_yield();
  }
  return NULL;
}

TEST(the_length_never_exceeds_the_capacity) {
  FOR_EVERY_ORDER(order) {
    meter state = {.queue = number_queue(order, FULL_AT)};
    pthread_t producers[PRODUCERS];
    pthread_t measuring = thread_start(measure, &state);
    pthread_t consumer = thread_start(take_all, state.queue);
    for (int i = 0; i < PRODUCERS; i++) producers[i] = thread_start(put_each, state.queue);
    for (int i = 0; i < PRODUCERS; i++) thread_join(producers[i]);
    thread_join(consumer);
    atomic_store(&state.over, true);
    thread_join(measuring);
    bq_queue_unref(state.queue);
  }
}

CHECK_MAIN()
