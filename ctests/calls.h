/*
 * One waiting call in a thread of its own, for tests that must see it wait and then see it end:
 *
 *   call getter = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
 *   call_start(&getter);
 *   await(blocked_gets(queue) == 1);
 *   put_number(queue, 7);
 *   CHECK_STATUS(call_end(&getter), BQ_OK);
 *
 * and queues in which a call of each kind has to wait, for what must hold of all of them.
 */
#ifndef CALLS_H
#define CALLS_H

#include "support.h"

typedef enum call_kind {
  CALL_GET,
  CALL_PEEK,
  CALL_GET_MANY,
  CALL_PUT,
  CALL_PUT_PRIORITY,
  CALL_PUT_MANY,
  CALL_JOIN,
  CALL_POLL,
  CALL_KINDS
} call_kind;

enum { CALL_ITEMS = 16 };

typedef struct call {
  call_kind kind;
  bq_queue *queue;
  int64_t timeout_ns;
  size_t count;              /* *_MANY: how many, at most CALL_ITEMS */
  uint32_t events;           /* CALL_POLL */
  int64_t priority;          /* CALL_PUT_PRIORITY */
  int64_t items[CALL_ITEMS]; /* what to put; what was got */
  ptrdiff_t result;          /* a status, a count or, for CALL_POLL, the events */
  int64_t took_ns;
  atomic_int thread_id;
  atomic_bool ended;
  pthread_t thread;
} call;

static inline ptrdiff_t call_now(call *one) {
  bq_queue *queue = one->queue;
  const int64_t timeout_ns = one->timeout_ns;
  switch (one->kind) {
  case CALL_GET: return bq_get(queue, one->items, timeout_ns);
  case CALL_PEEK: return bq_peek(queue, one->items, timeout_ns);
  case CALL_GET_MANY: return bq_get_many(queue, one->items, one->count, timeout_ns);
  case CALL_PUT: return bq_put(queue, one->items, timeout_ns);
  case CALL_PUT_PRIORITY: return bq_put_priority(queue, one->items, one->priority, timeout_ns);
  case CALL_PUT_MANY: return bq_put_many(queue, one->items, one->count, timeout_ns);
  case CALL_JOIN: return bq_join(queue, timeout_ns);
  case CALL_POLL: return (ptrdiff_t)bq_poll(queue, one->events, timeout_ns);
  case CALL_KINDS: break;
  }
  check_fail(__FILE__, __LINE__, "no such kind of call: %d", (int)one->kind);
}

static inline void *call_thread(void *argument) {
  call *one = argument;
  atomic_store(&one->thread_id, thread_id());
  const int64_t began_ns = now_ns();
  one->result = call_now(one);
  one->took_ns = now_ns() - began_ns;
  atomic_store(&one->ended, true);
  return NULL;
}

static inline void call_start(call *one) {
  atomic_store(&one->thread_id, 0);
  atomic_store(&one->ended, false);
  one->thread = thread_start(call_thread, one);
}

static inline bool call_ended(call *one) { return atomic_load(&one->ended); }

static inline bool call_asleep(call *one) { return asleep(atomic_load(&one->thread_id)); }

static inline ptrdiff_t call_end(call *one) {
  thread_join(one->thread);
  return one->result;
}

/* What a call of this kind says when its deadline has passed. */
static inline ptrdiff_t call_too_late(call_kind kind) {
  switch (kind) {
  case CALL_GET:
  case CALL_PEEK:
  case CALL_GET_MANY: return BQ_EMPTY;
  case CALL_PUT:
  case CALL_PUT_PRIORITY:
  case CALL_PUT_MANY: return BQ_FULL;
  case CALL_JOIN: return BQ_TIMEDOUT;
  case CALL_POLL: return 0;
  case CALL_KINDS: break;
  }
  check_fail(__FILE__, __LINE__, "no such kind of call: %d", (int)kind);
}

/* A call of this kind with a new queue in which it has to wait. Unref the queue afterwards. */
static inline call stuck_call(call_kind kind, int64_t timeout_ns) {
  call one = {.kind = kind, .timeout_ns = timeout_ns, .count = 1, .events = BQ_READABLE};
  one.queue = number_queue(kind == CALL_PUT_PRIORITY ? BQ_PRIORITY : BQ_FIFO, 1);
  one.items[0] = 2;
  switch (kind) {
  case CALL_PUT:
  case CALL_PUT_PRIORITY:
  case CALL_PUT_MANY:
  case CALL_JOIN: put_number(one.queue, 1); break;
  case CALL_GET:
  case CALL_PEEK:
  case CALL_GET_MANY:
  case CALL_POLL:
  case CALL_KINDS: break;
  }
  return one;
}

/* Whether that call, the only one at its queue, waits now. */
static inline bool call_waits(call *one) {
  switch (one->kind) {
  case CALL_GET:
  case CALL_PEEK:
  case CALL_GET_MANY: return blocked_gets(one->queue) == 1;
  case CALL_PUT:
  case CALL_PUT_PRIORITY:
  case CALL_PUT_MANY: return blocked_puts(one->queue) == 1;
  case CALL_JOIN: return blocked_joins(one->queue) == 1;
  case CALL_POLL: return call_asleep(one);
  case CALL_KINDS: break;
  }
  check_fail(__FILE__, __LINE__, "no such kind of call: %d", (int)one->kind);
}

/* Does what that call waits for. */
static inline void call_let_go(call *one) {
  int64_t number;
  switch (one->kind) {
  case CALL_GET:
  case CALL_PEEK:
  case CALL_GET_MANY:
  case CALL_POLL: put_number(one->queue, 1); break;
  case CALL_PUT:
  case CALL_PUT_PRIORITY:
  case CALL_PUT_MANY: CHECK_STATUS(bq_get(one->queue, &number, BQ_NOWAIT), BQ_OK); break;
  case CALL_JOIN: CHECK_STATUS(bq_task_done(one->queue, 1), BQ_OK); break;
  case CALL_KINDS: break;
  }
}

/* What it says when it was let go. */
static inline ptrdiff_t call_success(call_kind kind) {
  const bool counts = kind == CALL_GET_MANY || kind == CALL_PUT_MANY || kind == CALL_POLL;
  return counts ? 1 : BQ_OK; /* BQ_READABLE is 1 as well */
}

#endif
