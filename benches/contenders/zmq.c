/* ZeroMQ inproc: PUSH sockets, one a producing thread, connected to one PULL socket. */
#include "../contender.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <zmq.h>

static void *context;
static unsigned long made; /* an address is free again only some time after its socket */

struct queue {
  void *pull;
  char address[32];
  int high_water; /* on each side of a connection; 0: none */
  size_t item_size;
};

struct port {
  void *socket;
  size_t item_size;
};

static void *socket_with(int type, int high_water) {
  void *socket = zmq_socket(context, type);
  if (!socket) return NULL;
  const int option = type == ZMQ_PUSH ? ZMQ_SNDHWM : ZMQ_RCVHWM;
  zmq_setsockopt(socket, option, &high_water, sizeof high_water);
  return socket;
}

static bool make_context(void) {
  if (context) return true;
  context = zmq_ctx_new();
  return context && !zmq_ctx_set(context, ZMQ_MAX_SOCKETS, zmq_ctx_get(context, ZMQ_SOCKET_LIMIT));
}

/* What fits a connection is the sum of both its sides; the bound is shared among the producers. */
static int high_water(const struct spec *spec) {
  const size_t side = spec->capacity / spec->producers / 2;
  return spec->capacity ? (side ? (int)side : 1) : 0;
}

static void *make(const struct spec *spec) {
  struct queue *queue = malloc(sizeof *queue);
  if (!queue || !make_context()) return NULL;
  queue->item_size = spec->item_size;
  queue->high_water = high_water(spec);
  queue->pull = socket_with(ZMQ_PULL, queue->high_water);
  snprintf(queue->address, sizeof queue->address, "inproc://%lu", ++made);
  if (!queue->pull || zmq_bind(queue->pull, queue->address)) return NULL;
  return queue;
}

static void unmake(void *raw) {
  struct queue *queue = raw;
  zmq_close(queue->pull);
  free(queue);
}

static void *enter(void *raw, enum side side, unsigned index) {
  (void)index;
  const struct queue *queue = raw;
  struct port *port = malloc(sizeof *port);
  if (!port) return NULL;
  port->item_size = queue->item_size;
  port->socket = side == GETS ? queue->pull : socket_with(ZMQ_PUSH, queue->high_water);
  if (side == PUTS && (!port->socket || zmq_connect(port->socket, queue->address))) return NULL;
  return port;
}

/* The PULL socket goes with the queue; what a closed PUSH socket sent still arrives. */
static void leave(void *raw, enum side side) {
  struct port *port = raw;
  if (side == PUTS) zmq_close(port->socket);
  free(port);
}

static void put(void *raw, const void *item) {
  const struct port *port = raw;
  if (zmq_send(port->socket, item, port->item_size, 0) < 0) abort();
}

static bool try_put(void *raw, const void *item) {
  const struct port *port = raw;
  return zmq_send(port->socket, item, port->item_size, ZMQ_DONTWAIT) >= 0;
}

static void get(void *raw, void *item) {
  const struct port *port = raw;
  if (zmq_recv(port->socket, item, port->item_size, 0) < 0) abort();
}

static bool try_get(void *raw, void *item) {
  const struct port *port = raw;
  return zmq_recv(port->socket, item, port->item_size, ZMQ_DONTWAIT) >= 0;
}

struct watch {
  struct watch *next;
  struct loop *loop;
  struct queue *queue;
  void *tag;
};

static bool readable(void *socket) {
  int events = 0;
  size_t size = sizeof events;
  zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
  return events & ZMQ_POLLIN;
}

static void serve(void *argument) {
  const struct watch *watch = argument;
  void *socket = watch->queue->pull;
  uint64_t item[LARGEST_ITEM / 8];
  while (readable(socket))
    while (zmq_recv(socket, item, watch->queue->item_size, ZMQ_DONTWAIT) >= 0)
      watch->loop->took(watch->loop->context, watch->tag, item);
}

static bool watch(struct loop *loop, void *raw, void *tag) {
  struct queue *queue = raw;
  struct watch *watch = malloc(sizeof *watch);
  if (!watch) return false;
  *watch = (struct watch){loop->own, loop, queue, tag};
  loop->own = watch;
  int fd;
  size_t size = sizeof fd;
  zmq_getsockopt(queue->pull, ZMQ_FD, &fd, &size);
  return loop->add(loop, fd, EPOLLIN, serve, watch);
}

static void close_loop(struct loop *loop) {
  for (struct watch *next, *watch = loop->own; watch; watch = next) {
    next = watch->next;
    free(watch);
  }
}

static const struct ops ops = {.make = make,       .unmake = unmake,   .enter = enter,
                               .leave = leave,     .put = put,         .get = get,
                               .try_put = try_put, .try_get = try_get, .watch = watch,
                               .close_loop = close_loop};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  if (spec->order != FIFO) *why_not = "first in, first out only";
  else if (spec->consumers > 1) *why_not = "a socket belongs to one thread";
  else return &ops;
  return NULL;
}

static const char *version(void) {
  static char text[32];
  int major, minor, patch;
  zmq_version(&major, &minor, &patch);
  snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
  return text;
}

static const struct contender contender = {"zmq", "inproc, PUSH to PULL", version, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
