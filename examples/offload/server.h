/* The server of epoll_offload.c, as main.c drives it. */
#ifndef OFFLOAD_SERVER_H
#define OFFLOAD_SERVER_H

#include <bridgeq.h>

#include <stdint.h>

#define TICK_NS INT64_C(10000000)

struct server_options {
  const char *root; /* files below it may be asked for */
  uint16_t port;    /* on the loopback address; 0: any free one */
  unsigned workers;
  size_t room;      /* of the jobs queue */
};

struct server_figures {
  uint64_t answers;       /* given to whoever asked */
  uint64_t late;          /* computed for a client that had left */
  uint64_t full;          /* jobs that did not fit at once */
  uint64_t ticks;
  int64_t worst_tick_ns;  /* the most that a tick came late */
  bq_stats jobs, results; /* of the two queues */
};

struct server;

/* Ends the program, saying why, when a server cannot be had. */
struct server *server_open(const struct server_options *options);
uint16_t server_port(const struct server *server);

/* The loop; returns after server_stop(). */
void server_run(struct server *server);

/* From any thread and from a signal handler. */
void server_stop(struct server *server);

/* From any thread, also while the server runs. */
void server_figures(struct server *server, struct server_figures *figures);

/* After server_run() has returned. */
void server_close(struct server *server);

#endif
