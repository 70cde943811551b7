/*
 * A pool of worker threads, no loop: counts the primes below a limit, a slice a job.
 *
 *  - bq_put() blocks while the bounded queue is full: the producer never runs far ahead.
 *  - bq_task_done() by the workers and bq_join() by the producer: "all of it is done".
 *  - bq_shutdown(BQ_DRAIN): workers finish what is queued, then their bq_get() returns
 *    BQ_SHUTDOWN and they end.
 */
#define _GNU_SOURCE
#include "common.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#define SLICE 10000

struct job {
  uint64_t from, to; /* numbers from <= n < to */
};

static bq_queue *jobs;
static _Atomic uint64_t primes;

static bool is_prime(uint64_t number) {
  for (uint64_t factor = 2; factor * factor <= number; factor++)
    if (number % factor == 0) return false;
  return number >= 2;
}

static void *worker(void *nothing) {
  struct job job;
  while (bq_get(jobs, &job, BQ_FOREVER) == BQ_OK) {
    uint64_t found = 0;
    for (uint64_t number = job.from; number < job.to; number++) found += is_prime(number);
    primes += found;
    must(bq_task_done(jobs, 1), "reporting a job");
  }
  return nothing;
}

/* Counts the primes below the limit with workers that are there already. */
static uint64_t count_primes(uint64_t limit) {
  primes = 0;
  for (uint64_t from = 0; from < limit; from += SLICE) {
    const struct job job = {from, from + SLICE < limit ? from + SLICE : limit};
    must(bq_put(jobs, &job, BQ_FOREVER), "putting a job");
  }
  must(bq_join(jobs, BQ_FOREVER), "waiting for the jobs");
  return primes;
}

/* Workers go on until the queue is drained, so what was put before the shutdown still counts. */
static uint64_t count_in_the_last_slice(pthread_t *workers, long count) {
  const struct job last = {0, SLICE};
  primes = 0;
  must(bq_put(jobs, &last, BQ_FOREVER), "putting a job");
  must(bq_shutdown(jobs, BQ_DRAIN), "shutting down");
  for (long i = 0; i < count; i++) pthread_join(workers[i], NULL);
  return primes;
}

static const char help[] =
    "usage: worker_pool [OPTION]...\n"
    "Counts primes with a pool of threads that take slices of work from a bridgeq queue.\n"
    "\n"
    "  --workers N   threads (1 to 64; 4)\n"
    "  --help        this\n";

int main(int argc, char **argv) {
  static const struct option known[] = {{"workers", required_argument, NULL, 'w'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  long count = 4;
  for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
    switch (option) {
      case 'w': count = option_number(optarg, 1, 64); break;
      case 'h': fputs(help, stdout); return 0;
      default: errx(2, "try --help");
    }
  }
  if (optind < argc) errx(2, "there is nothing to do with \"%s\"; try --help", argv[optind]);

  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = sizeof(struct job);
  options.capacity = 8;
  must(bq_queue_new(&options, &jobs), "making the queue");
  pthread_t workers[64];
  for (long i = 0; i < count; i++) workers[i] = start_thread(worker, NULL);

  const uint64_t below_million = count_primes(1000000);
  printf("primes below 1000000: %" PRIu64 " (78498 are known)\n", below_million);
  const uint64_t below_slice = count_in_the_last_slice(workers, count);
  printf("primes below   10000: %" PRIu64 " (1229 are known), counted during shutdown\n",
         below_slice);
  bq_queue_unref(jobs);
  return below_million != 78498 || below_slice != 1229;
}
