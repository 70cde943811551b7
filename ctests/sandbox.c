/*
 * Without membarrier: kernels that do not have it, and sandboxes that refuse it, from the start or
 * from some moment on. Each case runs in a child that takes the system call away from itself.
 */
#include "traffic.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Has the kernel answer that one system call so, in all threads; false: it has no such filters. */
static bool answer(uint32_t system_call, uint32_t how) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, system_call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, how),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const struct sock_fprog program = {.len = LENGTH(rules), .filter = rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static bool take_away(uint32_t system_call) {
  return answer(system_call, SECCOMP_RET_ERRNO | ENOSYS);
}

static bool forbid(uint32_t system_call) { return answer(system_call, SECCOMP_RET_KILL_PROCESS); }

static void take_away_membarrier(void) {
  CHECK(take_away(SYS_membarrier));
  CHECK_EQ(syscall(SYS_membarrier, 0, 0, 0), -1);
  CHECK_EQ(errno, ENOSYS);
}

static void probe(void *unused) {
  (void)unused;
  _exit(take_away(SYS_membarrier) ? 0 : 1);
}

static bool has_filters(void) {
  fflush(NULL);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) probe(NULL);
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define NEEDS_FILTERS                                                                              \
  if (!has_filters()) SKIP("no seccomp filters here")

/* Puts that are stalled half-way are what the barrier is for: a page that faults stalls the copy. */

enum { PAGE = 65536, ITEM = 2 * PAGE, WAITERS = 3, ROUNDS = 30 };

static unsigned char *_Atomic slow_item;
static atomic_bool reached;
static atomic_bool released;

static void stay_here(int signal_number, siginfo_t *info, void *context) {
  unsigned char *item = atomic_load(&slow_item);
  const uintptr_t at = (uintptr_t)info->si_addr;
  (void)context;
  if (!item || at < (uintptr_t)item + PAGE || at >= (uintptr_t)item + ITEM) {
    signal(signal_number, SIG_DFL); /* a fault of somebody's own */
    return;
  }
  atomic_store(&reached, true);
  while (!atomic_load(&released)) pause_briefly();
  mprotect(item, ITEM, PROT_READ | PROT_WRITE);
}

static void *put_slowly(void *queue) {
  CHECK_STATUS(bq_put(queue, atomic_load(&slow_item), BQ_FOREVER), BQ_OK);
  return NULL;
}

static void *get_one(void *queue) {
  static _Thread_local unsigned char item[ITEM];
  CHECK_STATUS(bq_get(queue, item, BQ_FOREVER), BQ_OK);
  return NULL;
}

/* As many getters as items; some find the first put half-way and must hear of its end. */
static void check_stalled_put(bq_queue *queue) {
  static unsigned char other[ITEM];
  struct sigaction action = {.sa_sigaction = stay_here, .sa_flags = SA_SIGINFO};
  pthread_t getters[WAITERS];
  unsigned char *item =
      mmap(NULL, ITEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(item != MAP_FAILED);
  CHECK_EQ(mprotect(item + PAGE, PAGE, PROT_NONE), 0);
  atomic_store(&slow_item, item), atomic_store(&reached, false), atomic_store(&released, false);
  CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
  const pthread_t putting = thread_start(put_slowly, queue);
  await(atomic_load(&reached));
  CHECK_STATUS(bq_get(queue, other, 2 * MILLISECOND), BQ_EMPTY);
  for (int i = 0; i < WAITERS; i++) getters[i] = thread_start(get_one, queue);
  await(blocked_gets(queue) > 0);
  for (int i = 1; i < WAITERS; i++) CHECK_STATUS(bq_put(queue, other, BQ_FOREVER), BQ_OK);
  atomic_store(&released, true);
  thread_join(putting);
  for (int i = 0; i < WAITERS; i++) thread_join(getters[i]);
  CHECK_EQ(munmap(item, ITEM), 0);
}

static void check_stalled_puts(void) {
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = ITEM;
  bq_queue *queue = queue_from(&options);
  for (int round = 0; round < ROUNDS; round++) check_stalled_put(queue);
  bq_queue_unref(queue);
}

static void work_in_traffic(void) {
  FOR_EVERY_ORDER(order)
    traffic_end(traffic_start(order, 4));
}

static void never_had_it(void *unused) {
  (void)unused;
  take_away_membarrier();
  check_stalled_puts();
  work_in_traffic();
}

TEST(without_membarrier_from_the_start_nobody_is_left_asleep) {
  NEEDS_FILTERS;
  in_child(never_had_it, NULL);
}

static void lost_it_with_a_queue(void *unused) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  (void)unused;
  take_away_membarrier();
  check_stalled_puts();
  work_in_traffic();
  put_number(queue, 1);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(a_sandbox_that_is_entered_with_queues_in_use_leaves_nobody_asleep) {
  NEEDS_FILTERS;
  in_child(lost_it_with_a_queue, NULL);
}

static void *get_a_number(void *queue) {
  return (void *)(intptr_t)get_number(queue);
}

static void *put_one_more(void *queue) {
  const int64_t number = 2;
  CHECK_STATUS(bq_put(queue, &number, BQ_FOREVER), BQ_OK);
  return NULL;
}

/* A thread that has got alone for long does so in a way that others end with a barrier. */
static void lost_it_getting_alone(void *unused) {
  bq_queue *queue = queue_got_alone(1);
  (void)unused;
  take_away_membarrier();
  put_number(queue, 1);
  const pthread_t putter = thread_start(put_one_more, queue);
  await(blocked_puts(queue) == 1);
  CHECK_EQ(get_number(queue), 1);
  thread_join(putter);
  CHECK_EQ((intptr_t)thread_join(thread_start(get_a_number, queue)), 2);
  check_empty(queue);
  bq_queue_unref(queue);
}

TEST(a_sandbox_that_is_entered_with_one_that_gets_alone_loses_nothing) {
  NEEDS_FILTERS;
  in_child(lost_it_getting_alone, NULL);
}

static void lost_it_in_traffic(void *unused) {
  traffic *all = traffic_start(BQ_FIFO, 4);
  (void)unused;
  take_away_membarrier();
  traffic_moves(all, 1000);
  traffic_end(all);
}

TEST(a_sandbox_that_is_entered_in_traffic_leaves_nobody_asleep) {
  NEEDS_FILTERS;
  in_child(lost_it_in_traffic, NULL);
}

/* Other system calls that a sandbox may refuse. */

static void is_refused_a_put(void *queue) { CHECK_STATUS(try_put(queue, 2), BQ_FORKED); }

static void without_madvise(void *unused) {
  (void)unused;
  CHECK(take_away(SYS_madvise));
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  put_number(queue, 1);
  in_child(is_refused_a_put, queue);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(a_child_is_told_where_the_kernel_does_not_do_it) {
  NEEDS_FILTERS;
  in_child(without_madvise, NULL);
}

static void without_futex(void *queue) {
  int64_t number;
  CHECK(take_away(SYS_futex));
  CHECK_STATUS(bq_get(queue, &number, 5 * MILLISECOND), BQ_FORKED);
  bq_queue *own = number_queue(BQ_FIFO, 1);
  CHECK_STATUS(bq_get(own, &number, 5 * MILLISECOND), BQ_EMPTY);
  put_number(own, 1);
  CHECK_STATUS(bq_put(own, &number, 5 * MILLISECOND), BQ_FULL);
  bq_queue_unref(own);
}

TEST(a_deadline_holds_where_no_thread_can_sleep) {
  NEEDS_FILTERS;
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  in_child(without_futex, queue);
  bq_queue_unref(queue);
}

static void without_openat(void *unused) {
  int64_t number;
  (void)unused;
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  CHECK(forbid(SYS_openat));
  CHECK_STATUS(bq_get(queue, &number, 5 * MILLISECOND), BQ_EMPTY);
  put_number(queue, 1);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

TEST(nothing_is_opened_behind_the_first_queue) {
  NEEDS_FILTERS;
  in_child(without_openat, NULL);
}

/* The parent has it and its child does not. */
TEST(a_child_in_a_sandbox_works_although_its_parent_had_membarrier) {
  NEEDS_FILTERS;
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  in_child(never_had_it, NULL);
  put_number(queue, 1);
  CHECK_EQ(get_number(queue), 1);
  bq_queue_unref(queue);
}

CHECK_MAIN()
