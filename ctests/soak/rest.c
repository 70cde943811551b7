/*
 * Lost wake-ups. Now and then all come to rest: who comes back from a call stays at the gate, until
 * every thread is there or sleeps in a call that has no deadline. Then none of those may be able to
 * go on. A lost wake-up lasts: it is looked at again until the watchdog's time is over.
 */
#include "soak.h"

enum { TICKS_A_SECOND = 10, PATIENCE_WITH_THE_BUSY = 5 };

static const struct timespec a_tick = {0, SECOND / TICKS_A_SECOND};

/* Which of these events hold for a queue. */
static uint32_t holding(uint32_t events, const bq_stats *stats, bool shut) {
  uint32_t all = 0;
  if (stats->len > 0 || shut) all |= BQ_READABLE;
  if (stats->capacity == 0 || stats->len < stats->capacity || shut) all |= BQ_WRITABLE;
  if (stats->unfinished == 0) all |= BQ_JOINED;
  if (shut) all |= BQ_CLOSED;
  if (shut && stats->len == 0) all |= BQ_DRAINED;
  return events & all;
}

static bool sleeps_for_ever(const worker *one) {
  return atomic_load(&one->at.call) && atomic_load(&one->at.timeout_ns) == BQ_FOREVER &&
         asleep(atomic_load(&one->thread_id));
}

static bool is_at_rest(const worker *one) {
  return atomic_load(&one->ended) || atomic_load(&one->parked) || sleeps_for_ever(one);
}

/* What this thread, which sleeps, waits for of this queue. */
static uint32_t awaited_by(worker *one, size_t queue) {
  uint32_t events = 0;
  if (!sleeps_for_ever(one)) return 0;
  if (one->plan->role != LOOP)
    return atomic_load(&one->at.queue) == queue ? atomic_load(&one->at.awaits) : 0;
  pthread_mutex_lock(&one->desk.lock);
  if (one->desk.poller) events = one->desk.watched[queue];
  pthread_mutex_unlock(&one->desk.lock);
  return events;
}

static size_t complain(bool aloud, const soak_queue *queue, const char *what, size_t is,
                       size_t should_be) {
  if (is == should_be) return 0;
  if (aloud)
    fprintf(stderr, "WRONG: queue %zu has %zu %s and should have %zu\n", queue->number, is, what,
            should_be);
  return 1;
}

/* How much is wrong with a queue while all are at rest. */
static size_t complaints_of(soak_queue *queue, bool aloud) {
  soak *all = queue->all;
  const bq_stats stats = stats_of(queue->handle);
  size_t wrong = 0, gets = 0, puts = 0, joins = 0, watches = 0;
  for (size_t i = 0; i < all->worker_count; i++) {
    worker *one = &all->workers[i];
    const uint32_t awaited = awaited_by(one, queue->number);
    const uint32_t there = holding(awaited, &stats, atomic_load(&queue->shut));
    wrong += there != 0;
    if (there && aloud)
      fprintf(stderr, "WRONG: thread %zu waits for events %#x of queue %zu, which hold\n", i, there,
              queue->number);
    watches += one->plan->role == LOOP && awaited;
    if (one->plan->role == LOOP) continue;
    gets += (awaited & BQ_READABLE) != 0;
    puts += (awaited & BQ_WRITABLE) != 0;
    joins += (awaited & BQ_JOINED) != 0;
  }
  if (atomic_load(&queue->discarded))
    wrong += complain(aloud, queue, "items after a discard", stats.len, 0);
  wrong += complain(aloud, queue, "blocked gets", stats.blocked_gets, gets);
  wrong += complain(aloud, queue, "blocked puts", stats.blocked_puts, puts);
  wrong += complain(aloud, queue, "blocked joins", stats.blocked_joins, joins);
  return wrong + complain(aloud, queue, "armed watches", stats.armed_watches, watches);
}

static size_t complaints(soak *all, bool aloud) {
  size_t wrong = 0;
  for (size_t i = 0; i < all->plan.queue_count; i++)
    wrong += complaints_of(&all->queues[i], aloud);
  return wrong;
}

static long long calls(const soak *all) {
  long long sum = 0;
  for (size_t i = 0; i < all->worker_count; i++) sum += atomic_load(&all->workers[i].at.calls);
  return sum;
}

static bool all_are_at_rest(const soak *all) {
  for (size_t i = 0; i < all->worker_count; i++)
    if (!is_at_rest(&all->workers[i])) return false;
  return true;
}

static bool is_settled(soak *all) {
  const long long before = calls(all);
  if (!all_are_at_rest(all) || complaints(all, false)) return false;
  return all_are_at_rest(all) && calls(all) == before;
}

/* The last change before a rest, which nothing makes up for: it may meet a waiter whose time is
 * over, a peek, a watch that is being changed or whose poller goes. */
static void nudge(soak *all) {
  worker *me = &all->workers[CONTROLLER];
  const struct timespec delay = {0, roll(me, 1000) * MICROSECOND};
  nanosleep(&delay, NULL);
  for (size_t i = 0; i < all->plan.queue_count; i++) {
    soak_queue *queue = &all->queues[i];
    switch (atomic_load(&queue->shut) ? 0 : roll(me, 4)) {
    case 1: get_some(me, queue, BQ_NOWAIT); break;
    case 2:
    case 3: put_some(me, queue, BQ_NOWAIT); break;
    }
  }
  pay(me);
}

static void come_to_rest(soak *all) {
  atomic_store(&all->resting, true);
  nudge(all);
  while (!is_settled(all)) pause_briefly();
  pthread_mutex_lock(&all->gate);
  atomic_store(&all->resting, false);
  pthread_cond_broadcast(&all->gate_opens);
  pthread_mutex_unlock(&all->gate);
  atomic_fetch_add(&all->rests, 1);
  atomic_fetch_add(&all->steps, 1);
}

/* A wake-up that is lost in full swing is made up for by the next one. So there is little traffic
 * between one rest and the next. */
void rest_now_and_then(soak *all, size_t times) {
  worker *controller = &all->workers[CONTROLLER];
  for (size_t i = 0; i < times; i++) {
    const struct timespec traffic = {0, roll(controller, 1000) * MICROSECOND};
    come_to_rest(all);
    nanosleep(&traffic, NULL);
  }
}

/* The watchdog */

static void show_queue(const soak_queue *queue) {
  const bq_stats stats = stats_of(queue->handle);
  fprintf(stderr,
          "queue %zu%s: %zu items of %zu, %zu unfinished; %llu puts, %llu gets, %llu discards, "
          "%llu wakes; blocked: %zu gets, %zu puts, %zu joins; %zu armed watches\n",
          queue->number, atomic_load(&queue->shut) ? ", shut down" : "", stats.len, stats.capacity,
          stats.unfinished, (unsigned long long)stats.puts, (unsigned long long)stats.gets,
          (unsigned long long)stats.discards, (unsigned long long)stats.wakes, stats.blocked_gets,
          stats.blocked_puts, stats.blocked_joins, stats.armed_watches);
}

static void show_call(const worker *one) {
  const char *call = atomic_load(&one->at.call);
  const size_t queue = atomic_load(&one->at.queue);
  const long long timeout_ns = atomic_load(&one->at.timeout_ns);
  if (atomic_load(&one->ended)) fprintf(stderr, "has ended");
  else if (atomic_load(&one->parked)) fprintf(stderr, "is at the gate");
  else if (!call) fprintf(stderr, "is between two calls");
  else {
    fprintf(stderr, "is in %s", call);
    if (queue < MOST_QUEUES) fprintf(stderr, " of queue %zu", queue);
    fprintf(stderr, ", events %#x, count %zu, timeout %lld ns, since %lld ms",
            atomic_load(&one->at.awaits), atomic_load(&one->at.count), timeout_ns,
            (long long)(now_ns() - atomic_load(&one->at.since_ns)) / (long long)MILLISECOND);
  }
  fprintf(stderr, ", %s\n", asleep(atomic_load(&one->thread_id)) ? "asleep" : "running");
}

static void show_desk(const soak *all, desk *at) {
  static const char *const ways[WAYS] = {"poll",           "epoll", "epoll, edge-triggered",
                                         "BQ_POLLER_EDGE", "pipe",  "pipe, BQ_POLLER_EDGE",
                                         "bq_poller_wait", "callback"};
  if (!at->poller) return;
  fprintf(stderr, "  its poller, by %s,", ways[at->way]);
  for (size_t i = 0; i < all->plan.queue_count; i++)
    if (at->added[i]) fprintf(stderr, " watches queue %zu for %#x;", i, at->watched[i]);
  if (at->way < BY_WAIT)
    fprintf(stderr, " its descriptor is%s readable",
            readable_now(at->loop.descriptor) ? "" : " not");
  fprintf(stderr, "\n");
}

static void show_all(soak *all) {
  show_plan(&all->plan);
  for (size_t i = 0; i < all->plan.queue_count; i++) show_queue(&all->queues[i]);
  for (size_t i = 0; i < all->worker_count; i++) {
    worker *one = &all->workers[i];
    fprintf(stderr, "thread %zu, %s, ", i, role_name(one->plan->role));
    show_call(one);
    if (one->plan->role == LOOP) show_desk(all, &one->desk);
  }
  if (all_are_at_rest(all)) complaints(all, true);
}

static long long progress(const soak *all) {
  long long sum = atomic_load(&all->steps);
  for (size_t i = 0; i < MOST_WORKERS; i++) sum += atomic_load(&all->moved[i]);
  return sum;
}

static bool somebody_is_busy(const soak *all) {
  for (size_t i = 0; i < all->worker_count; i++)
    if (!atomic_load(&all->workers[i].ended) && !asleep(atomic_load(&all->workers[i].thread_id)))
      return true;
  return false;
}

static void *watch_main(void *argument) {
  soak *all = argument;
  const long limit = (long)all->watchdog_s * TICKS_A_SECOND;
  long long seen = -1;
  /* Ticks and not the clock: a process that was stopped or starved is not stuck. */
  for (long ticks = 0; !atomic_load(&all->over); ticks++) {
    const long long now = progress(all);
    if (now != seen) ticks = 0;
    seen = now;
    nanosleep(&a_tick, NULL);
    if (ticks < limit) continue;
    if (somebody_is_busy(all) && ticks < PATIENCE_WITH_THE_BUSY * limit) continue;
    show_all(all);
    check_fail(__FILE__, __LINE__, "no progress for %u seconds or more", all->watchdog_s);
  }
  return NULL;
}

void watch_over(soak *all) { all->watchdog = thread_start(watch_main, all); }

void watch_no_longer(soak *all) {
  atomic_store(&all->over, true);
  thread_join(all->watchdog);
}
