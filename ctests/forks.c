/*
 * Fork at any moment, with everybody at work: the child releases what it inherited and works on with
 * what it makes itself, the parent goes on as if nothing had been.
 */
#include "traffic.h"

enum { FORKS = 24 }; /* in every sixth child there is work */

static void refuse_and_unref(bq_queue *queue, bq_poller *poller) {
  int64_t number = 1;
  bq_event event;
  CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_FORKED);
  CHECK_STATUS(bq_get(queue, &number, BQ_FOREVER), BQ_FORKED);
  CHECK_STATUS(bq_poller_wait(poller, &event, 1, BQ_FOREVER), BQ_FORKED);
  CHECK_STATUS(bq_poller_wake(poller), BQ_FORKED);
  bq_len(queue);
  bq_unfinished(queue);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

/* What every test's child does with what is its own. */
static void work_on(void) { traffic_end(traffic_start(BQ_FIFO, 4)); }

/* A poller whose watches come and go, so that the fork finds every lock held now and then. */
typedef struct churn {
  bq_queue *queue;
  bq_poller *poller;
  atomic_bool over;
} churn;

static void *change_watches(void *argument) {
  churn *all = argument;
  bq_event event;
  while (!atomic_load(&all->over)) {
    watch(all->poller, all->queue, BQ_READABLE | BQ_CLOSED);
    rewatch(all->poller, all->queue, BQ_WRITABLE);
    rewatch(all->poller, all->queue, 0);
    unwatch(all->poller, all->queue);
    bq_poller_poll(all->poller, &event, 1); /* lets go of watches that were on their way */
  }
  return NULL;
}

static void release(void *argument) {
  churn *all = argument;
  refuse_and_unref(all->queue, all->poller);
}

static void release_and_work_on(void *argument) {
  release(argument);
  work_on();
}

static void check_forks(uint32_t order, size_t capacity) {
  traffic *busy = traffic_start(order, capacity);
  churn all = {.queue = busy->queue, .poller = new_poller()};
  descriptor_of(all.poller);
  const pthread_t changing = thread_start(change_watches, &all);
  for (int i = 0; i < FORKS; i++) {
    in_child(i % 6 ? release : release_and_work_on, &all);
    traffic_moves(busy, 20);
  }
  atomic_store(&all.over, true);
  thread_join(changing);
  bq_poller_unref(all.poller);
  traffic_end(busy);
}

TEST(a_fork_at_any_moment_leaves_parent_and_child_working_with_fifos) {
  check_forks(BQ_FIFO, 0);
  check_forks(BQ_FIFO, 4);
}

TEST(a_fork_at_any_moment_leaves_parent_and_child_working_with_lifos) { check_forks(BQ_LIFO, 4); }

TEST(a_fork_at_any_moment_leaves_parent_and_child_working_with_priority_queues) {
  check_forks(BQ_PRIORITY, 4);
}

/* Generations: each child makes a queue, forks again and ends up with many that are not its own. */

enum { GENERATIONS = 5 };

typedef struct family_tree {
  bq_queue *queues[GENERATIONS];
  bq_poller *pollers[GENERATIONS];
  int generation;
} family_tree;

static void live(void *argument) {
  family_tree *all = argument;
  const int mine = all->generation++;
  bq_queue *queue = all->queues[mine] = number_queue((uint32_t)mine % 3, 4);
  bq_poller *poller = all->pollers[mine] = new_poller();
  watch(poller, queue, BQ_READABLE);
  put_number(queue, mine);
  if (all->generation < GENERATIONS) in_child(live, all);
  CHECK(poller_readable(poller));
  expect_event(poller, queue, BQ_READABLE);
  CHECK_EQ(get_number(queue), mine);
  for (int i = 0; i < mine; i++) refuse_and_unref(all->queues[i], all->pollers[i]);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

TEST(each_generation_owns_what_it_made_and_nothing_else) {
  family_tree all = {.generation = 0};
  live(&all);
}

/* Fork from inside of a callback: under compare even the queue's lock is held. */

static bool fork_next;

static void work_in_child(void *unused) {
  (void)unused;
  work_on();
}

static void fork_here(void) {
  if (!fork_next) return;
  fork_next = false;
  in_child(work_in_child, NULL);
}

static int compare_and_fork(const void *a, const void *b, void *context) {
  int64_t left;
  int64_t right;
  (void)context;
  memcpy(&left, a, sizeof left);
  memcpy(&right, b, sizeof right);
  fork_here();
  return (left > right) - (left < right);
}

static void drop_and_fork(void *item, void *context) {
  (void)item, (void)context;
  fork_here();
}

static void wake_and_fork(void *context) {
  (void)context;
  fork_here();
}

TEST(a_callback_may_fork) {
  bq_options options = number_options(BQ_PRIORITY, 0);
  bq_poller_options waking = BQ_POLLER_OPTIONS_INIT;
  options.compare = compare_and_fork;
  options.drop = drop_and_fork;
  waking.wake = wake_and_fork;
  bq_queue *queue = queue_from(&options);
  bq_poller *poller = poller_from(&waking);
  watch(poller, queue, BQ_READABLE);
  fork_next = true;
  put_number(queue, 2); /* wakes */
  CHECK(!fork_next);
  fork_next = true;
  put_number(queue, 1); /* compares */
  CHECK(!fork_next);
  CHECK_EQ(get_number(queue), 1);
  fork_next = true;
  CHECK_EQ(bq_clear(queue), 1); /* drops */
  CHECK(!fork_next);
  put_number(queue, 3);
  CHECK_EQ(get_number(queue), 3);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
}

static void unref_under_its_own_lock(void *queue) { bq_queue_unref(queue); }

static int compare_and_unref_in_child(const void *a, const void *b, void *context) {
  (void)a, (void)b;
  if (fork_next) {
    fork_next = false;
    in_child(unref_under_its_own_lock, *(bq_queue **)context);
  }
  return 0;
}

/* The lock is held for ever in the child: its unref must not wait for it. */
TEST(a_child_made_under_the_lock_of_a_queue_may_unref_it) {
  bq_queue *queue;
  bq_options options = number_options(BQ_PRIORITY, 0);
  options.compare = compare_and_unref_in_child;
  options.context = &queue;
  queue = queue_from(&options);
  put_number(queue, 1);
  fork_next = true;
  put_number(queue, 2);
  CHECK(!fork_next);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

CHECK_MAIN()
