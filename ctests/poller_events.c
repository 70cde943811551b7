/*
 * The five events, as a poller reports them and as bq_poll does: when each holds, and that its
 * coming wakes who waits for it.
 */
#include "calls.h"
#include "loops.h"

#define ALL_EVENTS (BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED)

/* States, and what changes them. */

static void nothing(bq_queue *queue) { (void)queue; }
static void put_one(bq_queue *queue) { put_number(queue, 1); }
static void get_one(bq_queue *queue) { get_number(queue); }
static void do_one(bq_queue *queue) { CHECK_STATUS(bq_task_done(queue, 1), BQ_OK); }
static void clear(bq_queue *queue) { CHECK_EQ(bq_clear(queue), 1); }
static void grow(bq_queue *queue) { CHECK_STATUS(bq_set_capacity(queue, 2), BQ_OK); }
static void drain(bq_queue *queue) { CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK); }
static void discard(bq_queue *queue) { CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK); }

static void put_and_get(bq_queue *queue) {
  put_one(queue);
  get_one(queue);
}

static void put_and_drain(bq_queue *queue) {
  put_one(queue);
  drain(queue);
}

/* What a poller that has just begun to watch reports. */
static uint32_t seen_by_poller(bq_queue *queue, uint32_t events) {
  bq_poller *poller = new_poller();
  bq_event event = {.events = 0};
  watch(poller, queue, events);
  CHECK(bq_poller_poll(poller, &event, 1) >= 0);
  bq_poller_unref(poller);
  return event.events;
}

static void expect_holds(bq_queue *queue, uint32_t events) {
  CHECK_EQ(bq_poll(queue, ALL_EVENTS, BQ_NOWAIT), events);
  CHECK_EQ(seen_by_poller(queue, ALL_EVENTS), events);
  for (uint32_t event = 1; event <= BQ_DRAINED; event <<= 1) {
    CHECK_EQ(bq_poll(queue, event, BQ_NOWAIT), events & event);
    CHECK_EQ(seen_by_poller(queue, event), events & event);
  }
}

/* What holds. */

#define IN_EVERY_ORDER(name)                                                                       \
  static void name(uint32_t order);                                                                \
  TEST(name##_fifo) { name(BQ_FIFO); }                                                             \
  TEST(name##_lifo) { name(BQ_LIFO); }                                                             \
  TEST(name##_priority) { name(BQ_PRIORITY); }                                                     \
  static void name(uint32_t order)

IN_EVERY_ORDER(events_through_the_life_of_a_bounded_queue) {
  bq_queue *queue = number_queue(order, 2);
  expect_holds(queue, BQ_WRITABLE | BQ_JOINED);
  put_one(queue);
  expect_holds(queue, BQ_READABLE | BQ_WRITABLE);
  put_one(queue);
  expect_holds(queue, BQ_READABLE);
  get_one(queue);
  expect_holds(queue, BQ_READABLE | BQ_WRITABLE);
  get_one(queue);
  expect_holds(queue, BQ_WRITABLE);
  do_one(queue);
  expect_holds(queue, BQ_WRITABLE);
  do_one(queue);
  expect_holds(queue, BQ_WRITABLE | BQ_JOINED);
  bq_queue_unref(queue);
}

IN_EVERY_ORDER(a_queue_that_shrank_is_writable_once_there_is_room_again) {
  bq_queue *queue = number_queue(order, 3);
  put_numbers(queue, 1, 3);
  CHECK_STATUS(bq_set_capacity(queue, 2), BQ_OK);
  get_one(queue);
  expect_holds(queue, BQ_READABLE);
  get_one(queue);
  expect_holds(queue, BQ_READABLE | BQ_WRITABLE);
  bq_queue_unref(queue);
}

IN_EVERY_ORDER(an_unbounded_queue_is_always_writable) {
  bq_queue *queue = number_queue(order, 0);
  for (int round = 0; round < 100; round++) {
    expect_holds(queue, round == 0 ? BQ_WRITABLE | BQ_JOINED : BQ_READABLE | BQ_WRITABLE);
    put_one(queue);
  }
  bq_queue_unref(queue);
}

IN_EVERY_ORDER(after_a_shutdown_a_queue_is_readable_and_writable) {
  bq_queue *queue = number_queue(order, 1);
  put_and_drain(queue);
  expect_holds(queue, BQ_READABLE | BQ_WRITABLE | BQ_CLOSED);
  get_one(queue);
  expect_holds(queue, BQ_READABLE | BQ_WRITABLE | BQ_CLOSED | BQ_DRAINED);
  do_one(queue);
  expect_holds(queue, ALL_EVENTS);
  bq_queue_unref(queue);
}

IN_EVERY_ORDER(after_a_discard_everything_holds) {
  bq_queue *queue = number_queue(order, 1);
  put_one(queue);
  discard(queue);
  expect_holds(queue, ALL_EVENTS);
  bq_queue_unref(queue);
}

/*
 * What comes to hold: in a queue of capacity 1 that `before` has prepared, `cause` makes `event`
 * hold. A poller that is armed fires for it, and a thread blocked in bq_poll returns it.
 */

static void expect_fires(uint32_t event, void (*before)(bq_queue *), void (*cause)(bq_queue *)) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  before(queue);
  watch(poller, queue, event);
  CHECK(!poller_readable(poller));
  cause(queue);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, event);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

static void expect_returns(uint32_t event, void (*before)(bq_queue *), void (*cause)(bq_queue *)) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call poll = {.kind = CALL_POLL, .queue = queue, .events = event, .timeout_ns = BQ_FOREVER};
  before(queue);
  call_start(&poll);
  await(call_asleep(&poll));
  cause(queue);
  CHECK_EQ(call_end(&poll), event);
  bq_queue_unref(queue);
}

#define COMES(name, event, before, cause)                                                          \
  TEST(name##_fires) { expect_fires(event, before, cause); }                                       \
  TEST(name##_ends_a_bq_poll) { expect_returns(event, before, cause); }

COMES(readable_by_a_put, BQ_READABLE, nothing, put_one)
COMES(readable_by_a_shutdown, BQ_READABLE, nothing, drain)
COMES(readable_by_a_discard, BQ_READABLE, nothing, discard)

COMES(writable_by_a_get, BQ_WRITABLE, put_one, get_one)
COMES(writable_by_a_clear, BQ_WRITABLE, put_one, clear)
COMES(writable_by_growth, BQ_WRITABLE, put_one, grow)
COMES(writable_by_a_shutdown, BQ_WRITABLE, put_one, drain)
COMES(writable_by_a_discard, BQ_WRITABLE, put_one, discard)

COMES(joined_by_task_done, BQ_JOINED, put_and_get, do_one)
COMES(joined_by_a_clear, BQ_JOINED, put_one, clear)
COMES(joined_by_a_discard, BQ_JOINED, put_one, discard)

COMES(closed_by_a_shutdown, BQ_CLOSED, put_one, drain)
COMES(closed_by_a_discard, BQ_CLOSED, put_one, discard)

COMES(drained_by_the_shutdown_of_an_empty_queue, BQ_DRAINED, nothing, drain)
COMES(drained_by_the_last_get, BQ_DRAINED, put_and_drain, get_one)
COMES(drained_by_a_clear, BQ_DRAINED, put_and_drain, clear)
COMES(drained_by_a_discard, BQ_DRAINED, put_one, discard)
COMES(drained_by_a_discard_after_a_drain, BQ_DRAINED, put_and_drain, discard)

/* Only what is asked for. */

TEST(an_event_nobody_watches_wakes_nobody) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  watch(poller, queue, BQ_CLOSED | BQ_DRAINED);
  put_one(queue);
  get_one(queue);
  do_one(queue);
  CHECK(!poller_readable(poller));
  CHECK_EQ(stats_of(queue).wakes, 0);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_watch_for_several_events_fires_for_each) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  put_and_get(queue);
  watch(poller, queue, BQ_READABLE | BQ_JOINED | BQ_CLOSED);
  put_one(queue);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, BQ_READABLE);
  get_one(queue);
  do_one(queue);
  expect_nothing(poller);
  do_one(queue);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, BQ_JOINED);
  put_one(queue);
  expect_event(poller, queue, BQ_READABLE);
  drain(queue);
  expect_event(poller, queue, BQ_READABLE | BQ_CLOSED);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

CHECK_MAIN()
