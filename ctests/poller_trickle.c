/*
 * Lost wake-ups, hunted one item at a time: the next item is put only when the last one was taken,
 * and who takes them waits for ever, so that a wake-up lost on the way leaves the item lying there
 * for good. Visitors stand in the same line and give up just then.
 */
#include "loops.h"

#include <sched.h>
#include <sys/ioctl.h>

enum { ROUNDS = 1000 };

#define STALLED_NS (10 * SECOND)

typedef struct trickle {
  bq_queue *queue;
  atomic_llong taken;
  atomic_llong round; /* the number of the item that comes next; -1: it is over */
} trickle;

/* A moment of 0 to 100 microseconds, another one for each round and salt. */
static int64_t moment_of(int64_t round, uint64_t salt) {
  uint64_t mixed = ((uint64_t)round + 1) * UINT64_C(0x9e3779b97f4a7c15) + salt;
  mixed = (mixed ^ (mixed >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
  return (int64_t)((mixed >> 33) % (uint64_t)(100 * MICROSECOND));
}

static void spend(int64_t moment_ns) {
  const int64_t until_ns = now_ns() + moment_ns;
  while (now_ns() < until_ns) continue;
}

/* Whether there is a round after that one. */
static bool await_round_after(trickle *all, int64_t seen) {
  int64_t round;
  while ((round = atomic_load(&all->round)) == seen) pause_briefly();
  return round >= 0;
}

/* Items come one by one, so each must be the next. */
static bq_status take(trickle *all, int64_t timeout_ns) {
  int64_t number;
  const bq_status status = bq_get(all->queue, &number, timeout_ns);
  if (status == BQ_OK) CHECK_EQ(number, atomic_fetch_add(&all->taken, 1) + 1);
  return status;
}

/*
 * Takers: they wait without a timeout until the queue is shut down; in each round they line up at
 * a moment of their own, so that visitors stand before them as well as behind.
 */

static bq_status take_and_line_up_again(trickle *all, int64_t timeout_ns) {
  const bq_status status = take(all, timeout_ns);
  const int64_t taken = atomic_load(&all->taken);
  if (status == BQ_OK && await_round_after(all, taken)) spend(moment_of(taken, 1));
  return status;
}

static void *take_by_get(void *all) {
  bq_status status;
  do status = take_and_line_up_again(all, BQ_FOREVER);
  while (status == BQ_OK);
  CHECK_STATUS(status, BQ_SHUTDOWN);
  return NULL;
}

static void *take_by_wait(void *argument) {
  trickle *all = argument;
  bq_poller *poller = new_poller();
  bq_event event;
  watch(poller, all->queue, BQ_READABLE | BQ_CLOSED);
  do {
    CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
    take_and_line_up_again(all, BQ_NOWAIT);
  } while (!(event.events & BQ_CLOSED));
  bq_poller_unref(poller);
  return NULL;
}

static void take_by_loop(trickle *all, loop_kind kind) {
  event_loop loop = loop_open(kind);
  bq_event event = {.events = 0};
  watch(loop.poller, all->queue, BQ_READABLE | BQ_CLOSED);
  while (!(event.events & BQ_CLOSED)) {
    wait_until_it_fires(&loop);
    while (!(event.events & BQ_CLOSED) && bq_poller_poll(loop.poller, &event, 1) > 0) {
      take_and_line_up_again(all, BQ_NOWAIT);
    }
  }
  loop_close(&loop);
}

static void *take_by_epoll(void *all) {
  take_by_loop(all, BY_EPOLL);
  return NULL;
}

static void *take_by_edge(void *all) {
  take_by_loop(all, BY_POLLER_EDGE);
  return NULL;
}

/* Visitors: in every round they stand in line for a moment, then leave. */

static void visit_by_get(trickle *all, int64_t moment_ns) { take(all, moment_ns); }

static void visit_by_wait(trickle *all, int64_t moment_ns) {
  bq_poller *poller = new_poller();
  bq_event event;
  watch(poller, all->queue, BQ_READABLE);
  if (bq_poller_wait(poller, &event, 1, moment_ns) == 1) take(all, BQ_NOWAIT);
  bq_poller_unref(poller);
}

static void visit_and_be_removed(trickle *all, int64_t moment_ns) {
  bq_poller *poller = new_poller();
  watch(poller, all->queue, BQ_READABLE);
  spend(moment_ns);
  unwatch(poller, all->queue);
  bq_poller_unref(poller);
}

static void visit_and_be_destroyed(trickle *all, int64_t moment_ns) {
  bq_poller *poller = poller_with(moment_ns & 1 ? BQ_POLLER_EDGE : 0);
  watch(poller, all->queue, BQ_READABLE);
  if (moment_ns & 2) descriptor_of(poller);
  spend(moment_ns);
  bq_poller_unref(poller);
}

/* In line only in between: first with the watch paused, then with one for another event. */
static void visit_and_be_modified(trickle *all, int64_t moment_ns) {
  bq_poller *poller = new_poller();
  watch(poller, all->queue, 0);
  rewatch(poller, all->queue, BQ_READABLE);
  spend(moment_ns);
  rewatch(poller, all->queue, moment_ns & 1 ? 0 : BQ_DRAINED);
  spend(moment_ns);
  bq_poller_unref(poller);
}

typedef struct visitor {
  trickle *all;
  void (*visit)(trickle *, int64_t moment_ns);
  uint64_t salt;
  pthread_t thread;
} visitor;

static void *visit_every_round(void *argument) {
  visitor *one = argument;
  int64_t round = 0;
  while (await_round_after(one->all, round)) {
    round = atomic_load(&one->all->round);
    one->visit(one->all, moment_of(round, one->salt));
  }
  return NULL;
}

/* Main puts somewhere in the middle of the visits, and is the watchdog. */

static void expect_taken(trickle *all, int64_t number) {
  const int64_t until_ns = now_ns() + STALLED_NS;
  for (; atomic_load(&all->taken) < number; pause_briefly()) {
    if (now_ns() < until_ns) continue;
    const bq_stats stats = stats_of(all->queue);
    check_fail(__FILE__, __LINE__, "item %lld lies there: %zu blocked gets, %zu armed watches",
               (long long)number, stats.blocked_gets, stats.armed_watches);
  }
}

static void run_trickle(uint32_t order, size_t capacity, void *(*take_items)(void *)) {
  trickle all = {.queue = number_queue(order, capacity)};
  visitor visitors[] = {{.visit = visit_by_get},
                        {.visit = visit_by_wait},
                        {.visit = visit_and_be_removed},
                        {.visit = visit_and_be_destroyed},
                        {.visit = visit_and_be_modified}};
  const pthread_t taker = thread_start(take_items, &all);
  for (size_t i = 0; i < LENGTH(visitors); i++) {
    visitors[i].all = &all;
    visitors[i].salt = 2 + i;
    visitors[i].thread = thread_start(visit_every_round, &visitors[i]);
  }
  for (int64_t number = 1; number <= ROUNDS; number++) {
    atomic_store(&all.round, number);
    spend(2 * moment_of(number, 0));
    put_number(all.queue, number);
    expect_taken(&all, number);
  }
  atomic_store(&all.round, -1);
  for (size_t i = 0; i < LENGTH(visitors); i++) thread_join(visitors[i].thread);
  CHECK_STATUS(bq_shutdown(all.queue, BQ_DRAIN), BQ_OK);
  thread_join(taker);
  CHECK_EQ(stats_of(all.queue).gets, ROUNDS);
  CHECK_EQ(armed_watches(all.queue), 0);
  bq_queue_unref(all.queue);
}

#define NO_WAKE_UP_IS_LOST(order, capacity, kind)                                                  \
  TEST(no_wake_up_of_a_blocked_get_is_lost_##kind) { run_trickle(order, capacity, take_by_get); }  \
  TEST(no_wake_up_of_a_wait_is_lost_##kind) { run_trickle(order, capacity, take_by_wait); }        \
  TEST(no_wake_up_of_a_loop_is_lost_##kind) { run_trickle(order, capacity, take_by_epoll); }       \
  TEST(no_wake_up_of_an_edge_is_lost_##kind) { run_trickle(order, capacity, take_by_edge); }

NO_WAKE_UP_IS_LOST(BQ_FIFO, 0, on_an_unbounded_fifo)
NO_WAKE_UP_IS_LOST(BQ_FIFO, 1, on_a_bounded_fifo)
NO_WAKE_UP_IS_LOST(BQ_LIFO, 0, on_a_lifo)

/* One thread waits on a poller whose watches others change: each has a queue of its own. */

typedef struct meddler {
  bq_poller *poller;
  bq_queue *queue;
  atomic_llong got;
  pthread_t thread;
} meddler;

static void *serve_the_meddlers(void *poller) {
  bq_event ready[2];
  ptrdiff_t count;
  while ((count = bq_poller_wait(poller, ready, LENGTH(ready), BQ_FOREVER)) > 0) {
    for (ptrdiff_t i = 0; i < count; i++) {
      meddler *one = ready[i].data;
      CHECK(one != NULL); /* data goes with the events: a paused watch has none to report */
      int64_t number;
      if (bq_get(one->queue, &number, BQ_NOWAIT) == BQ_OK) atomic_store(&one->got, number);
    }
  }
  CHECK_STATUS(count, 0);
  return NULL;
}

static void *meddle(void *argument) {
  meddler *one = argument;
  for (int64_t number = 1; number <= ROUNDS; number++) {
    const bool remove = number % 3 == 0;
    const bool put_late = number % 2 == 0;
    if (!put_late) put_number(one->queue, number);
    if (remove) unwatch(one->poller, one->queue);
    else CHECK_STATUS(bq_poller_modify(one->poller, one->queue, 0, NULL), BQ_OK);
    if (put_late) put_number(one->queue, number);
    CHECK_STATUS((remove ? bq_poller_add : bq_poller_modify)(one->poller, one->queue, BQ_READABLE,
                                                             one),
                 BQ_OK);
    await(atomic_load(&one->got) == number);
  }
  return NULL;
}

TEST(no_wake_up_is_lost_while_other_threads_change_the_watches) {
  bq_poller *poller = new_poller();
  meddler meddlers[3] = {{.poller = poller}, {.poller = poller}, {.poller = poller}};
  const pthread_t server = thread_start(serve_the_meddlers, poller);
  for (size_t i = 0; i < LENGTH(meddlers); i++) {
    meddlers[i].queue = number_queue(BQ_FIFO, 1);
    CHECK_STATUS(bq_poller_add(poller, meddlers[i].queue, BQ_READABLE, &meddlers[i]), BQ_OK);
    meddlers[i].thread = thread_start(meddle, &meddlers[i]);
  }
  for (size_t i = 0; i < LENGTH(meddlers); i++) thread_join(meddlers[i].thread);
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  thread_join(server);
  bq_poller_unref(poller);
  for (size_t i = 0; i < LENGTH(meddlers); i++) bq_queue_unref(meddlers[i].queue);
}

/* A loop of which looking again always finds something is sent to its other descriptors now and then. */

static void *put_when_empty(void *argument) {
  trickle *all = argument;
  const int64_t number = 1;
  while (atomic_load(&all->round) >= 0) {
    if (bq_len(all->queue) == 0) bq_put(all->queue, &number, BQ_NOWAIT);
    sched_yield();
  }
  return NULL;
}

static void take_all(bq_queue *queue) {
  int64_t number;
  while (bq_get(queue, &number, BQ_NOWAIT) == BQ_OK) continue;
}

static void stop_putting(trickle *all, pthread_t producer) {
  atomic_store(&all->round, -1);
  thread_join(producer);
}

static void check_pipe_stays_short(loop_kind kind) {
  enum { TURNS = 300, BYTES = 8 };
  event_loop loop = loop_open(kind);
  trickle all = {.queue = number_queue(BQ_FIFO, 0)};
  bq_event event;
  watch(loop.poller, all.queue, BQ_READABLE);
  const pthread_t producer = thread_start(put_when_empty, &all);
  for (int turn = 0; turn < TURNS; turn++) {
    int bytes = 0;
    wait_until_it_fires(&loop);
    CHECK_EQ(ioctl(loop.descriptor, FIONREAD, &bytes), 0);
    CHECK(bytes <= BYTES);
    while (bq_poller_poll(loop.poller, &event, 1) > 0) take_all(all.queue);
  }
  stop_putting(&all, producer);
  loop_close(&loop);
  bq_queue_unref(all.queue);
}

TEST(a_busy_loop_does_not_fill_its_pipe) { check_pipe_stays_short(BY_PIPE); }
TEST(a_busy_edge_triggered_loop_does_not_fill_its_pipe) { check_pipe_stays_short(BY_PIPE_EDGE); }

/* Each look again finds something, so a poll returns 0 by courtesy only. */
static event_loop loop_that_lingers(void) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.linger_ns = 100 * SECOND;
  bq_poller *poller = poller_from(&options);
  return (event_loop){BY_POLL, poller, descriptor_of(poller), -1};
}

/* Such a loop, beside a thread that puts whenever its queue is empty. */
typedef struct busy_loop {
  event_loop loop;
  trickle all;
  pthread_t producer;
} busy_loop;

static void busy_open(busy_loop *busy) {
  busy->loop = loop_that_lingers();
  busy->all = (trickle){.queue = number_queue(BQ_FIFO, 0)};
  watch(busy->loop.poller, busy->all.queue, BQ_READABLE);
  busy->producer = thread_start(put_when_empty, &busy->all);
}

/* Nothing is put any more, and nothing is left. */
static void busy_calm(busy_loop *busy) {
  stop_putting(&busy->all, busy->producer);
  take_all(busy->all.queue);
}

static void busy_close(busy_loop *busy) {
  loop_close(&busy->loop);
  bq_queue_unref(busy->all.queue);
}

/*
 * Level-triggered, the poller's descriptor comes before those that became readable since: the next call
 * sends the loop to them once more. Here each look again finds something, so a visit that lingers ends by
 * courtesy only, after 20 microseconds or more.
 */
TEST(a_loop_that_was_sent_to_its_other_descriptors_is_not_kept_from_them) {
  busy_loop busy;
  bq_event event;
  int64_t visit_ns;
  busy_open(&busy);
  do {
    wait_until_it_fires(&busy.loop);
    visit_ns = -now_ns();
    while (bq_poller_poll(busy.loop.poller, &event, 1) > 0) take_all(busy.all.queue);
    visit_ns += now_ns();
  } while (visit_ns > 15 * MICROSECOND);
  busy_calm(&busy);
  busy_close(&busy);
}

/*
 * Between the looks are calls that have no need to: what they find was there before. They do not let a visit begin
 * anew: it takes 20 microseconds, some 40 calls.
 */
TEST(a_loop_that_looks_now_and_then_is_sent_to_its_other_descriptors) {
  busy_loop busy;
  bq_event event;
  busy_open(&busy);
  for (int visit = 0; visit < 20; visit++) {
    int calls = 0;
    wait_until_it_fires(&busy.loop);
    while (bq_poller_poll(busy.loop.poller, &event, 1) > 0) {
      take_all(busy.all.queue);
      calls++;
      while (calls % 2 == 0 && bq_len(busy.all.queue) == 0) continue;
    }
    CHECK(calls < 1000);
  }
  busy_calm(&busy);
  busy_close(&busy);
}

/* What kept the loop before it slept does not count behind that, also where it slept in a wait. */
TEST(a_loop_that_has_slept_is_not_sent_to_its_other_descriptors) {
  busy_loop busy;
  bq_event event;
  busy_open(&busy);
  wait_until_it_fires(&busy.loop);
  for (int calls = 0; calls < 4; calls++) {
    if (bq_poller_poll(busy.loop.poller, &event, 1) > 0) take_all(busy.all.queue);
  }
  busy_calm(&busy);
  CHECK_STATUS(bq_poller_wait(busy.loop.poller, &event, 1, 100 * MICROSECOND), BQ_TIMEDOUT);
  put_number(busy.all.queue, 1);
  CHECK_EQ(bq_poller_poll(busy.loop.poller, &event, 1), 1);
  busy_close(&busy);
}

/* Nor does what kept a wait. */
TEST(a_loop_is_not_sent_to_its_other_descriptors_for_what_a_wait_has_found) {
  busy_loop busy;
  bq_event event;
  busy_open(&busy);
  for (int waits = 0; waits < 4; waits++) {
    CHECK_EQ(bq_poller_wait(busy.loop.poller, &event, 1, BQ_FOREVER), 1);
    take_all(busy.all.queue);
  }
  busy_calm(&busy);
  spend(30 * MICROSECOND);
  put_number(busy.all.queue, 1);
  CHECK_EQ(bq_poller_poll(busy.loop.poller, &event, 1), 1);
  busy_close(&busy);
}

/* A courteous 0 answers a wake by hand like any other: the wait that follows has nothing to answer. */
TEST(a_loop_that_was_sent_to_its_other_descriptors_has_been_woken_by_hand) {
  for (int round = 0; round < 20; round++) {
    busy_loop busy;
    bq_event event;
    int64_t number;
    busy_open(&busy);
    bq_poller *const poller = busy.loop.poller;
    wait_until_it_fires(&busy.loop);
    const int64_t began_ns = now_ns();
    while (now_ns() - began_ns < 15 * MICROSECOND && bq_poller_poll(poller, &event, 1) > 0) {
      bq_get(busy.all.queue, &number, BQ_NOWAIT);
    }
    spend(20 * MICROSECOND);
    CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
    while (bq_poller_poll(poller, &event, 1) > 0) bq_get(busy.all.queue, &number, BQ_NOWAIT);
    busy_calm(&busy);
    CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_NOWAIT), BQ_TIMEDOUT);
    busy_close(&busy);
  }
}

CHECK_MAIN()
