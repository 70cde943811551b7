/* What the example programs share: the clock, options, and ends that say why. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <bridgeq.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)

static inline int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

/* For calls that fail only when the machine has run out of something. */
static inline void must(bq_status status, const char *doing) {
  if (status != BQ_OK)
    errx(1, "%s: %s (%s)", doing, bq_status_text(status), bq_status_name(status));
}

/* The descriptor of a poller, to be registered with a loop. */
static inline int descriptor_of(bq_poller *poller) {
  const int descriptor = bq_poller_fd(poller);
  if (descriptor < 0) must(descriptor, "making the poller's descriptor");
  return descriptor;
}

static inline pthread_t start_thread(void *(*run)(void *), void *argument) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, run, argument);
  if (error) errx(1, "cannot start a thread: %s", strerror(error));
  return thread;
}

/* The value of a numeric option; ends the program when it is not a number from low to high. */
static inline long option_number(const char *text, long low, long high) {
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < low || value > high)
    errx(2, "\"%s\" is not a number from %ld to %ld; try --help", text, low, high);
  return value;
}

#endif
