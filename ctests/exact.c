/*
 * Lengths and counts: exact when nobody else is at work, and never more than a concurrent call away
 * from the truth otherwise.
 *
 * A worker tells what it is about to do and what it has done; whatever the library says in between
 * must lie between the two.
 */
#include "check.h"
#include "support.h"

enum { CALLS = 20000 };

typedef struct work {
  bq_queue *queue;
  atomic_llong begun;
  atomic_llong done;
} work;

static void *put_all(void *argument) {
  work *shared = argument;
  for (int64_t number = 1; number <= CALLS; number++) {
    atomic_store(&shared->begun, number);
    put_number(shared->queue, number);
    atomic_store(&shared->done, number);
  }
  return NULL;
}

static void *get_all(void *argument) {
  work *shared = argument;
  for (int64_t number = 1; number <= CALLS; number++) {
    atomic_store(&shared->begun, number);
    get_number(shared->queue);
    atomic_store(&shared->done, number);
  }
  return NULL;
}

static void *finish_all(void *argument) {
  work *shared = argument;
  for (int64_t number = 1; number <= CALLS; number++) {
    atomic_store(&shared->begun, number);
    CHECK_STATUS(bq_task_done(shared->queue, 1), BQ_OK);
    atomic_store(&shared->done, number);
  }
  return NULL;
}

/* What is asked of the queue, and whether the worker makes it larger or smaller. */
typedef long long (*ask_fn)(const bq_queue *queue);

static long long ask_len(const bq_queue *queue) { return (long long)bq_len(queue); }

static long long ask_unfinished(const bq_queue *queue) { return (long long)bq_unfinished(queue); }

static long long ask_puts(const bq_queue *queue) { return (long long)stats_of(queue).puts; }

static long long ask_gets(const bq_queue *queue) { return (long long)stats_of(queue).gets; }

static void check_rises(work *shared, void *(*body)(void *), ask_fn ask) {
  pthread_t worker = thread_start(body, shared);
  while (atomic_load(&shared->done) < CALLS) {
    const long long least = atomic_load(&shared->done);
    const long long answer = ask(shared->queue);
    const long long most = atomic_load(&shared->begun);
    CHECK(answer >= least && answer <= most);
  }
  thread_join(worker);
  CHECK_EQ(ask(shared->queue), CALLS);
}

static void check_falls(work *shared, void *(*body)(void *), ask_fn ask) {
  pthread_t worker = thread_start(body, shared);
  while (atomic_load(&shared->done) < CALLS) {
    const long long most = CALLS - atomic_load(&shared->done);
    const long long answer = ask(shared->queue);
    const long long least = CALLS - atomic_load(&shared->begun);
    CHECK(answer >= least && answer <= most);
  }
  thread_join(worker);
  CHECK_EQ(ask(shared->queue), 0);
}

/* One worker after another, while this thread asks. */
static void check_all(uint32_t order, size_t capacity) {
  static const ask_fn while_putting[] = {ask_len, ask_unfinished, ask_puts};
  for (size_t i = 0; i < LENGTH(while_putting); i++) {
    work putting = {.queue = number_queue(order, capacity)};
    check_rises(&putting, put_all, while_putting[i]);
    bq_queue_unref(putting.queue);
  }
  bq_queue *queue = number_queue(order, capacity);
  put_numbers(queue, 1, CALLS);
  work getting = {.queue = queue};
  check_falls(&getting, get_all, ask_len);
  CHECK_EQ(ask_gets(queue), CALLS);
  work finishing = {.queue = queue};
  check_falls(&finishing, finish_all, ask_unfinished);
  bq_queue_unref(queue);
}

TEST(the_counts_of_a_bounded_queue_are_a_call_away_from_the_truth_at_most) {
  FOR_EVERY_ORDER(order) check_all(order, CALLS);
}

TEST(the_counts_of_an_unbounded_queue_are_a_call_away_from_the_truth_at_most) {
  FOR_EVERY_ORDER(order) check_all(order, 0);
}

TEST(the_count_of_gets_is_a_call_away_from_the_truth_at_most) {
  FOR_EVERY_ORDER(order) {
    work getting = {.queue = number_queue(order, 0)};
    put_numbers(getting.queue, 1, CALLS);
    check_rises(&getting, get_all, ask_gets);
    bq_queue_unref(getting.queue);
  }
}

static void *put_and_get(void *argument) {
  work *shared = argument;
  int64_t number = 1;
  for (int i = 0; i < CALLS; i++) {
    CHECK_STATUS(bq_put(shared->queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(bq_get(shared->queue, &number, BQ_FOREVER), BQ_OK);
    CHECK_STATUS(bq_task_done(shared->queue, 1), BQ_OK);
  }
  atomic_fetch_add(&shared->done, 1);
  return NULL;
}

/*
 * Two workers with one item each, over and over: never more than two items queued or unfinished, and
 * each worker may be in the middle of a call that the answer counts or does not.
 */
TEST(many_calls_during_one_look_do_not_add_up) {
  FOR_EVERY_ORDER(order) {
    work shared = {.queue = number_queue(order, 2)};
    pthread_t workers[2];
    for (int i = 0; i < 2; i++) workers[i] = thread_start(put_and_get, &shared);
    while (atomic_load(&shared.done) < 2) {
      CHECK(bq_len(shared.queue) <= 2);
      const size_t unfinished = bq_unfinished(shared.queue);
      if (unfinished > 4)
        check_fail(__FILE__, __LINE__, "%zu unfinished, of 2 at most", unfinished);
    }
    for (int i = 0; i < 2; i++) thread_join(workers[i]);
    const bq_stats stats = stats_of(shared.queue);
    CHECK_EQ(stats.puts, 2 * CALLS);
    CHECK_EQ(stats.gets, 2 * CALLS);
    CHECK_EQ(stats.len + stats.unfinished, 0);
    bq_queue_unref(shared.queue);
  }
}

CHECK_MAIN()
