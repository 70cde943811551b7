/*
 * The least there is to it: an epoll loop that never blocks has threads that may square numbers for
 * it, and adds up what comes back. README.md shows the middle part.
 */
#define _GNU_SOURCE
#include "common.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { THREADS = 2, LAST = 100000 };

static bq_queue *jobs, *results;
static bq_poller *poller;
static int number = 1; /* the next one to be squared */
static int missing = LAST;
static long long sum;

static void answer(long long square) {
  sum += square;
  missing--;
}

/* The thread side blocks. */
static void *worker(void *nothing) {
  int job;
  while (bq_get(jobs, &job, BQ_FOREVER) == BQ_OK) {
    long long result = (long long)job * job;
    must(bq_put(results, &result, BQ_FOREVER), "answering");
  }
  return nothing; /* BQ_SHUTDOWN: there are no more jobs */
}

/* The loop side never does. */
static void hand_out(void) {
  for (int i = 0; i < 64 && number <= LAST; i++, number++) {
    const bq_status status = bq_put(jobs, &number, BQ_NOWAIT);
    if (status == BQ_FULL) return; /* the poller tells when there is room again */
    must(status, "handing out");
  }
  if (number > LAST) must(bq_poller_modify(poller, jobs, 0, NULL), "no longer watching for room");
}

static void take_in(void) {
  long long result;
  for (int i = 0; i < 64 && bq_get(results, &result, BQ_NOWAIT) == BQ_OK; i++) answer(result);
}

/* Is called again while there is more: other descriptors have their turn in between. */
static void on_readable(void) {
  bq_event ready[64];
  const ptrdiff_t n = bq_poller_poll(poller, ready, 64);
  if (n < 0) must((bq_status)n, "polling");
  for (ptrdiff_t i = 0; i < n; i++)
    if (ready[i].queue == jobs) hand_out();
    else take_in();
}

static void watch(int epoll) {
  struct epoll_event readable = {.events = EPOLLIN};
  int descriptor;
  must(bq_poller_new(NULL, &poller), "making the poller");
  must(bq_poller_add(poller, jobs, BQ_WRITABLE, NULL), "watching jobs");
  must(bq_poller_add(poller, results, BQ_READABLE, NULL), "watching results");
  if ((descriptor = bq_poller_fd(poller)) < 0) must(descriptor, "making the descriptor");
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &readable)) err(1, "epoll_ctl");
}

static bq_queue *queue_of(size_t item_size) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_queue *queue;
  options.item_size = item_size;
  options.capacity = 64;
  must(bq_queue_new(&options, &queue), "making a queue");
  return queue;
}

static void run_loop(void) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) err(1, "epoll_create1");
  watch(epoll);
  while (missing > 0) {
    struct epoll_event readable;
    if (epoll_wait(epoll, &readable, 1, -1) == 1) on_readable();
  }
  close(epoll);
  bq_poller_unref(poller);
}

int main(int count, char **arguments) {
  pthread_t threads[THREADS];
  if (count > 1) {
    printf("usage: squares\nHas %d threads square the numbers up to %d for an epoll loop.\n",
           THREADS, LAST);
    return strcmp(arguments[1], "--help") ? 2 : 0;
  }
  jobs = queue_of(sizeof(int));
  results = queue_of(sizeof(long long));
  for (int i = 0; i < THREADS; i++) threads[i] = start_thread(worker, NULL);
  run_loop();
  must(bq_shutdown(jobs, BQ_DRAIN), "shutting the jobs down");
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  bq_queue_unref(jobs);
  bq_queue_unref(results);
  printf("the squares of the numbers up to %d add up to %lld\n", LAST, sum);
  return sum == (long long)LAST * (LAST + 1) / 2 * (2 * LAST + 1) / 3 ? 0 : 1;
}
