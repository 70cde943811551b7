/* Callbacks: drop runs with no lock held and may call the library; context is handed through. */
#include "calls.h"
#include "check.h"
#include "support.h"

/* Every way to make a queue discard its items. The last unref is treated apart. */
typedef enum discard { BY_CLEAR, BY_SHUTDOWN } discard;

#define FOR_EVERY_DISCARD(how) for (discard how = BY_CLEAR; how <= BY_SHUTDOWN; how++)

static void discard_all(bq_queue *queue, discard how) {
  if (how == BY_CLEAR) bq_clear(queue);
  else CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
}

typedef struct scene {
  bq_queue *queue;
  discard how;
  pthread_t discarding;
  int drops;
} scene;

static void open_scene(scene *at, uint32_t order, discard how, bq_drop_fn drop) {
  bq_options options = number_options(order, 4);
  *at = (scene){.how = how, .discarding = pthread_self()};
  options.drop = drop;
  options.context = at;
  at->queue = queue_from(&options);
  put_numbers(at->queue, 1, 3);
}

/* Drops that look, put, get, clear and resize. */

static void drop_and_look(void *item, void *context) {
  scene *at = context;
  bq_stats stats = BQ_STATS_INIT;
  (void)item;
  at->drops++;
  CHECK(bq_len(at->queue) <= 3);
  CHECK(bq_unfinished(at->queue) <= 3);
  CHECK_EQ(bq_capacity(at->queue), 4);
  CHECK_STATUS(bq_queue_stats(at->queue, &stats), BQ_OK);
  CHECK_EQ(stats.puts, 3);
  CHECK_EQ(bq_poll(at->queue, BQ_WRITABLE, BQ_FOREVER), BQ_WRITABLE);
}

TEST(drop_may_look_at_the_queue) {
  FOR_EVERY_ORDER(order) {
    FOR_EVERY_DISCARD(how) {
      scene at;
      open_scene(&at, order, how, drop_and_look);
      discard_all(at.queue, how);
      CHECK_EQ(at.drops, 3);
      bq_queue_unref(at.queue);
    }
  }
}

static void drop_and_use(void *item, void *context) {
  scene *at = context;
  int64_t number;
  memcpy(&number, item, sizeof number);
  at->drops++;
  if (number >= 10) return; /* one that a drop put */
  const bq_status put = try_put(at->queue, number + 10);
  const bq_status got = bq_get(at->queue, &number, BQ_NOWAIT);
  CHECK_STATUS(put, at->how == BY_CLEAR ? BQ_OK : BQ_SHUTDOWN);
  CHECK(got == BQ_OK || got == (at->how == BY_CLEAR ? BQ_EMPTY : BQ_SHUTDOWN));
  CHECK_STATUS(bq_set_capacity(at->queue, 4), BQ_OK);
}

TEST(drop_may_put_and_get) {
  FOR_EVERY_ORDER(order) {
    FOR_EVERY_DISCARD(how) {
      scene at;
      open_scene(&at, order, how, drop_and_use);
      discard_all(at.queue, how);
      CHECK(at.drops >= 1);
      const bq_stats stats = stats_of(at.queue);
      CHECK_EQ(stats.puts, stats.gets + stats.discards + stats.len);
      CHECK_EQ(stats.discards, at.drops);
      bq_queue_unref(at.queue);
    }
  }
}

static void drop_and_discard(void *item, void *context) {
  scene *at = context;
  (void)item;
  at->drops++;
  bq_clear(at->queue);
  CHECK_STATUS(bq_shutdown(at->queue, BQ_DISCARD), BQ_OK);
}

TEST(drop_may_clear_and_shut_down) {
  FOR_EVERY_ORDER(order) {
    FOR_EVERY_DISCARD(how) {
      scene at;
      open_scene(&at, order, how, drop_and_discard);
      discard_all(at.queue, how);
      CHECK_EQ(at.drops, 3);
      CHECK_EQ(stats_of(at.queue).discards, 3);
      bq_queue_unref(at.queue);
      CHECK_EQ(at.drops, 3);
    }
  }
}

/* However many items there are: the stack is not made for a call in a call for each. */

enum { MANY_DROPS = 100000 };

static int deep, deepest;

static void drop_and_discard_deep(void *item, void *context) {
  deep++;
  if (deep > deepest) deepest = deep;
  CHECK(deepest < 100);
  drop_and_discard(item, context);
  deep--;
}

TEST(a_drop_that_discards_does_not_nest_for_each_item) {
  FOR_EVERY_ORDER(order) {
    for (int last = 0; last <= 1; last++) {
      scene at = {.how = BY_CLEAR};
      bq_options options = number_options(order, 0);
      options.drop = drop_and_discard_deep;
      options.context = &at;
      at.queue = queue_from(&options);
      deepest = 0;
      put_numbers(at.queue, 1, MANY_DROPS);
      if (!last) CHECK_EQ(bq_clear(at.queue), MANY_DROPS);
      bq_queue_unref(at.queue);
      CHECK_EQ(at.drops, MANY_DROPS);
      CHECK_EQ(deepest, 1);
    }
  }
}

static void drop_and_ref(void *item, void *context) {
  scene *at = context;
  (void)item;
  at->drops++;
  bq_queue_unref(bq_queue_ref(at->queue));
}

TEST(drop_may_ref_and_unref) {
  FOR_EVERY_DISCARD(how) {
    scene at;
    open_scene(&at, BQ_FIFO, how, drop_and_ref);
    discard_all(at.queue, how);
    CHECK_EQ(at.drops, 3);
    bq_queue_unref(at.queue);
  }
}

/* The last unref: the queue is there, but shut down, until the last drop is over. */

static void drop_and_use_the_last(void *item, void *context) {
  scene *at = context;
  int64_t number;
  at->drops++;
  CHECK_STATUS(bq_put(at->queue, item, BQ_FOREVER), BQ_SHUTDOWN);
  bq_queue_unref(bq_queue_ref(at->queue));
  bq_clear(at->queue);
  CHECK_STATUS(bq_get(at->queue, &number, BQ_FOREVER), BQ_SHUTDOWN);
}

TEST(drop_may_use_its_queue_in_the_last_unref) {
  FOR_EVERY_ORDER(order) {
    scene at;
    open_scene(&at, order, BY_CLEAR, drop_and_use_the_last);
    bq_queue_unref(at.queue);
    CHECK_EQ(at.drops, 3);
  }
}

/* No lock is held: while drop runs, another thread gets all its calls on that queue done. */

static void *use_it_all(void *argument) {
  bq_queue *queue = argument;
  const int64_t one = 1;
  int64_t numbers[4];
  bq_stats stats = BQ_STATS_INIT;
  const bool open = bq_put(queue, &one, BQ_NOWAIT) == BQ_OK;
  if (open) CHECK_STATUS(bq_peek(queue, numbers, BQ_NOWAIT), BQ_OK);
  bq_get(queue, numbers, BQ_NOWAIT);
  bq_put_many(queue, &one, 1, BQ_NOWAIT);
  bq_get_many(queue, numbers, 4, BQ_NOWAIT);
  bq_poll(queue, BQ_READABLE | BQ_JOINED, BQ_NOWAIT);
  bq_join(queue, BQ_NOWAIT);
  bq_task_done(queue, 0);
  bq_clear(queue);
  CHECK_STATUS(bq_set_capacity(queue, 4), BQ_OK);
  CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_OK);
  bq_len(queue);
  if (!open) CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  return NULL;
}

static void drop_while_another_works(void *item, void *context) {
  scene *at = context;
  (void)item;
  if (pthread_equal(pthread_self(), at->discarding)) {
    at->drops++;
    thread_join(thread_start(use_it_all, at->queue));
  }
}

TEST(drop_runs_with_no_lock_held) {
  FOR_EVERY_ORDER(order) {
    FOR_EVERY_DISCARD(how) {
      scene at;
      open_scene(&at, order, how, drop_while_another_works);
      discard_all(at.queue, how);
      CHECK(at.drops >= 1);
      const int drops = at.drops;
      bq_queue_unref(at.queue);
      CHECK_EQ(at.drops, drops);
    }
  }
}

static void drop_here(void *item, void *context) {
  scene *at = context;
  (void)item;
  CHECK(pthread_equal(pthread_self(), at->discarding));
  at->drops++;
}

TEST(drop_runs_in_the_thread_that_discards) {
  FOR_EVERY_ORDER(order) {
    scene at;
    open_scene(&at, order, BY_CLEAR, drop_here);
    bq_clear(at.queue);
    put_numbers(at.queue, 1, 2);
    bq_queue_unref(at.queue);
    CHECK_EQ(at.drops, 5);
  }
}

/* The last unref: the queue is gone for everybody else, but drop may use what it likes. */

static void unref_inner(void *item, void *context) {
  bq_queue *inner;
  (void)context;
  memcpy(&inner, item, sizeof inner);
  bq_queue_unref(inner);
}

TEST(queues_of_queues_are_freed_from_the_outside_in) {
  drop_log log = {0};
  bq_options options = number_options(BQ_FIFO, 0);
  options.drop = log_drop;
  options.context = &log;
  bq_queue *queue = queue_from(&options);
  put_numbers(queue, 1, 10);
  for (int depth = 0; depth < 50; depth++) {
    bq_options outer = BQ_OPTIONS_INIT;
    outer.order = (uint32_t)depth % 3;
    outer.drop = unref_inner;
    bq_queue *around = queue_from(&outer);
    CHECK_STATUS(bq_put(around, &queue, BQ_NOWAIT), BQ_OK);
    queue = around;
  }
  bq_queue_unref(queue);
  CHECK_EQ(log.count, 10);
  CHECK_EQ(log.sum, 55);
}

static void move_to(void *item, void *context) {
  CHECK_STATUS(bq_put(context, item, BQ_NOWAIT), BQ_OK);
}

TEST(drop_may_move_the_item_to_another_queue) {
  FOR_EVERY_ORDER(order) {
    bq_queue *other = number_queue(BQ_FIFO, 0);
    bq_options options = number_options(order, 0);
    options.drop = move_to;
    options.context = other;
    bq_queue *queue = queue_from(&options);
    put_numbers(queue, 1, 100);
    bq_queue_unref(queue);
    int64_t sum = 0;
    for (int i = 0; i < 100; i++) sum += get_number(other);
    CHECK_EQ(sum, 5050);
    bq_queue_unref(other);
  }
}

/* Discarding from many threads at once: each item goes to one of them. */

enum { DISCARDERS = 3, ITEMS = 4000 };

typedef struct race {
  bq_queue *queue;
  atomic_llong got;
  atomic_bool over;
} race;

static void *clear_and_get(void *argument) {
  race *state = argument;
  int64_t number;
  while (!atomic_load(&state->over)) {
    bq_clear(state->queue);
    if (bq_get(state->queue, &number, BQ_NOWAIT) == BQ_OK) atomic_fetch_add(&state->got, number);
    sched_yield();
  }
  return NULL;
}

TEST(every_item_is_got_or_dropped_once_however_many_discard) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_options options = number_options(order, 64);
    options.drop = log_drop;
    options.context = &log;
    race state = {.queue = queue_from(&options)};
    pthread_t threads[DISCARDERS];
    for (int i = 0; i < DISCARDERS; i++) threads[i] = thread_start(clear_and_get, &state);
    for (int64_t number = 1; number <= ITEMS; number++)
      CHECK_STATUS(bq_put(state.queue, &number, BQ_FOREVER), BQ_OK);
    atomic_store(&state.over, true);
    for (int i = 0; i < DISCARDERS; i++) thread_join(threads[i]);
    bq_queue_unref(state.queue);
    CHECK_EQ(log.sum + state.got, (int64_t)ITEMS * (ITEMS + 1) / 2);
  }
}

CHECK_MAIN()
