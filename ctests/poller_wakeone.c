/*
 * One event wakes one waiter, the one that began to wait first, thread or watch alike; a wake-up
 * that its waiter no longer wants is passed on.
 */
#include "calls.h"
#include "loops.h"

#include <sched.h>
#include <signal.h>

static bq_poller *poller_on(bq_queue *queue, uint32_t events) {
  bq_poller *poller = new_poller();
  watch(poller, queue, events);
  return poller;
}

static size_t count_readable(bq_poller *const *pollers, size_t count) {
  size_t readable = 0;
  for (size_t i = 0; i < count; i++) readable += poller_readable(pollers[i]);
  return readable;
}

static void unref_all(bq_poller *const *pollers, size_t count) {
  for (size_t i = 0; i < count; i++) bq_poller_unref(pollers[i]);
}

static void getter_start(call *getter, bq_queue *queue) {
  const size_t before = blocked_gets(queue);
  *getter = (call){.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(getter);
  await(blocked_gets(queue) == before + 1);
}

static void expect_got(call *getter, int64_t number) {
  CHECK_STATUS(call_end(getter), BQ_OK);
  CHECK_EQ(getter->items[0], number);
}

/* 5. One put wakes one. */

TEST(one_put_wakes_one_of_several_loops) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *pollers[8];
  for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_READABLE);
  for (size_t puts = 1; puts <= LENGTH(pollers); puts++) {
    put_number(queue, 1);
    CHECK_EQ(count_readable(pollers, LENGTH(pollers)), puts);
    CHECK_EQ(stats_of(queue).wakes, puts);
  }
  unref_all(pollers, LENGTH(pollers));
  bq_queue_unref(queue);
}

TEST(one_get_wakes_one_of_several_loops_that_want_room) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *pollers[4];
  put_number(queue, 1);
  for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_WRITABLE);
  get_number(queue);
  CHECK_EQ(count_readable(pollers, LENGTH(pollers)), 1);
  CHECK_EQ(armed_watches(queue), LENGTH(pollers) - 1);
  unref_all(pollers, LENGTH(pollers));
  bq_queue_unref(queue);
}

TEST(items_put_at_once_wake_as_many_loops) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *pollers[5];
  const int64_t numbers[3] = {1, 2, 3};
  for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_READABLE);
  CHECK_STATUS(bq_put_many(queue, numbers, LENGTH(numbers), BQ_NOWAIT), LENGTH(numbers));
  CHECK_EQ(count_readable(pollers, LENGTH(pollers)), LENGTH(numbers));
  unref_all(pollers, LENGTH(pollers));
  bq_queue_unref(queue);
}

TEST(one_put_wakes_one_of_several_threads) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call getters[4];
  for (size_t i = 0; i < LENGTH(getters); i++) getter_start(&getters[i], queue);
  for (size_t i = 0; i < LENGTH(getters); i++) {
    put_number(queue, (int64_t)i);
    CHECK_EQ(stats_of(queue).wakes, i + 1);
    expect_got(&getters[i], (int64_t)i); /* the one that began to wait first */
    CHECK_EQ(blocked_gets(queue), LENGTH(getters) - i - 1);
  }
  bq_queue_unref(queue);
}

typedef struct select_thread {
  bq_poller *poller;
  ptrdiff_t result;
  atomic_bool ended;
  pthread_t thread;
} select_thread;

static void *select_once(void *argument) {
  select_thread *one = argument;
  bq_event event;
  one->result = bq_poller_wait(one->poller, &event, 1, BQ_FOREVER);
  atomic_store(&one->ended, true);
  return NULL;
}

TEST(one_put_wakes_one_of_several_threads_that_wait_on_pollers) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  select_thread threads[4];
  for (size_t i = 0; i < LENGTH(threads); i++) {
    threads[i] = (select_thread){.poller = poller_on(queue, BQ_READABLE)};
    threads[i].thread = thread_start(select_once, &threads[i]);
  }
  for (size_t i = 0; i < LENGTH(threads); i++) {
    put_number(queue, 1);
    CHECK_EQ(stats_of(queue).wakes, i + 1);
    CHECK_EQ(armed_watches(queue), LENGTH(threads) - i - 1);
    thread_join(threads[i].thread);
    CHECK_STATUS(threads[i].result, 1);
    for (size_t j = i + 1; j < LENGTH(threads); j++) CHECK(!atomic_load(&threads[j].ended));
  }
  for (size_t i = 0; i < LENGTH(threads); i++) bq_poller_unref(threads[i].poller);
  bq_queue_unref(queue);
}

/* What is put while somebody looks again is left to that one. Whoever gets an item wakes another. */

/* Each loop that was woken takes one item, once: it is busy from then on. Whether nothing is left. */
static bool all_taken(bq_queue *queue, bq_poller *const *pollers, bool *busy, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (busy[i] || !poller_readable(pollers[i])) continue;
    busy[i] = true;
    int64_t item;
    bq_get(queue, &item, BQ_NOWAIT);
  }
  return bq_len(queue) == 0;
}

static void expect_no_loop_asleep_beside_an_item(call_kind kind) {
  bq_options options = number_options(BQ_FIFO, 0);
  const int64_t numbers[3] = {1, 2, 3};
  options.linger_ns = 3600 * SECOND; /* looks again for as long as this takes, most often */
  for (int round = 0; round < 100; round++) {
    bq_queue *queue = queue_from(&options);
    bq_poller *pollers[LENGTH(numbers)];
    bool busy[LENGTH(numbers)] = {false};
    for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_READABLE);
    call looking = {
        .kind = kind, .queue = queue, .timeout_ns = BQ_FOREVER, .events = BQ_READABLE};
    call_start(&looking);
    await(atomic_load(&looking.thread_id) != 0);
    CHECK_STATUS(bq_put_many(queue, numbers, LENGTH(numbers), BQ_NOWAIT), LENGTH(numbers));
    await(call_ended(&looking) || blocked_gets(queue) == 1);
    /* Beside threads that compute it may have gone to sleep before, behind the loops. */
    const bool slept = !call_ended(&looking);
    await(all_taken(queue, pollers, busy, LENGTH(pollers)));
    if (slept) put_number(queue, 4);
    call_end(&looking);
    unref_all(pollers, LENGTH(pollers));
    bq_queue_unref(queue);
  }
}

TEST(a_get_that_looks_again_leaves_no_loop_asleep_beside_an_item) {
  expect_no_loop_asleep_beside_an_item(CALL_GET);
}
TEST(a_peek_that_looks_again_leaves_no_loop_asleep_beside_an_item) {
  expect_no_loop_asleep_beside_an_item(CALL_PEEK);
}
TEST(a_poll_that_looks_again_leaves_no_loop_asleep_beside_an_item) {
  expect_no_loop_asleep_beside_an_item(CALL_POLL);
}

static atomic_bool held, let_go;

static void hold(int signal_number) {
  (void)signal_number;
  atomic_store(&held, true);
  while (!atomic_load(&let_go)) sched_yield();
}

static bool readable_after_one_more(bq_poller *poller, bq_queue *queue) {
  put_number(queue, 1);
  return poller_readable(poller);
}

TEST(a_thread_that_is_held_up_while_it_looks_again_keeps_no_loop_asleep) {
  bq_options options = number_options(BQ_FIFO, 0);
  options.linger_ns = 3600 * SECOND;
  const struct sigaction action = {.sa_handler = hold};
  CHECK(!sigaction(SIGUSR1, &action, NULL));
  for (int round = 0; round < 20; round++) {
    bq_queue *queue = queue_from(&options);
    bq_poller *poller = poller_on(queue, BQ_READABLE);
    call looking = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
    atomic_store(&held, false);
    atomic_store(&let_go, false);
    call_start(&looking);
    await(atomic_load(&looking.thread_id) != 0);
    CHECK(!pthread_kill(looking.thread, SIGUSR1));
    await(atomic_load(&held));
    await(readable_after_one_more(poller, queue));
    put_number(queue, 2); /* for the thread, if it went to sleep before it was held up */
    atomic_store(&let_go, true);
    CHECK_STATUS(call_end(&looking), BQ_OK);
    bq_poller_unref(poller);
    bq_queue_unref(queue);
  }
}

/* First come, first served. */

TEST(watches_are_served_in_the_order_in_which_they_armed) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *pollers[3];
  for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_READABLE);
  for (size_t turn = 0; turn < 3 * LENGTH(pollers); turn++) {
    bq_poller *expected = pollers[turn % LENGTH(pollers)];
    put_number(queue, 1);
    CHECK(poller_readable(expected));
    CHECK_EQ(count_readable(pollers, LENGTH(pollers)), 1);
    expect_event(expected, queue, BQ_READABLE);
    get_number(queue);
    expect_nothing(expected); /* armed again: the last in line */
  }
  unref_all(pollers, LENGTH(pollers));
  bq_queue_unref(queue);
}

TEST(threads_and_watches_stand_in_one_line) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call first, second;
  bq_poller *early = poller_on(queue, BQ_READABLE);
  getter_start(&first, queue);
  bq_poller *late = poller_on(queue, BQ_READABLE);
  getter_start(&second, queue);

  put_number(queue, 1);
  CHECK(poller_readable(early));
  CHECK_EQ(stats_of(queue).wakes, 1);
  put_number(queue, 2);
  expect_got(&first, 1);
  CHECK(!poller_readable(late));
  put_number(queue, 3);
  CHECK(poller_readable(late));
  CHECK_EQ(blocked_gets(queue), 1);
  put_number(queue, 4);
  expect_got(&second, 2);
  CHECK_EQ(stats_of(queue).wakes, 4);

  bq_poller_unref(early);
  bq_poller_unref(late);
  bq_queue_unref(queue);
}

TEST(blocked_puts_and_watches_stand_in_one_line) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call putter = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
  put_number(queue, 1);
  bq_poller *poller = poller_on(queue, BQ_WRITABLE);
  call_start(&putter);
  await(blocked_puts(queue) == 1);
  CHECK_EQ(get_number(queue), 1);
  CHECK(poller_readable(poller));
  CHECK_EQ(blocked_puts(queue), 1);
  put_number(queue, 3); /* served: the room is taken, and the watch goes to the end of the line */
  expect_nothing(poller);
  CHECK_EQ(get_number(queue), 3);
  CHECK_STATUS(call_end(&putter), BQ_OK);
  CHECK(!poller_readable(poller));
  CHECK_EQ(get_number(queue), 2);
  CHECK(poller_readable(poller));
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* A hint, not the item. */

ON_EVERY_LOOP(a_loop_whose_item_was_taken_is_told_nothing_and_armed_again) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(loop->poller, queue, BQ_READABLE);
  for (int64_t round = 0; round < 10; round++) {
    put_number(queue, round);
    CHECK_EQ(get_number(queue), round);
    CHECK(fires(loop));
    expect_nothing(loop->poller);
    CHECK(!fires(loop));
    CHECK_EQ(armed_watches(queue), 1);
  }
  bq_queue_unref(queue);
}

/*
 * A loop that is busy elsewhere has got the wake-up; a call behind it in the line sleeps until its
 * deadline, but does not leave beside what it waits for. `false`: the machine was too slow to say.
 */
static bool checked_at_the_deadline(call_kind kind) {
  const int64_t timeout_ns = 100 * MILLISECOND;
  call late = stuck_call(kind, timeout_ns);
  bq_poller *poller = poller_on(late.queue, bq_len(late.queue) ? BQ_WRITABLE : BQ_READABLE);
  const int64_t began_ns = now_ns();
  call_start(&late);
  await(call_waits(&late) || call_ended(&late));
  call_let_go(&late);
  const bool in_time = now_ns() - began_ns < timeout_ns;
  const ptrdiff_t result = call_end(&late);
  if (in_time) CHECK_STATUS(result, call_success(kind));
  bq_poller_unref(poller);
  bq_queue_unref(late.queue);
  return in_time;
}

TEST(a_call_looks_once_more_at_its_deadline) {
  for (int kind = 0; kind < CALL_KINDS; kind++)
    if (kind != CALL_JOIN)
      while (!checked_at_the_deadline((call_kind)kind)) {}
}

/* 6. A wake-up that was not served is passed on. Each way to give it up, to each kind of heir. */

typedef void (*give_up)(bq_poller *poller, bq_queue *queue);

static void by_removal(bq_poller *poller, bq_queue *queue) { unwatch(poller, queue); }

static void by_destruction(bq_poller *poller, bq_queue *queue) {
  (void)queue;
  bq_poller_ref(poller); /* the case holds one reference, too */
  bq_poller_unref(poller);
  bq_poller_unref(poller);
}

static void by_pause(bq_poller *poller, bq_queue *queue) { rewatch(poller, queue, 0); }

static void by_another_event(bq_poller *poller, bq_queue *queue) {
  rewatch(poller, queue, BQ_DRAINED);
}

/* The loop that saw the item, but ends before it takes it. */
static void by_removal_after_the_report(bq_poller *poller, bq_queue *queue) {
  expect_event(poller, queue, BQ_READABLE);
  unwatch(poller, queue);
}

static void expect_passed_to_a_loop(give_up give_up_by) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *woken = poller_on(queue, BQ_READABLE);
  bq_poller *heir = poller_on(queue, BQ_READABLE);
  bq_poller *third = poller_on(queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK(!poller_readable(heir));
  give_up_by(woken, queue);
  CHECK(poller_readable(heir));
  CHECK(!poller_readable(third));
  expect_event(heir, queue, BQ_READABLE);
  if (give_up_by != by_destruction) bq_poller_unref(woken);
  bq_poller_unref(heir);
  bq_poller_unref(third);
  bq_queue_unref(queue);
}

static void expect_passed_to_a_thread(give_up give_up_by) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *woken = poller_on(queue, BQ_READABLE);
  call heir;
  getter_start(&heir, queue);
  put_number(queue, 1);
  CHECK_EQ(blocked_gets(queue), 1);
  give_up_by(woken, queue);
  expect_got(&heir, 1);
  if (give_up_by != by_destruction) bq_poller_unref(woken);
  bq_queue_unref(queue);
}

#define PASSED_ON(way)                                                                             \
  TEST(a_wake_up_given_up_##way##_is_passed_to_a_loop) { expect_passed_to_a_loop(way); }           \
  TEST(a_wake_up_given_up_##way##_is_passed_to_a_thread) { expect_passed_to_a_thread(way); }

PASSED_ON(by_removal)
PASSED_ON(by_destruction)
PASSED_ON(by_pause)
PASSED_ON(by_another_event)
PASSED_ON(by_removal_after_the_report)

TEST(a_wake_up_is_passed_on_as_often_as_it_is_given_up) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *pollers[8];
  for (size_t i = 0; i < LENGTH(pollers); i++) pollers[i] = poller_on(queue, BQ_READABLE);
  put_number(queue, 1);
  for (size_t i = 0; i + 1 < LENGTH(pollers); i++) {
    CHECK_EQ(count_readable(pollers + i, LENGTH(pollers) - i), 1);
    bq_poller_unref(pollers[i]);
  }
  CHECK(poller_readable(pollers[LENGTH(pollers) - 1]));
  bq_poller_unref(pollers[LENGTH(pollers) - 1]);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(a_watch_that_was_not_woken_leaves_without_waking_anybody) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_poller *woken = poller_on(queue, BQ_READABLE);
  bq_poller *leaving = poller_on(queue, BQ_READABLE);
  bq_poller *staying = poller_on(queue, BQ_READABLE);
  put_number(queue, 1);
  bq_poller_unref(leaving);
  CHECK(!poller_readable(staying));
  CHECK_EQ(stats_of(queue).wakes, 1);
  bq_poller_unref(woken);
  CHECK(poller_readable(staying));
  bq_poller_unref(staying);
  bq_queue_unref(queue);
}

CHECK_MAIN()
