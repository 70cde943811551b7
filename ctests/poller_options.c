/*
 * What a poller accepts and refuses: its options, its arguments, its combinations of flags.
 */
#include "loops.h"

#include <fcntl.h>
#include <sys/stat.h>

#define ALL_EVENTS (BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED)

static void ignore_wake(void *context) { (void)context; }

static void expect_refused(const bq_poller_options *options) {
  int marker;
  bq_poller *const before = (bq_poller *)(void *)&marker;
  bq_poller *poller = before;
  CHECK_STATUS(bq_poller_new(options, &poller), BQ_INVALID);
  CHECK(poller == before);
}

static void expect_accepted(const bq_poller_options *options) {
  bq_poller_unref(poller_from(options));
}

/* Options. */

TEST(the_initializer_sets_the_size_and_the_defaults) {
  const bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  CHECK_EQ(options.size, sizeof(bq_poller_options));
  CHECK_EQ(options.flags, 0);
  CHECK(options.wake == NULL);
  CHECK(options.context == NULL);
  CHECK_EQ(options.linger_ns, 0);
  expect_accepted(&options);
}

TEST(null_options_are_the_defaults) {
  bq_poller *poller = poller_from(NULL);
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, BQ_READABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(an_unknown_flag_is_invalid) {
  const uint32_t known = BQ_POLLER_PIPE | BQ_POLLER_EDGE;
  for (uint32_t flag = 1; flag != 0; flag <<= 1) {
    bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
    options.flags = flag;
    if (known & flag) expect_accepted(&options);
    else expect_refused(&options);
  }
}

TEST(options_without_a_size_are_invalid) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.size = 0;
  expect_refused(&options);
  options.size = SIZE_MAX;
  expect_refused(&options);
}

TEST(a_larger_size_is_accepted_while_its_tail_is_zero) {
  struct {
    bq_poller_options known;
    unsigned char tail[16];
  } grown = {.known = BQ_POLLER_OPTIONS_INIT};
  grown.known.size = sizeof grown;
  expect_accepted(&grown.known);
  grown.tail[sizeof grown.tail - 1] = 1;
  expect_refused(&grown.known);
}

TEST(the_linger_is_a_time_or_no_linger) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.linger_ns = -2;
  expect_refused(&options);
  options.linger_ns = INT64_MIN;
  expect_refused(&options);
}

TEST(a_poller_arms_whatever_its_linger) {
  const int64_t lingers_ns[] = {0, BQ_NO_LINGER, 1, MILLISECOND};
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  for (size_t i = 0; i < LENGTH(lingers_ns); i++) {
    bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
    options.linger_ns = lingers_ns[i];
    bq_poller *poller = poller_from(&options);
    watch(poller, queue, BQ_READABLE);
    expect_nothing(poller);
    CHECK(!poller_readable(poller));
    put_number(queue, 1);
    CHECK(poller_readable(poller));
    expect_event(poller, queue, BQ_READABLE);
    get_number(queue);
    bq_poller_unref(poller);
  }
  bq_queue_unref(queue);
}

TEST(a_poller_that_lingers_long_reports_one_free_place) {
  bq_queue *queue = number_queue(BQ_FIFO, 8);
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.linger_ns = 3600 * SECOND; /* longer than the watchdog waits */
  bq_poller *poller = poller_from(&options);
  put_numbers(queue, 1, 7);
  watch(poller, queue, BQ_WRITABLE);
  for (int i = 0; i < 3; i++) expect_event(poller, queue, BQ_WRITABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_wake_callback_replaces_the_descriptor_and_its_flags) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.wake = ignore_wake;
  expect_accepted(&options);
  options.flags = BQ_POLLER_PIPE;
  expect_refused(&options);
  options.flags = BQ_POLLER_EDGE;
  expect_refused(&options);
}

TEST(a_poller_with_a_wake_callback_has_no_descriptor) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.wake = ignore_wake;
  bq_poller *poller = poller_from(&options);
  CHECK_STATUS(bq_poller_fd(poller), BQ_INVALID);
  bq_poller_unref(poller);
}

/* The descriptor. */

static bool is_pipe(bq_poller *poller) {
  struct stat status;
  CHECK_EQ(fstat(descriptor_of(poller), &status), 0);
  return S_ISFIFO(status.st_mode);
}

TEST(a_pipe_is_made_where_one_is_asked_for) {
  const uint32_t edges[] = {0, BQ_POLLER_EDGE};
  for (size_t i = 0; i < LENGTH(edges); i++) {
    bq_poller *piped = poller_with(BQ_POLLER_PIPE | edges[i]);
    CHECK(is_pipe(piped));
    bq_poller_unref(piped);
  }
}

TEST(the_descriptor_stays_the_same) {
  bq_poller *poller = new_poller();
  const int descriptor = descriptor_of(poller);
  CHECK_EQ(bq_poller_fd(poller), descriptor);
  bq_poller_unref(poller);
}

TEST(the_descriptor_never_blocks_and_is_not_inherited_by_programs) {
  const uint32_t flags[] = {0, BQ_POLLER_PIPE};
  for (size_t i = 0; i < LENGTH(flags); i++) {
    bq_poller *poller = poller_with(flags[i]);
    CHECK(fcntl(descriptor_of(poller), F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(descriptor_of(poller), F_GETFD) & FD_CLOEXEC);
    bq_poller_unref(poller);
  }
}

/* Arguments. */

TEST(a_null_handle_is_invalid) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  CHECK_STATUS(bq_poller_new(NULL, NULL), BQ_INVALID);
  CHECK(bq_poller_ref(NULL) == NULL);
  CHECK_STATUS(bq_poller_fd(NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_add(NULL, queue, BQ_READABLE, NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_modify(NULL, queue, BQ_READABLE, NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_remove(NULL, queue), BQ_INVALID);
  CHECK_STATUS(bq_poller_poll(NULL, &event, 1), BQ_INVALID);
  CHECK_STATUS(bq_poller_wait(NULL, &event, 1, BQ_NOWAIT), BQ_INVALID);
  CHECK_STATUS(bq_poller_wake(NULL), BQ_INVALID);
  bq_queue_unref(queue);
}

TEST(a_null_queue_is_invalid) {
  bq_poller *poller = new_poller();
  CHECK_STATUS(bq_poller_add(poller, NULL, BQ_READABLE, NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_modify(poller, NULL, BQ_READABLE, NULL), BQ_INVALID);
  CHECK_STATUS(bq_poller_remove(poller, NULL), BQ_INVALID);
  bq_poller_unref(poller);
}

TEST(the_last_unref_of_nothing_does_nothing) { bq_poller_unref(NULL); }

TEST(a_poll_without_room_for_events_is_invalid_and_loses_nothing) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  bq_event event;
  watch(poller, queue, BQ_READABLE);
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_poll(poller, NULL, 1), BQ_INVALID);
  CHECK_STATUS(bq_poller_poll(poller, &event, 0), BQ_INVALID);
  CHECK_STATUS(bq_poller_wait(poller, NULL, 1, BQ_NOWAIT), BQ_INVALID);
  CHECK_STATUS(bq_poller_wait(poller, &event, 0, BQ_NOWAIT), BQ_INVALID);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, BQ_READABLE);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_negative_timeout_other_than_forever_is_invalid) {
  bq_poller *poller = new_poller();
  bq_event event;
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, -2), BQ_INVALID);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, INT64_MIN), BQ_INVALID);
  bq_poller_unref(poller);
}

TEST(an_unknown_event_is_invalid) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  for (uint32_t event = 1; event != 0; event <<= 1) {
    const bq_status want = ALL_EVENTS & event ? BQ_OK : BQ_INVALID;
    CHECK_STATUS(bq_poller_add(poller, queue, event, NULL), want);
    if (want == BQ_OK) unwatch(poller, queue);
    else CHECK_STATUS(bq_poller_remove(poller, queue), BQ_NOT_FOUND);
  }
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(a_refused_modify_changes_nothing) {
  bq_poller *poller = new_poller();
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  int data;
  bq_event event;
  CHECK_STATUS(bq_poller_add(poller, queue, BQ_READABLE, &data), BQ_OK);
  CHECK_STATUS(bq_poller_modify(poller, queue, ALL_EVENTS + 1, NULL), BQ_INVALID);
  put_number(queue, 1);
  CHECK_STATUS(bq_poller_poll(poller, &event, 1), 1);
  CHECK_EQ(event.events, BQ_READABLE);
  CHECK(event.data == &data);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

CHECK_MAIN()
