/* What a queue is made from: bq_options, their defaults, their limits and how they grow. */
#include "calls.h"
#include "check.h"
#include "support.h"

#define UNTOUCHED ((bq_queue *)(void *)&untouched)
static int untouched;

/* A refused queue leaves the caller's pointer alone. */
static void check_refused(const bq_options *options) {
  bq_queue *queue = UNTOUCHED;
  CHECK_STATUS(bq_queue_new(options, &queue), BQ_INVALID);
  CHECK(queue == UNTOUCHED);
}

static void check_usable(const bq_options *options) {
  bq_queue *queue = queue_from(options);
  put_numbers(queue, 1, 2);
  CHECK_EQ(bq_len(queue), 2);
  const int64_t first = get_number(queue);
  CHECK_EQ(first, options->order == BQ_LIFO ? 2 : 1);
  bq_queue_unref(queue);
}

TEST(the_init_macro_is_the_default_options) {
  const bq_options options = BQ_OPTIONS_INIT;
  CHECK_EQ(options.size, sizeof(bq_options));
  CHECK_EQ(options.order, BQ_FIFO);
  CHECK_EQ(options.flags, 0);
  CHECK_EQ(options.capacity, 0);
  CHECK_EQ(options.item_size, 0);
  CHECK(options.drop == NULL);
  CHECK(options.compare == NULL);
  CHECK(options.context == NULL);
  CHECK_EQ(options.linger_ns, 0);
}

TEST(null_options_make_an_unbounded_fifo_of_pointers) {
  bq_queue *queue = queue_from(NULL);
  int things[3];
  void *thing = NULL;
  CHECK_EQ(bq_capacity(queue), 0);
  for (int i = 0; i < 3; i++) {
    thing = &things[i];
    CHECK_STATUS(bq_put(queue, &thing, BQ_NOWAIT), BQ_OK);
  }
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(bq_get(queue, &thing, BQ_NOWAIT), BQ_OK);
    CHECK(thing == &things[i]);
  }
  bq_queue_unref(queue);
}

TEST(the_options_are_read_during_the_call_only) {
  bq_options options = number_options(BQ_FIFO, 1);
  bq_queue *queue = queue_from(&options);
  memset(&options, 0xff, sizeof options);
  put_number(queue, 7);
  CHECK_STATUS(try_put(queue, 8), BQ_FULL);
  CHECK_EQ(get_number(queue), 7);
  bq_queue_unref(queue);
}

TEST(the_orders_have_their_numbers) {
  CHECK_EQ(BQ_FIFO, 0);
  CHECK_EQ(BQ_LIFO, 1);
  CHECK_EQ(BQ_PRIORITY, 2);
}

TEST(every_order_makes_a_queue_bounded_and_unbounded) {
  FOR_EVERY_ORDER(order) {
    for (size_t capacity = 0; capacity <= 1000; capacity = capacity * 10 + 2) {
      const bq_options options = number_options(order, capacity);
      check_usable(&options);
    }
  }
}

TEST(an_unknown_order_is_invalid) {
  bq_options options = BQ_OPTIONS_INIT;
  static const uint32_t wild[] = {3, 4, 255, 1u << 31, UINT32_MAX};
  for (size_t i = 0; i < LENGTH(wild); i++) {
    options.order = wild[i];
    check_refused(&options);
  }
}

TEST(every_reserved_flag_is_invalid) {
  bq_options options = BQ_OPTIONS_INIT;
  for (int bit = 0; bit < 32; bit++) {
    options.flags = UINT32_C(1) << bit;
    check_refused(&options);
  }
}

TEST(a_null_place_for_the_queue_is_invalid) {
  const bq_options options = BQ_OPTIONS_INIT;
  CHECK_STATUS(bq_queue_new(NULL, NULL), BQ_INVALID);
  CHECK_STATUS(bq_queue_new(&options, NULL), BQ_INVALID);
}

/* The size field. */

typedef struct later_options {
  bq_options options;
  unsigned char tail[64];
} later_options;

TEST(options_of_a_later_version_that_ask_for_nothing_new_are_taken) {
  later_options later = {BQ_OPTIONS_INIT, {0}};
  later.options.item_size = sizeof(int64_t);
  for (size_t more = 1; more <= sizeof later.tail; more++) {
    later.options.size = sizeof(bq_options) + more;
    check_usable(&later.options);
  }
}

TEST(options_of_a_later_version_that_ask_for_something_unknown_are_invalid) {
  for (size_t at = 0; at < sizeof(((later_options *)0)->tail); at++) {
    later_options later = {BQ_OPTIONS_INIT, {0}};
    later.options.size = sizeof later;
    later.tail[at] = 1;
    check_refused(&later.options);
  }
}

TEST(what_lies_behind_the_options_is_not_looked_at) {
  later_options later = {BQ_OPTIONS_INIT, {0}};
  later.options.item_size = sizeof(int64_t);
  memset(later.tail, 0xff, sizeof later.tail);
  check_usable(&later.options);
}

TEST(options_without_a_size_are_invalid) {
  bq_options options = BQ_OPTIONS_INIT;
  options.size = 0;
  check_refused(&options);
  options.size = sizeof(size_t) - 1;
  check_refused(&options);
}

TEST(options_of_a_wild_size_are_invalid) {
  later_options later = {BQ_OPTIONS_INIT, {0}};
  memset(later.tail, 0xff, sizeof later.tail);
  later.options.size = SIZE_MAX;
  check_refused(&later.options);
  later.options.size = SIZE_MAX / 2 + 1;
  check_refused(&later.options);
}

/* Capacity and item size. */

TEST(the_capacity_is_the_one_asked_for) {
  static const size_t capacities[] = {0, 1, 2, 3, 7, 8, 9, 1000, 1024, 1025, 65537};
  for (size_t i = 0; i < LENGTH(capacities); i++) {
    bq_queue *queue = number_queue(BQ_FIFO, capacities[i]);
    CHECK_EQ(bq_capacity(queue), capacities[i]);
    bq_queue_unref(queue);
  }
}

/* Whoever allocates as it fills can do it, whoever allocates at once cannot: both are answers. */
static void check_refused_or_usable(const bq_options *options) {
  bq_queue *queue = UNTOUCHED;
  const bq_status status = bq_queue_new(options, &queue);
  if (status == BQ_OK) {
    CHECK_EQ(bq_capacity(queue), options->capacity);
    bq_queue_unref(queue);
    check_usable(options);
  } else {
    CHECK(status == BQ_NO_MEMORY || status == BQ_INVALID);
    CHECK(queue == UNTOUCHED);
  }
}

TEST(a_capacity_of_any_size_never_overflows) {
  static const size_t capacities[] = {SIZE_MAX,     SIZE_MAX - 1,     SIZE_MAX / 2,
                                      SIZE_MAX / 8, SIZE_MAX / 8 + 2, SIZE_MAX / 64,
                                      PTRDIFF_MAX,  UINT32_MAX};
  FOR_EVERY_ORDER(order) {
    for (size_t i = 0; i < LENGTH(capacities); i++) {
      const bq_options options = number_options(order, capacities[i]);
      check_refused_or_usable(&options);
    }
  }
}

TEST(an_item_larger_than_any_object_is_invalid) {
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, (size_t)PTRDIFF_MAX + 1};
  FOR_EVERY_ORDER(order) {
    for (size_t i = 0; i < LENGTH(sizes); i++) {
      bq_options options = number_options(order, 2);
      options.item_size = sizes[i];
      check_refused(&options);
      options.capacity = 0;
      check_refused(&options);
    }
  }
}

TEST(a_capacity_times_an_item_size_never_overflows) {
  static const size_t shifts[] = {8, 20, 31, 32, 40, 60};
  for (size_t i = 0; i < LENGTH(shifts); i++) {
    bq_options options = number_options(BQ_FIFO, SIZE_MAX >> (shifts[i] - 1));
    options.item_size = (size_t)1 << shifts[i];
    bq_queue *queue = UNTOUCHED;
    const bq_status status = bq_queue_new(&options, &queue);
    if (status == BQ_OK) bq_queue_unref(queue);
    else CHECK(queue == UNTOUCHED && (status == BQ_NO_MEMORY || status == BQ_INVALID));
  }
}

/* How long to linger. */

TEST(the_linger_macro_is_minus_one) { CHECK_EQ(BQ_NO_LINGER, -1); }

TEST(every_way_to_linger_makes_a_queue_that_waits) {
  static const int64_t lingers[] = {0, BQ_NO_LINGER, 1, MICROSECOND, MILLISECOND};
  for (size_t i = 0; i < LENGTH(lingers); i++) {
    bq_options options = number_options(BQ_FIFO, 2);
    options.linger_ns = lingers[i];
    bq_queue *queue = queue_from(&options);
    int64_t number = 5;
    CHECK_STATUS(bq_get(queue, &number, 2 * MILLISECOND), BQ_EMPTY);
    CHECK_EQ(number, 5);
    bq_queue_unref(queue);
  }
}

TEST(a_linger_never_outlasts_the_deadline) {
  bq_options options = number_options(BQ_FIFO, 2);
  options.linger_ns = INT64_MAX;
  bq_queue *queue = queue_from(&options);
  int64_t number = 5;
  CHECK_STATUS(bq_get(queue, &number, 2 * MILLISECOND), BQ_EMPTY);
  bq_queue_unref(queue);
}

/* Not a share of the room, for which only a moment is worth waiting. */
TEST(a_put_that_lingers_long_goes_in_when_there_is_one_place) {
  bq_options options = number_options(BQ_FIFO, 8);
  options.linger_ns = 3600 * SECOND;
  bq_queue *queue = queue_from(&options);
  call put = {.kind = CALL_PUT, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {9}};
  put_numbers(queue, 1, 8);
  call_start(&put);
  await(atomic_load(&put.thread_id) != 0);
  CHECK_EQ(get_number(queue), 1);
  await(call_ended(&put));
  CHECK_STATUS(call_end(&put), BQ_OK);
  bq_queue_unref(queue);
}

static int compare_nothing(const void *a, const void *b, void *context) {
  (void)a, (void)b, (void)context;
  return 0;
}

TEST(a_compare_is_for_a_priority_queue_only) {
  bq_options options = BQ_OPTIONS_INIT;
  options.compare = compare_nothing;
  check_refused(&options);
  options.order = BQ_LIFO;
  check_refused(&options);
  options.order = BQ_PRIORITY;
  options.item_size = sizeof(int64_t);
  check_usable(&options);
}

CHECK_MAIN()
