/* Signals by the thousand, and a process that is stopped and continued, under traffic of all kinds. */
#include "traffic.h"

#include <sys/mman.h>

static atomic_llong handled;

static void count_signal(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&handled, 1);
}

static void catch_signals(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
  atomic_store(&handled, 0);
}

/* Sends so many signals to all the threads, as fast as they are handled. */
static void storm(traffic *all, long long signals) {
  while (atomic_load(&handled) < signals) {
    const long long before = atomic_load(&handled);
    for (int i = 0; i < TRAFFIC_THREADS; i++)
      CHECK_EQ(pthread_kill(all->threads[i].thread, SIGUSR1), 0);
    await(atomic_load(&handled) >= before + TRAFFIC_THREADS);
  }
}

static void check_storm(uint32_t order, size_t capacity) {
  traffic *all = traffic_start(order, capacity);
  storm(all, 2000);
  traffic_end(all);
}

TEST(a_storm_of_signals_in_traffic_loses_nothing_and_leaves_nobody_asleep) {
  FOR_EVERY_ORDER(order) {
    for (size_t capacity = 0; capacity <= 4; capacity += 4) {
      catch_signals(count_signal);
      check_storm(order, capacity);
    }
  }
}

/* A handler may wake any poller, whatever its own thread was in the middle of. */

static bq_poller *_Atomic handlers_poller;

static void wake_from_handler(int signal_number) {
  (void)signal_number;
  CHECK_STATUS(bq_poller_wake(atomic_load(&handlers_poller)), BQ_OK);
  atomic_fetch_add(&handled, 1);
}

static void *answer_wakes(void *argument) {
  bq_event event;
  long long *answered = argument;
  ptrdiff_t count;
  while ((count = bq_poller_wait(atomic_load(&handlers_poller), &event, 1, BQ_FOREVER)) == 0)
    ++*answered;
  CHECK_STATUS(count, 1);
  return NULL;
}

static void check_handlers_that_wake(uint32_t flags, bool with_descriptor) {
  long long answered = 0;
  bq_poller *poller = poller_with(flags);
  bq_queue *last = number_queue(BQ_FIFO, 0);
  atomic_store(&handlers_poller, poller);
  if (with_descriptor) descriptor_of(poller);
  watch(poller, last, BQ_CLOSED);
  const pthread_t thread = thread_start(answer_wakes, &answered);
  catch_signals(wake_from_handler);
  check_storm(BQ_FIFO, 4);
  CHECK_STATUS(bq_shutdown(last, BQ_DRAIN), BQ_OK);
  thread_join(thread);
  CHECK(answered > 0);
  bq_poller_unref(poller);
  bq_queue_unref(last);
}

TEST(a_handler_may_wake_a_poller_in_the_middle_of_anything) {
  check_handlers_that_wake(0, false);
  check_handlers_that_wake(0, true);
  check_handlers_that_wake(BQ_POLLER_PIPE, true);
}

/* Stopping: what is stopped in the middle of a call goes on there; deadlines pass meanwhile. */

enum { STOPS = 40 };

typedef struct stage {
  uint32_t order;
  size_t capacity;
  atomic_llong *progress; /* shared with the parent */
} stage;

static void report_progress_until_told(traffic *all, const stage *at) {
  while (atomic_load(at->progress) >= 0) {
    const long long now = atomic_load(&all->got.items);
    long long seen = atomic_load(at->progress);
    if (seen >= 0) atomic_compare_exchange_strong(at->progress, &seen, now);
    pause_briefly();
  }
}

static void run_until_told(void *argument) {
  const stage *at = argument;
  traffic *all = traffic_start(at->order, at->capacity);
  report_progress_until_told(all, at);
  traffic_end(all);
}

static pid_t start_in_child(const stage *at) {
  fflush(NULL);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(CHECK_WATCHDOG_S);
    run_until_told((void *)(uintptr_t)at);
    _exit(0);
  }
  return child;
}

static void stop_and_continue(pid_t child, atomic_llong *progress) {
  int status = 0;
  const long long seen = atomic_load(progress);
  CHECK_EQ(kill(child, SIGSTOP), 0);
  CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
  CHECK(WIFSTOPPED(status));
  pause_briefly();
  CHECK_EQ(kill(child, SIGCONT), 0);
  await(atomic_load(progress) > seen + 10);
}

TEST(a_process_that_is_stopped_and_continued_goes_on) {
  atomic_llong *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(progress != MAP_FAILED);
  FOR_EVERY_ORDER(order) {
    const stage at = {.order = order, .capacity = order == BQ_FIFO ? 4 : 0, .progress = progress};
    int status = 0;
    atomic_store(progress, 0);
    const pid_t child = start_in_child(&at);
    await(atomic_load(progress) > 0);
    for (int i = 0; i < STOPS; i++) stop_and_continue(child, progress);
    atomic_store(progress, -1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

/* Stopped for longer than the deadline: late, and the answer is still the deadline's. */

static void wait_with_a_deadline(void *unused) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  int64_t number = 5;
  bq_event event;
  (void)unused;
  CHECK_STATUS(bq_get(queue, &number, 30 * MILLISECOND), BQ_EMPTY);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, 30 * MILLISECOND), BQ_TIMEDOUT);
  CHECK_EQ(number, 5);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_deadline_that_passes_while_the_process_is_stopped_has_passed) {
  fflush(NULL);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(30);
    wait_with_a_deadline(NULL);
    _exit(0);
  }
  int status = 0;
  for (;;) {
    if (kill(child, SIGSTOP) != 0) break;
    if (waitpid(child, &status, WUNTRACED) == child && !WIFSTOPPED(status)) break;
    for (int i = 0; i < 20; i++) pause_briefly();
    kill(child, SIGCONT);
    for (int i = 0; i < 20; i++) pause_briefly();
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CHECK_MAIN()
