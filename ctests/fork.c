/* After fork() the child may only unref; nothing it does is seen by the parent. */
#include "calls.h"
#include "check.h"
#include "support.h"

#include <sys/mman.h>

static bq_queue *logged_queue(uint32_t order, size_t capacity, drop_log *log) {
  bq_options options = number_options(order, capacity);
  options.drop = log_drop;
  options.context = log;
  return queue_from(&options);
}

static void refuses_to_put(bq_queue *queue, int64_t timeout_ns) {
  const int64_t numbers[2] = {8, 9};
  CHECK_STATUS(bq_put(queue, numbers, timeout_ns), BQ_FORKED);
  CHECK_STATUS(bq_put_many(queue, numbers, 2, timeout_ns), BQ_FORKED);
}

static void refuses_to_get(bq_queue *queue, int64_t timeout_ns) {
  int64_t numbers[2] = {5, 6};
  CHECK_STATUS(bq_get(queue, numbers, timeout_ns), BQ_FORKED);
  CHECK_STATUS(bq_get_many(queue, numbers, 2, timeout_ns), BQ_FORKED);
  CHECK_STATUS(bq_peek(queue, numbers, timeout_ns), BQ_FORKED);
  CHECK_STATUS(bq_join(queue, timeout_ns), BQ_FORKED);
  CHECK_EQ(bq_poll(queue, BQ_READABLE, timeout_ns), 0);
  CHECK_EQ(numbers[0], 5);
  CHECK_EQ(numbers[1], 6);
}

/* A thread of the parent may have held a lock that is needed to look. */
static void refuses_to_look(const bq_queue *queue) {
  bq_stats stats = BQ_STATS_INIT;
  CHECK_STATUS(bq_queue_stats(queue, &stats), BQ_FORKED);
  CHECK_EQ(stats.puts, 0);
  CHECK_EQ(bq_len(queue), 0);
  CHECK_EQ(bq_capacity(queue), 0);
  CHECK_EQ(bq_unfinished(queue), 0);
}

static void refuses_everything_that_blocks(void *argument) {
  refuses_to_put(argument, BQ_NOWAIT);
  refuses_to_put(argument, BQ_FOREVER);
  refuses_to_get(argument, BQ_NOWAIT);
  refuses_to_get(argument, BQ_FOREVER);
  refuses_to_look(argument);
}

static void refuses_everything_that_signals(void *argument) {
  bq_queue *queue = argument;
  CHECK_STATUS(bq_task_done(queue, 1), BQ_FORKED);
  CHECK_STATUS(bq_set_capacity(queue, 100), BQ_FORKED);
  CHECK_STATUS(bq_shutdown(queue, BQ_DRAIN), BQ_FORKED);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_FORKED);
  CHECK_EQ(bq_clear(queue), 0);
}

static void unrefs(void *argument) { bq_queue_unref(argument); }

static void refuses_and_unrefs(void *argument) {
  refuses_everything_that_blocks(argument);
  refuses_everything_that_signals(argument);
  bq_queue_unref(argument);
}

/* A queue of three items, on one of which somebody works. */
static bq_queue *used_queue(uint32_t order, drop_log *log) {
  bq_queue *queue = logged_queue(order, 3, log);
  put_numbers(queue, 1, 3);
  get_number(queue);
  return queue;
}

static void check_unaffected(bq_queue *queue, const drop_log *log) {
  const bq_stats stats = stats_of(queue);
  CHECK_EQ(stats.len, 2);
  CHECK_EQ(stats.unfinished, 3);
  CHECK_EQ(stats.capacity, 3);
  CHECK_EQ(stats.puts, 3);
  CHECK_EQ(stats.gets, 1);
  CHECK_EQ(stats.discards, 0);
  CHECK_EQ(log->count, 0);
  put_number(queue, 4);
  CHECK_STATUS(try_put(queue, 5), BQ_FULL);
}

static void check_in_child(void (*body)(void *)) {
  FOR_EVERY_ORDER(order) {
    drop_log log = {0};
    bq_queue *queue = used_queue(order, &log);
    in_child(body, queue);
    check_unaffected(queue, &log);
    bq_queue_unref(queue);
    CHECK_EQ(log.count, 3);
  }
}

/* The program's own handlers of fork run before those that were registered later. */

static bq_queue *inherited[3];
static bool handled;

static void refuse_and_unref_inherited(void) {
  FOR_EVERY_ORDER(order) if (inherited[order]) refuses_and_unrefs(inherited[order]);
  handled = true;
}

static void was_handled(void *unused) {
  (void)unused;
  CHECK(handled);
}

static bool kernel_tells_children(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  const bool tells = madvise(memory, page, MADV_WIPEONFORK) == 0;
  CHECK_EQ(munmap(memory, page), 0);
  return tells;
}

TEST(a_child_is_told_in_handlers_that_were_registered_before_the_first_queue) {
  drop_log logs[3] = {{0}};
  if (!kernel_tells_children()) SKIP("no MADV_WIPEONFORK here");
  CHECK_EQ(pthread_atfork(NULL, NULL, refuse_and_unref_inherited), 0);
  FOR_EVERY_ORDER(order) inherited[order] = used_queue(order, &logs[order]);
  in_child(was_handled, NULL);
  FOR_EVERY_ORDER(order) {
    check_unaffected(inherited[order], &logs[order]);
    bq_queue_unref(inherited[order]);
    inherited[order] = NULL; /* the handler stays for what follows in this process */
    CHECK_EQ(logs[order].count, 3);
  }
}

TEST(a_child_is_told_where_no_handlers_run) {
  drop_log log = {0};
  if (!kernel_tells_children()) SKIP("no MADV_WIPEONFORK here");
  bq_queue *queue = used_queue(BQ_FIFO, &log);
  const pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  CHECK(child >= 0);
  if (child == 0) {
    const int64_t number = 1;
    const bq_status status = bq_put(queue, &number, BQ_NOWAIT);
    bq_queue_unref(queue);
    _exit(status == BQ_FORKED && log.count == 0 ? 0 : 1);
  }
  child_end(child);
  check_unaffected(queue, &log);
  bq_queue_unref(queue);
}

TEST(in_a_forked_child_every_call_that_may_block_says_forked) {
  check_in_child(refuses_everything_that_blocks);
}

TEST(in_a_forked_child_every_call_that_may_signal_says_forked) {
  check_in_child(refuses_everything_that_signals);
}

TEST(a_forked_child_may_unref) { check_in_child(unrefs); }

static void refs_and_unrefs(void *argument) {
  CHECK(bq_queue_ref(argument) == argument);
  bq_queue_unref(argument);
  refuses_everything_that_blocks(argument);
  bq_queue_unref(argument);
}

TEST(a_forked_child_may_ref) { check_in_child(refs_and_unrefs); }

TEST(a_forked_child_may_unref_after_calls_that_were_refused) {
  check_in_child(refuses_and_unrefs);
}

typedef struct inheritance {
  bq_queue *queue;
  const drop_log *log;
} inheritance;

static void unrefs_and_drops_nothing(void *argument) {
  const inheritance *inherited = argument;
  bq_queue_unref(inherited->queue);
  CHECK_EQ(inherited->log->count, 0);
}

/* The items are the parent's: whatever they point to is released there, and once. */
TEST(a_forked_child_drops_no_items) {
  drop_log log = {0};
  inheritance inherited = {used_queue(BQ_FIFO, &log), &log};
  in_child(unrefs_and_drops_nothing, &inherited);
  check_unaffected(inherited.queue, &log);
  bq_queue_unref(inherited.queue);
  CHECK_EQ(log.count, 3);
}

static void has_a_child_of_its_own(void *argument) { in_child(refuses_and_unrefs, argument); }

TEST(a_child_of_the_child_may_only_unref_as_well) { check_in_child(has_a_child_of_its_own); }

static void uses_a_queue_of_its_own(void *argument) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  (void)argument;
  call_start(&get);
  await(blocked_gets(queue) == 1);
  put_number(queue, 7);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_EQ(get.items[0], 7);
  bq_queue_unref(queue);
}

TEST(a_forked_child_may_use_queues_that_it_makes_itself) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  in_child(uses_a_queue_of_its_own, NULL);
  put_number(queue, 1);
  bq_queue_unref(queue);
}

/* Threads of the parent are at work at the moment of the fork. */

TEST(threads_of_the_parent_that_are_blocked_stay_blocked_and_are_served) {
  for (call_kind kind = CALL_GET; kind < CALL_KINDS; kind++) {
    call one = stuck_call(kind, BQ_FOREVER);
    call_start(&one);
    await(call_waits(&one));
    in_child(refuses_and_unrefs, one.queue);
    CHECK(!call_ended(&one));
    call_let_go(&one);
    CHECK_STATUS(call_end(&one), call_success(kind));
    bq_queue_unref(one.queue);
  }
}

typedef struct traffic {
  bq_queue *queue;
  atomic_bool over;
  atomic_llong puts;
  atomic_llong gets;
} traffic;

static void *keep_putting(void *argument) {
  traffic *state = argument;
  const int64_t number = 1;
  while (!atomic_load(&state->over))
    if (bq_put(state->queue, &number, MILLISECOND) == BQ_OK) atomic_fetch_add(&state->puts, 1);
  return NULL;
}

static void *keep_getting(void *argument) {
  traffic *state = argument;
  int64_t number;
  while (bq_get(state->queue, &number, BQ_FOREVER) == BQ_OK) atomic_fetch_add(&state->gets, 1);
  return NULL;
}

/* A lock that a thread of the parent held is held for ever in the child: it must not matter. */
static void check_fork_in_traffic(uint32_t order, size_t capacity) {
  traffic state = {.queue = number_queue(order, capacity)};
  pthread_t threads[4];
  for (int i = 0; i < 2; i++) threads[i] = thread_start(keep_putting, &state);
  for (int i = 2; i < 4; i++) threads[i] = thread_start(keep_getting, &state);
  for (int i = 0; i < 25; i++) in_child(refuses_and_unrefs, state.queue);
  atomic_store(&state.over, true);
  for (int i = 0; i < 2; i++) thread_join(threads[i]);
  CHECK_STATUS(bq_shutdown(state.queue, BQ_DRAIN), BQ_OK);
  for (int i = 2; i < 4; i++) thread_join(threads[i]);
  CHECK_EQ(state.puts, state.gets);
  bq_queue_unref(state.queue);
}

TEST(a_fork_in_the_middle_of_traffic_harms_neither_side) {
  FOR_EVERY_ORDER(order) check_fork_in_traffic(order, 4);
  check_fork_in_traffic(BQ_FIFO, 1024);
}

CHECK_MAIN()
