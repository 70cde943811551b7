/*
 * Threads that end while others use the library, and threads that are cancelled: no call is a
 * cancellation point, so a cancelled thread finishes its call and goes at the next point of its own.
 */
#include "calls.h"
#include "loops.h"

/* Cancelling */

static void let_go_and_expect_cancelled(call *one) {
  void *result = NULL;
  CHECK_EQ(pthread_cancel(one->thread), 0);
  CHECK(!call_ended(one));
  call_let_go(one);
  CHECK_EQ(pthread_join(one->thread, &result), 0);
  CHECK_EQ(call_ended(one), true);
  CHECK_STATUS(one->result, call_success(one->kind));
}

TEST(a_blocked_call_of_a_cancelled_thread_goes_on_waiting_and_then_succeeds) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, BQ_FOREVER);
    call_start(&one);
    await(call_waits(&one));
    let_go_and_expect_cancelled(&one);
    bq_queue_unref(one.queue);
  }
}

TEST(a_blocked_call_of_a_cancelled_thread_keeps_its_deadline) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, 20 * MILLISECOND);
    call_start(&one);
    await(call_waits(&one) || call_ended(&one));
    CHECK_EQ(pthread_cancel(one.thread), 0);
    CHECK_EQ(pthread_join(one.thread, NULL), 0);
    CHECK(call_ended(&one));
    CHECK_STATUS(one.result, call_too_late(kind));
    bq_queue_unref(one.queue);
  }
}

/* Everything that may make a system call, by a thread that was cancelled before it begins. */

typedef struct errand {
  uint32_t flags;
  bq_queue *queue;
  bq_poller *poller;
  atomic_int step;
} errand;

static void run_errands(errand *all) {
  bq_event event;
  int64_t number = 1;
  CHECK_STATUS(bq_put(all->queue, &number, BQ_FOREVER), BQ_OK); /* rings the descriptor */
  atomic_store(&all->step, 1);
  CHECK_STATUS(bq_poller_poll(all->poller, &event, 1), 1);
  CHECK_STATUS(bq_get(all->queue, &number, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_poller_poll(all->poller, &event, 1), 0); /* reads it away */
  atomic_store(&all->step, 2);
  CHECK_STATUS(bq_poller_wake(all->poller), BQ_OK);
  CHECK_STATUS(bq_poller_wait(all->poller, &event, 1, BQ_FOREVER), 0);
  CHECK_STATUS(bq_poller_wait(all->poller, &event, 1, MILLISECOND), BQ_TIMEDOUT);
  CHECK_STATUS(bq_get(all->queue, &number, MILLISECOND), BQ_EMPTY);
  CHECK_STATUS(bq_shutdown(all->queue, BQ_DISCARD), BQ_OK);
  atomic_store(&all->step, 3);
  bq_poller_unref(all->poller); /* closes it */
  atomic_store(&all->step, 4);
}

static void *run_errands_cancelled(void *argument) {
  CHECK_EQ(pthread_cancel(pthread_self()), 0);
  run_errands(argument);
  pthread_testcancel();
  return NULL;
}

TEST(no_call_is_a_cancellation_point) {
  static const uint32_t flags[] = {0, BQ_POLLER_EDGE, BQ_POLLER_PIPE,
                                   BQ_POLLER_PIPE | BQ_POLLER_EDGE};
  for (size_t i = 0; i < LENGTH(flags); i++) {
    errand all = {.queue = number_queue(BQ_FIFO, 1), .poller = poller_with(flags[i])};
    void *result = NULL;
    descriptor_of(all.poller);
    watch(all.poller, all.queue, BQ_READABLE);
    CHECK_EQ(pthread_join(thread_start(run_errands_cancelled, &all), &result), 0);
    CHECK_EQ(atomic_load(&all.step), 4);
    CHECK(result == PTHREAD_CANCELED);
    bq_queue_unref(all.queue);
  }
}

/* Ending */

static pthread_key_t last_words;

static void put_last_words(void *queue) {
  int64_t number = 7;
  CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_get(queue, &number, MILLISECOND), BQ_EMPTY);
  number = 8;
  CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
  bq_queue_unref(queue);
}

static void *leave_last_words(void *queue) {
  int64_t number;
  CHECK_EQ(pthread_setspecific(last_words, queue), 0);
  CHECK_STATUS(bq_get(queue, &number, MILLISECOND), BQ_EMPTY);
  pthread_exit(NULL);
}

TEST(a_thread_that_is_ending_may_still_call) {
  CHECK_EQ(pthread_key_create(&last_words, put_last_words), 0);
  FOR_EVERY_ORDER(order) {
    bq_queue *queue = number_queue(order, 1);
    thread_join(thread_start(leave_last_words, bq_queue_ref(queue)));
    CHECK_EQ(get_number(queue), 8);
    bq_queue_unref(queue);
  }
  CHECK_EQ(pthread_key_delete(last_words), 0);
}

/* One holds a reference and is blocked; the one that made the queue is gone long since. */
static void *make_queue(void *unused) {
  (void)unused;
  pthread_exit(number_queue(BQ_FIFO, 1));
}

TEST(a_queue_outlives_the_thread_that_made_it) {
  bq_queue *queue = thread_join(thread_start(make_queue, NULL));
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  call_start(&get);
  await(blocked_gets(queue) == 1);
  put_number(queue, 3);
  CHECK_STATUS(call_end(&get), BQ_OK);
  bq_queue_unref(queue);
}

/* The process ends while threads are blocked: nobody waits for them, nothing crashes. */

static void *wait_for_ever(void *queue) {
  int64_t number;
  bq_get(queue, &number, BQ_FOREVER);
  return NULL;
}

static void *wait_on_poller_for_ever(void *poller) {
  bq_event event;
  bq_poller_wait(poller, &event, 1, BQ_FOREVER);
  return NULL;
}

static void exit_under_blocked_threads(void *unused) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  bq_poller *poller = new_poller();
  watch(poller, queue, BQ_CLOSED);
  (void)unused;
  for (int i = 0; i < 4; i++) thread_start(wait_for_ever, queue);
  thread_start(wait_on_poller_for_ever, poller);
  await(blocked_gets(queue) == 4);
  exit(0);
}

TEST(a_process_may_exit_while_threads_are_blocked) { in_child(exit_under_blocked_threads, NULL); }

static void *wait_for_the_main_thread_to_go(void *queue) {
  int64_t number;
  CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_OK);
  CHECK_EQ(number, 5);
  exit(0);
}

static void put_when_main_is_over(void *queue) { put_number(queue, 5); }

static void leave_main_while_others_are_blocked(void *unused) {
  pthread_key_t over;
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  (void)unused;
  thread_start(wait_for_the_main_thread_to_go, queue);
  await(blocked_gets(queue) == 1);
  CHECK_EQ(pthread_key_create(&over, put_when_main_is_over), 0);
  CHECK_EQ(pthread_setspecific(over, queue), 0);
  pthread_exit(NULL);
}

TEST(the_main_thread_may_end_before_the_others) {
  in_child(leave_main_while_others_are_blocked, NULL);
}

CHECK_MAIN()
