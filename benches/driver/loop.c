/* The event loop of every contender that has none of its own: epoll, with a callback a source. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct source {
  struct source *next;
  void (*ready)(void *);
  void *argument;
};

static bool add(struct loop *loop, int fd, uint32_t events, void (*ready)(void *), void *argument) {
  struct source *source = malloc(sizeof *source);
  if (!source) return false;
  *source = (struct source){loop->sources, ready, argument};
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
    free(source);
    return false;
  }
  loop->sources = source;
  return true;
}

void loop_open(struct loop *loop, const struct ops *ops) {
  loop->add = add;
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll < 0) fail("epoll: %s", strerror(errno));
  if (ops->open_loop && !ops->open_loop(loop)) cannot("the loop could not be made");
}

void loop_watch(struct loop *loop, const struct ops *ops, void *queue, void *tag) {
  if (!ops->watch(loop, queue, tag)) cannot("the queue could not be watched");
}

void loop_turn(struct loop *loop, const struct ops *ops, bool may_wait) {
  if (ops->turn) {
    ops->turn(loop, may_wait);
    return;
  }
  struct epoll_event ready[64];
  const int count = epoll_wait(loop->epoll, ready, 64, may_wait ? -1 : 0);
  for (int i = 0; i < count; i++) {
    const struct source *source = ready[i].data.ptr;
    source->ready(source->argument);
  }
}

void loop_close(struct loop *loop, const struct ops *ops) {
  if (ops->close_loop) ops->close_loop(loop);
  close(loop->epoll);
  for (struct source *next, *source = loop->sources; source; source = next) {
    next = source->next;
    free(source);
  }
}
