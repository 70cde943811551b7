/*
 * libuv: a locked list (locked.h) and a uv_async_t, which is sent when the list was empty; the loop
 * takes the whole list. Towards the threads a second uv_async_t says that there is room.
 */
#include "locked.h"

#include <uv.h>

struct queue {
  struct locked ring;
  uv_async_t *items, *room; /* NULL where no loop is on that side */
};

struct watch {
  uv_async_t async;
  struct queue *queue;
  struct loop *loop;
  void *tag;
  struct locked mine;
  uint64_t item[LARGEST_ITEM / 8];
  bool has_item;
};

static void *make(const struct spec *spec) {
  struct queue *queue = calloc(1, sizeof *queue);
  if (queue) locked_init(&queue->ring, spec);
  return queue;
}

static void unmake(void *raw) {
  struct queue *queue = raw;
  locked_destroy(&queue->ring);
  free(queue);
}

static void put(void *port, const void *item) {
  struct queue *queue = port;
  if (locked_put(&queue->ring, item) && queue->items) uv_async_send(queue->items);
}

static bool try_put(void *port, const void *item) {
  struct queue *queue = port;
  return locked_try_put(&queue->ring, item);
}

static void get(void *port, void *item) {
  struct queue *queue = port;
  if (locked_get(&queue->ring, item)) uv_async_send(queue->room);
}

static void serve_items(uv_async_t *async) {
  struct watch *watch = async->data;
  while (locked_serve_all(&watch->queue->ring, &watch->mine, watch->loop, watch->tag)) {}
}

static void serve_room(uv_async_t *async) {
  struct watch *watch = async->data;
  struct loop *loop = watch->loop;
  while (watch->has_item || (watch->has_item = loop->next(loop->context, watch->item))) {
    if (!locked_try_put(&watch->queue->ring, watch->item)) return;
    watch->has_item = false;
  }
}

static bool watch(struct loop *loop, void *raw, void *tag) {
  struct queue *queue = raw;
  const bool puts = loop->spec->uses & LOOP_PUTS;
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return false;
  if (uv_async_init(loop->own, &watch->async, puts ? serve_room : serve_items)) {
    free(watch);
    return false;
  }
  watch->async.data = watch;
  watch->queue = queue;
  watch->loop = loop;
  watch->tag = tag;
  watch->mine.item_size = queue->ring.item_size;
  if (puts) queue->room = &watch->async;
  else queue->items = &watch->async;
  return !puts || uv_async_send(&watch->async) == 0;
}

/* Another descriptor of the loop. */

struct other {
  uv_poll_t poll;
  void (*ready)(void *);
  void *argument;
};

static void serve_other(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  const struct other *other = poll->data;
  other->ready(other->argument);
}

static bool add(struct loop *loop, int fd, uint32_t events, void (*ready)(void *), void *argument) {
  (void)events;
  struct other *other = calloc(1, sizeof *other);
  if (!other || uv_poll_init(loop->own, &other->poll, fd)) return false;
  other->poll.data = other;
  other->ready = ready;
  other->argument = argument;
  return uv_poll_start(&other->poll, UV_READABLE, serve_other) == 0;
}

static bool open_loop(struct loop *loop) {
  uv_loop_t *own = malloc(sizeof *own);
  if (!own || uv_loop_init(own)) return false;
  loop->own = own;
  loop->add = add;
  return true;
}

static void free_handle(uv_handle_t *handle) {
  if (handle->type == UV_ASYNC) free(((struct watch *)handle->data)->mine.slots);
  free(handle->data);
}

static void close_handle(uv_handle_t *handle, void *argument) {
  (void)argument;
  uv_close(handle, free_handle);
}

static void close_loop(struct loop *loop) {
  uv_walk(loop->own, close_handle, NULL);
  uv_run(loop->own, UV_RUN_DEFAULT);
  uv_loop_close(loop->own);
  free(loop->own);
}

static void turn(struct loop *loop, bool may_wait) {
  uv_run(loop->own, may_wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

static const struct ops ops = {.make = make,           .unmake = unmake,         .put = put,
                               .get = get,             .try_put = try_put,       .watch = watch,
                               .open_loop = open_loop, .close_loop = close_loop, .turn = turn};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  if (spec->order != FIFO || spec->uses & SOLO) *why_not = "a loop, not a queue";
  else if (spec->uses & LOOP_GETS && spec->consumers > 1) *why_not = "for one loop";
  else if (!(spec->uses & (LOOP_GETS | LOOP_PUTS | ALTERNATE))) *why_not = "a loop, not a queue";
  else return &ops;
  return NULL;
}

static const struct contender contender = {"uv", "locked list taken whole, uv_async_send",
                                           uv_version_string, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
