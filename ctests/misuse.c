/* Arguments that are legal and that no sensible caller would think of, and calls after the end. */
#include "calls.h"
#include "loops.h"

/* Odd addresses: an item is bytes, wherever they lie. */

static void check_at_every_offset(size_t item_size) {
  enum { LARGEST = 4097, OFFSETS = 16 };
  static unsigned char from[LARGEST + OFFSETS];
  static unsigned char to[LARGEST + OFFSETS];
  FOR_EVERY_ORDER(order) {
    bq_options options = number_options(order, 4);
    options.item_size = item_size;
    bq_queue *queue = queue_from(&options);
    for (size_t offset = 0; offset < OFFSETS; offset++) {
      memset(to, 0x5a, sizeof to);
      for (size_t i = 0; i < item_size; i++) from[offset + i] = (unsigned char)(i + offset + 1);
      CHECK_STATUS(bq_put(queue, from + offset, BQ_NOWAIT), BQ_OK);
      CHECK_STATUS(bq_peek(queue, to + offset, BQ_NOWAIT), BQ_OK);
      CHECK_EQ(memcmp(to + offset, from + offset, item_size), 0);
      CHECK_STATUS(bq_get_many(queue, to + offset, 1, BQ_NOWAIT), 1);
      CHECK_EQ(memcmp(to + offset, from + offset, item_size), 0);
      if (offset > 0) CHECK_EQ(to[offset - 1], 0x5a);
      if (offset + item_size < sizeof to) CHECK_EQ(to[offset + item_size], 0x5a);
    }
    bq_queue_unref(queue);
  }
}

TEST(items_may_lie_at_any_address) {
  static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 16, 24, 4096, 4097};
  for (size_t i = 0; i < LENGTH(sizes); i++) check_at_every_offset(sizes[i]);
}

/* Room for more than there can be: only what is there is written. */

TEST(a_get_of_as_many_as_an_array_can_hold_writes_only_what_is_there) {
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 0);
    int64_t numbers[4] = {-1, -1, -1, -1};
    put_numbers(queue, 1, 3);
    CHECK_STATUS(bq_get_many(queue, numbers, PTRDIFF_MAX / sizeof numbers[0], BQ_FOREVER), 3);
    CHECK_EQ(numbers[0] + numbers[1] + numbers[2], 6);
    CHECK_EQ(numbers[3], -1);
    bq_queue_unref(queue);
  }
}

TEST(a_poll_with_room_for_any_number_of_events_writes_only_those_there_are) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event events[2] = {{0}, {0}};
  watch(poller, queue, BQ_WRITABLE);
  CHECK_STATUS(bq_poller_poll(poller, events, SIZE_MAX), 1);
  CHECK_STATUS(bq_poller_wait(poller, events, SIZE_MAX, BQ_FOREVER), 1);
  CHECK(events[0].queue == queue && events[1].queue == NULL);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(statistics_of_a_later_version_get_what_this_one_knows) {
  struct {
    bq_stats known;
    unsigned char tail[16];
  } grown = {.known = BQ_STATS_INIT};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  const size_t sizes[] = {sizeof grown, SIZE_MAX, SIZE_MAX / 2 + 1, 1u << 20};
  put_number(queue, 1);
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    grown.known.size = sizes[i];
    memset(grown.tail, 0x5a, sizeof grown.tail);
    CHECK_STATUS(bq_queue_stats(queue, &grown.known), BQ_OK);
    CHECK_EQ(grown.known.puts, 1);
    CHECK_EQ(grown.known.size, sizes[i]);
    for (size_t at = 0; at < sizeof grown.tail; at++) CHECK_EQ(grown.tail[at], 0x5a);
  }
  bq_queue_unref(queue);
}

/* The ends of int64_t. */

TEST(the_longest_wait_ends_when_it_is_let_go) {
  static const int64_t timeouts_ns[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2 + 1};
  for (size_t i = 0; i < LENGTH(timeouts_ns); i++) {
    for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
      call one = stuck_call(kind, timeouts_ns[i]);
      call_start(&one);
      await(call_waits(&one));
      call_let_go(&one);
      CHECK_STATUS(call_end(&one), call_success(kind));
      bq_queue_unref(one.queue);
    }
  }
}

TEST(the_shortest_wait_is_over_at_once) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, 1);
    CHECK_STATUS(call_now(&one), call_too_late(kind));
    bq_queue_unref(one.queue);
  }
}

TEST(the_longest_linger_ends_when_something_comes) {
  bq_options options = number_options(BQ_FIFO, 1);
  options.linger_ns = INT64_MAX;
  bq_queue *queue = queue_from(&options);
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(atomic_load(&get.thread_id) != 0);
  put_number(queue, 4);
  CHECK_STATUS(call_end(&get), BQ_OK);
  bq_queue_unref(queue);
}

/* After the end. */

static void check_over(bq_queue *queue) {
  bq_poller *poller = new_poller();
  int64_t numbers[2] = {5, 5};
  const uint32_t over = BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED;
  for (int again = 0; again < 3; again++) {
    CHECK_STATUS(bq_put(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
    CHECK_STATUS(bq_put_many(queue, numbers, 2, BQ_FOREVER), BQ_SHUTDOWN);
    CHECK_STATUS(bq_get(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
    CHECK_STATUS(bq_get_many(queue, numbers, 2, BQ_FOREVER), BQ_SHUTDOWN);
    CHECK_STATUS(bq_peek(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
    CHECK_STATUS(bq_task_done(queue, 1), BQ_TOO_MANY_DONE);
    CHECK_STATUS(bq_join(queue, BQ_FOREVER), BQ_OK);
    CHECK_EQ(bq_clear(queue), 0);
    CHECK_EQ(bq_poll(queue, over, BQ_FOREVER), over);
    CHECK_STATUS(bq_set_capacity(queue, (size_t)again), BQ_OK);
    CHECK_EQ(bq_capacity(queue), again);
    CHECK_EQ(bq_len(queue) + bq_unfinished(queue), 0);
    CHECK_STATUS(bq_shutdown(queue, again % 2 ? BQ_DRAIN : BQ_DISCARD), BQ_OK);
    watch(poller, queue, over);
    expect_event(poller, queue, over);
    unwatch(poller, queue);
    expect_nothing(poller);
  }
  CHECK_EQ(numbers[0] + numbers[1], 10);
  bq_poller_unref(poller);
}

TEST(a_queue_that_is_over_answers_every_call_and_never_waits) {
  FOR_EVERY_ORDER(order) {
    for (uint32_t mode = BQ_DRAIN; mode <= BQ_DISCARD; mode++) {
      for (int used = 0; used <= 1; used++) {
        bq_queue *queue = number_queue(order, 2);
        if (used) put_number(queue, 1), get_number(queue), bq_task_done(queue, 1);
        CHECK_STATUS(bq_shutdown(queue, mode), BQ_OK);
        check_over(queue);
        bq_queue_unref(queue);
      }
    }
  }
}

/* References without end, and a poller with a watch on every queue there is. */

TEST(a_handle_may_have_many_references) {
  enum { MANY = 100000 };
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *poller = new_poller();
  watch(poller, queue, BQ_READABLE);
  for (int i = 0; i < MANY; i++) bq_queue_ref(queue), bq_poller_ref(poller);
  for (int i = 0; i < MANY; i++) bq_queue_unref(queue), bq_poller_unref(poller);
  put_number(queue, 1);
  expect_event(poller, queue, BQ_READABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_queue_may_be_watched_by_many_pollers) {
  enum { MANY = 300 };
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *pollers[MANY];
  for (int i = 0; i < MANY; i++) watch(pollers[i] = new_poller(), queue, BQ_READABLE | BQ_CLOSED);
  CHECK_EQ(armed_watches(queue), MANY);
  for (int i = 0; i < MANY; i += 2) bq_poller_unref(pollers[i]);
  CHECK_EQ(armed_watches(queue), MANY / 2);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  for (int i = 1; i < MANY; i += 2) {
    expect_event(pollers[i], queue, BQ_READABLE | BQ_CLOSED);
    bq_poller_unref(pollers[i]);
  }
  bq_queue_unref(queue);
}

CHECK_MAIN()
