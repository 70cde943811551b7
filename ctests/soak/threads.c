/* Threads that call and wait: producers, consumers, joiners, and one kind that disturbs them all. */
#include "soak.h"

void stay_at_the_gate(worker *me) {
  soak *all = me->all;
  if (!atomic_load(&all->resting)) return;
  pthread_mutex_lock(&all->gate);
  atomic_store(&me->parked, true);
  while (atomic_load(&all->resting)) pthread_cond_wait(&all->gate_opens, &all->gate);
  atomic_store(&me->parked, false);
  pthread_mutex_unlock(&all->gate);
}

void rest_a_moment(worker *me) {
  if (me->plan->rests && roll(me, me->plan->rests) == 0) pause_briefly();
}

int64_t any_timeout(worker *me) {
  const uint32_t kind = roll(me, 4);
  if (me->plan->patience == FOR_EVER) return BQ_FOREVER;
  if (me->plan->patience == IN_EVERY_WAY && kind == 0) return BQ_FOREVER;
  if (me->all->plan.calm) return (int64_t)roll(me, 2000) * MICROSECOND; /* as long as a rest */
  if (kind == 1) return BQ_NOWAIT;
  return (int64_t)roll(me, kind == 2 ? 1000 : 20) * MICROSECOND;
}

static bool is_over(const worker *me) {
  for (size_t i = 0; i < me->all->plan.queue_count; i++)
    if (!me->over[i]) return false;
  return true;
}

/* The home queue three times in four. */
soak_queue *any_queue(worker *me) {
  size_t queue = me->plan->home;
  if (is_over(me)) return NULL;
  if (roll(me, 4) == 0) queue = roll(me, (uint32_t)me->all->plan.queue_count);
  while (me->over[queue]) queue = (queue + 1) % me->all->plan.queue_count;
  return &me->all->queues[queue];
}

/* Puts */

static ptrdiff_t put_one(worker *me, const soak_queue *queue, int64_t timeout_ns) {
  unsigned char item[LARGEST_ITEM];
  const bool ranked = queue->plan->order == BQ_PRIORITY && !queue->plan->compares && roll(me, 4);
  const uint32_t rank = ranked ? roll(me, RANKS) : USUAL_RANK;
  bq_status status;
  write_items(me, queue, item, 1, queue->plan->compares ? RANKS : rank);
  enter(me, ranked ? "bq_put_priority" : "bq_put", queue->number, BQ_WRITABLE, 1, timeout_ns);
  if (ranked)
    status = bq_put_priority(queue->handle, item, (int64_t)rank - USUAL_RANK, timeout_ns);
  else
    status = bq_put(queue->handle, item, timeout_ns);
  leave(me);
  return status == BQ_OK ? 1 : status;
}

static ptrdiff_t put_batch(worker *me, const soak_queue *queue, size_t count, int64_t timeout_ns) {
  unsigned char items[LARGEST_BATCH * LARGEST_ITEM];
  write_items(me, queue, items, count, queue->plan->compares ? RANKS : USUAL_RANK);
  enter(me, "bq_put_many", queue->number, BQ_WRITABLE, count, timeout_ns);
  const ptrdiff_t put = bq_put_many(queue->handle, items, count, timeout_ns);
  leave(me);
  return put;
}

static bool has_enough(const worker *me, const soak_queue *queue) {
  return bq_len(queue->handle) > MOST_QUEUED || me->sequence + LARGEST_BATCH > MOST_PUTS;
}

/* Whether something went in. */
bool put_some(worker *me, soak_queue *queue, int64_t timeout_ns) {
  const size_t count = 1 + roll(me, me->plan->batch);
  if (has_enough(me, queue)) {
    pause_briefly();
    return false;
  }
  const ptrdiff_t put = count == 1 ? put_one(me, queue, timeout_ns)
                                   : put_batch(me, queue, count, timeout_ns);
  if (put > 0) note_put(me, queue, put);
  else if (put == BQ_SHUTDOWN) me->over[queue->number] = true;
  else CHECK_STATUS(put, BQ_FULL);
  if (put == BQ_SHUTDOWN) CHECK(atomic_load(&queue->shut));
  return put > 0;
}

static uint32_t poll_queue(worker *me, const soak_queue *queue, uint32_t events,
                           int64_t timeout_ns) {
  enter(me, "bq_poll", queue->number, events, 0, timeout_ns);
  const uint32_t holding = bq_poll(queue->handle, events, timeout_ns);
  leave(me);
  CHECK_EQ(holding & ~events, 0);
  CHECK(holding != 0 || timeout_ns != BQ_FOREVER);
  return holding;
}

static void produce(worker *me) {
  soak_queue *queue = any_queue(me);
  const int64_t timeout_ns = any_timeout(me);
  if (!queue) return;
  if (roll(me, 16) == 0) poll_queue(me, queue, BQ_WRITABLE, timeout_ns);
  else put_some(me, queue, timeout_ns);
}

/* Gets */

static ptrdiff_t get_one(worker *me, const soak_queue *queue, unsigned char *item,
                         int64_t timeout_ns) {
  enter(me, "bq_get", queue->number, BQ_READABLE, 1, timeout_ns);
  const bq_status status = bq_get(queue->handle, item, timeout_ns);
  leave(me);
  return status == BQ_OK ? 1 : status;
}

/* Whether there was something. */
bool get_some(worker *me, soak_queue *queue, int64_t timeout_ns) {
  unsigned char items[LARGEST_BATCH * LARGEST_ITEM];
  const size_t most = 1 + roll(me, me->plan->batch);
  ptrdiff_t got;
  if (most == 1) {
    got = get_one(me, queue, items, timeout_ns);
  } else {
    enter(me, "bq_get_many", queue->number, BQ_READABLE, most, timeout_ns);
    got = bq_get_many(queue->handle, items, most, timeout_ns);
    leave(me);
  }
  if (got > 0) note_got(me, queue, items, got);
  else if (got == BQ_SHUTDOWN) me->over[queue->number] = true;
  else CHECK_STATUS(got, BQ_EMPTY);
  if (got == BQ_SHUTDOWN) CHECK(atomic_load(&queue->shut));
  return got > 0;
}

static void peek(worker *me, const soak_queue *queue, int64_t timeout_ns) {
  unsigned char item[LARGEST_ITEM];
  enter(me, "bq_peek", queue->number, BQ_READABLE, 1, timeout_ns);
  const bq_status status = bq_peek(queue->handle, item, timeout_ns);
  leave(me);
  if (status == BQ_OK) note_seen(queue, item);
  else if (status != BQ_SHUTDOWN) CHECK_STATUS(status, BQ_EMPTY);
}

/* Says of everything that it is done. */
void pay(worker *me) {
  for (size_t i = 0; i < me->all->plan.queue_count; i++) {
    if (me->debt[i] == 0) continue;
    CHECK_STATUS(bq_task_done(me->all->queues[i].handle, me->debt[i]), BQ_OK);
    me->debt[i] = 0;
  }
}

static void consume(worker *me) {
  soak_queue *queue = any_queue(me);
  const int64_t timeout_ns = any_timeout(me);
  const uint32_t way = roll(me, 16);
  if (timeout_ns == BQ_FOREVER || roll(me, 2)) pay(me); /* who waits for ever owes nothing */
  if (!queue) return;
  if (way == 0) peek(me, queue, timeout_ns); /* and may stay at the gate then */
  else if (way == 1) poll_queue(me, queue, BQ_READABLE, timeout_ns);
  else get_some(me, queue, timeout_ns);
}

/* Joins */

/* What nobody gets is unfinished until the end. */
static int64_t join_timeout(worker *me, const soak_queue *queue) {
  const int64_t timeout_ns = any_timeout(me);
  return queue->plan->leaves && timeout_ns == BQ_FOREVER ? MILLISECOND : timeout_ns;
}

static void wait_for_the_end(worker *me) {
  const size_t number = roll(me, (uint32_t)me->all->plan.queue_count);
  const soak_queue *queue = &me->all->queues[number];
  const int64_t timeout_ns = join_timeout(me, queue);
  static const uint32_t events[] = {BQ_JOINED, BQ_CLOSED, BQ_DRAINED, BQ_JOINED | BQ_CLOSED};
  if (roll(me, 2)) {
    poll_queue(me, queue, events[roll(me, LENGTH(events))], timeout_ns);
  } else {
    enter(me, "bq_join", number, BQ_JOINED, 0, timeout_ns);
    const bq_status status = bq_join(queue->handle, timeout_ns);
    leave(me);
    if (status != BQ_OK) CHECK_STATUS(status, BQ_TIMEDOUT);
    CHECK(status == BQ_OK || timeout_ns != BQ_FOREVER);
  }
  pause_briefly(); /* it may hold for a long time */
}

/* Disturbances */

static void look(const soak_queue *queue) {
  CHECK(stats_of(queue->handle).len <= MOST_QUEUED + MOST_WORKERS * LARGEST_BATCH);
  CHECK_STATUS(bq_task_done(queue->handle, SIZE_MAX / 4), BQ_TOO_MANY_DONE);
}

static void disturb(worker *me) {
  const size_t number = roll(me, (uint32_t)me->all->plan.queue_count);
  const soak_queue *queue = &me->all->queues[number];
  switch (roll(me, 8)) {
  case 0:
    enter(me, "bq_clear", number, 0, 0, BQ_NOWAIT);
    bq_clear(queue->handle);
    leave(me);
    break;
  case 1:
  case 2: CHECK_STATUS(bq_set_capacity(queue->handle, random_capacity(&me->random)), BQ_OK); break;
  case 3: look(queue); break;
  default: disturb_a_loop(me); break;
  }
  if (me->plan->patience != FOR_EVER) pause_briefly();
}

/* One turn; whether there is another one. */
static bool turn(worker *me) {
  const bool winding_up = atomic_load(&me->all->winding_up);
  switch (me->plan->role) {
  case PRODUCER:
    if (winding_up || is_over(me)) return false;
    produce(me);
    break;
  case CONSUMER:
    if (is_over(me)) return false;
    consume(me);
    break;
  case BOTH:
    if (is_over(me)) return false;
    if (!winding_up && roll(me, 2)) produce(me);
    else consume(me);
    break;
  case JOINER:
    if (atomic_load(&me->all->ending)) return false;
    wait_for_the_end(me);
    break;
  case DISTURBER:
    if (winding_up) return false;
    disturb(me);
    break;
  case LOOP: return false;
  }
  return true;
}

void *thread_main(void *argument) {
  worker *me = argument;
  atomic_store(&me->thread_id, thread_id());
  while (turn(me)) {
    rest_a_moment(me);
    stay_at_the_gate(me);
  }
  pay(me);
  atomic_store(&me->ended, true);
  return NULL;
}
