/*
 * Event loops for tests: one of every kind that may watch a poller's descriptor, with one question
 * to ask: does it fire? ON_EVERY_LOOP(name) { ... } defines the case once for each kind, as
 * name_by_poll, name_by_epoll, ...; the body is handed an open `loop`.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include "support.h"

#include <poll.h>
#include <sys/epoll.h>

typedef enum loop_kind {
  BY_POLL,        /* poll(2) */
  BY_EPOLL,       /* epoll, level-triggered */
  BY_EPOLL_EDGE,  /* epoll, edge-triggered */
  BY_POLLER_EDGE, /* the same, and promised to the library with BQ_POLLER_EDGE */
  BY_PIPE,        /* BQ_POLLER_PIPE, epoll level-triggered */
  BY_PIPE_EDGE    /* BQ_POLLER_PIPE and BQ_POLLER_EDGE, epoll edge-triggered */
} loop_kind;

typedef struct event_loop {
  loop_kind kind;
  bq_poller *poller;
  int descriptor;
  int epoll; /* -1 for poll(2) */
} event_loop;

#define ON_EVERY_LOOP(name)                                                                        \
  static void name(event_loop *loop);                                                              \
  TEST(name##_by_poll) { with_loop(BY_POLL, name); }                                               \
  TEST(name##_by_epoll) { with_loop(BY_EPOLL, name); }                                             \
  TEST(name##_by_epoll_edge) { with_loop(BY_EPOLL_EDGE, name); }                                   \
  TEST(name##_by_poller_edge) { with_loop(BY_POLLER_EDGE, name); }                                 \
  TEST(name##_by_pipe) { with_loop(BY_PIPE, name); }                                               \
  TEST(name##_by_pipe_edge) { with_loop(BY_PIPE_EDGE, name); }                                     \
  static void name(event_loop *loop)

/* Pollers. */

static inline bq_poller *poller_from(const bq_poller_options *options) {
  bq_poller *poller = NULL;
  CHECK_STATUS(bq_poller_new(options, &poller), BQ_OK);
  CHECK(poller != NULL);
  return poller;
}

static inline bq_poller *poller_with(uint32_t flags) {
  bq_poller_options options = BQ_POLLER_OPTIONS_INIT;
  options.flags = flags;
  return poller_from(&options);
}

static inline bq_poller *new_poller(void) { return poller_from(NULL); }

static inline void watch(bq_poller *poller, bq_queue *queue, uint32_t events) {
  CHECK_STATUS(bq_poller_add(poller, queue, events, NULL), BQ_OK);
}

static inline void rewatch(bq_poller *poller, bq_queue *queue, uint32_t events) {
  CHECK_STATUS(bq_poller_modify(poller, queue, events, NULL), BQ_OK);
}

static inline void unwatch(bq_poller *poller, bq_queue *queue) {
  CHECK_STATUS(bq_poller_remove(poller, queue), BQ_OK);
}

static inline int descriptor_of(bq_poller *poller) {
  const int descriptor = bq_poller_fd(poller);
  if (descriptor < 0) CHECK_STATUS(descriptor, BQ_OK);
  return descriptor;
}

/* For a poller that a plain poll(2) watches. */
static inline bool readable_now(int descriptor) {
  struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
  const int ready = poll(&wanted, 1, 0);
  CHECK(ready >= 0);
  if (ready) CHECK_EQ(wanted.revents, POLLIN);
  return ready == 1;
}

static inline bool poller_readable(bq_poller *poller) {
  return readable_now(descriptor_of(poller));
}

/* The next call reports exactly this queue, with exactly these events. */
static inline void expect_event(bq_poller *poller, const bq_queue *queue, uint32_t events) {
  bq_event ready[2];
  CHECK_STATUS(bq_poller_poll(poller, ready, LENGTH(ready)), 1);
  CHECK(ready[0].queue == queue);
  CHECK_EQ(ready[0].events, events);
}

/* The next call reports nothing, and so arms. */
static inline void expect_nothing(bq_poller *poller) {
  bq_event ready[2];
  CHECK_STATUS(bq_poller_poll(poller, ready, LENGTH(ready)), 0);
}

/* Loops. */

static inline uint32_t loop_flags(loop_kind kind) {
  switch (kind) {
  case BY_POLLER_EDGE: return BQ_POLLER_EDGE;
  case BY_PIPE: return BQ_POLLER_PIPE;
  case BY_PIPE_EDGE: return BQ_POLLER_PIPE | BQ_POLLER_EDGE;
  case BY_POLL:
  case BY_EPOLL:
  case BY_EPOLL_EDGE: break;
  }
  return 0;
}

static inline bool edge_triggered(loop_kind kind) {
  return kind == BY_EPOLL_EDGE || kind == BY_POLLER_EDGE || kind == BY_PIPE_EDGE;
}

static inline int epoll_for(int descriptor, bool edge) {
  struct epoll_event wanted = {.events = EPOLLIN | (edge ? (uint32_t)EPOLLET : 0)};
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &wanted), 0);
  return epoll;
}

/* Takes the caller's reference; the poller must have the flags of that kind. */
static inline event_loop loop_on(bq_poller *poller, loop_kind kind) {
  event_loop loop = {.kind = kind, .poller = poller, .epoll = -1};
  loop.descriptor = descriptor_of(poller);
  if (kind != BY_POLL) loop.epoll = epoll_for(loop.descriptor, edge_triggered(kind));
  return loop;
}

static inline event_loop loop_open(loop_kind kind) {
  return loop_on(poller_with(loop_flags(kind)), kind);
}

static inline void loop_close(event_loop *loop) {
  if (loop->epoll >= 0) close(loop->epoll);
  bq_poller_unref(loop->poller);
}

static inline void with_loop(loop_kind kind, void (*body)(event_loop *)) {
  event_loop loop = loop_open(kind);
  body(&loop);
  loop_close(&loop);
}

/* One turn of the loop: whether the descriptor fires in time. Takes the edge, if it is one. */
static inline bool loop_turn(event_loop *loop, int timeout_ms) {
  struct pollfd by_poll = {.fd = loop->descriptor, .events = POLLIN};
  struct epoll_event by_epoll;
  int fired;
  do {
    fired = loop->epoll < 0 ? poll(&by_poll, 1, timeout_ms)
                            : epoll_wait(loop->epoll, &by_epoll, 1, timeout_ms);
  } while (fired < 0 && errno == EINTR);
  CHECK(fired >= 0);
  return fired == 1;
}

static inline bool fires(event_loop *loop) { return loop_turn(loop, 0); }

/* For events that another thread causes; fails loudly when none comes. */
static inline void wait_until_it_fires(event_loop *loop) {
  CHECK(loop_turn(loop, (int)(AWAIT_NS / MILLISECOND)));
}

/* A level-triggered loop is called again; of an edge-triggered one the descriptor is looked at. */
static inline bool stays_readable(event_loop *loop) {
  return edge_triggered(loop->kind) ? readable_now(loop->descriptor) : fires(loop);
}

#endif
