/* Items of every size travel by value, whole, and nothing around them is touched. */
#include "check.h"
#include "support.h"

static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 16, 24, 64, 100, 256, 4097, 1 << 20};

enum { GUARD = 64, GUARD_BYTE = 0xa5 };

/* Room for items with guards on both sides, at an odd address: items need no alignment. */
typedef struct buffer {
  unsigned char *memory;
  unsigned char *items;
  size_t bytes;
} buffer;

static buffer buffer_new(size_t bytes) {
  buffer made = {malloc(bytes + 2 * GUARD), NULL, bytes};
  CHECK(made.memory != NULL);
  memset(made.memory, GUARD_BYTE, bytes + 2 * GUARD);
  made.items = made.memory + GUARD - 1;
  return made;
}

static void check_guards(const buffer *checked) {
  for (size_t i = 0; i < GUARD - 1; i++) CHECK_EQ(checked->memory[i], GUARD_BYTE);
  for (size_t i = 0; i <= GUARD; i++) CHECK_EQ(checked->items[checked->bytes + i], GUARD_BYTE);
}

static void buffer_free(buffer *freed) {
  check_guards(freed);
  free(freed->memory);
}

static unsigned char pattern(size_t seed, size_t at) {
  return (unsigned char)(seed * 151 + at * 7 + (at >> 8));
}

static void fill(unsigned char *item, size_t size, size_t seed) {
  for (size_t at = 0; at < size; at++) item[at] = pattern(seed, at);
}

static void check_filled(const unsigned char *item, size_t size, size_t seed) {
  for (size_t at = 0; at < size; at++)
    if (item[at] != pattern(seed, at))
      check_fail(__FILE__, __LINE__, "byte %zu of item %zu of %zu bytes is wrong", at, seed, size);
}

static bq_queue *queue_of(size_t item_size, uint32_t order, size_t capacity) {
  bq_options options = BQ_OPTIONS_INIT;
  options.order = order;
  options.capacity = capacity;
  options.item_size = item_size;
  return queue_from(&options);
}

/* Which of the items 0..2, put in this order, leaves as the n-th. */
static size_t leaves_at(uint32_t order, size_t n) { return order == BQ_LIFO ? 2 - n : n; }

static void check_one_by_one(size_t size, uint32_t order, size_t capacity) {
  bq_queue *queue = queue_of(size, order, capacity);
  buffer item = buffer_new(size);
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < 3; i++) {
      fill(item.items, size, round * 3 + i);
      CHECK_STATUS(bq_put(queue, item.items, BQ_NOWAIT), BQ_OK);
    }
    for (size_t i = 0; i < 3; i++) {
      memset(item.items, 0, size);
      CHECK_STATUS(bq_peek(queue, item.items, BQ_NOWAIT), BQ_OK);
      check_filled(item.items, size, round * 3 + leaves_at(order, i));
      memset(item.items, 0, size);
      CHECK_STATUS(bq_get(queue, item.items, BQ_NOWAIT), BQ_OK);
      check_filled(item.items, size, round * 3 + leaves_at(order, i));
    }
  }
  buffer_free(&item);
  bq_queue_unref(queue);
}

static void check_many(size_t size, uint32_t order, size_t capacity) {
  bq_queue *queue = queue_of(size, order, capacity);
  buffer items = buffer_new(3 * size);
  for (size_t i = 0; i < 3; i++) fill(items.items + i * size, size, i);
  CHECK_STATUS(bq_put_many(queue, items.items, 3, BQ_NOWAIT), 3);
  memset(items.items, 0, 3 * size);
  CHECK_STATUS(bq_get_many(queue, items.items, 3, BQ_NOWAIT), 3);
  for (size_t i = 0; i < 3; i++) check_filled(items.items + i * size, size, leaves_at(order, i));
  buffer_free(&items);
  bq_queue_unref(queue);
}

static void for_every_size(void (*check)(size_t size, uint32_t order, size_t capacity)) {
  for (size_t i = 0; i < LENGTH(sizes); i++)
    FOR_EVERY_ORDER(order) {
      check(sizes[i], order, 0);
      check(sizes[i], order, 3);
    }
}

TEST(items_of_every_size_travel_whole_one_by_one) { for_every_size(check_one_by_one); }

TEST(items_of_every_size_travel_whole_many_at_once) { for_every_size(check_many); }

TEST(an_item_size_of_0_is_that_of_a_pointer) {
  bq_queue *queue = queue_of(0, BQ_FIFO, 0);
  buffer item = buffer_new(sizeof(void *));
  fill(item.items, sizeof(void *), 1);
  CHECK_STATUS(bq_put(queue, item.items, BQ_NOWAIT), BQ_OK);
  memset(item.items, 0, sizeof(void *));
  CHECK_STATUS(bq_get(queue, item.items, BQ_NOWAIT), BQ_OK);
  check_filled(item.items, sizeof(void *), 1);
  buffer_free(&item);
  bq_queue_unref(queue);
}

TEST(an_item_is_copied_when_it_is_put) {
  bq_queue *queue = number_queue(BQ_FIFO, 0);
  int64_t number = 1;
  CHECK_STATUS(bq_put(queue, &number, BQ_NOWAIT), BQ_OK);
  number = 2;
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

/* A bounded queue reuses slots, an unbounded one blocks: old bytes must not shine through. */
TEST(slots_are_reused_for_many_rounds) {
  static const size_t capacities[] = {0, 1, 2, 3, 5, 64};
  for (size_t i = 0; i < LENGTH(capacities); i++) {
    const size_t depth = capacities[i] ? capacities[i] : 50;
    bq_queue *queue = queue_of(24, BQ_FIFO, capacities[i]);
    unsigned char item[24];
    for (size_t n = 0; n < 2000 + depth; n++) {
      if (n >= depth) {
        CHECK_STATUS(bq_get(queue, item, BQ_NOWAIT), BQ_OK);
        check_filled(item, sizeof item, n - depth);
      }
      fill(item, sizeof item, n);
      CHECK_STATUS(bq_put(queue, item, BQ_NOWAIT), BQ_OK);
      CHECK_EQ(bq_len(queue), n >= depth ? depth : n + 1);
    }
    bq_queue_unref(queue);
  }
}

static void check_dropped(void *item, void *context) {
  size_t *next = context;
  check_filled(item, 4097, (*next)++);
}

TEST(drop_is_handed_the_whole_item) {
  size_t next = 0;
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = 4097;
  options.drop = check_dropped;
  options.context = &next;
  bq_queue *queue = queue_from(&options);
  unsigned char item[4097];
  for (size_t i = 0; i < 10; i++) {
    fill(item, sizeof item, i);
    CHECK_STATUS(bq_put(queue, item, BQ_NOWAIT), BQ_OK);
  }
  bq_queue_unref(queue);
  CHECK_EQ(next, 10);
}

CHECK_MAIN()
