/* Out of memory: a status, never an abort; the item stays with the caller; usable afterwards. */
#include "calls.h"
#include "check.h"
#include "refuse.h"
#include "support.h"

#include <sys/resource.h>

/* Large enough that no block of slots can hide many, for queues that allocate as they fill. */
enum { ITEM_SIZE = 4096, MOST = 20000 };

static const size_t capacities[] = {0, 1, 1024, MOST};

static void number_of(unsigned char *item, int64_t number) {
  memset(item, 0x5a, ITEM_SIZE);
  memcpy(item, &number, sizeof number);
}

static bq_queue *large_item_queue(uint32_t order, size_t capacity, drop_log *log) {
  bq_options options = number_options(order, capacity);
  options.item_size = ITEM_SIZE;
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

/* Puts numbers from 1 until it is told no; returns how many went in and why that was all. */
static int64_t put_until_refused(bq_queue *queue, bq_status *why) {
  unsigned char item[ITEM_SIZE];
  for (int64_t number = 1; number <= MOST; number++) {
    number_of(item, number);
    *why = bq_put(queue, item, BQ_NOWAIT);
    if (*why == BQ_OK) continue;
    unsigned char same[ITEM_SIZE];
    number_of(same, number);
    CHECK_EQ(memcmp(item, same, ITEM_SIZE), 0);
    return number - 1;
  }
  return MOST;
}

static void get_all(bq_queue *queue, int64_t count) {
  unsigned char item[ITEM_SIZE];
  const int64_t len = (int64_t)bq_len(queue);
  CHECK_EQ(len, count);
  int64_t sum = 0;
  for (int64_t i = 0; i < count; i++) {
    int64_t number;
    CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_OK);
    memcpy(&number, item, sizeof number);
    sum += number;
  }
  CHECK_EQ(sum, count * (count + 1) / 2);
  CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_EMPTY);
}

TEST(a_queue_that_finds_no_memory_is_not_made) {
  NEEDS_REFUSAL;
  FOR_EVERY_ORDER(order) {
    for (size_t i = 0; i < LENGTH(capacities); i++) {
      const bq_options options = number_options(order, capacities[i]);
      bq_queue *queue = NULL;
      long allowed = 0;
      bq_status status;
      do {
        allocations_left = allowed++;
        status = bq_queue_new(&options, &queue);
        allocations_left = -1;
        if (status != BQ_OK) CHECK(status == BQ_NO_MEMORY && queue == NULL);
      } while (status != BQ_OK);
      CHECK(allowed > 1);
      put_number(queue, 1);
      bq_queue_unref(queue);
    }
  }
}

TEST(an_item_that_finds_no_memory_stays_with_the_caller) {
  NEEDS_REFUSAL;
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = large_item_queue(order, 0, &log);
    bq_status why;
    allocations_left = 0;
    const int64_t count = put_until_refused(queue, &why);
    allocations_left = -1;
    CHECK_STATUS(why, BQ_NO_MEMORY);
    CHECK_EQ(bq_unfinished(queue), count);
    CHECK_EQ(stats_of(queue).puts, count);
    get_all(queue, count);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 0);
  }
}

TEST(a_bounded_queue_is_full_or_out_of_memory_and_never_aborts) {
  NEEDS_REFUSAL;
  FOR_EVERY_ORDER(order) {
    for (size_t i = 1; i < LENGTH(capacities); i++) {
      drop_log log = {0};
      bq_queue *queue = large_item_queue(order, capacities[i], &log);
      bq_status why;
      allocations_left = 0;
      const int64_t count = put_until_refused(queue, &why);
      allocations_left = -1;
      if (count < (int64_t)capacities[i]) CHECK_STATUS(why, BQ_NO_MEMORY);
      get_all(queue, count);
      bq_queue_unref(queue);
      CHECK_EQ(log.count, 0);
    }
  }
}

/* Wherever the memory runs out, the queue is whole, and takes items again when there is some. */
TEST(a_queue_that_ran_out_of_memory_is_usable_afterwards) {
  NEEDS_REFUSAL;
  FOR_EVERY_ORDER(order) {
    for (long allowed = 0; allowed < 24; allowed++) {
      drop_log log = {0};
      bq_queue *queue = large_item_queue(order, 0, &log);
      unsigned char item[ITEM_SIZE];
      bq_status why;
      allocations_left = allowed;
      int64_t count = put_until_refused(queue, &why);
      allocations_left = -1;
      if (count < MOST) CHECK_STATUS(why, BQ_NO_MEMORY);
      for (int i = 0; i < 100; i++) {
        number_of(item, ++count);
        CHECK_STATUS(bq_put(queue, item, BQ_NOWAIT), BQ_OK);
      }
      get_all(queue, count);
      number_of(item, 1);
      CHECK_STATUS(bq_put(queue, item, BQ_NOWAIT), BQ_OK);
      bq_queue_unref(queue);
      CHECK_EQ(log.count, 1);
    }
  }
}

TEST(put_many_returns_what_found_memory) {
  NEEDS_REFUSAL;
  enum { COUNT = 500 };
  unsigned char *items = malloc(COUNT * ITEM_SIZE);
  CHECK(items != NULL);
  for (int i = 0; i < COUNT; i++) number_of(items + i * ITEM_SIZE, i + 1);
  FOR_EVERY_ORDER(order) {
    for (long allowed = 0; allowed < 20; allowed++) {
      drop_log log = {0};
      bq_queue *queue = large_item_queue(order, 0, &log);
      allocations_left = allowed;
      const ptrdiff_t count = bq_put_many(queue, items, COUNT, BQ_FOREVER);
      allocations_left = -1;
      CHECK(count > 0 || count == BQ_NO_MEMORY);
      get_all(queue, count > 0 ? count : 0);
      bq_queue_unref(queue);
      CHECK_EQ(log.count, 0);
    }
  }
  free(items);
}

/* What takes out or counts needs no memory: there is no status with which it could say so. */
TEST(what_takes_items_out_needs_no_memory) {
  NEEDS_REFUSAL;
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = large_item_queue(order, 0, &log);
    static unsigned char items[4 * ITEM_SIZE];
    bq_status why = BQ_OK;
    allocations_left = 200;
    const int64_t count = put_until_refused(queue, &why);
    CHECK(count > 20);
    allocations_left = 0;
    CHECK_STATUS(bq_get(queue, items, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(bq_peek(queue, items, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(bq_get_many(queue, items, 4, BQ_NOWAIT), 4);
    CHECK_STATUS(bq_task_done(queue, 5), BQ_OK);
    CHECK_STATUS(bq_set_capacity(queue, MOST), BQ_OK);
    CHECK_EQ(stats_of(queue).len, count - 5);
    CHECK_EQ(bq_clear(queue), count - 5);
    CHECK_EQ(log.count, count - 5);
    CHECK_STATUS(bq_join(queue, BQ_NOWAIT), BQ_OK);
    CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
    bq_queue_unref(queue);
    allocations_left = -1;
  }
}

static void *wait_without_memory(void *argument) {
  call *one = argument;
  allocations_left = 0;
  one->result = call_now(one);
  allocations_left = -1;
  return NULL;
}

/* A put that was woken for room and finds no memory for it leaves that to the next one. */

typedef struct poor_put {
  bq_queue *queue;
  size_t count;
  long allocations;
  ptrdiff_t result;
} poor_put;

static void *put_in_poverty(void *argument) {
  poor_put *put = argument;
  const int64_t numbers[2] = {1, 2};
  allocations_left = put->allocations;
  put->result = put->count == 1 ? bq_put(put->queue, numbers, BQ_FOREVER)
                                : bq_put_many(put->queue, numbers, put->count, BQ_FOREVER);
  allocations_left = -1;
  return NULL;
}

/* `first` stands in line before one that has memory. */
static void check_room_is_left(poor_put *first) {
  poor_put second = {.queue = first->queue, .count = 1, .allocations = -1};
  const pthread_t poor = thread_start(put_in_poverty, first);
  await(blocked_puts(first->queue) == 1);
  const pthread_t rich = thread_start(put_in_poverty, &second);
  await(blocked_puts(first->queue) == 2);
  CHECK_EQ(bq_clear(first->queue), 1);
  thread_join(poor);
  thread_join(rich);
  CHECK_STATUS(second.result, BQ_OK);
  CHECK_EQ(get_number(first->queue), 1);
  bq_queue_unref(first->queue);
}

TEST(room_that_a_put_finds_no_memory_for_is_the_next_ones) {
  NEEDS_REFUSAL;
  for (uint32_t order = BQ_LIFO; order <= BQ_PRIORITY; order++) {
    poor_put first = {.queue = number_queue(order, 1), .count = 1, .allocations = 0};
    put_number(first.queue, 0);
    check_room_is_left(&first);
    CHECK_STATUS(first.result, BQ_NO_MEMORY);
  }
}

TEST(room_that_the_rest_of_a_batch_finds_no_memory_for_is_the_next_ones) {
  NEEDS_REFUSAL;
  for (uint32_t order = BQ_LIFO; order <= BQ_PRIORITY; order++) {
    const long for_one_item = order == BQ_LIFO ? 1 : 2;
    poor_put first = {.queue = number_queue(order, 1), .count = 2, .allocations = for_one_item};
    check_room_is_left(&first);
    CHECK_EQ(first.result, 1);
  }
}

/* A thread's first wait ever, which is where locks and parking lots like to allocate. */
TEST(waiting_needs_no_memory_or_says_so) {
  NEEDS_REFUSAL;
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, 2 * MILLISECOND);
    thread_join(thread_start(wait_without_memory, &one));
    CHECK(one.result == call_too_late(kind) || one.result == BQ_NO_MEMORY);
    call_let_go(&one);
    CHECK_STATUS(call_now(&one), call_success(kind));
    bq_queue_unref(one.queue);
  }
}

/* The real thing: the address space is at its limit. */

static size_t address_space(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK_EQ(fscanf(file, "%lu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(rlim_t bytes) {
  struct rlimit limit;
  CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
  CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

TEST(a_process_at_its_memory_limit_gets_a_status_and_goes_on) {
  NEEDS_REFUSAL;
  enum { LARGE = 1 << 20, ROOM = 64 << 20 };
  FOR_EVERY_ORDER(order) {
    bq_options options = number_options(order, 0);
    options.item_size = LARGE;
    bq_queue *queue = queue_from(&options);
    unsigned char *item = calloc(1, LARGE);
    CHECK(item != NULL);
    limit_address_space(address_space() + ROOM);
    bq_status status;
    size_t count = 0;
    while ((status = bq_put(queue, item, BQ_NOWAIT)) == BQ_OK) CHECK(++count < 10 * ROOM / LARGE);
    CHECK_STATUS(status, BQ_NO_MEMORY);
    CHECK_EQ(bq_len(queue), count);
    CHECK_EQ(bq_clear(queue), count);
    CHECK_STATUS(bq_put(queue, item, BQ_NOWAIT), BQ_OK);
    limit_address_space(RLIM_INFINITY);
    CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_OK);
    free(item);
    bq_queue_unref(queue);
  }
}

CHECK_MAIN()
