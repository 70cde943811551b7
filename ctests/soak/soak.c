/* Rounds, one after the other, until the time is over. */
#include "soak.h"

#include <dirent.h>
#include <malloc.h>

typedef struct wishes {
  uint64_t seed;
  int64_t round; /* -1: all, one after the other */
  uint32_t seconds, threads, watchdog_s;
} wishes;

/* Leaks: in use after a round. Threads keep some memory of their own to be used again. */
enum { ROUNDS_TO_SETTLE = 20, LEAK = 1 << 20 };

static soak all;
static char how_to_repeat[128];

/* Round */

static void open_queue(size_t number) {
  soak_queue *queue = &all.queues[number];
  const queue_plan *as_planned = &all.plan.queues[number];
  bq_options options = BQ_OPTIONS_INIT;
  *queue = (soak_queue){.number = number, .all = &all, .plan = as_planned};
  options.order = as_planned->order;
  options.capacity = as_planned->capacity;
  options.item_size = as_planned->item_size;
  options.linger_ns = as_planned->linger_ns;
  options.drop = drop_item;
  options.compare = as_planned->compares ? compare_ranks : NULL;
  options.context = queue;
  queue->handle = queue_from(&options);
}

/* The ledger stays with the worker, everything else is as in a new one. */
static void prepare_worker(size_t number, const worker_plan *as_planned) {
  worker *one = &all.workers[number];
  atomic_ullong *taken = one->taken;
  memset((void *)one, 0, sizeof *one);
  one->taken = taken;
  one->all = &all;
  one->number = number;
  one->plan = as_planned;
  one->random = random_state(all.plan.seed + number, all.plan.round + 1000);
  memset(one->last, -1, sizeof one->last);
  CHECK_EQ(pthread_mutex_init(&one->desk.lock, NULL), 0);
  CHECK_EQ(sem_init(&one->desk.bell, 0, 0), 0);
}

static void start_round(void) {
  static const worker_plan controller = {.role = BOTH, .batch = 4};
  all.worker_count = all.plan.thread_count + all.plan.loop_count;
  atomic_store(&all.resting, false);
  atomic_store(&all.winding_up, false);
  atomic_store(&all.ending, false);
  for (size_t i = 0; i < all.plan.queue_count; i++) open_queue(i);
  for (size_t i = 0; i < CONTROLLER; i++) prepare_worker(i, &all.plan.workers[i]);
  prepare_worker(CONTROLLER, &controller);
  for (size_t i = 0; i < all.worker_count; i++)
    all.workers[i].thread =
        thread_start(i < all.plan.thread_count ? thread_main : loop_main, &all.workers[i]);
}

static void shut_down(soak_queue *queue, uint32_t mode) {
  atomic_store(&queue->shut, true);
  CHECK_STATUS(bq_shutdown(queue->handle, mode), BQ_OK);
  if (mode == BQ_DISCARD) atomic_store(&queue->discarded, true);
}

static void nap(int64_t length_ns) {
  const struct timespec length = {length_ns / SECOND, length_ns % SECOND};
  nanosleep(&length, NULL);
}

static void do_step(const step_plan *step) {
  soak_queue *queue = &all.queues[step->queue];
  nap(step->after_ns);
  switch (step->deed) {
  case DO_NOTHING: break;
  case DO_RESIZE: CHECK_STATUS(bq_set_capacity(queue->handle, step->number), BQ_OK); break;
  case DO_CLEAR: bq_clear(queue->handle); break;
  case DO_SHUTDOWN: shut_down(queue, (uint32_t)step->number); break;
  case DO_REST: rest_now_and_then(&all, step->number); break;
  }
  atomic_fetch_add(&all.steps, 1);
}

/* Waiting without an end: the watchdog is there for that. */
static void await_end_of(bool (*meant)(const worker *)) {
  for (size_t i = 0; i < all.worker_count; i++)
    while (meant(&all.workers[i]) && !atomic_load(&all.workers[i].ended)) pause_briefly();
  atomic_fetch_add(&all.steps, 1);
}

static bool disturbs(const worker *one) { return one->plan->role == DISTURBER; }
static bool joins_not(const worker *one) { return one->plan->role != JOINER; }

static void take_what_is_left(soak_queue *queue) {
  worker *me = &all.workers[CONTROLLER];
  while (get_some(me, queue, BQ_NOWAIT)) continue;
  pay(me);
}

static void join_queue(soak_queue *queue) {
  bq_status status;
  while ((status = bq_join(queue->handle, MILLISECOND)) == BQ_TIMEDOUT) take_what_is_left(queue);
  CHECK_STATUS(status, BQ_OK);
  atomic_fetch_add(&all.steps, 1);
}

static void end_queue(soak_queue *queue) {
  switch (queue->plan->ending) {
  case BY_DISCARD: shut_down(queue, BQ_DISCARD); break;
  case BY_BOTH:
    shut_down(queue, BQ_DRAIN);
    shut_down(queue, BQ_DISCARD);
    break;
  case BY_JOIN: join_queue(queue); /* fall through */
  case BY_DRAIN: shut_down(queue, BQ_DRAIN); break;
  }
}

static void end_queues(bool joined) {
  for (size_t i = 0; i < all.plan.queue_count; i++)
    if ((all.plan.queues[i].ending == BY_JOIN) == joined) end_queue(&all.queues[i]);
}

/* Who waits for room in a queue that is joined is let in; who is at another one sees it end. */
static void wind_up(void) {
  atomic_store(&all.winding_up, true);
  await_end_of(disturbs);
  for (size_t i = 0; i < all.plan.queue_count; i++)
    if (all.plan.queues[i].ending == BY_JOIN)
      CHECK_STATUS(bq_set_capacity(all.queues[i].handle, 0), BQ_OK);
  end_queues(false);
  end_queues(true);
  atomic_store(&all.ending, true);
  wake_loops(&all);
  await_end_of(joins_not);
  for (size_t i = 0; i < all.plan.queue_count; i++) {
    if (atomic_load(&all.queues[i].discarded)) CHECK_EQ(bq_len(all.queues[i].handle), 0);
    if (!all.plan.queues[i].leaves) take_what_is_left(&all.queues[i]);
  }
  for (size_t i = 0; i < all.worker_count; i++) thread_join(all.workers[i].thread);
}

static void check_and_close_queue(soak_queue *queue) {
  const bq_stats stats = stats_of(queue->handle);
  const long long put = sum_put(&all, queue->number);
  const long long got = sum_got(&all, queue->number);
  CHECK_EQ(stats.puts, put);
  CHECK_EQ(stats.gets, got);
  CHECK_EQ(stats.discards, atomic_load(&queue->dropped));
  CHECK_EQ(stats.len, put - got - atomic_load(&queue->dropped));
  CHECK_EQ(stats.unfinished, stats.len);
  CHECK(stats.len == 0 || queue->plan->leaves);
  CHECK_EQ(stats.blocked_gets + stats.blocked_puts + stats.blocked_joins + stats.armed_watches, 0);
  bq_queue_unref(queue->handle);
  CHECK_EQ(put, got + atomic_load(&queue->dropped));
  atomic_fetch_add(&all.items, put);
  atomic_fetch_add(&all.wakes, (long long)stats.wakes);
}

static void end_round(void) {
  wind_up();
  for (size_t i = 0; i < all.plan.queue_count; i++) check_and_close_queue(&all.queues[i]);
  check_and_clear_ledger(&all);
  for (size_t i = 0; i < MOST_WORKERS; i++) {
    pthread_mutex_destroy(&all.workers[i].desk.lock);
    sem_destroy(&all.workers[i].desk.bell);
  }
  all.queue_total += all.plan.queue_count;
  atomic_fetch_add(&all.steps, 1);
}

/* Leaks */

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define DESCRIPTORS_COUNT 0 /* it opens some to name what it suppresses */
#endif
#endif
#ifndef DESCRIPTORS_COUNT
#define DESCRIPTORS_COUNT 1
#endif

static size_t memory_in_use(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 memory = mallinfo2();
  return memory.uordblks + memory.hblkhd;
#else
  return 0;
#endif
}

static size_t open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  size_t count = 0;
  if (!directory) return 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static void check_leaks(uint64_t rounds) {
  static size_t memory, descriptors;
  if (rounds == 1) descriptors = open_descriptors();
  if (rounds <= ROUNDS_TO_SETTLE && memory < memory_in_use()) memory = memory_in_use();
  if (DESCRIPTORS_COUNT) CHECK_EQ(open_descriptors(), descriptors);
  if (memory_in_use() > memory + LEAK)
    check_fail(__FILE__, __LINE__, "%zu bytes are in use after round %llu, at first there were %zu",
               memory_in_use(), (unsigned long long)all.plan.round, memory);
}

/* Program */

static void tell_how_to_repeat(int signal_number) {
  (void)signal_number; /* the process ends by it when this returns to abort() */
  const ssize_t ignored = write(STDERR_FILENO, how_to_repeat, strlen(how_to_repeat));
  (void)ignored;
}

static void report(const char *when, uint64_t rounds, int64_t began_ns) {
  printf("%s%lld s: %llu rounds, %lld items, %lld wakes, %llu queues, %lld pollers, %lld rests\n",
         when, (long long)((now_ns() - began_ns) / SECOND), (unsigned long long)rounds,
         (long long)all.items, (long long)all.wakes, (unsigned long long)all.queue_total,
         (long long)all.pollers, (long long)all.rests);
  fflush(stdout);
}

static void run(const wishes *wanted) {
  const int64_t began_ns = now_ns();
  const int64_t until_ns = began_ns + wanted->seconds * SECOND;
  int64_t report_ns = began_ns + 60 * SECOND;
  uint64_t rounds = 0;
  all.watchdog_s = wanted->watchdog_s;
  CHECK_EQ(pthread_mutex_init(&all.gate, NULL), 0);
  CHECK_EQ(pthread_cond_init(&all.gate_opens, NULL), 0);
  for (size_t i = 0; i < MOST_WORKERS; i++)
    CHECK((all.workers[i].taken = calloc(MOST_PUTS / 64 + 1, 8)) != NULL);
  watch_over(&all);
  do {
    const uint64_t round = wanted->round < 0 ? rounds : (uint64_t)wanted->round;
    all.plan = plan_of(wanted->seed, round, wanted->threads);
    snprintf(how_to_repeat, sizeof how_to_repeat,
             "To repeat this round: soak --seed %llu --round %llu --threads %u --seconds 600\n",
             (unsigned long long)wanted->seed, (unsigned long long)round, wanted->threads);
    start_round();
    for (size_t i = 0; i < all.plan.step_count && now_ns() < until_ns; i++)
      do_step(&all.plan.steps[i]);
    end_round();
    check_leaks(++rounds);
    if (now_ns() > report_ns) report("", rounds, began_ns);
    while (now_ns() > report_ns) report_ns += 60 * SECOND;
  } while (now_ns() < until_ns);
  watch_no_longer(&all);
  report("ok soak, ", rounds, began_ns);
  for (size_t i = 0; i < MOST_WORKERS; i++) free((void *)all.workers[i].taken);
}

static int usage(FILE *out) {
  fprintf(out, "usage: soak [--seconds N] [--seed S] [--threads N] [--round R] [--watchdog N]\n"
               "Rounds of random traffic in which every item is counted; a line a minute.\n"
               "--seconds N   how long (10)\n"
               "--seed S      which rounds (20)\n"
               "--round R     this one only, over and over\n"
               "--threads N   the most threads beside those of pollers, 2 to 8 (8)\n"
               "--watchdog N  seconds without any progress that end it (20)\n"
               "What goes wrong is shown, with the state of everyone, and aborts.\n");
  return out == stdout ? 0 : 2;
}

static bool number_of(const char *text, uint64_t least, uint64_t most, uint64_t *number) {
  char *end;
  errno = 0;
  *number = text ? strtoull(text, &end, 10) : 0;
  return text && *text >= '0' && *text <= '9' && !*end && !errno && *number >= least &&
         *number <= most;
}

static bool understand(int argc, char **argv, wishes *wanted) {
  for (int i = 1; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    uint64_t number;
    if (!strcmp(argv[i], "--seed") && number_of(value, 0, UINT64_MAX, &number))
      wanted->seed = number;
    else if (!strcmp(argv[i], "--round") && number_of(value, 0, INT64_MAX, &number))
      wanted->round = (int64_t)number;
    else if (!strcmp(argv[i], "--seconds") && number_of(value, 1, 10000000, &number))
      wanted->seconds = (uint32_t)number;
    else if (!strcmp(argv[i], "--threads") && number_of(value, 2, MOST_THREADS, &number))
      wanted->threads = (uint32_t)number;
    else if (!strcmp(argv[i], "--watchdog") && number_of(value, 1, 100000, &number))
      wanted->watchdog_s = (uint32_t)number;
    else
      return false;
  }
  return true;
}

int main(int argc, char **argv) {
  wishes wanted = {
      .seed = 20, .round = -1, .seconds = 10, .threads = MOST_THREADS, .watchdog_s = 20};
  if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout);
  if (!understand(argc, argv, &wanted)) return usage(stderr);
  signal(SIGABRT, tell_how_to_repeat);
  run(&wanted);
  return 0;
}
