/*
 * Descriptors: none before one is asked for, none left behind, and what happens when there is none
 * to be had.
 */
#include "loops.h"

#include <dirent.h>
#include <sys/resource.h>

static const uint32_t backends[] = {0, BQ_POLLER_EDGE, BQ_POLLER_PIPE,
                                    BQ_POLLER_PIPE | BQ_POLLER_EDGE};

/* Its own descriptor is counted every time, and so makes no difference. */
static size_t open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  size_t count = 0;
  CHECK(directory != NULL);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* Leaves room for `spare` more descriptors, if those in use are numbered without gaps. */
static struct rlimit limit_descriptors(unsigned spare) {
  struct rlimit before;
  const int lowest_free = dup(STDERR_FILENO);
  CHECK(lowest_free >= 0);
  close(lowest_free);
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit tight = {(rlim_t)lowest_free + spare, before.rlim_max};
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  return before;
}

static void restore_limit(const struct rlimit *before) {
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, before), 0);
}

static void never_called(void *context) {
  (void)context;
  check_fail(__FILE__, __LINE__, "woken, although nothing happened");
}

/* None before it is asked for. */

TEST(nothing_but_asking_for_the_descriptor_makes_one) {
  const size_t before = open_descriptors();
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_event event;
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  expect_event(poller, queue, BQ_READABLE);
  get_number(queue);
  expect_nothing(poller);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, MILLISECOND), BQ_TIMEDOUT);
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  CHECK_EQ(bq_poll(queue, BQ_READABLE, MILLISECOND), 0);
  CHECK_EQ(open_descriptors(), before);
  descriptor_of(poller);
  CHECK(open_descriptors() > before);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
  CHECK_EQ(open_descriptors(), before);
}

TEST(a_poller_with_a_wake_callback_never_opens_one) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.wake = never_called;
  const size_t before = open_descriptors();
  bq_poller *poller = poller_from(&options);
  CHECK_STATUS(bq_poller_fd(poller), BQ_INVALID);
  expect_nothing(poller);
  CHECK_EQ(open_descriptors(), before);
  bq_poller_unref(poller);
}

/* None left behind. */

TEST(asking_again_opens_no_second_one) {
  for (size_t i = 0; i < LENGTH(backends); i++) {
    bq_poller *poller = poller_with(backends[i]);
    descriptor_of(poller);
    const size_t opened = open_descriptors();
    for (int again = 0; again < 10; again++) descriptor_of(poller);
    CHECK_EQ(open_descriptors(), opened);
    bq_poller_unref(poller);
  }
}

TEST(the_last_unref_closes_what_was_opened) {
  const size_t before = open_descriptors();
  for (int round = 0; round < 100; round++) {
    bq_poller *poller = poller_with(backends[(size_t)round % LENGTH(backends)]);
    descriptor_of(poller);
    bq_poller_ref(poller);
    const size_t opened = open_descriptors();
    CHECK(opened > before);
    bq_poller_unref(poller);
    CHECK_EQ(open_descriptors(), opened);
    bq_poller_unref(poller);
    CHECK_EQ(open_descriptors(), before);
  }
}

enum { ASKING = 4 };

static void *ask_for_descriptor(void *poller) { return (void *)(intptr_t)bq_poller_fd(poller); }

TEST(threads_that_ask_at_once_get_the_same_one) {
  const size_t before = open_descriptors();
  for (int round = 0; round < 200; round++) {
    bq_poller *poller = poller_with(backends[(size_t)round % LENGTH(backends)]);
    pthread_t threads[ASKING];
    for (int i = 0; i < ASKING; i++) threads[i] = thread_start(ask_for_descriptor, poller);
    for (int i = 0; i < ASKING; i++) {
      CHECK_EQ((intptr_t)thread_join(threads[i]), descriptor_of(poller));
    }
    bq_poller_unref(poller);
  }
  CHECK_EQ(open_descriptors(), before);
}

static void *put_one(void *queue) {
  put_number(queue, 1);
  return NULL;
}

TEST(an_event_that_comes_while_the_descriptor_is_made_is_not_missed) {
  for (int round = 0; round < 500; round++) {
    bq_poller *poller = poller_with(backends[(size_t)round % LENGTH(backends)]);
    bq_queue *queue = number_queue(BQ_FIFO, 0);
    watch(poller, queue, BQ_READABLE);
    const pthread_t thread = thread_start(put_one, queue);
    descriptor_of(poller);
    thread_join(thread);
    CHECK(poller_readable(poller));
    bq_poller_unref(poller);
    bq_queue_unref(queue);
  }
}

/* None to be had. */

TEST(a_poller_without_a_descriptor_says_so_and_is_usable_afterwards) {
  for (size_t i = 0; i < LENGTH(backends); i++) {
    bq_poller *poller = poller_with(backends[i]);
    bq_queue *queue = number_queue(BQ_FIFO, 0);
    watch(poller, queue, BQ_READABLE);
    const struct rlimit before = limit_descriptors(0);
    CHECK_STATUS(bq_poller_fd(poller), BQ_NO_FD);
    CHECK_STATUS(bq_poller_fd(poller), BQ_NO_FD);
    put_number(queue, 1);
    restore_limit(&before);
    CHECK(poller_readable(poller)); /* for what came in between */
    expect_event(poller, queue, BQ_READABLE);
    bq_poller_unref(poller);
    bq_queue_unref(queue);
  }
}

TEST(a_poller_without_a_descriptor_can_be_polled_and_waited_on) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  const struct rlimit before = limit_descriptors(0);
  CHECK_STATUS(bq_poller_fd(poller), BQ_NO_FD);
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  expect_event(poller, queue, BQ_READABLE);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 1);
  get_number(queue);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, MILLISECOND), BQ_TIMEDOUT);
  CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), 0);
  restore_limit(&before);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(half_a_pipe_is_not_left_open) {
  const size_t before = open_descriptors();
  bq_poller *poller = poller_with(BQ_POLLER_PIPE);
  const struct rlimit limit = limit_descriptors(1);
  CHECK_STATUS(bq_poller_fd(poller), BQ_NO_FD);
  restore_limit(&limit);
  CHECK_EQ(open_descriptors(), before);
  CHECK(!poller_readable(poller));
  bq_poller_unref(poller);
  CHECK_EQ(open_descriptors(), before);
}

TEST(queues_and_pollers_are_made_without_descriptors) {
  const struct rlimit before = limit_descriptors(0);
  bq_poller *poller = poller_with(BQ_POLLER_PIPE);
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  watch(poller, queue, BQ_WRITABLE);
  expect_event(poller, queue, BQ_WRITABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
  restore_limit(&before);
}

/* A descriptor holds only so much: a pipe 65,536 bytes. */

ON_EVERY_LOOP(wakes_that_nobody_answers_neither_block_nor_pile_up) {
  for (int wake = 0; wake < 100000; wake++) CHECK_STATUS(bq_poller_wake(loop->poller), BQ_OK);
  CHECK(fires(loop));
  expect_nothing(loop->poller);
  CHECK(!fires(loop));
  CHECK_STATUS(bq_poller_wake(loop->poller), BQ_OK);
  CHECK(fires(loop));
}

CHECK_MAIN()
