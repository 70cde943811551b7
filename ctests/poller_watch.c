/*
 * Watches: adding, modifying, pausing and removing them, and who keeps whom alive.
 */
#include "loops.h"

#include <fcntl.h>
#include <malloc.h>

/* Adding, modifying, removing. */

TEST(a_queue_is_watched_once_by_a_poller) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  int first, second;
  bq_event event;
  CHECK_STATUS(bq_poller_add(poller, queue, BQ_READABLE, &first), BQ_OK);
  CHECK_STATUS(bq_poller_add(poller, queue, BQ_WRITABLE, &second), BQ_EXISTS);
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 1);
  CHECK_EQ(event.events, BQ_READABLE);
  CHECK(event.data == &first);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_queue_that_is_not_watched_is_not_found) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  CHECK_STATUS(bq_poller_modify(poller, queue, BQ_READABLE, NULL), BQ_NOT_FOUND);
  CHECK_STATUS(bq_poller_remove(poller, queue), BQ_NOT_FOUND);
  watch(poller, queue, BQ_READABLE);
  unwatch(poller, queue);
  CHECK_STATUS(bq_poller_modify(poller, queue, BQ_READABLE, NULL), BQ_NOT_FOUND);
  CHECK_STATUS(bq_poller_remove(poller, queue), BQ_NOT_FOUND);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_removed_queue_can_be_added_again) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  for (int round = 0; round < 3; round++) {
    watch(poller, queue, BQ_READABLE);
    put_number(queue, round);
    CHECK(poller_readable(poller));
    expect_event(poller, queue, BQ_READABLE);
    get_number(queue);
    unwatch(poller, queue);
    expect_nothing(poller);
  }
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_removed_queue_is_not_reported_even_if_it_was_ready) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  unwatch(poller, queue);
  expect_nothing(poller);
  CHECK(!poller_readable(poller));
  put_number(queue, 2);
  CHECK(!poller_readable(poller));
  CHECK_EQ(armed_watches(queue), 0);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(an_event_carries_its_queue_and_its_data) {
  bq_poller *poller = new_poller();
  bq_queue *queues[4];
  int data[LENGTH(queues)];
  bq_event ready[LENGTH(queues)];
  bool seen[LENGTH(queues)] = {false};
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    CHECK_STATUS(bq_poller_add(poller, queues[i], BQ_READABLE, &data[i]), BQ_OK);
    put_number(queues[i], 1);
  }
  CHECK_STATUS(bq_poller_poll(poller, ready, LENGTH(ready)), LENGTH(queues));
  for (size_t i = 0; i < LENGTH(ready); i++) {
    const size_t which = (size_t)((int *)ready[i].data - data);
    CHECK(which < LENGTH(queues));
    CHECK(ready[i].queue == queues[which]);
    CHECK(!seen[which]);
    seen[which] = true;
  }
  bq_poller_unref(poller);
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
}

TEST(modify_replaces_the_events_and_the_data) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 2);
  int before, after;
  bq_event event;
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_add(poller, queue, BQ_READABLE, &before), BQ_OK);
  CHECK_STATUS(bq_poller_modify(poller, queue, BQ_WRITABLE, &after), BQ_OK);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 1);
  CHECK_EQ(event.events, BQ_WRITABLE);
  CHECK(event.data == &after);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_paused_watch_reports_nothing_and_is_not_armed) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(poller, queue, BQ_READABLE);
  rewatch(poller, queue, 0);
  CHECK_EQ(armed_watches(queue), 0);
  put_number(queue, 1);
  expect_nothing(poller);
  CHECK(!poller_readable(poller));
  CHECK_EQ(stats_of(queue).wakes, 0);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_watch_paused_while_ready_is_not_reported) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  rewatch(poller, queue, 0);
  expect_nothing(poller);
  rewatch(poller, queue, BQ_READABLE);
  expect_event(poller, queue, BQ_READABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(many_pollers_may_watch_one_queue) {
  bq_poller *pollers[8];
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  for (size_t i = 0; i < LENGTH(pollers); i++) {
    pollers[i] = new_poller();
    watch(pollers[i], queue, BQ_READABLE);
  }
  CHECK_EQ(armed_watches(queue), LENGTH(pollers));
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  for (size_t i = 0; i < LENGTH(pollers); i++) {
    CHECK(poller_readable(pollers[i]));
    expect_event(pollers[i], queue, BQ_READABLE);
    bq_poller_unref(pollers[i]);
  }
  bq_queue_unref(queue);
}

/* Removing from a callback: drop runs without locks. */

typedef struct removal {
  bq_poller *poller;
  bq_queue *queue;
  int drops;
} removal;

static void remove_watch(void *item, void *context) {
  removal *asked = context;
  (void)item;
  asked->drops++;
  unwatch(asked->poller, asked->queue);
}

TEST(a_drop_callback_may_remove_the_watch) {
  removal asked = {.poller = new_poller()};
  bq_options options = number_options(BQ_FIFO, 0);
  options.drop = remove_watch;
  options.context = &asked;
  asked.queue = queue_from(&options);
  watch(asked.poller, asked.queue, BQ_READABLE);
  put_number(asked.queue, 1);
  CHECK_EQ(bq_clear(asked.queue), 1);
  CHECK_EQ(asked.drops, 1);
  CHECK_STATUS(bq_poller_remove(asked.poller, asked.queue), BQ_NOT_FOUND);
  expect_nothing(asked.poller);
  bq_poller_unref(asked.poller);
  bq_queue_unref(asked.queue);
}

TEST(a_watch_may_be_removed_while_its_events_are_served) {
  bq_poller *poller = new_poller();
  bq_queue *queues[4];
  bq_event ready[LENGTH(queues)];
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    watch(poller, queues[i], BQ_READABLE);
    put_number(queues[i], 1);
  }
  CHECK_STATUS(bq_poller_poll(poller, ready, LENGTH(ready)), LENGTH(ready));
  for (size_t i = 0; i < LENGTH(ready); i++) unwatch(poller, ready[i].queue);
  expect_nothing(poller);
  bq_poller_unref(poller);
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
}

/* 6. Who keeps whom alive. The end of a queue shows by what it drops. */

static bq_queue *queue_that_logs(drop_log *log) {
  bq_options options = number_options(BQ_FIFO, 0);
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

TEST(a_poller_keeps_its_queues_alive) {
  drop_log log = {0};
  bq_poller *poller = new_poller();
  bq_queue *queue = queue_that_logs(&log);
  watch(poller, queue, BQ_READABLE);
  put_numbers(queue, 1, 2);
  bq_queue_unref(queue);
  CHECK_EQ(atomic_load(&log.count), 0);
  expect_event(poller, queue, BQ_READABLE);
  CHECK_EQ(get_number(queue), 1);
  bq_poller_unref(poller);
  CHECK_EQ(atomic_load(&log.count), 1);
  CHECK_EQ(atomic_load(&log.sum), 2);
}

TEST(a_removed_queue_is_let_go) {
  drop_log log = {0};
  bq_poller *poller = new_poller();
  bq_queue *queue = queue_that_logs(&log);
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  bq_queue_unref(queue);
  unwatch(poller, queue);
  CHECK_EQ(atomic_load(&log.count), 1);
  bq_poller_unref(poller);
}

static bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

TEST(a_queue_does_not_keep_its_pollers_alive) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  const int descriptor = descriptor_of(poller);
  watch(poller, queue, BQ_READABLE);
  bq_poller_unref(poller);
  CHECK(!is_open(descriptor));
  CHECK_EQ(armed_watches(queue), 0);
  put_number(queue, 1);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(the_last_of_several_references_ends_a_poller) {
  bq_poller *poller = new_poller();
  const int descriptor = descriptor_of(poller);
  CHECK(bq_poller_ref(poller) == poller);
  bq_poller_unref(poller);
  CHECK(is_open(descriptor));
  bq_poller_unref(poller);
  CHECK(!is_open(descriptor));
}

/* Each round sends a wake-up that nobody collects before its watch is gone. */
TEST(watches_that_are_removed_do_not_pile_up_while_nobody_polls) {
  bq_queue *queue = NULL;
  bq_poller *poller = NULL;
  void *item = &queue;
  CHECK_STATUS(bq_queue_new(NULL, &queue), BQ_OK);
  CHECK_STATUS(bq_poller_new(NULL, &poller), BQ_OK);
  CHECK_STATUS(bq_put(queue, &item, BQ_NOWAIT), BQ_OK);
  const size_t before = mallinfo2().uordblks;
  for (int round = 0; round < 10000; round++) {
    CHECK_STATUS(bq_poller_add(poller, queue, BQ_READABLE, NULL), BQ_OK);
    CHECK_STATUS(bq_poller_remove(poller, queue), BQ_OK);
  }
  CHECK(mallinfo2().uordblks < before + 100000);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* So many that they are looked for, on their way to the loop, while another one is there as well. */
TEST(a_wake_up_among_those_of_many_removed_watches_is_served) {
  enum { REMOVED = 1000 };
  bq_queue *stays = number_queue(BQ_FIFO, 0);
  bq_poller *poller = poller_from(NULL);
  watch(poller, stays, BQ_READABLE);
  put_number(stays, 1);
  for (int i = 0; i < REMOVED; i++) {
    bq_queue *goes = number_queue(BQ_FIFO, 0);
    watch(poller, goes, BQ_READABLE);
    put_number(goes, 1);
    CHECK_STATUS(bq_poller_remove(poller, goes), BQ_OK);
    bq_queue_unref(goes);
  }
  expect_event(poller, stays, BQ_READABLE);
  bq_poller_unref(poller);
  bq_queue_unref(stays);
}

CHECK_MAIN()
