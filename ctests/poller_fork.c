/*
 * After fork() the child may only release what it inherited, and the parent notices nothing.
 */
#include "loops.h"

#include <fcntl.h>

typedef struct family {
  event_loop loop;
  bq_queue *queue;
} family;

static family family_open(loop_kind kind) {
  family both = {.loop = loop_open(kind), .queue = number_queue(BQ_FIFO, 4)};
  watch(both.loop.poller, both.queue, BQ_READABLE);
  return both;
}

static void family_close(family *both) {
  loop_close(&both->loop);
  bq_queue_unref(both->queue);
}

#define IN_EVERY_FAMILY(name)                                                                      \
  static void name(family *both);                                                                  \
  TEST(name##_with_an_eventfd) { with_family(BY_EPOLL, name); }                                    \
  TEST(name##_with_an_edge) { with_family(BY_POLLER_EDGE, name); }                                 \
  TEST(name##_with_a_pipe) { with_family(BY_PIPE, name); }                                         \
  static void name(family *both)

static void with_family(loop_kind kind, void (*body)(family *)) {
  family both = family_open(kind);
  body(&both);
  family_close(&both);
}

/* What the child is told. */

static void try_everything(void *argument) {
  family *both = argument;
  bq_poller *poller = both->loop.poller;
  bq_event event;
  const int64_t number = 1;
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), BQ_FORKED);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_NOWAIT), BQ_FORKED);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), BQ_FORKED);
  CHECK_STATUS(bq_poller_wake(poller), BQ_FORKED);
  CHECK_STATUS(bq_poller_add(poller, both->queue, BQ_READABLE, NULL), BQ_FORKED);
  CHECK_STATUS(bq_poller_modify(poller, both->queue, BQ_WRITABLE, NULL), BQ_FORKED);
  CHECK_STATUS(bq_poller_remove(poller, both->queue), BQ_FORKED);
  CHECK_STATUS(bq_poller_fd(poller), BQ_FORKED);
  CHECK_STATUS(bq_put(both->queue, &number, BQ_NOWAIT), BQ_FORKED);
  CHECK_STATUS(bq_shutdown(both->queue, BQ_DISCARD), BQ_FORKED);
  CHECK_EQ(bq_poll(both->queue, BQ_WRITABLE, BQ_FOREVER), 0);
}

static void expect_in_order(family *both) {
  CHECK(!fires(&both->loop));
  put_number(both->queue, 2);
  CHECK(fires(&both->loop));
  expect_event(both->loop.poller, both->queue, BQ_READABLE);
  CHECK_EQ(get_number(both->queue), 2);
  expect_nothing(both->loop.poller);
  CHECK(!fires(&both->loop));
}

IN_EVERY_FAMILY(the_child_is_told_that_it_was_forked) {
  in_child(try_everything, both);
  expect_in_order(both);
}

IN_EVERY_FAMILY(a_child_does_not_clear_a_descriptor_that_is_readable) {
  put_number(both->queue, 1);
  in_child(try_everything, both);
  CHECK(fires(&both->loop));
  CHECK(readable_now(both->loop.descriptor));
  expect_event(both->loop.poller, both->queue, BQ_READABLE);
  CHECK_EQ(get_number(both->queue), 1);
  expect_nothing(both->loop.poller);
  expect_in_order(both);
}

/* What the child may do. */

static void unref_poller_first(void *argument) {
  family *both = argument;
  bq_poller_unref(both->loop.poller);
  bq_queue_unref(both->queue);
  CHECK_EQ(fcntl(both->loop.descriptor, F_GETFD), -1); /* the child's own copy is closed */
}

static void unref_queue_first(void *argument) {
  family *both = argument;
  bq_queue_unref(both->queue);
  bq_poller_unref(both->loop.poller);
  CHECK_EQ(fcntl(both->loop.descriptor, F_GETFD), -1);
}

IN_EVERY_FAMILY(a_child_releases_what_it_inherited_and_the_parent_keeps_it) {
  in_child(unref_poller_first, both);
  expect_in_order(both);
  put_number(both->queue, 1);
  in_child(unref_queue_first, both);
  CHECK(fires(&both->loop));
  CHECK_EQ(get_number(both->queue), 1);
  expect_nothing(both->loop.poller);
  expect_in_order(both);
}

static void use_what_is_its_own(void *argument) {
  family own = family_open(*(const loop_kind *)argument);
  expect_in_order(&own);
  family_close(&own);
}

TEST(a_child_may_use_what_it_makes_itself) {
  const loop_kind kinds[] = {BY_POLL, BY_EPOLL_EDGE, BY_POLLER_EDGE, BY_PIPE};
  for (size_t i = 0; i < LENGTH(kinds); i++) {
    loop_kind kind = kinds[i];
    in_child(use_what_is_its_own, &kind);
  }
}

/* Callbacks belong to the parent. */

static void never_in_a_child(void *item, void *context) {
  (void)item;
  CHECK_EQ(getpid(), *(const pid_t *)context);
}

static void wake_never_in_a_child(void *context) { never_in_a_child(NULL, context); }

TEST(no_callback_runs_in_a_child) {
  pid_t parent = getpid();
  bq_options queue_options = number_options(BQ_FIFO, 4);
  queue_options.drop = never_in_a_child;
  queue_options.context = &parent;
  bq_poller_options poller_options = BQ_POLLER_OPTIONS_INIT;
  poller_options.wake = wake_never_in_a_child;
  poller_options.context = &parent;
  family both = {.loop = {.poller = poller_from(&poller_options), .descriptor = -1, .epoll = -1},
                 .queue = queue_from(&queue_options)};
  watch(both.loop.poller, both.queue, BQ_CLOSED);
  put_numbers(both.queue, 1, 3);
  in_child(try_everything, &both);
  in_child(unref_poller_first, &both);
  in_child(unref_queue_first, &both);
  CHECK_EQ(bq_len(both.queue), 3);
  family_close(&both);
}

/* Forking while other threads are at work: in the child there are none. */

typedef struct server {
  bq_poller *poller;
  bq_queue *queue;
  atomic_int thread_id;
  atomic_llong sum;
} server;

static void *serve_until_woken(void *argument) {
  server *one = argument;
  bq_event event;
  ptrdiff_t ready;
  int64_t number;
  atomic_store(&one->thread_id, thread_id());
  while ((ready = bq_poller_wait(one->poller, &event, 1, BQ_FOREVER)) == 1) {
    while (bq_get(event.queue, &number, BQ_NOWAIT) == BQ_OK) atomic_fetch_add(&one->sum, number);
  }
  CHECK_STATUS(ready, 0);
  return NULL;
}

static void unref_under_a_waiting_thread(void *argument) {
  server *one = argument;
  CHECK_STATUS(bq_poller_wake(one->poller), BQ_FORKED);
  bq_poller_unref(one->poller);
  bq_queue_unref(one->queue);
}

TEST(a_thread_that_waits_in_the_parent_goes_on_waiting) {
  server one = {.poller = new_poller(), .queue = number_queue(BQ_FIFO, 0)};
  watch(one.poller, one.queue, BQ_READABLE);
  const pthread_t thread = thread_start(serve_until_woken, &one);
  for (int64_t number = 1, sum = 1; number <= 20; number++, sum += number) {
    await(asleep(atomic_load(&one.thread_id)));
    in_child(unref_under_a_waiting_thread, &one);
    put_number(one.queue, number);
    await(atomic_load(&one.sum) == sum);
  }
  CHECK_STATUS(bq_poller_wake(one.poller), BQ_OK);
  thread_join(thread);
  bq_poller_unref(one.poller);
  bq_queue_unref(one.queue);
}

CHECK_MAIN()
