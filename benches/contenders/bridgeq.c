/*
 * bridgeq, through the C interface of its shared library. The loop is the least that the header
 * asks for; the other two register the descriptor edge-triggered, and the last one also takes
 * items from a ready queue 64 at a time.
 */
#include "../contender.h"

#include <bridgeq.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum way { LEAST, EDGE, MANY };

struct hub {
  struct loop *loop;
  bq_poller *poller;
  enum way way;
  uint64_t item[LARGEST_ITEM / 8]; /* to put, as soon as there is room */
  bool has_item;
};

static void *make(const struct spec *spec) {
  bq_options options = BQ_OPTIONS_INIT;
  options.order = spec->order; /* the same numbers */
  options.capacity = spec->capacity;
  options.item_size = spec->item_size;
  bq_queue *queue = NULL;
  bq_queue_new(&options, &queue);
  return queue;
}

static void unmake(void *queue) { bq_queue_unref(queue); }

static void must(bq_status status) {
  if (status == BQ_OK) return;
  fprintf(stderr, "bridgeq: %s: %s\n", bq_status_name(status), bq_status_text(status));
  abort();
}

static void put(void *port, const void *item) { must(bq_put(port, item, BQ_FOREVER)); }

static void put_priority(void *port, const void *item, int64_t priority) {
  must(bq_put_priority(port, item, priority, BQ_FOREVER));
}

static void put_many(void *port, const void *items, size_t count) {
  if (bq_put_many(port, items, count, BQ_FOREVER) != (ptrdiff_t)count) must(BQ_INTERNAL);
}

static void get(void *port, void *item) { must(bq_get(port, item, BQ_FOREVER)); }

static size_t get_many(void *port, void *items, size_t max) {
  const ptrdiff_t count = bq_get_many(port, items, max, BQ_FOREVER);
  if (count <= 0) must((bq_status)count);
  return (size_t)count;
}

static bool try_put(void *port, const void *item) {
  return bq_put(port, item, BQ_NOWAIT) == BQ_OK;
}

static bool try_get(void *port, void *item) { return bq_get(port, item, BQ_NOWAIT) == BQ_OK; }

/* What a loop does with a ready queue. */

static void take_singly(const struct hub *hub, const bq_event *event) {
  struct loop *loop = hub->loop;
  uint64_t item[LARGEST_ITEM / 8];
  while (bq_get(event->queue, item, BQ_NOWAIT) == BQ_OK)
    loop->took(loop->context, event->data, item);
}

static void take_many(const struct hub *hub, const bq_event *event) {
  struct loop *loop = hub->loop;
  uint64_t items[BATCH_OF * LARGEST_ITEM / 8];
  for (ptrdiff_t n; (n = bq_get_many(event->queue, items, BATCH_OF, BQ_NOWAIT)) > 0;)
    for (ptrdiff_t i = 0; i < n; i++)
      loop->took(loop->context, event->data, (char *)items + (size_t)i * loop->spec->item_size);
}

/* False: there is nothing more to put, ever. */
static bool put_until_full(struct hub *hub, const bq_event *event) {
  struct loop *loop = hub->loop;
  while (hub->has_item || (hub->has_item = loop->next(loop->context, hub->item))) {
    if (bq_put(event->queue, hub->item, BQ_NOWAIT) != BQ_OK) return true;
    hub->has_item = false;
  }
  return false;
}

static void serve(void *argument) {
  struct hub *hub = argument;
  bq_event ready[64];
  for (ptrdiff_t n; (n = bq_poller_poll(hub->poller, ready, 64)) > 0;) {
    for (ptrdiff_t i = 0; i < n; i++) {
      if (ready[i].events & BQ_WRITABLE) {
        if (!put_until_full(hub, &ready[i])) return;
      } else {
        (hub->way == MANY ? take_many : take_singly)(hub, &ready[i]);
      }
    }
  }
}

static bool open_loop(struct loop *loop, enum way way) {
  struct hub *hub = calloc(1, sizeof *hub);
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  if (way != LEAST) options.flags = BQ_POLLER_EDGE;
  if (!hub || bq_poller_new(&options, &hub->poller) != BQ_OK) return false;
  hub->loop = loop;
  hub->way = way;
  loop->own = hub;
  return loop->add(loop, bq_poller_fd(hub->poller), way == LEAST ? EPOLLIN : EPOLLIN | EPOLLET,
                   serve, hub);
}

static bool open_least(struct loop *loop) { return open_loop(loop, LEAST); }
static bool open_edge(struct loop *loop) { return open_loop(loop, EDGE); }
static bool open_many(struct loop *loop) { return open_loop(loop, MANY); }

static bool watch(struct loop *loop, void *queue, void *tag) {
  struct hub *hub = loop->own;
  const uint32_t events = loop->spec->uses & LOOP_PUTS ? BQ_WRITABLE : BQ_READABLE;
  return bq_poller_add(hub->poller, queue, events, tag) == BQ_OK;
}

static void close_loop(struct loop *loop) {
  struct hub *hub = loop->own;
  epoll_ctl(loop->epoll, EPOLL_CTL_DEL, bq_poller_fd(hub->poller), NULL);
  bq_poller_unref(hub->poller);
  free(hub);
}

static size_t look(struct loop *loop) {
  struct hub *hub = loop->own;
  bq_event ready[64];
  return (size_t)bq_poller_poll(hub->poller, ready, 64);
}

#define OPS(opening)                                                                               \
  {.make = make,         .unmake = unmake,     .put = put,                                         \
   .put_many = put_many, .get = get,           .put_priority = put_priority,                       \
   .get_many = get_many, .try_put = try_put,   .try_get = try_get,                                 \
   .watch = watch,       .open_loop = opening, .close_loop = close_loop,                           \
   .look = look}

static const struct ops least = OPS(open_least), edge = OPS(open_edge), many = OPS(open_many);

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  (void)spec, (void)why_not;
  return &least;
}

static const struct ops *pick_edge(const struct spec *spec, const char **why_not) {
  *why_not = "the same as bridgeq where there is no loop";
  return spec->uses & (LOOP_GETS | LOOP_PUTS | ALTERNATE) ? &edge : NULL;
}

static const struct ops *pick_many(const struct spec *spec, const char **why_not) {
  *why_not = "the same as bridgeq-edge where no loop gets a stream";
  return spec->uses & LOOP_GETS && !(spec->uses & ALTERNATE) ? &many : NULL;
}

static const char *version(void) {
  static char text[16];
  const uint32_t number = bq_version();
  snprintf(text, sizeof text, "%u.%u.%u", number / 10000, number / 100 % 100, number % 100);
  return text;
}

static const struct contender plain = {"bridgeq", "C interface, the least loop", version, pick},
                              edged = {"bridgeq-edge", "the same, BQ_POLLER_EDGE", version,
                                       pick_edge},
                              batched = {"bridgeq-many",
                                         "BQ_POLLER_EDGE, the loop takes 64 at a time", version,
                                         pick_many};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&plain, &edged, &batched};
  *count = sizeof list / sizeof list[0];
  return list;
}
