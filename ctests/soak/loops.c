/*
 * Threads with a poller: waiting in bq_poller_wait, at a descriptor, or for a callback. Each has
 * one poller after the other and watches now this, now that; others change its watches too.
 */
#include "soak.h"

static const uint32_t any_event = BQ_READABLE | BQ_WRITABLE | BQ_JOINED | BQ_CLOSED | BQ_DRAINED;

static void ring(void *context) { CHECK_EQ(sem_post(context), 0); }

/* Watches. Under the desk's lock, which is there because other threads do the same. */

static uint32_t random_events(worker *me) {
  switch (roll(me, 6)) {
  case 0: return roll(me, any_event + 1);
  case 1: return BQ_WRITABLE;
  case 2: return BQ_READABLE | BQ_WRITABLE;
  default: return BQ_READABLE;
  }
}

static void watch_anew(desk *at, const soak_queue *queue, uint32_t events) {
  void *data = (void *)(uintptr_t)queue->number;
  bq_status (*call)(bq_poller *, bq_queue *, uint32_t, void *) =
      at->added[queue->number] ? bq_poller_modify : bq_poller_add;
  CHECK_STATUS(call(at->poller, queue->handle, events, data), BQ_OK);
  at->added[queue->number] = true;
  at->watched[queue->number] = events;
}

static void watch_no_more(desk *at, const soak_queue *queue) {
  CHECK_STATUS(bq_poller_remove(at->poller, queue->handle),
               at->added[queue->number] ? BQ_OK : BQ_NOT_FOUND);
  at->added[queue->number] = false;
  at->watched[queue->number] = 0;
}

static void change_something(worker *me, desk *at) {
  const soak_queue *queue = &me->all->queues[roll(me, (uint32_t)me->all->plan.queue_count)];
  switch (roll(me, 4)) {
  case 0: watch_no_more(at, queue); break;
  case 1:
    if (at->added[queue->number]) watch_anew(at, queue, 0);
    break;
  default: watch_anew(at, queue, random_events(me)); break;
  }
}

/* Takes some of the events of a watch that is still there off it. */
static void lose_interest(desk *at, const soak_queue *queue, uint32_t events) {
  pthread_mutex_lock(&at->lock);
  if (at->added[queue->number]) watch_anew(at, queue, at->watched[queue->number] & ~events);
  pthread_mutex_unlock(&at->lock);
}

/* From other threads */

void disturb_a_loop(worker *me) {
  soak *all = me->all;
  if (all->plan.loop_count == 0) return;
  desk *at = &all->workers[all->plan.thread_count + roll(me, (uint32_t)all->plan.loop_count)].desk;
  const bool by_hand = roll(me, 4) == 0;
  pthread_mutex_lock(&at->lock);
  bq_poller *poller = by_hand ? bq_poller_ref(at->poller) : NULL;
  if (!by_hand && at->poller) change_something(me, at);
  pthread_mutex_unlock(&at->lock);
  if (poller) CHECK_STATUS(bq_poller_wake(poller), BQ_OK);
  bq_poller_unref(poller); /* may be the last one */
}

void wake_loops(soak *all) {
  for (size_t i = all->plan.thread_count; i < all->worker_count; i++) {
    desk *at = &all->workers[i].desk;
    pthread_mutex_lock(&at->lock);
    if (at->poller) CHECK_STATUS(bq_poller_wake(at->poller), BQ_OK);
    pthread_mutex_unlock(&at->lock);
  }
}

/* Service */

/* Nothing is put while all come to rest: that would have no end. */
static void feed(worker *me, soak_queue *queue) {
  const bool may_put = !atomic_load(&me->all->resting) && !atomic_load(&me->all->winding_up);
  if (may_put && put_some(me, queue, BQ_NOWAIT) && roll(me, 8)) return;
  lose_interest(&me->desk, queue, BQ_WRITABLE);
}

static void serve(worker *me, const bq_event *ready) {
  CHECK((uintptr_t)ready->data < me->all->plan.queue_count);
  soak_queue *queue = &me->all->queues[(uintptr_t)ready->data];
  const uint32_t once = ready->events & (BQ_JOINED | BQ_CLOSED | BQ_DRAINED);
  CHECK(ready->queue == queue->handle);
  CHECK(ready->events != 0 && (ready->events & ~any_event) == 0);
  if (ready->events & (BQ_CLOSED | BQ_DRAINED)) CHECK(atomic_load(&queue->shut));
  if (ready->events & BQ_READABLE) get_some(me, queue, BQ_NOWAIT);
  if (ready->events & BQ_DRAINED) {
    unsigned char item[LARGEST_ITEM];
    CHECK_STATUS(bq_get(queue->handle, item, BQ_NOWAIT), BQ_SHUTDOWN);
  }
  if (ready->events & BQ_WRITABLE) feed(me, queue);
  if (once) lose_interest(&me->desk, queue, once); /* they hold for long */
  if (me->over[queue->number]) lose_interest(&me->desk, queue, any_event);
}

static bool must_poll_on(const worker *me) {
  return me->desk.way == BY_CALLBACK || edge_triggered((loop_kind)me->desk.way);
}

/* Polls until 0; stops early where nothing is lost by that. */
static void serve_all(worker *me) {
  bq_event ready[MOST_QUEUES];
  for (;;) {
    const ptrdiff_t count = bq_poller_poll(me->desk.poller, ready, 1 + roll(me, MOST_QUEUES));
    for (ptrdiff_t i = 0; i < count; i++) serve(me, &ready[i]);
    if (count <= 0) CHECK_STATUS(count, 0);
    if (count == 0 || (!must_poll_on(me) && roll(me, 4) == 0)) return;
  }
}

static bool heard_the_bell(sem_t *bell, int64_t timeout_ns) {
  struct timespec until;
  int failed;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (until.tv_nsec + timeout_ns) / SECOND;
  until.tv_nsec = (until.tv_nsec + timeout_ns) % SECOND;
  do failed = timeout_ns == BQ_FOREVER ? sem_wait(bell) : sem_timedwait(bell, &until);
  while (failed && errno == EINTR);
  CHECK(!failed || errno == ETIMEDOUT);
  return !failed;
}

/* Each wait is entered here, so that it can be seen who waits at what. */
static bool is_called(worker *me, int64_t timeout_ns) {
  const int64_t milliseconds = timeout_ns == BQ_FOREVER ? -1 : timeout_ns / MILLISECOND;
  bool called;
  enter(me, me->desk.way == BY_CALLBACK ? "wait for the callback" : "wait for the descriptor",
        MOST_QUEUES, 0, 0, timeout_ns);
  if (me->desk.way == BY_CALLBACK) called = heard_the_bell(&me->desk.bell, timeout_ns);
  else called = loop_turn(&me->desk.loop, (int)milliseconds);
  leave(me);
  return called;
}

static void wait_and_serve(worker *me, int64_t timeout_ns) {
  bq_event ready[MOST_QUEUES];
  const size_t most = 1 + roll(me, MOST_QUEUES);
  enter(me, "bq_poller_wait", MOST_QUEUES, 0, most, timeout_ns);
  const ptrdiff_t count = bq_poller_wait(me->desk.poller, ready, most, timeout_ns);
  leave(me);
  for (ptrdiff_t i = 0; i < count; i++) serve(me, &ready[i]);
  if (count < 0) CHECK_STATUS(count, BQ_TIMEDOUT);
}

static void loop_turn_of(worker *me) {
  const bool resting = atomic_load(&me->all->resting);
  const int64_t timeout_ns = resting ? BQ_FOREVER : any_timeout(me);
  if (!resting && roll(me, 8) == 0) {
    pthread_mutex_lock(&me->desk.lock);
    change_something(me, &me->desk);
    pthread_mutex_unlock(&me->desk.lock);
  }
  if (roll(me, 2) || timeout_ns == BQ_FOREVER) pay(me);
  if (me->desk.way == BY_WAIT) wait_and_serve(me, timeout_ns);
  else if (is_called(me, timeout_ns)) serve_all(me);
  rest_a_moment(me);
}

/* Lives */

static bq_poller *new_poller_for(worker *me, int way) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.linger_ns = roll(me, 2) ? BQ_NO_LINGER : 0;
  if (way == BY_CALLBACK) {
    options.wake = ring;
    options.context = &me->desk.bell;
  } else if (way != BY_WAIT) {
    options.flags = loop_flags((loop_kind)way);
  }
  atomic_fetch_add(&me->all->pollers, 1);
  return poller_from(&options);
}

static void open_desk(worker *me) {
  desk *at = &me->desk;
  const int way = (int)roll(me, WAYS);
  bq_poller *poller = new_poller_for(me, way);
  if (way < BY_WAIT) at->loop = loop_on(poller, (loop_kind)way);
  pthread_mutex_lock(&at->lock);
  at->poller = poller;
  at->way = way;
  for (size_t i = 0; i < me->all->plan.queue_count; i++)
    if (!me->over[i] && roll(me, 4)) watch_anew(at, &me->all->queues[i], random_events(me));
  pthread_mutex_unlock(&at->lock);
}

static void close_desk(worker *me) {
  desk *at = &me->desk;
  pthread_mutex_lock(&at->lock);
  bq_poller *poller = at->poller;
  at->poller = NULL;
  memset(at->watched, 0, sizeof at->watched);
  memset(at->added, 0, sizeof at->added);
  pthread_mutex_unlock(&at->lock);
  if (at->way < BY_WAIT) loop_close(&at->loop);
  else bq_poller_unref(poller);
}

/* Between two rests: who is at rest waits for ever. Ends early now and then, all over the place. */
static void live(worker *me) {
  uint32_t turns = 1 + roll(me, roll(me, 4) ? 30 : 3000);
  open_desk(me);
  for (; turns > 0 && !atomic_load(&me->all->ending); turns--) loop_turn_of(me);
  close_desk(me);
}

void *loop_main(void *argument) {
  worker *me = argument;
  atomic_store(&me->thread_id, thread_id());
  while (!atomic_load(&me->all->ending)) {
    live(me);
    stay_at_the_gate(me);
  }
  pay(me);
  atomic_store(&me->ended, true);
  return NULL;
}
