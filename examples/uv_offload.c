/*
 * A libuv server whose work is done by blocking threads. Clients send numbers, a line each; workers
 * find the prime factors; the loop sends "91 = 7 x 13" back, in whatever order they are found.
 *
 * All that joins bridgeq to libuv is one uv_poll_t on bq_poller_fd(). It reports
 *  - BQ_READABLE of results: there are answers to send;
 *  - BQ_WRITABLE of jobs, watched only while jobs do not fit: until then the clients that they came
 *    from are not read from (uv_read_stop), so the work pushes back through TCP;
 *  - BQ_READABLE of reports: a built-in client (factors/check.c) has checked its answers.
 */
#define _GNU_SOURCE
#include "common.h"
#include "factors/check.h"
#include "factors/factors.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/queue.h>
#include <uv.h>

#define WORKERS 2
#define CHECKERS 4       /* built-in clients */
#define UNSENT_MAX 65536 /* bytes that wait for a client which does not read: no more of its jobs */

struct job {
  uint64_t client;
  uint64_t number; /* 0: the line held none */
};

struct result {
  uint64_t client;
  char text[FACTORS_TEXT];
};

struct client {
  uv_tcp_t socket; /* first: the handle is the client */
  uint64_t id;     /* never used again: a result may come when its client has gone */
  bool in_line;    /* its next job did not fit */
  bool ended;      /* it has closed its half, and may still wait for answers */
  size_t owed;     /* answers */
  TAILQ_ENTRY(client) all, line;
  char in[256];
  size_t used;
};

static bq_queue *jobs, *results, *reports;
static bq_poller *poller;

static uv_loop_t loop;
static uv_tcp_t listener;
static uv_poll_t queues;
static uv_timer_t ticker;
static uv_signal_t interrupt;
static TAILQ_HEAD(clients, client) clients = TAILQ_HEAD_INITIALIZER(clients);
static struct clients line = TAILQ_HEAD_INITIALIZER(line); /* whose jobs did not fit */

static uint64_t opened, answered, full, wrong, last_tick, longest_gap;
static int checkers_left;

/* ---- The thread side: blocking calls, no loop in sight ---- */

static void *worker(void *nothing) {
  struct job job;
  while (bq_get(jobs, &job, BQ_FOREVER) == BQ_OK) {
    struct result result = {.client = job.client};
    write_factors(job.number, result.text);
    bq_task_done(jobs, 1);
    if (bq_put(results, &result, BQ_FOREVER) != BQ_OK) break;
  }
  return nothing;
}

/* ---- The loop side: jobs ---- */

static bool choked(struct client *client) {
  return uv_stream_get_write_queue_size((uv_stream_t *)client) > UNSENT_MAX;
}

/* Puts the client's lines into the jobs queue; after BQ_FULL, the rest stays with the client. */
static bq_status submit(struct client *client) {
  const char *end;
  while (!choked(client) && (end = memchr(client->in, '\n', client->used))) {
    const struct job job = {client->id, read_number(client->in, (size_t)(end - client->in))};
    const bq_status status = bq_put(jobs, &job, BQ_NOWAIT);
    if (status != BQ_OK) return status;
    client->owed++;
    client->used -= (size_t)(end + 1 - client->in);
    memmove(client->in, end + 1, client->used);
  }
  return BQ_OK;
}

static void stand_in_line(struct client *client) {
  if (client->in_line) return;
  if (TAILQ_EMPTY(&line)) must(bq_poller_modify(poller, jobs, BQ_WRITABLE, NULL), "watching jobs");
  TAILQ_INSERT_TAIL(&line, client, line);
  client->in_line = true;
  full++;
}

static void leave_line(struct client *client) {
  if (client->in_line) TAILQ_REMOVE(&line, client, line);
  client->in_line = false;
}

static void on_closed(uv_handle_t *handle) { free(handle); }

static void drop(struct client *client) {
  if (uv_is_closing((uv_handle_t *)client)) return;
  leave_line(client);
  TAILQ_REMOVE(&clients, client, all);
  uv_close((uv_handle_t *)client, on_closed);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *space) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  *space = uv_buf_init(client->in + client->used, (unsigned)(sizeof client->in - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *space);

/* Takes what the client has sent as far as it fits, and reads on only if all of it did. */
static void serve(struct client *client) {
  const bool may_try = client->in_line || TAILQ_EMPTY(&line);
  if ((may_try ? submit(client) : BQ_FULL) == BQ_FULL) {
    uv_read_stop((uv_stream_t *)client);
    stand_in_line(client);
    return;
  }
  leave_line(client);
  if (choked(client) || client->ended) uv_read_stop((uv_stream_t *)client);
  else uv_read_start((uv_stream_t *)client, on_space, on_read);
}

/* BQ_WRITABLE: there is room for who has waited longest. */
static void let_in(void) {
  for (struct client *first; (first = TAILQ_FIRST(&line));) {
    serve(first);
    if (first->in_line) return;
  }
  must(bq_poller_modify(poller, jobs, 0, NULL), "pausing the watch of jobs");
}

/* ---- The loop side: answers ---- */

struct answer {
  uv_write_t request; /* first: the request is the answer */
  char text[FACTORS_TEXT];
};

static void on_written(uv_write_t *request, int error) {
  struct client *client = (struct client *)request->handle;
  free(request);
  client->owed--;
  if (error || (client->ended && !client->owed)) drop(client);
  else if (!client->in_line) serve(client);
}

static void send_answer(struct client *client, const struct result *result) {
  struct answer *answer = malloc(sizeof *answer);
  if (!answer) err(1, "an answer");
  memcpy(answer->text, result->text, sizeof answer->text);
  const uv_buf_t bytes = uv_buf_init(answer->text, (unsigned)strlen(answer->text));
  if (uv_write(&answer->request, (uv_stream_t *)client, &bytes, 1, on_written) == 0) {
    answered++;
  } else {
    free(answer);
    drop(client);
  }
}

/* BQ_READABLE of results. */
static void deliver(void) {
  struct result ready[32];
  const ptrdiff_t count = bq_get_many(results, ready, 32, BQ_NOWAIT);
  for (ptrdiff_t i = 0; i < count; i++) {
    struct client *client;
    TAILQ_FOREACH(client, &clients, all) if (client->id == ready[i].client) break;
    if (client) send_answer(client, &ready[i]);
  }
}

/* BQ_READABLE of reports. */
static void count_wrong(void) {
  uint64_t found;
  while (bq_get(reports, &found, BQ_NOWAIT) == BQ_OK) {
    wrong += found;
    if (--checkers_left == 0) uv_stop(&loop);
  }
}

/* One poll a callback will do: the descriptor stays readable until a poll has returned 0, so that
 * libuv calls again, after everything else that is ready has had its turn. */
static void on_queues(uv_poll_t *handle, int status, int events) {
  bq_event ready[3];
  (void)handle, (void)status, (void)events;
  const ptrdiff_t count = bq_poller_poll(poller, ready, 3);
  for (ptrdiff_t i = 0; i < count; i++) {
    if (ready[i].queue == results) deliver();
    else if (ready[i].queue == jobs) let_in();
    else count_wrong();
  }
}

/* ---- The rest of the loop ---- */

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *space) {
  struct client *client = (struct client *)stream;
  (void)space;
  client->ended = got == UV_EOF;
  if (got > 0) client->used += (size_t)got;
  if (got < 0 && !(client->ended && client->owed)) drop(client); /* or a line without an end */
  else serve(client);
}

static void on_connection(uv_stream_t *stream, int error) {
  struct client *client = error ? NULL : calloc(1, sizeof *client);
  if (!client) return;
  client->id = ++opened;
  uv_tcp_init(&loop, &client->socket);
  uv_accept(stream, (uv_stream_t *)client);
  TAILQ_INSERT_TAIL(&clients, client, all);
  uv_read_start((uv_stream_t *)client, on_space, on_read);
}

static void on_tick(uv_timer_t *timer) {
  const uint64_t now = uv_hrtime();
  (void)timer;
  if (last_tick && now - last_tick > longest_gap) longest_gap = now - last_tick;
  last_tick = now;
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)handle, (void)number;
  uv_stop(&loop);
}

static void must_uv(int error, const char *doing) {
  if (error < 0) errx(1, "%s: %s", doing, uv_strerror(error));
}

static void open_loop(int port) {
  struct sockaddr_in address;
  signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL: a client that left is an error */
  uv_ip4_addr("127.0.0.1", port, &address);
  must_uv(uv_loop_init(&loop), "making the loop");
  must_uv(uv_tcp_init(&loop, &listener), "making the listener");
  must_uv(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0), "taking the port");
  must_uv(uv_listen((uv_stream_t *)&listener, 64, on_connection), "listening (--port sets a port)");
  must_uv(uv_poll_init(&loop, &queues, descriptor_of(poller)), "watching the queues");
  must_uv(uv_poll_start(&queues, UV_READABLE, on_queues), "watching the queues");
  must_uv(uv_timer_init(&loop, &ticker), "making the timer");
  must_uv(uv_timer_start(&ticker, on_tick, 10, 10), "starting the timer");
  must_uv(uv_signal_init(&loop, &interrupt), "catching signals");
  if (port) must_uv(uv_signal_start(&interrupt, on_interrupt, SIGINT), "catching signals");
}

static void close_one(uv_handle_t *handle, void *nothing) {
  (void)nothing;
  const bool is_client = handle->type == UV_TCP && handle != (uv_handle_t *)&listener;
  if (!uv_is_closing(handle)) uv_close(handle, is_client ? on_closed : NULL);
}

static void close_loop(void) {
  uv_walk(&loop, close_one, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  must_uv(uv_loop_close(&loop), "closing the loop");
}

/* ---- Beginning and end ---- */

static bq_queue *open_queue(size_t item_size, size_t capacity, uint32_t events) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_queue *queue;
  options.item_size = item_size;
  options.capacity = capacity;
  must(bq_queue_new(&options, &queue), "making a queue");
  must(bq_poller_add(poller, queue, events, NULL), "watching a queue");
  return queue;
}

static void print_table(void) {
  printf("numbers factorized         %8" PRIu64 "\n"
         "answers wrong or missing   %8" PRIu64 "\n"
         "clients paused             %8" PRIu64 " times\n"
         "longest wait for a tick    %8.2f ms, of 10\n",
         answered, wrong, full, (double)longest_gap / 1e6);
}

static uint16_t bound_port(void) {
  struct sockaddr_in address;
  int length = sizeof address;
  must_uv(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length), "asking the port");
  return ntohs(address.sin_port);
}

/* With numbers to check, built-in clients ask for them; else until Ctrl-C. */
static void run(long numbers) {
  pthread_t checkers[CHECKERS];
  struct check_task tasks[CHECKERS];
  for (int i = 0; numbers && i < CHECKERS; i++, checkers_left++) {
    const uint64_t first = UINT64_C(600851475143) + (uint64_t)(i * numbers);
    tasks[i] = (struct check_task){bound_port(), first, first + (uint64_t)numbers - 1, reports};
    checkers[i] = start_thread(check_answers, &tasks[i]);
  }
  if (!numbers) printf("type numbers into: curl telnet://127.0.0.1:%u\n", bound_port());
  fflush(stdout);
  uv_run(&loop, UV_RUN_DEFAULT);
  for (int i = 0; numbers && i < CHECKERS; i++) pthread_join(checkers[i], NULL);
}

static const char help[] =
    "usage: uv_offload [OPTION]...\n"
    "A libuv server whose work, finding prime factors, is done by blocking threads: jobs\n"
    "and results travel through bridgeq queues. Clients of its own check the answers.\n"
    "\n"
    "  --numbers N   that each of the clients asks for (1 to 1000000; 1000)\n"
    "  --port P      serve on that port until Ctrl-C instead, for clients of yours\n"
    "  --help        this\n";

int main(int argc, char **argv) {
  static const struct option known[] = {{"numbers", required_argument, NULL, 'n'},
                                        {"port", required_argument, NULL, 'p'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  long numbers = 1000, port = 0;
  for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
    switch (option) {
      case 'n': numbers = option_number(optarg, 1, 1000000); break;
      case 'p': port = option_number(optarg, 1, 65535); break;
      case 'h': fputs(help, stdout); return 0;
      default: errx(2, "try --help");
    }
  }
  if (optind < argc) errx(2, "there is nothing to do with \"%s\"; try --help", argv[optind]);

  pthread_t workers[WORKERS];
  must(bq_poller_new(NULL, &poller), "making the poller");
  jobs = open_queue(sizeof(struct job), 16, 0);
  results = open_queue(sizeof(struct result), 64, BQ_READABLE);
  reports = open_queue(sizeof(uint64_t), 0, BQ_READABLE);
  open_loop((int)port);
  for (int i = 0; i < WORKERS; i++) workers[i] = start_thread(worker, NULL);

  run(port ? 0 : numbers);

  bq_shutdown(jobs, BQ_DISCARD);
  bq_shutdown(results, BQ_DISCARD);
  for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
  close_loop(); /* before the poller, whose descriptor it watches */
  bq_poller_unref(poller);
  bq_queue_unref(jobs);
  bq_queue_unref(results);
  bq_queue_unref(reports);
  print_table();
  return wrong != 0;
}
