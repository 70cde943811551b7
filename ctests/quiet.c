/* The library keeps to itself: it starts no thread, opens nothing, prints nothing, raises nothing. */
#include "calls.h"
#include "check.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>

static int entries(const char *directory) {
  int count = 0;
  DIR *open = opendir(directory);
  CHECK(open != NULL);
  while (readdir(open)) count++;
  closedir(open);
  return count;
}

/* A bit of everything, good and bad, with a thread that waits. */
static void use_a_queue(uint32_t order, size_t capacity) {
  bq_options options = number_options(order, capacity);
  bq_queue *queue = queue_from(&options);
  int64_t numbers[4] = {1, 2, 3, 4};
  call get = {.kind = CALL_GET, .queue = queue, .timeout_ns = BQ_FOREVER};
  options.order = 99;
  CHECK_STATUS(bq_queue_new(&options, &queue), BQ_INVALID);
  CHECK_STATUS(bq_put(queue, NULL, 0), BQ_INVALID);
  CHECK_STATUS(bq_get(queue, numbers, MILLISECOND), BQ_EMPTY);
  call_start(&get);
  await(blocked_gets(queue) == 1);
  CHECK(bq_put_many(queue, numbers, 4, BQ_NOWAIT) > 0);
  CHECK_STATUS(call_end(&get), BQ_OK);
  CHECK_STATUS(bq_join(queue, MILLISECOND), BQ_TIMEDOUT);
  CHECK_STATUS(bq_task_done(queue, 99), BQ_TOO_MANY_DONE);
  bq_poll(queue, BQ_READABLE | BQ_WRITABLE, MILLISECOND);
  bq_clear(queue);
  CHECK_STATUS(bq_shutdown(queue, BQ_DISCARD), BQ_OK);
  CHECK_STATUS(bq_put(queue, numbers, BQ_FOREVER), BQ_SHUTDOWN);
  bq_queue_unref(queue);
}

static void use_queues(void) {
  FOR_EVERY_ORDER(order)
    for (size_t capacity = 0; capacity <= 2; capacity++) use_a_queue(order, capacity);
}

TEST(the_library_starts_no_thread) {
  const int before = entries("/proc/self/task");
  use_queues();
  await(entries("/proc/self/task") == before); /* the kernel takes a moment to forget ours */
}

TEST(a_queue_opens_no_descriptor) {
  const int before = entries("/proc/self/fd");
  bq_queue *queues[200];
  for (int i = 0; i < 200; i++) {
    queues[i] = number_queue((uint32_t)i % 3, 10);
    put_number(queues[i], i);
  }
  CHECK_EQ(entries("/proc/self/fd"), before);
  for (int i = 0; i < 200; i++) bq_queue_unref(queues[i]);
  use_queues();
  CHECK_EQ(entries("/proc/self/fd"), before);
}

TEST(the_library_prints_nothing) {
  int ends[2];
  char printed;
  const int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
  fflush(NULL);
  CHECK_EQ(pipe(ends), 0);
  CHECK_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  CHECK(dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
  use_queues();
  const ssize_t count = read(ends[0], &printed, 1);
  CHECK(dup2(saved[0], STDOUT_FILENO) >= 0 && dup2(saved[1], STDERR_FILENO) >= 0);
  CHECK(count < 0 && errno == EAGAIN);
  close(ends[0]), close(ends[1]), close(saved[0]), close(saved[1]);
}

/* SIGALRM is this harness's own; no other disposition may change, and no signal may be pending. */
TEST(the_library_leaves_signals_alone) {
  struct sigaction before[NSIG];
  sigset_t mask_before;
  sigset_t mask;
  for (int i = 1; i < NSIG; i++) sigaction(i, NULL, &before[i]);
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask_before), 0);
  use_queues();
  for (int i = 1; i < NSIG; i++) {
    struct sigaction now;
    if (sigaction(i, NULL, &now) == 0) CHECK(now.sa_handler == before[i].sa_handler);
  }
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
  for (int i = 1; i < NSIG; i++)
    CHECK_EQ(sigismember(&mask, i), sigismember(&mask_before, i));
}

CHECK_MAIN()
