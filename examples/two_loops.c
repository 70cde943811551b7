/*
 * Two epoll loops in two threads talk through two bounded queues, and neither ever blocks in one:
 *
 *              questions
 *     asking  ===========>  answering
 *      loop   <===========    loop
 *               answers
 *
 *  - The asking loop watches its outgoing queue with BQ_WRITABLE for as long as it has questions.
 *  - The answering loop does so only when an answer did not fit, and takes no question meanwhile.
 *
 * Each loop has a poller of its own. Each queue is watched from both ends.
 */
#define _GNU_SOURCE
#include "common.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ROOM 16
#define A_TURN 64 /* items at most, then other descriptors have theirs */

struct loop {
  int epoll; /* also for sockets and timers, if it had any */
  bq_poller *poller;
  bq_queue *in, *out;
  void (*on_readable)(struct loop *), (*on_writable)(struct loop *);
  bool done;
  uint64_t turns;

  uint64_t asked, wanted, answers, sum; /* of the asking loop */
  uint64_t unsaid;                      /* of the answering loop: the answer that did not fit */
};

static void watch(struct loop *loop, bq_queue *queue, uint32_t events) {
  must(bq_poller_modify(loop->poller, queue, events, NULL), "changing a watch");
}

/* ---- The asking loop: 1, 2, 3, ... ---- */

static void ask(struct loop *loop) {
  for (int i = 0; i < A_TURN && loop->asked < loop->wanted; i++, loop->asked++) {
    const uint64_t question = loop->asked + 1;
    const bq_status status = bq_put(loop->out, &question, BQ_NOWAIT);
    if (status == BQ_FULL) return; /* called again when there is room */
    must(status, "asking");
  }
  if (loop->asked < loop->wanted) return;
  watch(loop, loop->out, 0);
  bq_shutdown(loop->out, BQ_DRAIN);
}

static void hear_answer(struct loop *loop) {
  uint64_t answer;
  bq_status status = BQ_OK;
  for (int i = 0; i < A_TURN && (status = bq_get(loop->in, &answer, BQ_NOWAIT)) == BQ_OK; i++) {
    loop->sum += answer;
    loop->answers++;
  }
  loop->done = status == BQ_SHUTDOWN;
}

/* ---- The answering loop: squares ---- */

static void hear_question(struct loop *loop) {
  uint64_t question;
  bq_status status = BQ_OK;
  for (int i = 0; i < A_TURN && (status = bq_get(loop->in, &question, BQ_NOWAIT)) == BQ_OK; i++) {
    loop->unsaid = question * question;
    if (bq_put(loop->out, &loop->unsaid, BQ_NOWAIT) == BQ_OK) continue;
    watch(loop, loop->in, 0);
    watch(loop, loop->out, BQ_WRITABLE);
    return;
  }
  if (status != BQ_SHUTDOWN) return;
  bq_shutdown(loop->out, BQ_DRAIN);
  loop->done = true;
}

static void say_unsaid(struct loop *loop) {
  if (bq_put(loop->out, &loop->unsaid, BQ_NOWAIT) != BQ_OK) return;
  watch(loop, loop->out, 0);
  watch(loop, loop->in, BQ_READABLE);
}

/* ---- What every loop does ---- */

static void *run(void *argument) {
  struct loop *loop = argument;
  struct epoll_event event;
  bq_event ready[2];
  for (; !loop->done; loop->turns++) {
    if (epoll_wait(loop->epoll, &event, 1, -1) < 0 && errno != EINTR) err(1, "epoll_wait");
    const ptrdiff_t n = bq_poller_poll(loop->poller, ready, 2);
    for (ptrdiff_t i = 0; i < n; i++)
      (ready[i].queue == loop->in ? loop->on_readable : loop->on_writable)(loop);
  }
  return NULL;
}

static void open_loop(struct loop *loop, uint32_t out_events) {
  struct epoll_event event = {.events = EPOLLIN};
  if ((loop->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) err(1, "epoll_create1");
  must(bq_poller_new(NULL, &loop->poller), "making a poller");
  must(bq_poller_add(loop->poller, loop->in, BQ_READABLE, NULL), "watching a queue");
  must(bq_poller_add(loop->poller, loop->out, out_events, NULL), "watching a queue");
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor_of(loop->poller), &event) != 0)
    err(1, "epoll_ctl");
}

static void close_loop(struct loop *loop) {
  close(loop->epoll); /* before the poller, whose descriptor it watches */
  bq_poller_unref(loop->poller);
}

static bq_queue *open_queue(void) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_queue *queue;
  options.item_size = sizeof(uint64_t);
  options.capacity = ROOM;
  must(bq_queue_new(&options, &queue), "making a queue");
  return queue;
}

static const char help[] =
    "usage: two_loops [OPTION]...\n"
    "Two epoll loops in two threads: one asks for squares, the other answers.\n"
    "\n"
    "  --questions N   how many (1 to 1000000; 100000)\n"
    "  --help          this\n";

int main(int argc, char **argv) {
  static const struct option known[] = {{"questions", required_argument, NULL, 'q'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  uint64_t count = 100000;
  for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
    switch (option) {
      case 'q': count = (uint64_t)option_number(optarg, 1, 1000000); break;
      case 'h': fputs(help, stdout); return 0;
      default: errx(2, "try --help");
    }
  }
  if (optind < argc) errx(2, "there is nothing to do with \"%s\"; try --help", argv[optind]);

  bq_queue *questions = open_queue(), *answers = open_queue();
  struct loop asking = {.in = answers, .out = questions, .wanted = count,
                        .on_readable = hear_answer, .on_writable = ask};
  struct loop answering = {.in = questions, .out = answers,
                           .on_readable = hear_question, .on_writable = say_unsaid};
  open_loop(&asking, BQ_WRITABLE);
  open_loop(&answering, 0);
  const pthread_t other = start_thread(run, &answering);
  run(&asking);
  pthread_join(other, NULL);
  close_loop(&asking);
  close_loop(&answering);
  bq_queue_unref(questions);
  bq_queue_unref(answers);

  const uint64_t expected = count * (count + 1) * (2 * count + 1) / 6;
  printf("%" PRIu64 " questions, %" PRIu64 " answers, the sum of squares is %" PRIu64 ": %s\n"
         "turns of the asking loop %" PRIu64 ", of the answering loop %" PRIu64 "\n",
         count, asking.answers, asking.sum, asking.sum == expected ? "right" : "wrong",
         asking.turns, answering.turns);
  return asking.sum != expected || asking.answers != count;
}
