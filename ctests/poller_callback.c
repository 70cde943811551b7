/*
 * Pollers with a wake callback instead of a descriptor: called once per sleep, by the thread that
 * wakes, with no lock held, so that it may call the library.
 */
#include "loops.h"

typedef struct sleeper sleeper;

/* A poller on one queue, and what its wake callback does. */
struct sleeper {
  bq_poller *poller;
  bq_queue *queue;
  void (*on_wake)(sleeper *);
  bq_poller *other;
  bq_queue *other_queue;
  int wakes;
  pthread_t woken_by;
};

static void note_wake(void *context) {
  sleeper *one = context;
  one->wakes++;
  one->woken_by = pthread_self();
  if (one->on_wake) one->on_wake(one);
}

static bq_poller *poller_calling(void (*wake)(void *), void *context) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.wake = wake;
  options.context = context;
  return poller_from(&options);
}

static void sleeper_open(sleeper *one) {
  one->poller = poller_calling(note_wake, one);
  one->queue = number_queue(BQ_FIFO, 0);
  watch(one->poller, one->queue, BQ_READABLE);
}

static void sleeper_close(sleeper *one) {
  bq_poller_unref(one->poller);
  bq_queue_unref(one->queue);
}

/* When. */

TEST(an_event_calls_the_callback_once_per_sleep) {
  sleeper one = {.wakes = 0};
  sleeper_open(&one);
  CHECK_EQ(one.wakes, 0);
  for (int sleep = 1; sleep <= 10; sleep++) {
    put_numbers(one.queue, 1, 5);
    CHECK_EQ(one.wakes, sleep);
    for (int64_t number = 1; number <= 5; number++) {
      expect_event(one.poller, one.queue, BQ_READABLE);
      CHECK_EQ(get_number(one.queue), number);
      put_number(one.queue, number);
      CHECK_EQ(one.wakes, sleep);
    }
    CHECK_EQ(bq_clear(one.queue), 5);
    expect_nothing(one.poller);
  }
  sleeper_close(&one);
}

TEST(events_of_several_queues_in_one_sleep_call_once) {
  sleeper one = {.wakes = 0};
  bq_queue *queues[5];
  sleeper_open(&one);
  for (size_t i = 0; i < LENGTH(queues); i++) {
    queues[i] = number_queue(BQ_FIFO, 0);
    watch(one.poller, queues[i], BQ_READABLE);
  }
  for (size_t i = 0; i < LENGTH(queues); i++) {
    put_number(queues[i], 1);
    CHECK_EQ(one.wakes, 1);
  }
  for (size_t i = 0; i < LENGTH(queues); i++) bq_queue_unref(queues[i]);
  sleeper_close(&one);
}

TEST(a_watch_whose_event_holds_calls_at_once) {
  sleeper one = {.wakes = 0};
  bq_queue *ready = number_queue(BQ_FIFO, 0);
  put_number(ready, 1);
  sleeper_open(&one);
  watch(one.poller, ready, BQ_READABLE);
  CHECK_EQ(one.wakes, 1);
  unwatch(one.poller, ready);
  expect_nothing(one.poller);
  rewatch(one.poller, one.queue, BQ_WRITABLE);
  CHECK_EQ(one.wakes, 2);
  bq_queue_unref(ready);
  sleeper_close(&one);
}

TEST(a_wake_by_hand_calls_once_per_sleep) {
  sleeper one = {.wakes = 0};
  sleeper_open(&one);
  CHECK_STATUS(bq_poller_wake(one.poller), BQ_OK);
  CHECK_STATUS(bq_poller_wake(one.poller), BQ_OK);
  CHECK_EQ(one.wakes, 1);
  expect_nothing(one.poller);
  CHECK_STATUS(bq_poller_wake(one.poller), BQ_OK);
  CHECK_EQ(one.wakes, 2);
  sleeper_close(&one);
}

/* Who. */

static void *put_from_a_thread(void *queue) {
  put_number(queue, 1);
  return NULL;
}

TEST(the_thread_that_wakes_is_the_one_that_calls) {
  sleeper one = {.wakes = 0};
  sleeper_open(&one);
  const pthread_t thread = thread_start(put_from_a_thread, one.queue);
  thread_join(thread);
  CHECK_EQ(one.wakes, 1);
  CHECK(pthread_equal(one.woken_by, thread));
  CHECK_EQ(get_number(one.queue), 1);
  expect_nothing(one.poller);
  put_number(one.queue, 2);
  CHECK_EQ(one.wakes, 2);
  CHECK(pthread_equal(one.woken_by, pthread_self()));
  sleeper_close(&one);
}

/* What it may do. Each case: the callback does it, within a put. */

static void serve_and_arm(sleeper *one) {
  expect_event(one->poller, one->queue, BQ_READABLE);
  CHECK_EQ(get_number(one->queue), 1);
  expect_nothing(one->poller);
}

TEST(the_callback_may_poll_and_get) {
  sleeper one = {.on_wake = serve_and_arm};
  sleeper_open(&one);
  for (int wake = 1; wake <= 3; wake++) {
    put_number(one.queue, 1);
    CHECK_EQ(one.wakes, wake);
    check_empty(one.queue);
  }
  sleeper_close(&one);
}

static void put_more(sleeper *one) { put_numbers(one->queue, 2, 3); }

TEST(the_callback_may_put) {
  sleeper one = {.on_wake = put_more};
  sleeper_open(&one);
  put_number(one.queue, 1);
  CHECK_EQ(one.wakes, 1);
  for (int64_t number = 1; number <= 3; number++) CHECK_EQ(get_number(one.queue), number);
  sleeper_close(&one);
}

static void add_modify_remove(sleeper *one) {
  watch(one->poller, one->other_queue, BQ_READABLE);
  rewatch(one->poller, one->other_queue, BQ_WRITABLE);
  rewatch(one->poller, one->queue, 0);
  unwatch(one->poller, one->other_queue);
  rewatch(one->poller, one->queue, BQ_READABLE);
  CHECK_STATUS(bq_poller_wake(one->poller), BQ_OK);
}

TEST(the_callback_may_add_modify_remove_and_wake) {
  sleeper one = {.on_wake = add_modify_remove, .other_queue = number_queue(BQ_FIFO, 0)};
  sleeper_open(&one);
  put_number(one.queue, 1);
  CHECK_EQ(one.wakes, 1);
  expect_event(one.poller, one.queue, BQ_READABLE);
  bq_queue_unref(one.other_queue);
  sleeper_close(&one);
}

static void remove_itself(sleeper *one) { unwatch(one->poller, one->queue); }

TEST(the_callback_may_remove_its_watch_and_so_pass_the_wake_up_on) {
  sleeper one = {.on_wake = remove_itself, .other = new_poller()};
  sleeper_open(&one);
  watch(one.other, one.queue, BQ_READABLE);
  put_number(one.queue, 1);
  CHECK_EQ(one.wakes, 1);
  CHECK(poller_readable(one.other));
  expect_nothing(one.poller);
  bq_poller_unref(one.other);
  sleeper_close(&one);
}

static void wake_another(sleeper *one) {
  CHECK_STATUS(bq_shutdown(one->other_queue, BQ_DRAIN), BQ_OK);
}

TEST(the_callback_may_wake_another_poller) {
  sleeper one = {.on_wake = wake_another};
  sleeper two = {.wakes = 0};
  sleeper_open(&one);
  sleeper_open(&two);
  one.other_queue = two.queue;
  put_number(one.queue, 1);
  CHECK_EQ(two.wakes, 1);
  expect_event(two.poller, two.queue, BQ_READABLE);
  sleeper_close(&two);
  sleeper_close(&one);
}

static void unref_itself(sleeper *one) { bq_poller_unref(one->poller); }

TEST(the_callback_may_release_the_last_reference_to_its_poller) {
  sleeper one = {.on_wake = unref_itself};
  sleeper_open(&one);
  put_number(one.queue, 1);
  CHECK_EQ(one.wakes, 1);
  CHECK_EQ(armed_watches(one.queue), 0);
  put_number(one.queue, 2);
  CHECK_EQ(one.wakes, 1);
  bq_queue_unref(one.queue);
}

/* Rings that come late. */

typedef struct held_ring {
  bq_poller *poller;
  atomic_bool began, may_end, ended, unref_ended;
  atomic_int unref_thread;
} held_ring;

static void hold_ring(void *context) {
  held_ring *one = context;
  atomic_store(&one->began, true);
  while (!atomic_load(&one->may_end)) pause_briefly();
  atomic_store(&one->ended, true);
}

static void *put_one(void *queue) {
  put_number(queue, 1);
  return NULL;
}

static void *unref_last(void *argument) {
  held_ring *one = argument;
  atomic_store(&one->unref_thread, thread_id());
  bq_poller_unref(one->poller);
  CHECK(atomic_load(&one->ended));
  atomic_store(&one->unref_ended, true);
  return NULL;
}

/* The last unref begins while `wake`, which holds the ring, runs in another thread. */
static void unref_beside(void (*wake)(void *), void *context, held_ring *one, bq_queue *queue) {
  one->poller = poller_calling(wake, context);
  watch(one->poller, queue, BQ_READABLE);
  const pthread_t producer = thread_start(put_one, queue);
  await(atomic_load(&one->began));
  const pthread_t owner = thread_start(unref_last, one);
  await(asleep(atomic_load(&one->unref_thread)) || atomic_load(&one->unref_ended));
  CHECK(!atomic_load(&one->unref_ended));
  atomic_store(&one->may_end, true);
  thread_join(producer);
  thread_join(owner);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

/* So the context can be freed then. */
TEST(the_last_unref_returns_when_no_callback_runs_any_more) {
  held_ring one = {.poller = NULL};
  unref_beside(hold_ring, &one, &one, number_queue(BQ_FIFO, 0));
}

/* Three of them, one for each time that the poller slept. Whichever ends first, none of the others is forgotten. */
typedef struct held_three {
  held_ring rings[3];
  atomic_int count;
} held_three;

static void hold_one_of_three(void *context) {
  held_three *all = context;
  hold_ring(&all->rings[atomic_fetch_add(&all->count, 1)]);
}

static void end_ring(held_ring *one, pthread_t thread) {
  atomic_store(&one->may_end, true);
  thread_join(thread);
}

/* In that order; the last unref begins behind the first. */
static void end_three(const int order[3]) {
  held_three all = {.count = 0};
  held_ring *last = &all.rings[order[2]];
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  pthread_t producers[3];
  last->poller = poller_calling(hold_one_of_three, &all);
  watch(last->poller, queue, BQ_READABLE);
  for (int i = 0; i < 3; i++) {
    producers[i] = thread_start(put_one, queue);
    await(atomic_load(&all.rings[i].began));
    while (bq_poller_poll(last->poller, &event, 1) > 0) get_number(queue);
  }
  end_ring(&all.rings[order[0]], producers[order[0]]);
  const pthread_t owner = thread_start(unref_last, last);
  for (int i = 1; i < 3; i++) {
    await(asleep(atomic_load(&last->unref_thread)) || atomic_load(&last->unref_ended));
    CHECK(!atomic_load(&last->unref_ended));
    end_ring(&all.rings[order[i]], producers[order[i]]);
  }
  thread_join(owner);
  bq_queue_unref(queue);
}

TEST(the_last_unref_waits_for_those_that_are_left_when_one_has_ended) {
  static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (size_t i = 0; i < LENGTH(orders); i++) end_three(orders[i]);
}

/* The first call releases the poller while a second one is held in another thread. */
typedef struct released_within {
  held_ring second;
  bq_queue *queue;
  atomic_int calls, first_thread;
  atomic_bool first_ended;
} released_within;

static void release_beside_another(void *context) {
  released_within *both = context;
  bq_event event;
  if (atomic_fetch_add(&both->calls, 1) > 0) {
    hold_ring(&both->second);
    return;
  }
  while (bq_poller_poll(both->second.poller, &event, 1) > 0) get_number(both->queue);
  await(atomic_load(&both->second.began));
  atomic_store(&both->first_thread, thread_id());
  bq_poller_unref(both->second.poller);
  CHECK(atomic_load(&both->second.ended));
  atomic_store(&both->first_ended, true);
}

TEST(an_unref_inside_of_the_callback_waits_for_another_call_and_not_for_its_own) {
  released_within both = {.queue = number_queue(BQ_FIFO, 0)};
  both.second.poller = poller_calling(release_beside_another, &both);
  watch(both.second.poller, both.queue, BQ_READABLE);
  const pthread_t first = thread_start(put_one, both.queue);
  await(armed_watches(both.queue) == 1 && bq_len(both.queue) == 0 && atomic_load(&both.calls) == 1);
  const pthread_t second = thread_start(put_one, both.queue);
  await(asleep(atomic_load(&both.first_thread)) || atomic_load(&both.first_ended));
  CHECK(!atomic_load(&both.first_ended));
  end_ring(&both.second, second);
  thread_join(first);
  CHECK(both.first_ended);
  bq_queue_unref(both.queue);
}

typedef struct late_guest {
  held_ring ring;
  bq_queue *queue;
  atomic_int thread;
} late_guest;

/* A callback that waits for more than the event it was called for. */
static void wait_for_ever(void *context) {
  late_guest *guest = context;
  bq_poller *poller = guest->ring.poller;
  bq_event event;
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
  CHECK_EQ(get_number(event.queue), 1);
  atomic_store(&guest->thread, thread_id());
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  atomic_store(&guest->ring.ended, true);
}

TEST(the_last_unref_ends_a_wait_inside_of_the_callback) {
  late_guest guest = {.queue = number_queue(BQ_FIFO, 0)};
  guest.ring.poller = poller_calling(wait_for_ever, &guest);
  watch(guest.ring.poller, guest.queue, BQ_READABLE);
  const pthread_t producer = thread_start(put_one, guest.queue);
  await(asleep(atomic_load(&guest.thread)));
  const pthread_t owner = thread_start(unref_last, &guest.ring);
  thread_join(owner);
  thread_join(producer);
  bq_queue_unref(guest.queue);
}

/* What it calls meanwhile finds the poller, but nothing more to report. */
static void use_what_goes(void *context) {
  late_guest *guest = context;
  bq_event event;
  hold_ring(&guest->ring);
  bq_poller *poller = bq_poller_ref(guest->ring.poller);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 0);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  CHECK_STATUS(bq_poller_add(poller, guest->queue, BQ_READABLE, NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_remove(poller, guest->queue), BQ_NOT_FOUND);
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  bq_poller_unref(poller);
}

TEST(the_callback_may_use_its_poller_while_the_last_unref_waits_for_it) {
  late_guest guest = {.queue = number_queue(BQ_FIFO, 0)};
  unref_beside(use_what_goes, &guest, &guest.ring, guest.queue);
}

/* A callback that serves the queue itself, in whichever thread puts. */
typedef struct self_server {
  bq_poller *poller;
  bq_queue *queue;
  atomic_llong got;
  atomic_int refused;
  atomic_bool over;
} self_server;

static void serve_at_once(void *context) {
  self_server *one = context;
  bq_event event;
  int64_t number;
  ptrdiff_t count;
  while ((count = bq_poller_poll(one->poller, &event, 1)) > 0) {
    while (bq_get(one->queue, &number, BQ_NOWAIT) == BQ_OK) atomic_fetch_add(&one->got, 1);
  }
  if (count == BQ_BUSY) atomic_fetch_add(&one->refused, 1);
}

static void *put_until_over(void *argument) {
  self_server *one = argument;
  const int64_t number = 1;
  while (!atomic_load(&one->over)) bq_put(one->queue, &number, BQ_NOWAIT);
  return NULL;
}

TEST(a_callback_that_found_the_poller_busy_is_called_again) {
  enum { THREADS = 3, REFUSALS = 2, MOST = 1000000 };
  self_server one = {.queue = number_queue(BQ_FIFO, 1000)};
  pthread_t threads[THREADS];
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.wake = serve_at_once;
  options.context = &one;
  options.linger_ns = BQ_NO_LINGER;
  one.poller = poller_from(&options);
  watch(one.poller, one.queue, BQ_READABLE);
  for (int i = 0; i < THREADS; i++) threads[i] = thread_start(put_until_over, &one);
  while (atomic_load(&one.refused) < REFUSALS && atomic_load(&one.got) < MOST) {
    const long long before = atomic_load(&one.got);
    await(atomic_load(&one.got) > before);
  }
  const long long before = atomic_load(&one.got);
  await(atomic_load(&one.got) > before);
  atomic_store(&one.over, true);
  for (int i = 0; i < THREADS; i++) thread_join(threads[i]);
  bq_poller_unref(one.poller);
  bq_queue_unref(one.queue);
}

/* A wake by hand that comes beside a poll may have to be answered by the thread that polls. */

typedef struct self_caller {
  bq_poller *poller;
  pthread_t polls;
  atomic_int own_calls;
  atomic_bool over;
} self_caller;

static void poll_if_it_polls(void *context) {
  self_caller *one = context;
  bq_event event;
  if (!pthread_equal(pthread_self(), one->polls)) return;
  atomic_fetch_add(&one->own_calls, 1);
  CHECK_STATUS(bq_poller_poll(one->poller, &event, 1), 0);
}

static void *wake_until_over(void *argument) {
  self_caller *one = argument;
  while (!atomic_load(&one->over)) CHECK_STATUS(bq_poller_wake(one->poller), BQ_OK);
  return NULL;
}

TEST(a_poll_calls_when_it_is_over) {
  enum { CALLS = 3, MOST = 200000 };
  self_caller one = {.polls = pthread_self()};
  bq_event event;
  one.poller = poller_calling(poll_if_it_polls, &one);
  const pthread_t waker = thread_start(wake_until_over, &one);
  for (int turn = 0; turn < MOST && atomic_load(&one.own_calls) < CALLS; turn++)
    CHECK_STATUS(bq_poller_poll(one.poller, &event, 1), 0);
  atomic_store(&one.over, true);
  thread_join(waker);
  bq_poller_unref(one.poller);
}

/* A loop that sleeps on a condition variable of its own, as one inside a foreign runtime would. */

enum { PRODUCERS = 3, ITEMS = 20000 };

typedef struct foreign_loop {
  pthread_mutex_t mutex;
  pthread_cond_t woken;
  bool awake;
  uint64_t wakes;
  uint64_t sleeps;
} foreign_loop;

static void wake_foreign_loop(void *context) {
  foreign_loop *loop = context;
  pthread_mutex_lock(&loop->mutex);
  loop->awake = true;
  loop->wakes++;
  pthread_cond_signal(&loop->woken);
  pthread_mutex_unlock(&loop->mutex);
}

static void foreign_loop_sleep(foreign_loop *loop) {
  pthread_mutex_lock(&loop->mutex);
  while (!loop->awake) pthread_cond_wait(&loop->woken, &loop->mutex);
  loop->awake = false;
  loop->sleeps++;
  pthread_mutex_unlock(&loop->mutex);
}

static void *put_items(void *queue) {
  for (int64_t number = 1; number <= ITEMS; number++) {
    CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
  }
  return NULL;
}

TEST(a_loop_that_sleeps_until_it_is_called_misses_nothing) {
  foreign_loop loop = {.mutex = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};
  bq_queue *queue = number_queue(BQ_FIFO, 16);
  bq_poller *poller = poller_calling(wake_foreign_loop, &loop);
  pthread_t producers[PRODUCERS];
  bq_event event;
  int64_t number;
  watch(poller, queue, BQ_READABLE);
  for (int i = 0; i < PRODUCERS; i++) producers[i] = thread_start(put_items, queue);
  for (int64_t got = 0; got < PRODUCERS * ITEMS;) {
    foreign_loop_sleep(&loop);
    while (bq_poller_poll(poller, &event, 1) > 0) {
      while (bq_get(queue, &number, BQ_NOWAIT) == BQ_OK) got++;
    }
  }
  for (int i = 0; i < PRODUCERS; i++) thread_join(producers[i]);
  check_empty(queue);
  CHECK(loop.wakes <= loop.sleeps + 1);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

CHECK_MAIN()
