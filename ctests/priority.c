/* PRIORITY: lowest first, by the put's priority or by compare; first in, first out among equals. */
#include "calls.h"
#include "check.h"
#include "support.h"

typedef struct job {
  int64_t rank;
  int64_t number;
} job;

static bq_queue *job_queue(bq_compare_fn compare, void *context, drop_log *log) {
  bq_options options = BQ_OPTIONS_INIT;
  options.order = BQ_PRIORITY;
  options.item_size = sizeof(job);
  options.compare = compare;
  options.context = context ? context : log;
  options.drop = log ? log_drop : NULL;
  return queue_from(&options);
}

static void put_job(bq_queue *queue, int64_t rank, int64_t number) {
  const job one = {rank, number};
  CHECK_STATUS(bq_put(queue, &one, BQ_NOWAIT), BQ_OK);
}

static void put_at(bq_queue *queue, int64_t priority, int64_t number) {
  CHECK_STATUS(bq_put_priority(queue, &number, priority, BQ_NOWAIT), BQ_OK);
}

/* A permutation that is no order: i -> i * 7919 mod n, for n not divisible by 7919. */
static int64_t scrambled(int64_t i, int64_t n) { return i * 7919 % n; }

TEST(the_lowest_priority_leaves_first) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  for (int64_t i = 0; i < 5000; i++) put_at(queue, scrambled(i, 5000), scrambled(i, 5000));
  for (int64_t number = 0; number < 5000; number++) CHECK_EQ(get_number(queue), number);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(equal_priorities_leave_first_in_first_out) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  for (int64_t i = 0; i < 3000; i++) put_at(queue, i % 3, i);
  for (int64_t priority = 0; priority < 3; priority++)
    for (int64_t i = 0; i < 1000; i++) CHECK_EQ(get_number(queue), i * 3 + priority);
  bq_queue_unref(queue);
}

TEST(equal_priorities_stay_in_order_while_others_come_and_go) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  int64_t next_put = 0;
  int64_t next_get = 0;
  for (int round = 0; round < 300; round++) {
    for (int i = 0; i < 3; i++) put_at(queue, 5, next_put++);
    put_at(queue, 1, -1);
    CHECK_EQ(get_number(queue), -1);
    for (int i = 0; i < 2; i++) CHECK_EQ(get_number(queue), next_get++);
  }
  bq_queue_unref(queue);
}

TEST(priorities_may_be_negative_and_as_far_apart_as_they_can_be) {
  static const int64_t rising[] = {INT64_MIN, INT64_MIN + 1, -1000, -1,           0,
                                   1,         1000,          INT64_MAX - 1, INT64_MAX};
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  for (size_t i = 0; i < LENGTH(rising); i++) {
    const size_t at = (i * 4 + 3) % LENGTH(rising);
    put_at(queue, rising[at], rising[at]);
  }
  for (size_t i = 0; i < LENGTH(rising); i++) CHECK_EQ(get_number(queue), rising[i]);
  bq_queue_unref(queue);
}

TEST(a_plain_put_has_priority_0) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  const int64_t many[] = {4, 5};
  put_at(queue, 1, 7);
  put_at(queue, 0, 2);
  put_number(queue, 3);
  CHECK_STATUS(bq_put_many(queue, many, 2, BQ_NOWAIT), 2);
  put_at(queue, 0, 6);
  put_at(queue, -1, 1);
  for (int64_t number = 1; number <= 7; number++) CHECK_EQ(get_number(queue), number);
  bq_queue_unref(queue);
}

TEST(a_bounded_priority_queue_is_full_at_its_capacity_exactly) {
  for (size_t capacity = 1; capacity <= 9; capacity++) {
    bq_queue *queue = number_queue(BQ_PRIORITY, capacity);
    int64_t number = 0;
    put_numbers(queue, 1, (int64_t)capacity);
    CHECK_STATUS(try_put(queue, 0), BQ_FULL);
    CHECK_STATUS(bq_put_priority(queue, &number, INT64_MIN, BQ_NOWAIT), BQ_FULL);
    CHECK_EQ(bq_len(queue), capacity);
    CHECK_EQ(get_number(queue), 1);
    put_number(queue, 0);
    bq_queue_unref(queue);
  }
}

TEST(a_peek_shows_the_lowest) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 0);
  int64_t number = 0;
  for (int64_t priority = 5; priority >= 1; priority--) {
    put_at(queue, priority, priority);
    CHECK_STATUS(bq_peek(queue, &number, BQ_NOWAIT), BQ_OK);
    CHECK_EQ(number, priority);
  }
  CHECK_EQ(bq_len(queue), 5);
  bq_queue_unref(queue);
}

TEST(a_put_with_a_priority_waits_for_room) {
  bq_queue *queue = number_queue(BQ_PRIORITY, 1);
  call put = {.kind = CALL_PUT_PRIORITY, .queue = queue, .timeout_ns = BQ_FOREVER, .items = {2}};
  put_number(queue, 1);
  call_start(&put);
  await(blocked_puts(queue) == 1);
  CHECK_EQ(get_number(queue), 1);
  CHECK_STATUS(call_end(&put), BQ_OK);
  CHECK_EQ(get_number(queue), 2);
  bq_queue_unref(queue);
}

/* By compare. */

static int by_rank(const void *a, const void *b, void *context) {
  (void)context;
  const int64_t left = ((const job *)a)->rank;
  const int64_t right = ((const job *)b)->rank;
  return (left > right) - (left < right);
}

static job get_job(bq_queue *queue) {
  job one = {-1, -1};
  CHECK_STATUS(bq_get(queue, &one, BQ_NOWAIT), BQ_OK);
  return one;
}

TEST(compare_puts_items_in_ascending_order) {
  bq_queue *queue = job_queue(by_rank, NULL, NULL);
  for (int64_t i = 0; i < 5000; i++) put_job(queue, scrambled(i, 5000), i);
  for (int64_t rank = 0; rank < 5000; rank++) CHECK_EQ(get_job(queue).rank, rank);
  bq_queue_unref(queue);
}

TEST(items_that_compare_equal_leave_first_in_first_out) {
  bq_queue *queue = job_queue(by_rank, NULL, NULL);
  for (int64_t i = 0; i < 3000; i++) put_job(queue, i % 3, i);
  for (int64_t rank = 0; rank < 3; rank++)
    for (int64_t i = 0; i < 1000; i++) CHECK_EQ(get_job(queue).number, i * 3 + rank);
  bq_queue_unref(queue);
}

static int by_sign_of_context(const void *a, const void *b, void *context) {
  return *(const int *)context * by_rank(a, b, NULL) * 1000000;
}

TEST(compare_is_handed_the_context_and_any_sign_will_do) {
  int sign = -1;
  bq_queue *queue = job_queue(by_sign_of_context, &sign, NULL);
  for (int64_t rank = 0; rank < 100; rank++) put_job(queue, rank, rank);
  for (int64_t rank = 99; rank >= 0; rank--) CHECK_EQ(get_job(queue).rank, rank);
  bq_queue_unref(queue);
}

TEST(where_compare_decides_put_priority_is_invalid) {
  bq_queue *queue = job_queue(by_rank, NULL, NULL);
  const job one = {1, 1};
  CHECK_STATUS(bq_put_priority(queue, &one, 0, BQ_FOREVER), BQ_INVALID);
  CHECK_EQ(bq_len(queue), 0);
  bq_queue_unref(queue);
}

/* A compare that lies: a wrong order is all that may come of it. */

static atomic_uint dice = 12345;

static int at_random(const void *a, const void *b, void *context) {
  (void)a, (void)b, (void)context;
  const unsigned rolled = atomic_fetch_add(&dice, 1) * 2654435761u >> 16;
  return rolled % 4 == 3 ? INT32_MIN : (int)(rolled % 3) - 1;
}

static int always_more(const void *a, const void *b, void *context) {
  (void)a, (void)b, (void)context;
  return INT32_MAX;
}

static int always_less(const void *a, const void *b, void *context) {
  (void)a, (void)b, (void)context;
  return INT32_MIN;
}

static void check_nothing_lost(bq_compare_fn liar) {
  enum { JOBS = 2000, TAKEN = 1200 };
  drop_log log = {0};
  bool seen[JOBS] = {false};
  bq_queue *queue = job_queue(liar, NULL, &log);
  int64_t sum = 0;
  for (int64_t i = 0; i < JOBS; i++) put_job(queue, i, i);
  for (int i = 0; i < TAKEN; i++) {
    const int64_t number = get_job(queue).number;
    CHECK(number >= 0 && number < JOBS && !seen[number]);
    seen[number] = true;
    sum += number;
  }
  bq_queue_unref(queue);
  CHECK_EQ(log.count, JOBS - TAKEN);
  CHECK_EQ(log.sum + sum, (int64_t)JOBS * (JOBS - 1) / 2);
}

TEST(a_compare_that_lies_at_random_loses_nothing) { check_nothing_lost(at_random); }

TEST(a_compare_that_always_says_more_loses_nothing) { check_nothing_lost(always_more); }

TEST(a_compare_that_always_says_less_loses_nothing) { check_nothing_lost(always_less); }

CHECK_MAIN()
