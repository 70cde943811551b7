/*
 * Written by hand: locked.h and an eventfd. Three ways of it: the eventfd is written when the
 * queue was empty and the loop takes items one at a time; the same, and it takes all at once; and
 * the eventfd is written at every put.
 */
#include "locked.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum way { ON_EMPTY, TAKING_ALL, EVERY_PUT };

struct queue {
  struct locked ring;
  enum way way;
  int items, room; /* eventfds, -1 where no loop is on that side */
};

struct watch {
  struct watch *next;
  struct loop *loop;
  struct queue *queue;
  void *tag;
  struct locked mine; /* TAKING_ALL: what was taken */
  uint64_t item[LARGEST_ITEM / 8];
  bool has_item; /* to put, as soon as there is room */
};

static int wake_fd(bool wanted) {
  return wanted ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
}

static void *make(const struct spec *spec, enum way way) {
  struct queue *queue = malloc(sizeof *queue);
  if (!queue) return NULL;
  locked_init(&queue->ring, spec);
  queue->way = way;
  queue->items = wake_fd(spec->uses & LOOP_GETS);
  queue->room = wake_fd(spec->uses & LOOP_PUTS);
  if ((spec->uses & LOOP_GETS && queue->items < 0) || (spec->uses & LOOP_PUTS && queue->room < 0))
    return NULL;
  return queue;
}

static void *make_on_empty(const struct spec *spec) { return make(spec, ON_EMPTY); }
static void *make_taking_all(const struct spec *spec) { return make(spec, TAKING_ALL); }
static void *make_every_put(const struct spec *spec) { return make(spec, EVERY_PUT); }

static void unmake(void *raw) {
  struct queue *queue = raw;
  locked_destroy(&queue->ring);
  if (queue->items >= 0) close(queue->items);
  if (queue->room >= 0) close(queue->room);
  free(queue);
}

static void wake_for_items(const struct queue *queue, bool was_empty) {
  if (queue->items >= 0 && (was_empty || queue->way == EVERY_PUT)) eventfd_write(queue->items, 1);
}

static void put(void *port, const void *item) {
  struct queue *queue = port;
  wake_for_items(queue, locked_put(&queue->ring, item));
}

static void put_many(void *port, const void *items, size_t count) {
  struct queue *queue = port;
  wake_for_items(queue, locked_put_many(&queue->ring, items, count));
}

static bool try_put(void *port, const void *item) {
  struct queue *queue = port;
  return locked_try_put(&queue->ring, item);
}

static void get(void *port, void *item) {
  struct queue *queue = port;
  if (locked_get(&queue->ring, item)) eventfd_write(queue->room, 1);
}

static size_t get_many(void *port, void *items, size_t max) {
  struct queue *queue = port;
  size_t taken;
  if (locked_get_many(&queue->ring, items, max, &taken)) eventfd_write(queue->room, 1);
  return taken;
}

static bool try_get(void *port, void *item) {
  struct queue *queue = port;
  return locked_try_get(&queue->ring, item);
}

static void serve_items(void *argument) {
  struct watch *watch = argument;
  struct loop *loop = watch->loop;
  eventfd_t wakes;
  eventfd_read(watch->queue->items, &wakes);
  if (watch->queue->way == TAKING_ALL) {
    while (locked_serve_all(&watch->queue->ring, &watch->mine, loop, watch->tag)) {}
    return;
  }
  while (locked_try_get(&watch->queue->ring, watch->item))
    loop->took(loop->context, watch->tag, watch->item);
}

static void serve_room(void *argument) {
  struct watch *watch = argument;
  struct loop *loop = watch->loop;
  eventfd_t wakes;
  eventfd_read(watch->queue->room, &wakes);
  while (watch->has_item || (watch->has_item = loop->next(loop->context, watch->item))) {
    if (!locked_try_put(&watch->queue->ring, watch->item)) return;
    watch->has_item = false;
  }
}

static bool watch(struct loop *loop, void *raw, void *tag) {
  struct queue *queue = raw;
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return false;
  *watch = (struct watch){.next = loop->own, .loop = loop, .queue = queue, .tag = tag};
  loop->own = watch;
  watch->mine.item_size = queue->ring.item_size;
  const uint32_t shared = loop->spec->consumers > 1 ? EPOLLEXCLUSIVE : 0; /* wakes one of them */
  if (queue->items >= 0) return loop->add(loop, queue->items, EPOLLIN | shared, serve_items, watch);
  return !eventfd_write(queue->room, 1) && loop->add(loop, queue->room, EPOLLIN, serve_room, watch);
}

static void close_loop(struct loop *loop) {
  for (struct watch *next, *watch = loop->own; watch; watch = next) {
    next = watch->next;
    free(watch->mine.slots);
    free(watch);
  }
}

#define OPS(how)                                                                                   \
  {.make = how,         .unmake = unmake,     .put = put,         .put_many = put_many,            \
   .get = get,          .get_many = get_many, .try_put = try_put, .try_get = try_get,              \
   .watch = watch,      .close_loop = close_loop}

static const struct ops on_empty = OPS(make_on_empty), taking_all = OPS(make_taking_all),
                        every_put = OPS(make_every_put);

static const char *version(void) { return "glibc's mutex, Linux eventfd"; }

static const struct ops *pick_on_empty(const struct spec *spec, const char **why_not) {
  (void)why_not;
  return spec->order == FIFO ? &on_empty : NULL;
}

/* The other two differ in what the loop does; without one they would be measured thrice. */
static const struct ops *pick_looped(const struct spec *spec, const char **why_not,
                                     const struct ops *ops) {
  *why_not = "the same as mutex where no loop gets";
  return spec->order == FIFO && spec->uses & LOOP_GETS ? ops : NULL;
}

static const struct ops *pick_taking_all(const struct spec *spec, const char **why_not) {
  return pick_looped(spec, why_not, &taking_all);
}

static const struct ops *pick_every_put(const struct spec *spec, const char **why_not) {
  return pick_looped(spec, why_not, &every_put);
}

static const struct contender edge = {"mutex", "ring, mutex, condvar, eventfd when it was empty",
                                      version, pick_on_empty},
                              all = {"mutex-list", "the same, the loop takes the whole list",
                                     version, pick_taking_all},
                              every = {"mutex-every", "the same, eventfd written at every put",
                                       version, pick_every_put};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&edge, &all, &every};
  *count = sizeof list / sizeof list[0];
  return list;
}
