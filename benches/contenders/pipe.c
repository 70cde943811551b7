/* A pipe that carries the items: written one at a time, read by the loop as many as there are. */
#include "../contender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct queue {
  int ends[2];
  size_t item_size;
  uint32_t uses;
};

static void *make(const struct spec *spec) {
  struct queue *queue = malloc(sizeof *queue);
  if (!queue) return NULL;
  queue->item_size = spec->item_size;
  queue->uses = spec->uses;
  if (pipe2(queue->ends, O_CLOEXEC)) {
    free(queue);
    return NULL;
  }
  fcntl(queue->ends[1], F_SETPIPE_SZ, (int)(spec->capacity * spec->item_size));
  if (spec->uses & LOOP_GETS) fcntl(queue->ends[0], F_SETFL, O_NONBLOCK);
  if (spec->uses & LOOP_PUTS) fcntl(queue->ends[1], F_SETFL, O_NONBLOCK);
  return queue;
}

static void unmake(void *raw) {
  struct queue *queue = raw;
  close(queue->ends[0]);
  close(queue->ends[1]);
  free(queue);
}

/* Up to PIPE_BUF bytes are written all or not at all, and items never straddle a page. */
static void put_many(void *port, const void *items, size_t count) {
  const struct queue *queue = port;
  const size_t most = 4096 / queue->item_size;
  for (const char *from = items; count;) {
    const size_t some = count < most ? count : most, bytes = some * queue->item_size;
    if (write(queue->ends[1], from, bytes) != (ssize_t)bytes) abort();
    from += bytes;
    count -= some;
  }
}

static void put(void *port, const void *item) { put_many(port, item, 1); }

static size_t get_many(void *port, void *items, size_t max) {
  const struct queue *queue = port;
  const ssize_t bytes = read(queue->ends[0], items, max * queue->item_size);
  if (bytes <= 0 || (size_t)bytes % queue->item_size) abort();
  return (size_t)bytes / queue->item_size;
}

static void get(void *port, void *item) { get_many(port, item, 1); }

static bool try_put(void *port, const void *item) {
  const struct queue *queue = port;
  return write(queue->ends[1], item, queue->item_size) == (ssize_t)queue->item_size;
}

struct watch {
  struct loop *loop;
  struct queue *queue;
  void *tag;
  uint64_t item[LARGEST_ITEM / 8];
  bool has_item;
};

static void serve_items(void *argument) {
  const struct watch *watch = argument;
  struct loop *loop = watch->loop;
  const size_t item_size = watch->queue->item_size;
  char items[16384];
  ssize_t bytes;
  do {
    bytes = read(watch->queue->ends[0], items, sizeof items);
    for (ssize_t at = 0; at < bytes; at += (ssize_t)item_size)
      loop->took(loop->context, watch->tag, items + at);
  } while (bytes == (ssize_t)sizeof items);
}

static void serve_room(void *argument) {
  struct watch *watch = argument;
  struct loop *loop = watch->loop;
  while (watch->has_item || (watch->has_item = loop->next(loop->context, watch->item))) {
    if (!try_put(watch->queue, watch->item)) return;
    watch->has_item = false;
  }
}

static bool watch(struct loop *loop, void *raw, void *tag) {
  static struct watch only;
  struct queue *queue = raw;
  only = (struct watch){.loop = loop, .queue = queue, .tag = tag};
  if (queue->uses & LOOP_PUTS) return loop->add(loop, queue->ends[1], EPOLLOUT, serve_room, &only);
  return loop->add(loop, queue->ends[0], EPOLLIN, serve_items, &only);
}

static const struct ops ops = {.make = make,         .unmake = unmake,     .put = put,
                               .put_many = put_many, .get = get,           .get_many = get_many,
                               .try_put = try_put,   .watch = watch};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  *why_not = !spec->capacity ? "a pipe has an end" : "first in, first out only";
  if (spec->uses & LOOP_GETS && spec->consumers > 1) *why_not = "for one loop";
  const bool several_loops = spec->uses & LOOP_GETS && spec->consumers > 1;
  return spec->capacity && spec->order == FIFO && !several_loops ? &ops : NULL;
}

static const char *version(void) { return "Linux"; }

static const struct contender contender = {"pipe", "items written into a pipe", version, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
