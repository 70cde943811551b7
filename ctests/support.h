/*
 * What test programs share: the clock, threads, waiting for a condition, small queues.
 * Tests wait on conditions, never on the clock: await(blocked_gets(queue) == 1).
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define MICROSECOND INT64_C(1000)
#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)
/* Shorter than the watchdog, so that it is the condition that is named. */
#define AWAIT_NS (30 * SECOND)

/* Waits until cond holds; fails loudly, with the text of cond, when it never does. */
#define await(cond)                                                                                \
  do {                                                                                             \
    const int64_t await_until = now_ns() + AWAIT_NS;                                               \
    while (!(cond)) {                                                                              \
      if (now_ns() > await_until) check_fail(__FILE__, __LINE__, "never came true: %s", #cond);    \
      pause_briefly();                                                                             \
    }                                                                                              \
  } while (0)

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define FOR_EVERY_ORDER(order) for (uint32_t order = BQ_FIFO; order <= BQ_PRIORITY; order++)

static inline int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

static inline void pause_briefly(void) {
  const struct timespec briefly = {0, 50 * MICROSECOND};
  nanosleep(&briefly, NULL);
}

/* Threads. */

static inline pthread_t thread_start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, run, argument);
  if (error) check_fail(__FILE__, __LINE__, "cannot start a thread: %s", strerror(error));
  return thread;
}

static inline void *thread_join(pthread_t thread) {
  void *result = NULL;
  CHECK_EQ(pthread_join(thread, &result), 0);
  return result;
}

static inline pid_t thread_id(void) { return (pid_t)syscall(SYS_gettid); }

/* Whether the kernel has put that thread of this process to sleep: for waits no counter shows. */
static inline bool asleep(pid_t thread) {
  char path[64];
  char line[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  FILE *file = thread > 0 ? fopen(path, "r") : NULL;
  if (!file) return false;
  const size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = '\0';
  const char *state = strrchr(line, ')');
  return state && strncmp(state, ") S", 3) == 0;
}

/* Waits for a child that has to end well. */
static inline void child_end(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) CHECK_EQ(errno, EINTR);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
}

/* Runs body in a forked child; the child's failed checks fail the case. */
static inline void in_child(void (*body)(void *), void *argument) {
  fflush(NULL);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(30); /* the parent's alarm is not inherited */
    body(argument);
    fflush(NULL);
    _exit(0);
  }
  child_end(child);
}

/* Queues of int64_t, the item nearly every test uses. */

static inline bq_queue *queue_from(const bq_options *options) {
  bq_queue *queue = NULL;
  CHECK_STATUS(bq_queue_new(options, &queue), BQ_OK);
  CHECK(queue != NULL);
  return queue;
}

static inline bq_options number_options(uint32_t order, size_t capacity) {
  bq_options options = BQ_OPTIONS_INIT;
  options.order = order;
  options.capacity = capacity;
  options.item_size = sizeof(int64_t);
  return options;
}

/* capacity 0: unbounded */
static inline bq_queue *number_queue(uint32_t order, size_t capacity) {
  const bq_options options = number_options(order, capacity);
  return queue_from(&options);
}

static inline bq_status try_put(bq_queue *queue, int64_t number) {
  return bq_put(queue, &number, BQ_NOWAIT);
}

/* Must succeed at once. */
static inline void put_number(bq_queue *queue, int64_t number) {
  CHECK_STATUS(try_put(queue, number), BQ_OK);
}

static inline void put_numbers(bq_queue *queue, int64_t first, int64_t last) {
  for (int64_t number = first; number <= last; number++) put_number(queue, number);
}

/* Must succeed at once. */
static inline int64_t get_number(bq_queue *queue) {
  int64_t number = INT64_MIN;
  CHECK_STATUS(bq_get(queue, &number, BQ_NOWAIT), BQ_OK);
  return number;
}

/* A FIFO that this thread has got thousands of items from, alone; nothing is queued. */
static inline bq_queue *queue_got_alone(size_t capacity) {
  bq_queue *queue = number_queue(BQ_FIFO, capacity);
  for (int64_t number = 0; number < 20000; number++) {
    put_number(queue, number);
    CHECK_EQ(get_number(queue), number);
  }
  return queue;
}

static inline void check_empty(bq_queue *queue) {
  int64_t number = INT64_MIN;
  CHECK_STATUS(bq_get(queue, &number, BQ_NOWAIT), BQ_EMPTY);
}

static inline bq_stats stats_of(const bq_queue *queue) {
  bq_stats stats = BQ_STATS_INIT;
  CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_OK);
  return stats;
}

static inline size_t blocked_gets(const bq_queue *queue) { return stats_of(queue).blocked_gets; }
static inline size_t blocked_puts(const bq_queue *queue) { return stats_of(queue).blocked_puts; }
static inline size_t blocked_joins(const bq_queue *queue) { return stats_of(queue).blocked_joins; }
static inline size_t armed_watches(const bq_queue *queue) { return stats_of(queue).armed_watches; }

/* A drop that counts and sums what it was handed; context is a drop_log. */
typedef struct drop_log {
  atomic_llong count;
  atomic_llong sum;
} drop_log;

static inline void log_drop(void *item, void *context) {
  drop_log *log = context;
  int64_t number;
  memcpy(&number, item, sizeof number);
  atomic_fetch_add(&log->count, 1);
  atomic_fetch_add(&log->sum, number);
}

#endif
