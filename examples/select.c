/*
 * A thread that waits on many queues at once, without a loop and without a descriptor:
 * bq_poller_wait(). Orders come in at several counters; one clerk serves them all, notices when
 * nothing has happened for a while, and goes home when the last counter has closed.
 */
#define _GNU_SOURCE
#include "common.h"

#include <getopt.h>
#include <stdio.h>

#define COUNTERS 3

struct counter {
  const char *name;
  long interval_ms; /* between two orders */
  bq_queue *orders;
  pthread_t customers;
  long served, wrong;
};

static struct counter counters[COUNTERS] = {
    {.name = "bread", .interval_ms = 1}, {.name = "cheese", .interval_ms = 3},
    {.name = "fish", .interval_ms = 7}};
static long orders = 20;

static void *customers(void *argument) {
  const struct counter *counter = argument;
  const struct timespec pause = {0, counter->interval_ms * MILLISECOND};
  for (long order = 0; order < orders; order++) {
    must(bq_put(counter->orders, &order, BQ_FOREVER), "ordering");
    nanosleep(&pause, NULL);
  }
  must(bq_shutdown(counter->orders, BQ_DRAIN), "closing a counter");
  return NULL;
}

static void open_counter(struct counter *counter, bq_poller *poller) {
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = sizeof(long);
  options.capacity = 4;
  must(bq_queue_new(&options, &counter->orders), "making a queue");
  must(bq_poller_add(poller, counter->orders, BQ_READABLE | BQ_DRAINED, counter),
       "watching a queue");
  counter->customers = start_thread(customers, counter);
}

/* One order a report: the others have their turn in between. Orders must come in order. */
static void serve(struct counter *counter) {
  long order;
  if (bq_get(counter->orders, &order, BQ_NOWAIT) != BQ_OK) return;
  counter->wrong += order != counter->served;
  counter->served++;
}

static void close_counter(struct counter *counter, bq_poller *poller) {
  printf("%-6s  %ld orders served, the counter is closed\n", counter->name, counter->served);
  must(bq_poller_remove(poller, counter->orders), "ending a watch");
  pthread_join(counter->customers, NULL);
  bq_queue_unref(counter->orders);
}

/* Returns how often the clerk had nothing to do for 5 ms. */
static int serve_all(bq_poller *poller) {
  bq_event ready[COUNTERS];
  int idle = 0;
  for (int open = COUNTERS; open > 0;) {
    const ptrdiff_t count = bq_poller_wait(poller, ready, COUNTERS, 5 * MILLISECOND);
    if (count == BQ_TIMEDOUT) idle++;
    else if (count < 0) must((bq_status)count, "waiting");
    for (ptrdiff_t i = 0; i < count; i++) {
      struct counter *counter = ready[i].data; /* what was given to bq_poller_add() */
      if (ready[i].events & BQ_DRAINED) {
        close_counter(counter, poller);
        open--;
      } else {
        serve(counter);
      }
    }
  }
  return idle;
}

static const char help[] =
    "usage: select [OPTION]...\n"
    "A thread waits on three queues at once and serves them as they become ready.\n"
    "\n"
    "  --orders N   for each of them (1 to 100000; 20)\n"
    "  --help       this\n";

int main(int argc, char **argv) {
  static const struct option known[] = {{"orders", required_argument, NULL, 'o'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
    switch (option) {
      case 'o': orders = option_number(optarg, 1, 100000); break;
      case 'h': fputs(help, stdout); return 0;
      default: errx(2, "try --help");
    }
  }
  if (optind < argc) errx(2, "there is nothing to do with \"%s\"; try --help", argv[optind]);

  bq_poller *poller;
  must(bq_poller_new(NULL, &poller), "making the poller");
  for (int i = 0; i < COUNTERS; i++) open_counter(&counters[i], poller);
  const int idle = serve_all(poller);
  bq_poller_unref(poller);

  long missing = 0, wrong = 0;
  for (int i = 0; i < COUNTERS; i++) {
    missing += orders - counters[i].served;
    wrong += counters[i].wrong;
  }
  printf("nothing to do for 5 ms: %d times; missing orders: %ld; out of order: %ld\n", idle,
         missing, wrong);
  return missing || wrong;
}
