/*
 * A thread that puts or gets alone for long gets faster, in ways of its own (see "owns that end" in
 * docs/design.md). What others do then takes that away from it, and nothing else.
 */
#include "calls.h"
#include "check.h"
#include "loops.h"
#include "support.h"

#include <signal.h>

enum { LONG = 20000, TURNS = 40 };

TEST(another_thread_gets_what_is_next) {
  bq_queue *queue = queue_got_alone(0);
  put_numbers(queue, 1, 3);
  call getter = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_NOWAIT};
  CHECK_EQ(get_number(queue), 1);
  call_start(&getter);
  CHECK_STATUS(call_end(&getter), BQ_OK);
  CHECK_EQ(getter.items[0], 2);
  CHECK_EQ(get_number(queue), 3);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(another_thread_puts_what_is_next) {
  bq_queue *queue = queue_got_alone(0);
  call putter = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_NOWAIT, .items = {2}};
  put_number(queue, 1);
  call_start(&putter);
  CHECK_STATUS(call_end(&putter), BQ_OK);
  put_number(queue, 3);
  for (int64_t number = 1; number <= 3; number++) CHECK_EQ(get_number(queue), number);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(a_get_that_waits_for_an_item_is_woken) {
  bq_queue *queue = queue_got_alone(0);
  for (int round = 0; round < TURNS; round++) {
    call getter = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
    call_start(&getter);
    if (round % 2) await(blocked_gets(queue) == 1);
    put_number(queue, round);
    CHECK_STATUS(call_end(&getter), BQ_OK);
    CHECK_EQ(getter.items[0], round);
  }
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(a_loop_that_waits_for_an_item_is_told) {
  bq_queue *queue = queue_got_alone(0);
  bq_poller *poller = new_poller();
  watch(poller, queue, BQ_READABLE);
  CHECK(!poller_readable(poller));
  put_number(queue, 1);
  CHECK(poller_readable(poller));
  CHECK_EQ(get_number(queue), 1);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

static void *shut_down(void *queue) {
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  return NULL;
}

TEST(nothing_is_put_behind_a_shutdown_by_another_thread) {
  bq_queue *queue = queue_got_alone(0);
  int64_t number = 2;
  put_number(queue, 1);
  thread_join(thread_start(shut_down, queue));
  CHECK_STATUS(bq_put(queue, &number, BQ_NOWAIT), BQ_SHUTDOWN);
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_SHUTDOWN);
  bq_queue_unref(queue);
}

TEST(a_put_that_waits_for_room_is_let_in) {
  bq_queue *queue = queue_got_alone(1);
  for (int round = 0; round < TURNS; round++) {
    call putter = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
    put_number(queue, 1);
    call_start(&putter);
    if (round % 2) await(blocked_puts(queue) == 1);
    CHECK_EQ(get_number(queue), 1);
    CHECK_STATUS(call_end(&putter), BQ_OK);
    CHECK_EQ(get_number(queue), 2);
  }
  bq_queue_unref(queue);
}

TEST(a_loop_that_waits_for_room_is_told) {
  bq_queue *queue = queue_got_alone(1);
  bq_poller *poller = new_poller();
  put_number(queue, 1);
  watch(poller, queue, BQ_WRITABLE);
  CHECK(!poller_readable(poller));
  CHECK_EQ(get_number(queue), 1);
  CHECK(poller_readable(poller));
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(the_last_item_after_a_shutdown_by_another_thread_tells_who_waits_for_that) {
  bq_queue *queue = queue_got_alone(0);
  call waiter = {.kind = CALL_POLL, .queue = queue, .timeout_ns = BQ_FOREVER};
  waiter.events = BQ_DRAINED;
  put_numbers(queue, 1, 2);
  call_start(&waiter);
  await(call_asleep(&waiter));
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
  CHECK_EQ(get_number(queue), 2);
  CHECK_EQ(call_end(&waiter), BQ_DRAINED);
  bq_queue_unref(queue);
}

typedef struct turns {
  bq_queue *queue;
  atomic_int turn;
  int64_t next;     /* whose turn it is gets this one next */
  atomic_bool over; /* ends who disturbs */
} turns;

typedef struct player {
  turns *all;
  int number;
} player;

static void *get_in_turns(void *argument) {
  const player *me = argument;
  turns *all = me->all;
  for (int turn = me->number; turn < TURNS; turn += 2) {
    while (atomic_load(&all->turn) != turn) pause_briefly();
    for (int i = 0; i < LONG; i++) {
      int64_t number;
      CHECK_STATUS(bq_get(all->queue, &number, BQ_FOREVER), BQ_OK);
      CHECK_EQ(number, all->next++);
    }
    atomic_fetch_add(&all->turn, 1);
  }
  return NULL;
}

static void *put_all(void *argument) {
  turns *all = argument;
  for (int64_t number = 0; number < (int64_t)TURNS * LONG; number++)
    CHECK_STATUS(bq_put(all->queue, &number, BQ_FOREVER), BQ_OK);
  return NULL;
}

/* What it peeks is not behind what was got before. */
static void *disturb(void *argument) {
  turns *all = argument;
  int64_t last = 0;
  for (size_t round = 0; !atomic_load(&all->over); round++) {
    int64_t number;
    if (bq_peek(all->queue, &number, BQ_NOWAIT) == BQ_OK) {
      CHECK(number >= last);
      last = number;
    }
    if (bq_capacity(all->queue) != 0)
      CHECK_STATUS(bq_set_capacity(all->queue, 50 + round % 7), BQ_OK);
    bq_poll(all->queue, BQ_WRITABLE | BQ_JOINED, 10 * MICROSECOND);
    pause_briefly();
  }
  return NULL;
}

static void take_turns(size_t capacity) {
  turns all = {.queue = number_queue(BQ_FIFO, capacity)};
  player players[] = {{&all, 0}, {&all, 1}};
  const pthread_t getters[] = {thread_start(get_in_turns, &players[0]),
                               thread_start(get_in_turns, &players[1])};
  const pthread_t putter = thread_start(put_all, &all), disturber = thread_start(disturb, &all);
  for (size_t i = 0; i < LENGTH(getters); i++) thread_join(getters[i]);
  thread_join(putter);
  atomic_store(&all.over, true);
  thread_join(disturber);
  check_empty(all.queue);
  bq_queue_unref(all.queue);
}

/* One that is stopped anywhere in its calls, until it may go on. */

enum { STOPS = 200, STOCK = 100 };

typedef struct stopped {
  bq_queue *queue;
  atomic_bool is_stopped, may_go_on, over;
} stopped;

static stopped *to_be_stopped;

static void stop_here(int signal) {
  const int saved = errno;
  (void)signal;
  atomic_store(&to_be_stopped->is_stopped, true);
  while (!atomic_load(&to_be_stopped->may_go_on)) pause_briefly();
  errno = saved;
}

static void *get_and_put_back(void *argument) {
  stopped *one = argument;
  int64_t number;
  while (!atomic_load(&one->over))
    if (bq_get(one->queue, &number, BQ_NOWAIT) == BQ_OK) put_number(one->queue, number);
  return NULL;
}

/* It has one item in hand at most. */
TEST(no_put_or_get_waits_for_one_that_is_stopped) {
  struct sigaction action = {.sa_handler = stop_here};
  CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
  for (int i = 0; i < STOPS; i++) {
    stopped one = {.queue = number_queue(BQ_FIFO, 0)};
    bool seen[STOCK + 1] = {false};
    to_be_stopped = &one;
    put_numbers(one.queue, 1, STOCK);
    const pthread_t thread = thread_start(get_and_put_back, &one);
    await(stats_of(one.queue).gets > LONG);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    await(atomic_load(&one.is_stopped));
    for (int beside = 0; beside < STOCK - 1; beside++) {
      int64_t number;
      CHECK_STATUS(bq_get(one.queue, &number, BQ_NOWAIT), BQ_OK);
      CHECK_STATUS(bq_put(one.queue, &number, BQ_NOWAIT), BQ_OK);
    }
    atomic_store(&one.may_go_on, true);
    atomic_store(&one.over, true);
    thread_join(thread);
    for (int item = 0; item < STOCK; item++) {
      const int64_t number = get_number(one.queue);
      CHECK(!seen[number]);
      seen[number] = true;
    }
    check_empty(one.queue);
    bq_queue_unref(one.queue);
  }
}

TEST(two_that_take_long_turns_get_every_item_in_order) {
  take_turns(0);
  take_turns(50);
}

static void *get_until_over(void *queue) {
  int64_t number, got = 0, last = -1;
  while (bq_get(queue, &number, BQ_FOREVER) == BQ_OK) {
    CHECK(number > last);
    last = number, got++;
  }
  return (void *)(intptr_t)got;
}

/* Each getter sees the numbers rise, and together they get all of them: none twice. */
TEST(getters_that_come_and_go_get_every_item_once) {
  enum { GETTERS = 30, EACH = 2 * LONG / GETTERS };
  int64_t got = 0;
  for (int generation = 0; generation < 3; generation++) {
    bq_queue *queue = number_queue(BQ_FIFO, 64);
    pthread_t getters[GETTERS];
    for (int i = 0; i < GETTERS; i++) getters[i] = thread_start(get_until_over, queue);
    for (int64_t number = 0; number < GETTERS * EACH; number++)
      CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
    CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_OK);
    for (int i = 0; i < GETTERS; i++) got += (intptr_t)thread_join(getters[i]);
    bq_queue_unref(queue);
  }
  CHECK_EQ(got, 3 * GETTERS * EACH);
}

CHECK_MAIN()
