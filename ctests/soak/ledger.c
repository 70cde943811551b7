/*
 * Items. The first word says where one belongs, the others follow from it:
 *
 *   63          48 47      45 44   43 42      39 38              0
 *   [   check     ][  rank   ][ queue ][ worker  ][   sequence    ]
 */
#include "soak.h"

enum { WORDS = LARGEST_ITEM / 8, CHECK_BITS = 16 };

typedef struct item {
  uint32_t rank;
  size_t queue;
  size_t worker;
  int64_t sequence;
} item;

static uint64_t mix(uint64_t word) {
  word = (word ^ word >> 31) * UINT64_C(0x7fb5d329728ea185);
  word = (word ^ word >> 27) * UINT64_C(0x81dadef4bc2dd44d);
  return word ^ word >> 33;
}

static uint64_t with_check(uint64_t name) {
  return name | mix(name + 1) >> (64 - CHECK_BITS) << (64 - CHECK_BITS);
}

static uint32_t rank_in(uint64_t word) { return (uint32_t)(word >> 45) % RANKS; }

static void write_item(unsigned char *bytes, size_t size, item one) {
  uint64_t words[WORDS];
  words[0] = with_check((uint64_t)one.rank << 45 | (uint64_t)one.queue << 43 |
                        (uint64_t)one.worker << 39 | (uint64_t)one.sequence);
  for (size_t i = 1; i < size / 8; i++) words[i] = mix(words[0] + i);
  memcpy(bytes, words, size);
}

/* Fails when it was not written by write_item or is torn. */
static item read_item(const unsigned char *bytes, size_t size) {
  uint64_t words[WORDS];
  memcpy(words, bytes, size);
  if (words[0] != with_check(words[0] << CHECK_BITS >> CHECK_BITS))
    check_fail(__FILE__, __LINE__, "an item that nobody put: %016llx",
               (unsigned long long)words[0]);
  for (size_t i = 1; i < size / 8; i++)
    if (words[i] != mix(words[0] + i))
      check_fail(__FILE__, __LINE__, "item %016llx is torn at byte %zu of %zu",
                 (unsigned long long)words[0], i * 8, size);
  return (item){.rank = rank_in(words[0]),
                .queue = words[0] >> 43 & (MOST_QUEUES - 1),
                .worker = words[0] >> 39 & 15,
                .sequence = (int64_t)(words[0] & ((UINT64_C(1) << 39) - 1))};
}

int compare_ranks(const void *a, const void *b, void *context) {
  uint64_t a_word, b_word;
  (void)context;
  memcpy(&a_word, a, sizeof a_word);
  memcpy(&b_word, b, sizeof b_word);
  return (int)rank_in(a_word) - (int)rank_in(b_word);
}

/* Puts */

/* rank RANKS: each as it comes */
void write_items(worker *me, const soak_queue *queue, unsigned char *items, size_t count,
                 uint32_t rank) {
  const size_t size = queue->plan->item_size;
  for (size_t i = 0; i < count; i++)
    write_item(items + i * size, size,
               (item){.rank = rank < RANKS ? rank : roll(me, RANKS),
                      .queue = queue->number,
                      .worker = me->number,
                      .sequence = me->sequence + (int64_t)i});
  if (me->sequence + (int64_t)count > atomic_load(&me->announced))
    atomic_store(&me->announced, me->sequence + (int64_t)count);
}

void note_put(worker *me, const soak_queue *queue, ptrdiff_t count) {
  me->sequence += count;
  atomic_fetch_add_explicit(&me->all->moved[me->number], count, memory_order_relaxed);
  atomic_fetch_add_explicit(&me->put[queue->number], count, memory_order_relaxed);
}

/* Gets, peeks and drops */

static item know(const soak_queue *queue, const unsigned char *bytes) {
  const item one = read_item(bytes, queue->plan->item_size);
  CHECK_EQ(one.queue, queue->number);
  CHECK(one.worker < MOST_WORKERS);
  const worker *from = &queue->all->workers[one.worker];
  if (one.sequence >= atomic_load(&from->announced))
    check_fail(__FILE__, __LINE__, "item %lld of thread %zu came before it was put",
               (long long)one.sequence, one.worker);
  return one;
}

static item take(const soak_queue *queue, const unsigned char *bytes) {
  const item one = know(queue, bytes);
  const unsigned long long bit = 1ull << one.sequence % 64;
  atomic_ullong *taken = &queue->all->workers[one.worker].taken[one.sequence / 64];
  if (atomic_fetch_or_explicit(taken, bit, memory_order_relaxed) & bit)
    check_fail(__FILE__, __LINE__, "item %lld of thread %zu came twice out of queue %zu",
               (long long)one.sequence, one.worker, one.queue);
  return one;
}

/* FIFO, and PRIORITY among equals: a worker's items rise, for everyone who gets. */
static void check_rises(worker *me, const soak_queue *queue, item one) {
  int64_t *last = &me->last[queue->number][one.worker][one.rank];
  if (queue->plan->order == BQ_LIFO) return;
  if (one.sequence < *last)
    check_fail(__FILE__, __LINE__,
               "item %lld of thread %zu, rank %u, came out of queue %zu after item %lld",
               (long long)one.sequence, one.worker, one.rank, one.queue, (long long)*last);
  *last = one.sequence;
}

void note_got(worker *me, const soak_queue *queue, const unsigned char *items, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    check_rises(me, queue, take(queue, items + (size_t)i * queue->plan->item_size));
  atomic_fetch_add_explicit(&me->got[queue->number], count, memory_order_relaxed);
  atomic_fetch_add_explicit(&me->all->moved[me->number], count, memory_order_relaxed);
  me->debt[queue->number] += (size_t)count;
}

void note_seen(const soak_queue *queue, const unsigned char *item) { know(queue, item); }

void drop_item(void *item, void *context) {
  soak_queue *queue = context;
  take(queue, item);
  atomic_fetch_add(&queue->dropped, 1);
  atomic_fetch_add_explicit(&queue->all->steps, 1, memory_order_relaxed);
}

/* Sums */

long long sum_put(const soak *all, size_t queue) {
  long long sum = 0;
  for (size_t i = 0; i < MOST_WORKERS; i++) sum += atomic_load(&all->workers[i].put[queue]);
  return sum;
}

long long sum_got(const soak *all, size_t queue) {
  long long sum = 0;
  for (size_t i = 0; i < MOST_WORKERS; i++) sum += atomic_load(&all->workers[i].got[queue]);
  return sum;
}

/* Every item that was put has come out once, and no other one has. */
static void check_worker(const worker *one) {
  for (int64_t i = 0; i < atomic_load(&one->announced); i++) {
    const bool came = atomic_load_explicit(&one->taken[i / 64], memory_order_relaxed) >> i % 64 & 1;
    if (came != (i < one->sequence))
      check_fail(__FILE__, __LINE__, "item %lld of thread %zu %s", (long long)i, one->number,
                 came ? "came though its put had failed" : "was lost");
  }
}

void check_and_clear_ledger(soak *all) {
  for (size_t i = 0; i < MOST_WORKERS; i++) {
    worker *one = &all->workers[i];
    check_worker(one);
    memset((void *)one->taken, 0, ((size_t)atomic_load(&one->announced) / 64 + 1) * 8);
  }
}
