/*
 * A queue in full swing, for tests that disturb it from outside: two producers, a blocking getter, a
 * getter of batches, a thread in bq_poller_wait and an epoll loop.
 *
 *   traffic *busy = traffic_start(BQ_FIFO, 4);
 *   ... disturb; traffic_moves(busy) waits until more items have arrived ...
 *   traffic_end(busy);      every item that was put was got once
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "loops.h"

enum { TRAFFIC_PRODUCERS = 2, TRAFFIC_THREADS = 6, TRAFFIC_BATCH = 5 };
/* Producers rest while so much is queued, bounded or not: what is tested is not memory. */
enum { TRAFFIC_MOST = 500 };

typedef struct traffic traffic;

typedef struct traffic_thread {
  traffic *all;
  int64_t number; /* of a producer's next item, which is one more than the last one */
  pthread_t thread;
  atomic_int id;
} traffic_thread;

/* What went in and what came out; equal in the end. */
typedef struct traffic_count {
  atomic_llong items;
  atomic_ullong sum;
  atomic_ullong mixed; /* of what a sum does not tell: one item twice and another not at all */
} traffic_count;

struct traffic {
  bq_queue *queue;
  traffic_count put;
  traffic_count got;
  atomic_bool over;
  atomic_int running;
  traffic_thread threads[TRAFFIC_THREADS];
};

static inline void traffic_add(traffic_count *count, const int64_t *numbers, ptrdiff_t items) {
  for (ptrdiff_t i = 0; i < items; i++) {
    const uint64_t number = (uint64_t)numbers[i];
    atomic_fetch_add(&count->sum, number);
    atomic_fetch_add(&count->mixed, (number ^ number >> 7) * UINT64_C(0x9e3779b97f4a7c15) >> 9);
  }
  atomic_fetch_add(&count->items, items);
}

static inline traffic *traffic_enter(traffic_thread *me) {
  atomic_store(&me->id, thread_id());
  atomic_fetch_add(&me->all->running, 1);
  return me->all;
}

static inline ptrdiff_t traffic_put(traffic *all, const int64_t *numbers, size_t count) {
  static const int64_t timeouts_ns[] = {BQ_NOWAIT, BQ_FOREVER, 100 * MICROSECOND};
  const int64_t timeout_ns = timeouts_ns[(size_t)numbers[0] % LENGTH(timeouts_ns)];
  if (count > 1) return bq_put_many(all->queue, numbers, count, timeout_ns);
  const bq_status status = bq_put(all->queue, numbers, timeout_ns);
  return status == BQ_OK ? 1 : status;
}

static inline void *traffic_produce(void *argument) {
  traffic_thread *me = argument;
  traffic *all = traffic_enter(me);
  int64_t numbers[TRAFFIC_BATCH];
  while (!atomic_load(&all->over)) {
    const size_t count = 1 + (size_t)me->number % TRAFFIC_BATCH;
    for (size_t i = 0; i < count; i++) numbers[i] = me->number + (int64_t)i;
    while (bq_len(all->queue) > TRAFFIC_MOST) pause_briefly();
    const ptrdiff_t put = traffic_put(all, numbers, count);
    if (put < 0) CHECK_STATUS(put, BQ_FULL);
    if (put > 0) traffic_add(&all->put, numbers, put);
    me->number += put > 0 ? put : 0;
  }
  return NULL;
}

/* Whether there may be more. */
static inline bool traffic_take(traffic *all, ptrdiff_t got, const int64_t *numbers) {
  if (got == BQ_SHUTDOWN) return false;
  if (got < 0) CHECK_STATUS(got, BQ_EMPTY);
  if (got > 0) {
    traffic_add(&all->got, numbers, got);
    CHECK_STATUS(bq_task_done(all->queue, (size_t)got), BQ_OK);
  }
  return true;
}

static inline bool traffic_get(traffic *all, int64_t timeout_ns) {
  int64_t number;
  const bq_status status = bq_get(all->queue, &number, timeout_ns);
  return traffic_take(all, status == BQ_OK ? 1 : status, &number);
}

static inline void *traffic_consume(void *argument) {
  traffic *all = traffic_enter(argument);
  while (traffic_get(all, BQ_FOREVER) && traffic_get(all, 50 * MICROSECOND)) continue;
  return NULL;
}

static inline void *traffic_consume_many(void *argument) {
  traffic *all = traffic_enter(argument);
  int64_t numbers[TRAFFIC_BATCH];
  ptrdiff_t got;
  do got = bq_get_many(all->queue, numbers, TRAFFIC_BATCH, BQ_FOREVER);
  while (traffic_take(all, got, numbers));
  return NULL;
}

static inline void *traffic_select(void *argument) {
  traffic *all = traffic_enter(argument);
  bq_poller *poller = new_poller();
  bq_event ready;
  ptrdiff_t count;
  watch(poller, all->queue, BQ_READABLE);
  do {
    count = bq_poller_wait(poller, &ready, 1, BQ_FOREVER);
    CHECK_STATUS(count, 1);
  } while (traffic_get(all, BQ_NOWAIT));
  bq_poller_unref(poller);
  return NULL;
}

static inline void *traffic_loop(void *argument) {
  traffic *all = traffic_enter(argument);
  event_loop loop = loop_open(BY_EPOLL);
  bq_event ready;
  bool more = true;
  watch(loop.poller, all->queue, BQ_READABLE);
  while (more) {
    wait_until_it_fires(&loop);
    while (more && bq_poller_poll(loop.poller, &ready, 1) > 0) more = traffic_get(all, BQ_NOWAIT);
  }
  loop_close(&loop);
  return NULL;
}

/* Waits until so many more items have arrived. */
static inline void traffic_moves(traffic *all, long long items) {
  const long long seen = atomic_load(&all->got.items);
  await(atomic_load(&all->got.items) >= seen + items);
}

static inline traffic *traffic_start(uint32_t order, size_t capacity) {
  static void *(*const bodies[TRAFFIC_THREADS])(void *) = {
      traffic_produce,      traffic_produce, traffic_consume,
      traffic_consume_many, traffic_select,  traffic_loop};
  traffic *all = calloc(1, sizeof *all);
  CHECK(all != NULL);
  all->queue = number_queue(order, capacity);
  for (int i = 0; i < TRAFFIC_THREADS; i++) {
    traffic_thread *one = &all->threads[i];
    one->all = all;
    one->number = INT64_C(1) + i * (INT64_C(1) << 40);
    one->thread = thread_start(bodies[i], one);
  }
  await(atomic_load(&all->running) == TRAFFIC_THREADS);
  traffic_moves(all, 100);
  return all;
}

static inline void traffic_end(traffic *all) {
  traffic_moves(all, 100);
  atomic_store(&all->over, true);
  for (int i = 0; i < TRAFFIC_PRODUCERS; i++) thread_join(all->threads[i].thread);
  CHECK_STATUS(bq_join(all->queue, BQ_FOREVER), BQ_OK);
  CHECK_STATUS(bq_shutdown(all->queue, BQ_DRAIN), BQ_OK);
  for (int i = TRAFFIC_PRODUCERS; i < TRAFFIC_THREADS; i++) thread_join(all->threads[i].thread);
  CHECK_EQ(all->put.items, all->got.items);
  CHECK_EQ(all->put.sum, all->got.sum);
  CHECK_EQ(all->put.mixed, all->got.mixed);
  bq_queue_unref(all->queue);
  free(all);
}

#endif
