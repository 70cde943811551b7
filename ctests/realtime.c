/*
 * Real-time priorities on one processor: a thread that nothing but its own sleep takes off the
 * processor, against one that it interrupts in the middle of its calls. If a call of the first waited
 * for the second by spinning, it would wait for ever: RLIMIT_RTTIME ends a thread that runs for so
 * long without a sleep.
 */
#include "loops.h"

#include <sched.h>
#include <sys/resource.h>

enum { ITEM = 32768, ROUNDS = 3000 }; /* long enough for half of a call's time to be its copy */

typedef struct duel duel;

struct duel {
  uint32_t order;
  size_t capacity;
  bq_queue *queue;
  bq_poller *poller;
  void (*low)(duel *);  /* over and over, until the duel is over */
  bool (*high)(duel *); /* ROUNDS times or more; whether it found something to do */
  atomic_bool over;
  atomic_llong low_calls;
  long long hits;
};

static unsigned char *item_of(void) {
  static _Thread_local unsigned char item[ITEM];
  return item;
}

/* What either does: gives, takes, or both. All of it may be in the middle when the other comes. */

static void put_now(duel *at) {
  const bq_status status = bq_put(at->queue, item_of(), BQ_NOWAIT);
  CHECK(status == BQ_OK || status == BQ_FULL || status == BQ_SHUTDOWN);
}

static void get_now(duel *at) {
  const bq_status status = bq_get(at->queue, item_of(), BQ_NOWAIT);
  CHECK(status == BQ_OK || status == BQ_EMPTY || status == BQ_SHUTDOWN);
}

static void put_and_get(duel *at) { put_now(at), get_now(at); }

static void peek_put_and_get(duel *at) {
  put_now(at);
  bq_peek(at->queue, item_of(), BQ_NOWAIT);
  get_now(at);
}

static void put_get_rewatch(duel *at) {
  put_and_get(at);
  rewatch(at->poller, at->queue, BQ_READABLE);
}

static bool done(bq_status status, bq_status otherwise) {
  if (status != BQ_OK) CHECK_STATUS(status, otherwise);
  return status == BQ_OK;
}

static bool get_once(duel *at) {
  return done(bq_get(at->queue, item_of(), BQ_NOWAIT), BQ_EMPTY);
}

static bool put_once(duel *at) { return done(bq_put(at->queue, item_of(), BQ_NOWAIT), BQ_FULL); }

static bool get_in_time(duel *at) {
  return done(bq_get(at->queue, item_of(), 200 * MICROSECOND), BQ_EMPTY);
}

static bool put_in_time(duel *at) {
  return done(bq_put(at->queue, item_of(), 200 * MICROSECOND), BQ_FULL);
}

/* The other side only gives, so there is something to wait for. */
static bool get_however_long(duel *at) {
  return done(bq_get(at->queue, item_of(), BQ_FOREVER), BQ_OK);
}

static bool put_however_long(duel *at) {
  return done(bq_put(at->queue, item_of(), BQ_FOREVER), BQ_OK);
}

static bool do_everything(duel *at) {
  bq_stats stats = BQ_STATS_INIT;
  const bool had_some = bq_peek(at->queue, item_of(), BQ_NOWAIT) == BQ_OK;
  bq_poll(at->queue, BQ_READABLE | BQ_WRITABLE, 100 * MICROSECOND);
  CHECK_STATUS(bq_queue_stats(at->queue, &stats), BQ_OK);
  CHECK_STATUS(bq_set_capacity(at->queue, at->capacity), BQ_OK);
  bq_clear(at->queue);
  bq_join(at->queue, 100 * MICROSECOND);
  return had_some;
}

static bool wait_on_poller(duel *at) {
  bq_event event;
  const ptrdiff_t count = bq_poller_wait(at->poller, &event, 1, 200 * MICROSECOND);
  if (count < 0) CHECK_STATUS(count, BQ_TIMEDOUT);
  return count == 1 && get_once(at);
}

/* Threads */

static void *run_low(void *argument) {
  duel *at = argument;
  while (!atomic_load(&at->over)) {
    at->low(at);
    atomic_fetch_add(&at->low_calls, 1);
  }
  return NULL;
}

/* Sleeps for a time that has nothing to do with the other's rhythm. */
static void sleep_a_bit(int round) {
  const struct timespec bit = {0, 5 * MICROSECOND + round * 7919 % 53 * MICROSECOND};
  nanosleep(&bit, NULL);
}

static void *run_high(void *argument) {
  duel *at = argument;
  /* Longer where others leave the low one no time: a duel needs two. */
  for (int round = 0; round < ROUNDS || !at->hits || !atomic_load(&at->low_calls); round++) {
    at->hits += at->high(at);
    sleep_a_bit(round);
  }
  return NULL;
}

/* Priority 0: an ordinary thread, whom every other of ours interrupts. */
static pthread_t start_with_priority(void *(*run)(void *), void *argument, int priority) {
  pthread_attr_t attributes;
  pthread_t thread;
  const struct sched_param parameter = {.sched_priority = priority};
  CHECK_EQ(pthread_attr_init(&attributes), 0);
  CHECK_EQ(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED), 0);
  CHECK_EQ(pthread_attr_setschedpolicy(&attributes, priority ? SCHED_FIFO : SCHED_OTHER), 0);
  CHECK_EQ(pthread_attr_setschedparam(&attributes, &parameter), 0);
  const int error = pthread_create(&thread, &attributes, run, argument);
  CHECK_EQ(pthread_attr_destroy(&attributes), 0);
  if (error) check_fail(__FILE__, __LINE__, "no thread of priority %d: %s", priority,
                        strerror(error));
  return thread;
}

static void fight(duel *at) {
  bq_options options = number_options(at->order, at->capacity);
  options.item_size = ITEM;
  at->queue = queue_from(&options);
  at->poller = new_poller();
  /* Only where it is polled: one that is not keeps the wake-ups that it is sent. */
  watch(at->poller, at->queue, at->high == wait_on_poller ? BQ_READABLE : 0);
  const pthread_t high = start_with_priority(run_high, at, 20);
  const pthread_t low = start_with_priority(run_low, at, 0);
  thread_join(high);
  atomic_store(&at->over, true);
  bq_shutdown(at->queue, BQ_DISCARD); /* whichever waits for the one that has left */
  thread_join(low);
  CHECK(at->low_calls > 0 && at->hits > 0);
  bq_poller_unref(at->poller);
  bq_queue_unref(at->queue);
}

/* One processor for all; the main thread is above both, or it would never get to look. */
static const char *become_real_time(void) {
  cpu_set_t one;
  const struct sched_param parameter = {.sched_priority = 30};
  const struct rlimit longest = {250000, 1000000}; /* microseconds: SIGXCPU, SIGKILL */
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) return "it may not choose its processor";
  if (sched_setscheduler(0, SCHED_FIFO, &parameter) != 0)
    return "it may not have real-time priorities (root or RLIMIT_RTPRIO may)";
  CHECK_EQ(setrlimit(RLIMIT_RTTIME, &longest), 0);
  return NULL;
}

static void fight_in_every_order(size_t capacity, void (*low)(duel *), bool (*high)(duel *)) {
  FOR_EVERY_ORDER(order) {
    duel at = {.order = order, .capacity = capacity, .low = low, .high = high};
    fight(&at);
  }
}

#define REAL_TIME_TEST(name, capacity, low, high)                                                  \
  TEST(name) {                                                                                     \
    const char *refused = become_real_time();                                                      \
    if (refused) SKIP(refused);                                                                    \
    fight_in_every_order(capacity, low, high);                                                     \
  }

REAL_TIME_TEST(a_get_never_spins_behind_an_interrupted_put, 0, peek_put_and_get, get_once)
REAL_TIME_TEST(a_put_never_spins_behind_an_interrupted_get, 1, put_and_get, put_once)
REAL_TIME_TEST(a_timed_get_never_spins_behind_an_interrupted_put, 4, put_and_get, get_in_time)
REAL_TIME_TEST(a_timed_put_never_spins_behind_an_interrupted_get, 1, put_and_get, put_in_time)
REAL_TIME_TEST(a_blocked_get_never_spins_behind_an_interrupted_put, 1, put_now, get_however_long)
REAL_TIME_TEST(a_blocked_put_never_spins_behind_an_interrupted_get, 1, get_now, put_however_long)
REAL_TIME_TEST(no_other_call_spins_behind_an_interrupted_one, 4, put_and_get, do_everything)
REAL_TIME_TEST(a_poller_never_spins_behind_an_interrupted_call, 4, put_get_rewatch, wait_on_poller)

/* The library learnt how many processors there are before all threads were bound to one. */
TEST(a_process_bound_to_one_processor_late_does_not_spin) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  int64_t number;
  CHECK_STATUS(bq_get(queue, &number, MICROSECOND), BQ_EMPTY);
  bq_queue_unref(queue);
  const char *refused = become_real_time();
  if (refused) SKIP(refused);
  fight_in_every_order(1, put_now, get_however_long);
  fight_in_every_order(4, put_get_rewatch, wait_on_poller);
}

CHECK_MAIN()
