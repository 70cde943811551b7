/*
 * Many queues on one poller: ready ones take turns, idle ones cost nothing.
 */
#include "loops.h"

/* A poller and the queues it watches for BQ_READABLE; a queue's index is its watch's data. */
typedef struct crowd {
  bq_poller *poller;
  bq_queue **queues;
  size_t *reported; /* how often, per queue */
  size_t count;
} crowd;

static crowd crowd_new(size_t count) {
  crowd all = {.poller = new_poller(), .count = count};
  all.queues = calloc(count, sizeof *all.queues);
  all.reported = calloc(count, sizeof *all.reported);
  CHECK(all.queues != NULL && all.reported != NULL);
  for (size_t i = 0; i < count; i++) {
    all.queues[i] = number_queue(BQ_FIFO, 0);
    CHECK_STATUS(bq_poller_add(all.poller, all.queues[i], BQ_READABLE, &all.reported[i]), BQ_OK);
  }
  return all;
}

static void crowd_free(crowd *all) {
  bq_poller_unref(all->poller);
  for (size_t i = 0; i < all->count; i++) bq_queue_unref(all->queues[i]);
  free(all->queues);
  free(all->reported);
}

static void put_into_every(crowd *all, size_t step) {
  for (size_t i = 0; i < all->count; i += step) put_number(all->queues[i], (int64_t)i);
}

/* One call with room for `max`, which must be used; counts the reports. */
static void poll_some(crowd *all, bq_event *ready, size_t max) {
  CHECK_STATUS(bq_poller_poll(all->poller, ready, max), max);
  for (size_t i = 0; i < max; i++) {
    size_t *reported = ready[i].data;
    CHECK(ready[i].queue == all->queues[reported - all->reported]);
    ++*reported;
  }
}

/* Polls until 0, taking one item for every report; returns the number of reports. */
static size_t serve_until_0(crowd *all, size_t max) {
  bq_event ready[64];
  size_t served = 0;
  for (ptrdiff_t n; (n = bq_poller_poll(all->poller, ready, max)) != 0;) {
    CHECK(n > 0);
    for (ptrdiff_t i = 0; i < n; i++) {
      get_number(ready[i].queue);
      ++*(size_t *)ready[i].data;
      served++;
    }
  }
  return served;
}

TEST(one_call_reports_each_ready_queue_once) {
  crowd all = crowd_new(10);
  bq_event ready[64];
  put_into_every(&all, 1);
  for (size_t turn = 1; turn <= 3; turn++) {
    CHECK_STATUS(bq_poller_poll(all.poller, ready, LENGTH(ready)), all.count);
    for (size_t i = 0; i < all.count; i++) ++*(size_t *)ready[i].data;
    for (size_t i = 0; i < all.count; i++) CHECK_EQ(all.reported[i], turn);
  }
  crowd_free(&all);
}

/* None is reported a second time before every other ready one was. */
static void expect_turns(size_t queues, size_t max) {
  crowd all = crowd_new(queues);
  bq_event ready[64];
  put_into_every(&all, 1);
  for (size_t reports = 0; reports < 12 * queues; reports += max) {
    poll_some(&all, ready, max);
    const size_t turn = (reports + max) / queues;
    for (size_t i = 0; i < queues; i++) {
      CHECK(all.reported[i] >= turn);
      CHECK(all.reported[i] <= turn + 1);
    }
  }
  crowd_free(&all);
}

TEST(ready_queues_take_turns_when_a_call_has_room_for_one) { expect_turns(8, 1); }
TEST(ready_queues_take_turns_when_a_call_has_room_for_some) { expect_turns(8, 3); }
TEST(ready_queues_take_turns_when_a_call_has_room_for_nearly_all) { expect_turns(8, 7); }

TEST(a_busy_queue_starves_no_other) {
  crowd all = crowd_new(4);
  bq_queue *busy = all.queues[0];
  bq_event ready[1];
  put_numbers(busy, 1, 1000);
  for (int round = 0; round < 100; round++) {
    put_number(all.queues[1], round);
    put_number(all.queues[3], round);
    for (size_t call = 0; call < all.count; call++) {
      poll_some(&all, ready, 1);
      get_number(ready[0].queue);
    }
    CHECK_EQ(bq_len(all.queues[1]), 0);
    CHECK_EQ(bq_len(all.queues[3]), 0);
  }
  CHECK_EQ(all.reported[0], 200);
  crowd_free(&all);
}

TEST(a_queue_that_is_refilled_at_once_starves_no_other) {
  crowd all = crowd_new(3);
  bq_event ready[1];
  put_into_every(&all, 1);
  for (int call = 0; call < 99; call++) {
    poll_some(&all, ready, 1);
    put_number(ready[0].queue, get_number(ready[0].queue));
  }
  for (size_t i = 0; i < all.count; i++) CHECK_EQ(all.reported[i], 33);
  crowd_free(&all);
}

TEST(a_queue_that_becomes_ready_is_reported_within_one_turn_of_the_others) {
  crowd all = crowd_new(6);
  bq_event ready[1];
  for (size_t i = 0; i < 5; i++) put_number(all.queues[i], 1);
  poll_some(&all, ready, 1);
  put_number(all.queues[5], 1);
  for (size_t call = 0; call < all.count; call++) poll_some(&all, ready, 1);
  CHECK_EQ(all.reported[5], 1);
  crowd_free(&all);
}

TEST(a_watch_that_asks_for_several_events_gets_one_turn) {
  crowd all = crowd_new(3);
  bq_event ready[1];
  put_into_every(&all, 1);
  CHECK_STATUS(bq_poller_modify(all.poller, all.queues[1], BQ_READABLE | BQ_WRITABLE,
                                &all.reported[1]),
               BQ_OK);
  for (int call = 0; call < 30; call++) poll_some(&all, ready, 1);
  for (size_t i = 0; i < all.count; i++) CHECK_EQ(all.reported[i], 10);
  crowd_free(&all);
}

/* Ten thousand queues on one descriptor. */

enum { MANY = 10000 };

TEST(ten_thousand_queues_share_one_descriptor) {
  crowd all = crowd_new(MANY);
  for (int round = 0; round < 3; round++) {
    put_into_every(&all, 1);
    CHECK(poller_readable(all.poller));
    CHECK_EQ(serve_until_0(&all, 64), MANY);
    CHECK(!poller_readable(all.poller));
  }
  for (size_t i = 0; i < all.count; i++) CHECK_EQ(all.reported[i], 3);
  crowd_free(&all);
}

TEST(of_ten_thousand_queues_only_the_ready_are_reported) {
  crowd all = crowd_new(MANY);
  put_into_every(&all, 100);
  CHECK_EQ(serve_until_0(&all, 7), MANY / 100);
  for (size_t i = 0; i < all.count; i++) CHECK_EQ(all.reported[i], i % 100 == 0);
  crowd_free(&all);
}

TEST(each_of_ten_thousand_queues_can_wake_the_poller) {
  crowd all = crowd_new(MANY);
  for (size_t i = 0; i < all.count; i++) {
    put_number(all.queues[i], 1);
    CHECK(poller_readable(all.poller));
    CHECK_EQ(serve_until_0(&all, 64), 1);
    CHECK_EQ(all.reported[i], 1);
  }
  crowd_free(&all);
}

TEST(a_poll_of_ten_thousand_idle_queues_changes_nothing) {
  crowd all = crowd_new(MANY);
  for (int call = 0; call < 1000; call++) expect_nothing(all.poller);
  CHECK(!poller_readable(all.poller));
  for (size_t i = 0; i < all.count; i++) {
    const bq_stats stats = stats_of(all.queues[i]);
    CHECK_EQ(stats.wakes, 0);
    CHECK_EQ(stats.armed_watches, 1);
  }
  crowd_free(&all);
}

TEST(ten_thousand_pollers_watch_one_queue_without_a_descriptor) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller **pollers = calloc(MANY, sizeof *pollers);
  CHECK(pollers != NULL);
  for (size_t i = 0; i < MANY; i++) {
    pollers[i] = new_poller();
    watch(pollers[i], queue, BQ_READABLE);
  }
  CHECK_EQ(armed_watches(queue), MANY);
  for (size_t i = 0; i < MANY; i++) bq_poller_unref(pollers[i]);
  CHECK_EQ(armed_watches(queue), 0);
  free(pollers);
  bq_queue_unref(queue);
}

CHECK_MAIN()
