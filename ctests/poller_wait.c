/*
 * bq_poller_wait: select for threads, on any number of queues and without a descriptor.
 */
#include "loops.h"

/* A thread that waits and serves until it is woken by hand; it adds up the numbers it got. */
typedef struct waiter {
  bq_poller *poller;
  int64_t timeout_ns;
  atomic_int thread_id;
  atomic_int reports;
  atomic_llong sum;
  ptrdiff_t result; /* of the wait that was the last */
  pthread_t thread;
} waiter;

/* 0 is the answer to a wake, and what the tests tell the thread to end with. */
static void *wait_and_serve(void *argument) {
  waiter *one = argument;
  bq_event ready[4];
  atomic_store(&one->thread_id, thread_id());
  do {
    one->result = bq_poller_wait(one->poller, ready, LENGTH(ready), one->timeout_ns);
    for (ptrdiff_t i = 0; i < one->result; i++) {
      int64_t number;
      if (bq_get(ready[i].queue, &number, BQ_NOWAIT) == BQ_OK) atomic_fetch_add(&one->sum, number);
      atomic_fetch_add(&one->reports, 1);
    }
  } while (one->result > 0);
  return NULL;
}

static void waiter_start_for(waiter *one, int64_t timeout_ns) {
  one->timeout_ns = timeout_ns;
  one->thread = thread_start(wait_and_serve, one);
}

static void waiter_start(waiter *one) { waiter_start_for(one, BQ_FOREVER); }

static bool waiting(waiter *one) { return asleep(atomic_load(&one->thread_id)); }

static void waiter_stop(waiter *one) {
  CHECK_STATUS(bq_poller_wake(one->poller), BQ_OK);
  thread_join(one->thread);
  CHECK_STATUS(one->result, 0);
}

/* A wait that ends at once. */
static ptrdiff_t wait_now(bq_poller *poller) {
  bq_event event;
  return bq_poller_wait(poller, &event, 1, BQ_NOWAIT);
}

/* Events. */

TEST(a_wait_reports_at_once_what_is_ready) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  int data;
  bq_event event;
  CHECK_STATUS(bq_poller_add(poller, queue, BQ_READABLE, &data), BQ_OK);
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
  CHECK(event.queue == queue);
  CHECK(event.data == &data);
  CHECK_EQ(event.events, BQ_READABLE);
  CHECK_STATUS(wait_now(poller), 1);
  get_number(queue);
  CHECK_STATUS(wait_now(poller), BQ_TIMEDOUT);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(an_event_ends_a_wait) {
  waiter one = {.poller = new_poller()};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(one.poller, queue, BQ_READABLE);
  waiter_start(&one);
  for (int64_t number = 1, sum = 0; number <= 20; number++) {
    await(waiting(&one));
    put_number(queue, number);
    sum += number;
    await(atomic_load(&one.sum) == sum);
  }
  waiter_stop(&one);
  bq_poller_unref(one.poller);
  bq_queue_unref(queue);
}

TEST(a_thread_waits_on_many_queues_at_once) {
  waiter one = {.poller = new_poller()};
  bq_queue *queues[100];
  int64_t sum = 0;
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    watch(one.poller, queues[i], BQ_READABLE);
  }
  waiter_start(&one);
  for (size_t i = 0; i < LENGTH(queues); i++) {
    put_number(queues[i], (int64_t)i);
    sum += (int64_t)i;
  }
  await(atomic_load(&one.sum) == sum);
  waiter_stop(&one);
  bq_poller_unref(one.poller);
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
}

TEST(a_shutdown_ends_a_wait) {
  waiter one = {.poller = new_poller()};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(one.poller, queue, BQ_DRAINED);
  waiter_start(&one);
  await(waiting(&one));
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  await(atomic_load(&one.reports) > 0);
  unwatch(one.poller, queue);
  waiter_stop(&one);
  bq_poller_unref(one.poller);
  bq_queue_unref(queue);
}

TEST(a_watch_added_or_modified_during_a_wait_is_served) {
  waiter one = {.poller = new_poller()};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  waiter_start(&one);
  await(waiting(&one));
  put_number(queue, 1);
  watch(one.poller, queue, BQ_READABLE);
  await(atomic_load(&one.sum) == 1);
  rewatch(one.poller, queue, 0);
  put_number(queue, 2);
  await(waiting(&one));
  CHECK_EQ(atomic_load(&one.sum), 1);
  rewatch(one.poller, queue, BQ_READABLE);
  await(atomic_load(&one.sum) == 3);
  waiter_stop(&one);
  bq_poller_unref(one.poller);
  bq_queue_unref(queue);
}

typedef struct late_put {
  bq_queue *queue;
  pid_t sleeper;
} late_put;

static void *put_to_a_sleeper(void *argument) {
  const late_put *one = argument;
  await(asleep(one->sleeper));
  put_number(one->queue, 1);
  return NULL;
}

TEST(a_descriptor_made_after_a_wait_that_reported_is_readable) {
  bq_poller *poller = new_poller();
  late_put one = {number_queue(BQ_FIFO, 0), thread_id()};
  bq_event event;
  watch(poller, one.queue, BQ_READABLE);
  const pthread_t putter = thread_start(put_to_a_sleeper, &one);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
  CHECK(poller_readable(poller)); /* until a call returns 0 */
  get_number(one.queue);
  for (int i = 0; i < 2; i++) CHECK_STATUS(bq_poller_poll(poller, &event, 1), 0);
  CHECK(!poller_readable(poller));
  thread_join(putter);
  bq_poller_unref(poller);
  bq_queue_unref(one.queue);
}

TEST(a_wait_reports_as_many_as_there_is_room_for) {
  bq_poller *poller = new_poller();
  bq_queue *queues[5];
  bq_event ready[8];
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    watch(poller, queues[i], BQ_READABLE);
    put_number(queues[i], 1);
  }
  CHECK_STATUS(bq_poller_wait(poller, ready, 3, BQ_FOREVER), 3);
  CHECK_STATUS(bq_poller_wait(poller, ready, LENGTH(ready), BQ_FOREVER), LENGTH(queues));
  bq_poller_unref(poller);
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
}

/* Deadlines. */

TEST(a_wait_times_out_and_not_before_its_deadline) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  watch(poller, queue, BQ_READABLE);
  const int64_t began_ns = now_ns();
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, 20 * MILLISECOND), BQ_TIMEDOUT);
  CHECK(now_ns() - began_ns >= 20 * MILLISECOND);
  CHECK_STATUS(wait_now(poller), BQ_TIMEDOUT);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* However long it may look again. */
TEST(a_wait_that_lingers_keeps_its_deadline) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.linger_ns = 3600 * SECOND;
  bq_poller *poller = poller_from(&options);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  expect_event(poller, queue, BQ_READABLE); /* so that there is something to look at again */
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, MILLISECOND), BQ_TIMEDOUT);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_wait_that_timed_out_has_left_the_poller_armed) {
  event_loop loop = loop_open(BY_EPOLL);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop.poller, queue, BQ_READABLE);
  CHECK_STATUS(wait_now(loop.poller), BQ_TIMEDOUT);
  CHECK(!fires(&loop));
  put_number(queue, 1);
  CHECK(fires(&loop));
  bq_queue_unref(queue);
  loop_close(&loop);
}

TEST(the_longest_timeout_does_not_overflow) {
  waiter one = {.poller = new_poller()};
  waiter_start_for(&one, INT64_MAX);
  await(waiting(&one));
  waiter_stop(&one);
  bq_poller_unref(one.poller);
}

/* The poller lives as long as somebody holds it. */

TEST(a_wait_goes_on_when_others_release_the_poller) {
  waiter one = {.poller = new_poller()};
  bq_poller *poller = bq_poller_ref(one.poller);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(poller, queue, BQ_READABLE);
  waiter_start(&one);
  await(waiting(&one));
  bq_poller_unref(poller);
  put_number(queue, 1);
  await(atomic_load(&one.sum) == 1);
  waiter_stop(&one);
  bq_poller_unref(one.poller);
  bq_queue_unref(queue);
}

/* Waking by hand. */

TEST(a_wake_ends_a_wait_with_0) {
  waiter one = {.poller = new_poller()};
  waiter_start(&one);
  await(waiting(&one));
  waiter_stop(&one);
  bq_poller_unref(one.poller);
}

TEST(a_wake_before_the_wait_ends_it_at_once) {
  bq_poller *poller = new_poller();
  bq_event event;
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  CHECK_STATUS(wait_now(poller), BQ_TIMEDOUT);
  bq_poller_unref(poller);
}

TEST(a_poll_that_returns_0_answers_the_wakes_so_far) {
  bq_poller *poller = new_poller();
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  expect_nothing(poller);
  CHECK_STATUS(wait_now(poller), BQ_TIMEDOUT);
  bq_poller_unref(poller);
}

/* Signals. */

static bq_poller *signalled_poller;
static atomic_int signals_handled;

static void wake_from_handler(int signal_number) {
  (void)signal_number;
  bq_poller_wake(signalled_poller);
}

static void only_interrupt(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&signals_handled, 1);
}

static void on_signal(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler}; /* without SA_RESTART: EINTR */
  CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

TEST(a_signal_handler_may_wake) {
  waiter one = {.poller = new_poller()};
  signalled_poller = one.poller;
  on_signal(wake_from_handler);
  waiter_start(&one);
  await(waiting(&one));
  CHECK_EQ(pthread_kill(one.thread, SIGUSR1), 0);
  thread_join(one.thread);
  CHECK_STATUS(one.result, 0);
  CHECK_EQ(raise(SIGUSR1), 0);
  CHECK_STATUS(wait_now(one.poller), 0);
  bq_poller_unref(one.poller);
}

TEST(a_signal_alone_does_not_end_a_wait) {
  waiter one = {.poller = new_poller()};
  on_signal(only_interrupt);
  waiter_start(&one);
  for (int sent = 1; sent <= 100; sent++) {
    await(waiting(&one));
    CHECK_EQ(pthread_kill(one.thread, SIGUSR1), 0);
    await(atomic_load(&signals_handled) == sent);
  }
  bq_event event;
  CHECK_STATUS(bq_poller_poll(one.poller, &event, 1), BQ_BUSY);
  waiter_stop(&one);
  bq_poller_unref(one.poller);
}

/* 7. One thread at a time. */

TEST(a_second_thread_is_told_that_the_poller_is_busy) {
  waiter one = {.poller = new_poller()};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  watch(one.poller, queue, BQ_READABLE);
  waiter_start(&one);
  await(waiting(&one));
  CHECK_STATUS(bq_poller_poll(one.poller, &event, 1), BQ_BUSY);
  CHECK_STATUS(bq_poller_wait(one.poller, &event, 1, BQ_NOWAIT), BQ_BUSY);
  CHECK_STATUS(bq_poller_wait(one.poller, &event, 1, BQ_FOREVER), BQ_BUSY);
  put_number(queue, 1);
  await(atomic_load(&one.sum) == 1);
  waiter_stop(&one);
  expect_nothing(one.poller);
  bq_poller_unref(one.poller);
  bq_queue_unref(queue);
}

CHECK_MAIN()
