/*
 * An HTTP server on a raw epoll loop that answers with the SHA-256 of files. The loop never reads
 * a file and never hashes a byte: blocking worker threads do. Two bridgeq queues join the sides:
 *
 *                      jobs (bounded)
 *     sockets -- loop ================> workers -- disk, processor
 *                     <================
 *                         results
 *
 *  - The workers are plain threads that block in bq_get() and bq_put().
 *  - The loop never blocks: it uses BQ_NOWAIT, and one descriptor among its others, bq_poller_fd(),
 *    becomes readable when there are results.
 *  - When the jobs queue is full the loop stops reading from the connection whose job did not fit
 *    and asks for BQ_WRITABLE. So the work pushes back through TCP to the clients.
 *  - A job names its connection by a number that is never used again: the client may leave while a
 *    worker is at it, and the result then finds nobody.
 *
 * In offload/: connection.c, http.c and descriptors.c (sockets, HTTP), hash.c (the work), main.c
 * (options, signals), and for the demo client.c, corpus.c, probes.c, report.c.
 */
#define _GNU_SOURCE
#include "offload/server.h"

#include "common.h"
#include "offload/connection.h"
#include "offload/descriptors.h"
#include "offload/hash.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESULTS_ROOM 64
#define BATCH 64 /* how much of one kind the loop does before it looks at everything else */

/* From the loop to a worker. The strings are the job's own. */
struct job {
  uint64_t connection;
  char *path;          /* a file, or NULL: */
  unsigned char *body; /* bytes */
  size_t length;
};

/* From a worker to the loop. */
struct result {
  uint64_t connection;
  int status;
  char text[HASH_TEXT];
};

struct server {
  bq_queue *jobs, *results;
  bq_poller *poller; /* the loop's view of both queues */
  struct line line;  /* connections whose job did not fit, first come first served */

  int epoll, listener, timer, root;
  bool listening;
  struct connections connections;
  pthread_t *workers;
  unsigned worker_count;
  int64_t started;
  atomic_bool stop;

  _Atomic uint64_t answers, late, full, ticks;
  _Atomic int64_t worst_tick_ns;
};

/* What epoll reports beside connections, whose numbers are larger. */
enum { LISTENER, TIMER, QUEUES };

/* ---- The thread side: blocking calls, no loop in sight ---- */

/* The queue's destructor too, for jobs that nobody takes any more. */
static void job_drop(void *item, void *context) {
  struct job *job = item;
  (void)context;
  free(job->path);
  free(job->body);
}

static void *worker(void *argument) {
  struct server *server = argument;
  struct job job;
  while (bq_get(server->jobs, &job, BQ_FOREVER) == BQ_OK) {
    struct result result = {.connection = job.connection};
    if (job.path) result.status = hash_file(server->root, job.path, result.text);
    else result.status = hash_bytes(job.body, job.length, result.text);
    job_drop(&job, NULL);
    bq_task_done(server->jobs, 1);
    if (bq_put(server->results, &result, BQ_FOREVER) != BQ_OK) break;
  }
  return NULL; /* shut down */
}

/* ---- The loop side: never waits ---- */

static struct job job_for(struct connection *connection) {
  struct job job = {.connection = connection->id};
  if (!connection->request.post) {
    job.path = strdup(connection->request.path);
  } else {
    job.body = connection->body;
    job.length = connection->body_used;
    connection->body = NULL;
  }
  return job;
}

/* Puts the connection's request into the jobs queue. BQ_FULL leaves everything as it was. */
static bq_status submit(struct server *server, struct connection *connection) {
  struct job job = job_for(connection);
  const bq_status status =
      job.path || job.body ? bq_put(server->jobs, &job, BQ_NOWAIT) : BQ_NO_MEMORY;
  if (status == BQ_OK) {
    connection_hand_on(connection, WORKING);
    return status;
  }
  free(job.path);
  connection->body = job.body; /* a failed put leaves the item with the caller */
  if (status != BQ_FULL) connection_refuse(connection, 503);
  return status;
}

/* No room: stop reading from this client, and ask to be told when there is some. */
static void stand_in_line(struct server *server, struct connection *connection) {
  if (TAILQ_EMPTY(&server->line))
    must(bq_poller_modify(server->poller, server->jobs, BQ_WRITABLE, NULL), "watching the jobs");
  TAILQ_INSERT_TAIL(&server->line, connection, line);
  connection_hand_on(connection, IN_LINE);
  connection_pause(&server->connections, connection);
  server->full++;
}

/* Takes one connection as far as it gets without waiting. */
static void serve(struct server *server, struct connection *connection) {
  while (connection_advance(&server->connections, connection) == REQUESTED)
    if (!TAILQ_EMPTY(&server->line) || submit(server, connection) == BQ_FULL)
      stand_in_line(server, connection);
}

/* BQ_WRITABLE: there is room again, for whoever has waited longest. */
static void let_in(struct server *server) {
  struct connection *first;
  while ((first = TAILQ_FIRST(&server->line)) && submit(server, first) != BQ_FULL) {
    TAILQ_REMOVE(&server->line, first, line);
    serve(server, first);
  }
  if (TAILQ_EMPTY(&server->line))
    must(bq_poller_modify(server->poller, server->jobs, 0, NULL), "pausing the watch");
}

/* BQ_READABLE: answers for clients, if they are still there. */
static void deliver(struct server *server) {
  struct result results[BATCH];
  const ptrdiff_t count = bq_get_many(server->results, results, BATCH, BQ_NOWAIT);
  for (ptrdiff_t i = 0; i < count; i++) {
    const struct result *result = &results[i];
    struct connection *connection = connection_find(&server->connections, result->connection);
    if (!connection) {
      server->late++;
      continue;
    }
    connection_answer(connection, result->status, result->status == 200 ? result->text : NULL);
    server->answers++;
    serve(server, connection);
  }
}

/* The poller's descriptor is readable until a poll returns 0. Stopping early is allowed: epoll
 * reports it again, after everything else that is ready has had its turn. */
static void on_queues(struct server *server) {
  bq_event ready[2];
  for (int turn = 0; turn < 4; turn++) {
    const ptrdiff_t count = bq_poller_poll(server->poller, ready, 2);
    for (ptrdiff_t i = 0; i < count; i++) {
      if (ready[i].queue == server->results) deliver(server);
      else let_in(server);
    }
    if (count <= 0) return;
  }
}

/* ---- The rest of the loop: sockets and a clock ---- */

static void on_connection(struct server *server, uint64_t id, uint32_t events) {
  struct connection *connection = connection_find(&server->connections, id);
  if (!connection) return; /* closed a moment ago, by something reported before */
  if (events & (EPOLLERR | EPOLLHUP)) {
    if (connection->state == IN_LINE) TAILQ_REMOVE(&server->line, connection, line);
    connection_close(&server->connections, connection);
  } else if (connection->state == IN_LINE || connection->state == WORKING) {
    connection_pause(&server->connections, connection); /* one request at a time */
  } else {
    serve(server, connection);
  }
}

static void listen_for_more(struct server *server, bool more) {
  if (server->listening == more) return;
  struct epoll_event event = {.events = more ? EPOLLIN : 0, .data.u64 = LISTENER};
  if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listener, &event) != 0) err(1, "epoll_ctl");
  server->listening = more;
}

static void on_listener(struct server *server) {
  const int on = 1;
  for (int i = 0; i < BATCH; i++) {
    const int client = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0 && errno == ECONNABORTED) continue;
    if (client < 0 && errno == EAGAIN) return;
    if (client >= 0) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (client < 0 || !connection_open(&server->connections, client)) {
      listen_for_more(server, false); /* out of descriptors or places: the next tick tries again */
      return;
    }
  }
}

static void on_timer(struct server *server) {
  uint64_t due;
  if (read(server->timer, &due, sizeof due) != sizeof due) return;
  const int64_t wanted = server->started + (int64_t)(server->ticks + 1) * TICK_NS;
  const int64_t late = now_ns() - wanted;
  if (late > server->worst_tick_ns) server->worst_tick_ns = late;
  server->ticks += due;
  listen_for_more(server, true);
  connections_expire(&server->connections);
}

void server_run(struct server *server) {
  struct epoll_event events[BATCH];
  while (!server->stop) {
    const int count = epoll_wait(server->epoll, events, BATCH, -1);
    if (count < 0 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
      switch (events[i].data.u64) {
        case LISTENER: on_listener(server); break;
        case TIMER: on_timer(server); break;
        case QUEUES: on_queues(server); break;
        default: on_connection(server, events[i].data.u64, events[i].events);
      }
    }
  }
}

void server_stop(struct server *server) {
  server->stop = true;
  bq_poller_wake(server->poller);
}

/* ---- Beginning and end ---- */

static void open_queues(struct server *server, size_t room) {
  bq_options jobs = BQ_OPTIONS_INIT;
  jobs.item_size = sizeof(struct job);
  jobs.capacity = room;
  jobs.drop = job_drop;
  must(bq_queue_new(&jobs, &server->jobs), "making the jobs queue");

  bq_options results = BQ_OPTIONS_INIT;
  results.item_size = sizeof(struct result);
  results.capacity = RESULTS_ROOM;
  must(bq_queue_new(&results, &server->results), "making the results queue");

  must(bq_poller_new(NULL, &server->poller), "making the poller");
  must(bq_poller_add(server->poller, server->results, BQ_READABLE, NULL), "watching the results");
  must(bq_poller_add(server->poller, server->jobs, 0, NULL), "watching the jobs");
}

static void open_loop(struct server *server, uint16_t port) {
  server->epoll = server->connections.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (server->epoll < 0) err(1, "epoll_create1");
  server->listener = open_listener(port);
  server->listening = true;
  server->started = now_ns();
  server->timer = open_timer(server->started, TICK_NS);
  watch_input(server->epoll, server->listener, LISTENER);
  watch_input(server->epoll, server->timer, TIMER);
  watch_input(server->epoll, descriptor_of(server->poller), QUEUES);
}

struct server *server_open(const struct server_options *options) {
  struct server *server = calloc(1, sizeof *server);
  if (!server) err(1, "server");
  TAILQ_INIT(&server->line);
  server->root = open(options->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (server->root < 0) err(1, "cannot open %s; --root names another directory", options->root);
  open_queues(server, options->room);
  open_loop(server, options->port);
  server->workers = calloc(options->workers, sizeof *server->workers);
  if (!server->workers) err(1, "workers");
  while (server->worker_count < options->workers)
    server->workers[server->worker_count++] = start_thread(worker, server);
  return server;
}

uint16_t server_port(const struct server *server) { return port_of(server->listener); }

void server_figures(struct server *server, struct server_figures *figures) {
  *figures = (struct server_figures){.answers = server->answers,
                                     .late = server->late,
                                     .full = server->full,
                                     .ticks = server->ticks,
                                     .worst_tick_ns = server->worst_tick_ns,
                                     .jobs = BQ_STATS_INIT,
                                     .results = BQ_STATS_INIT};
  must(bq_queue_stats(server->jobs, &figures->jobs), "statistics");
  must(bq_queue_stats(server->results, &figures->results), "statistics");
}

void server_close(struct server *server) {
  bq_shutdown(server->jobs, BQ_DISCARD); /* workers that wait for a job, or for room, return */
  bq_shutdown(server->results, BQ_DISCARD);
  for (unsigned i = 0; i < server->worker_count; i++) pthread_join(server->workers[i], NULL);
  connections_close(&server->connections);
  close(server->epoll); /* before the poller, whose descriptor it watches */
  bq_poller_unref(server->poller);
  bq_queue_unref(server->jobs);
  bq_queue_unref(server->results);
  close(server->listener);
  close(server->timer);
  close(server->root);
  free(server->workers);
  free(server);
}
