/*
 * Every macro of the header, evaluated. CTest fails when the header has one that is not named here:
 * macros rot unseen.
 */
#include "../check.h"
#include "../support.h"

#ifndef BRIDGEQ_H
#error "the include guard is not what it is named after"
#endif

/* As a caller would use them: visibility on a declaration, deprecation on a retired function. */
BQ_API uint32_t bq_version(void);
BQ_DEPRECATED void retired(void);
BQ_DEPRECATED_NOTE("use bq_put() instead") void retired_with_a_note(void);
void retired(void) {}
void retired_with_a_note(void) {}

TEST(the_version_macros_are_numbers) {
  CHECK_EQ(BQ_VERSION, BQ_VERSION_MAJOR * 10000 + BQ_VERSION_MINOR * 100 + BQ_VERSION_PATCH);
  CHECK_EQ(-BQ_VERSION, 0 - BQ_VERSION); /* parentheses */
}

/* A negative constant without parentheses turns `1 -BQ_EMPTY` into something else. */
TEST(the_statuses_are_constants_with_their_numbers) {
  static const int32_t statuses[] = {
      BQ_OK,     BQ_EMPTY, BQ_FULL,          BQ_TIMEDOUT, BQ_SHUTDOWN, BQ_INVALID,   BQ_NO_MEMORY,
      BQ_NO_FD,  BQ_TOO_MANY_DONE, BQ_FORKED, BQ_BUSY,    BQ_NOT_FOUND, BQ_EXISTS, BQ_INTERNAL};
  for (int i = 0; i < (int)LENGTH(statuses); i++) CHECK_EQ(statuses[i], -i);
  CHECK_EQ(1 -BQ_EMPTY, 2);
  CHECK_EQ(1 -BQ_INTERNAL, 14);
}

TEST(the_timeouts_are_constants) {
  static const int64_t timeouts[] = {BQ_NOWAIT, BQ_FOREVER, BQ_NO_LINGER};
  CHECK_EQ(timeouts[0], 0);
  CHECK_EQ(timeouts[1], -1);
  CHECK_EQ(timeouts[2], -1);
  CHECK_EQ(1 -BQ_FOREVER, 2);
  CHECK_EQ(1 -BQ_NO_LINGER, 2);
}

TEST(orders_and_modes_can_be_switched_upon) {
  for (uint32_t order = 0; order < 3; order++) {
    switch (order) {
    case BQ_FIFO: CHECK_EQ(order, 0); break;
    case BQ_LIFO: CHECK_EQ(order, 1); break;
    case BQ_PRIORITY: CHECK_EQ(order, 2); break;
    default: CHECK(false);
    }
  }
  CHECK_EQ(BQ_DRAIN, 0);
  CHECK_EQ(BQ_DISCARD, 1);
}

TEST(events_and_flags_are_single_bits) {
  CHECK_EQ(BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED, 31);
  CHECK_EQ(BQ_READABLE + BQ_WRITABLE + BQ_JOINED + BQ_CLOSED + BQ_DRAINED, 31);
  CHECK_EQ(BQ_POLLER_PIPE, 1);
  CHECK_EQ(BQ_POLLER_EDGE, 2);
}

/* Every field that an initializer forgets is a warning, and warnings are errors here. */
TEST(the_initializers_set_the_size_and_the_defaults) {
  static const bq_options options = BQ_OPTIONS_INIT;
  static const bq_stats stats = BQ_STATS_INIT;
  static const bq_poller_options poller_options = BQ_POLLER_OPTIONS_INIT;
  CHECK_EQ(options.size, sizeof(bq_options));
  CHECK_EQ(stats.size, sizeof(bq_stats));
  CHECK_EQ(poller_options.size, sizeof(bq_poller_options));
  bq_queue *queue = queue_from(&options);
  CHECK_EQ(bq_capacity(queue), 0);
  bq_queue_unref(queue);
}

TEST(the_attributes_leave_the_functions_as_they_are) {
  CHECK_EQ(bq_version(), BQ_VERSION);
}

CHECK_MAIN()
