/* Deadlines: now, for ever and in between; signals neither end a wait nor stretch it. */
#include "calls.h"
#include "check.h"
#include "support.h"

#define FOR_EVERY_KIND(kind) for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++)

TEST(now_is_0_and_for_ever_is_minus_1) {
  CHECK_EQ(BQ_NOWAIT, 0);
  CHECK_EQ(BQ_FOREVER, -1);
}

TEST(nowait_never_waits) {
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, BQ_NOWAIT);
    CHECK_STATUS(call_now(&one), call_too_late(kind));
    bq_queue_unref(one.queue);
  }
}

TEST(what_can_be_done_at_once_is_done_whatever_the_timeout) {
  static const int64_t timeouts[] = {BQ_NOWAIT, BQ_FOREVER, 1, MILLISECOND, INT64_MAX};
  FOR_EVERY_KIND(kind) {
    for (size_t i = 0; i < LENGTH(timeouts); i++) {
      call one = stuck_call(kind, timeouts[i]);
      call_let_go(&one);
      CHECK_STATUS(call_now(&one), call_success(kind));
      bq_queue_unref(one.queue);
    }
  }
}

static void check_waits_until_let_go(call_kind kind, int64_t timeout_ns) {
  call one = stuck_call(kind, timeout_ns);
  call_start(&one);
  await(call_waits(&one));
  call_let_go(&one);
  CHECK_STATUS(call_end(&one), call_success(kind));
  bq_queue_unref(one.queue);
}

TEST(forever_waits_until_it_is_let_go) {
  FOR_EVERY_KIND(kind) check_waits_until_let_go(kind, BQ_FOREVER);
}

TEST(the_longest_timeout_does_not_overflow) {
  FOR_EVERY_KIND(kind) {
    check_waits_until_let_go(kind, INT64_MAX);
    check_waits_until_let_go(kind, INT64_MAX - 1);
    check_waits_until_let_go(kind, INT64_MAX / 2);
  }
}

TEST(a_deadline_is_never_earlier_than_asked) {
  static const int64_t timeouts[] = {1, MICROSECOND, 100 * MICROSECOND, MILLISECOND,
                                     3 * MILLISECOND, 20 * MILLISECOND};
  FOR_EVERY_KIND(kind) {
    for (size_t i = 0; i < LENGTH(timeouts); i++) {
      call one = stuck_call(kind, timeouts[i]);
      call_start(&one);
      CHECK_STATUS(call_end(&one), call_too_late(kind));
      CHECK(one.took_ns >= timeouts[i]);
      bq_queue_unref(one.queue);
    }
  }
}

TEST(a_deadline_holds_for_a_queue_that_never_lingers) {
  bq_options options = number_options(BQ_FIFO, 1);
  options.linger_ns = BQ_NO_LINGER;
  call get = {.kind = CALL_GET, .queue = queue_from(&options), .timeout_ns = 3 * MILLISECOND};
  call_start(&get);
  CHECK_STATUS(call_end(&get), BQ_EMPTY);
  CHECK(get.took_ns >= get.timeout_ns);
  bq_queue_unref(get.queue);
}

TEST(a_call_that_timed_out_has_changed_nothing) {
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, MILLISECOND);
    const bq_stats before = stats_of(one.queue);
    CHECK_STATUS(call_now(&one), call_too_late(kind));
    const bq_stats after = stats_of(one.queue);
    CHECK_EQ(after.puts, before.puts);
    CHECK_EQ(after.gets, before.gets);
    CHECK_EQ(after.len, before.len);
    CHECK_EQ(after.unfinished, before.unfinished);
    CHECK_EQ(after.blocked_gets + after.blocked_puts + after.blocked_joins, 0);
    CHECK_EQ(one.items[0], 2);
    bq_queue_unref(one.queue);
  }
}

TEST(a_timed_out_call_can_be_made_again) {
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, MILLISECOND);
    for (int i = 0; i < 3; i++) CHECK_STATUS(call_now(&one), call_too_late(kind));
    call_let_go(&one);
    CHECK_STATUS(call_now(&one), call_success(kind));
    bq_queue_unref(one.queue);
  }
}

/* Woken over and over for items that are gone again: the deadline is one point in time. */
TEST(wake_ups_for_nothing_do_not_stretch_a_deadline) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = 50 * MILLISECOND};
  call_start(&get);
  const int64_t until = now_ns() + AWAIT_NS;
  int64_t stolen;
  while (!call_ended(&get)) {
    CHECK(now_ns() < until);
    put_number(queue, 1);
    bq_get(queue, &stolen, BQ_NOWAIT);
  }
  const ptrdiff_t result = call_end(&get);
  CHECK(result == BQ_OK || (result == BQ_EMPTY && get.took_ns >= get.timeout_ns));
  bq_queue_unref(queue);
}

/* Signals. */

static atomic_llong handled;

static void count_signal(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&handled, 1);
}

/* Without SA_RESTART, so that whatever sleeps in the kernel sees EINTR. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = count_signal};
  sigemptyset(&action.sa_mask);
  CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

static void interrupt_once(call *one) {
  const long long before = atomic_load(&handled);
  CHECK_EQ(pthread_kill(one->thread, SIGUSR1), 0);
  await(atomic_load(&handled) > before);
}

TEST(a_storm_of_signals_ends_no_wait) {
  catch_signals();
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, BQ_FOREVER);
    call_start(&one);
    await(call_waits(&one));
    for (int i = 0; i < 300; i++) interrupt_once(&one);
    CHECK(!call_ended(&one));
    call_let_go(&one);
    CHECK_STATUS(call_end(&one), call_success(kind));
    bq_queue_unref(one.queue);
  }
}

TEST(a_storm_of_signals_brings_no_deadline_forward) {
  catch_signals();
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, 30 * MILLISECOND);
    call_start(&one);
    while (!call_ended(&one)) pthread_kill(one.thread, SIGUSR1);
    CHECK_STATUS(call_end(&one), call_too_late(kind));
    CHECK(one.took_ns >= one.timeout_ns);
    bq_queue_unref(one.queue);
  }
}

/* Whoever sleeps the whole time again after each signal never wakes while signals keep coming. */
TEST(a_storm_of_signals_stretches_no_deadline) {
  catch_signals();
  FOR_EVERY_KIND(kind) {
    call one = stuck_call(kind, 100 * MILLISECOND);
    const int64_t until = now_ns() + AWAIT_NS;
    call_start(&one);
    while (!call_ended(&one)) {
      CHECK(now_ns() < until);
      pthread_kill(one.thread, SIGUSR1);
      pause_briefly();
    }
    CHECK_STATUS(call_end(&one), call_too_late(kind));
    bq_queue_unref(one.queue);
  }
}

CHECK_MAIN()
