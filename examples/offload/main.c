/* epoll_offload's options: the demo, which drives the server with its own clients, and --serve. */
#define _GNU_SOURCE
#include "../common.h"
#include "client.h"
#include "corpus.h"
#include "probes.h"
#include "report.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#ifndef OFFLOAD_ROOT
#define OFFLOAD_ROOT "." /* the build sets the directory of the sources */
#endif

struct options {
  struct server_options server;
  bool serve;
  int seconds;
  unsigned clients;
};

static const char help[] =
    "usage: epoll_offload [OPTION]...\n"
    "An HTTP server on an epoll loop whose work, SHA-256 of files, is done by blocking\n"
    "threads: jobs and results travel through bridgeq queues.\n"
    "\n"
    "Without --serve it drives the server with clients of its own over the files below\n"
    "the root, checks every answer against sha256sum and shows a table; the exit status\n"
    "is 1 if an answer was wrong.\n"
    "\n"
    "  --seconds N   how long the clients ask (1 to 3600; 5)\n"
    "  --clients N   how many ask at once (1 to 128; 16)\n"
    "  --root DIR    where the files are (" OFFLOAD_ROOT ")\n"
    "  --workers N   threads that hash (1 to 64; 2)\n"
    "  --room N      capacity of the jobs queue (1 to 1000000; 8)\n"
    "  --serve       only serve, until SIGINT or SIGTERM\n"
    "  --port P      for --serve (0 to 65535; 8080); 0: any free port\n"
    "  --help        this\n";

static struct options read_options(int argc, char **argv) {
  static const struct option known[] = {
      {"seconds", required_argument, NULL, 's'}, {"clients", required_argument, NULL, 'c'},
      {"root", required_argument, NULL, 'r'},    {"workers", required_argument, NULL, 'w'},
      {"room", required_argument, NULL, 'q'},    {"serve", no_argument, NULL, 'S'},
      {"port", required_argument, NULL, 'p'},    {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0}};
  struct options options = {.server = {.root = OFFLOAD_ROOT, .port = 8080, .workers = 2, .room = 8},
                            .seconds = 5,
                            .clients = 16};
  for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
    switch (option) {
      case 's': options.seconds = (int)option_number(optarg, 1, 3600); break;
      case 'c': options.clients = (unsigned)option_number(optarg, 1, CLIENTS_MAX); break;
      case 'r': options.server.root = optarg; break;
      case 'w': options.server.workers = (unsigned)option_number(optarg, 1, 64); break;
      case 'q': options.server.room = (size_t)option_number(optarg, 1, 1000000); break;
      case 'S': options.serve = true; break;
      case 'p': options.server.port = (uint16_t)option_number(optarg, 0, 65535); break;
      case 'h': fputs(help, stdout); exit(0);
      default: errx(2, "try --help");
    }
  }
  if (optind < argc) errx(2, "\"%s\" is no option; try --help", argv[optind]);
  if (!options.serve) options.server.port = 0;
  return options;
}

/* ---- Signals ---- */

static struct server *server;
static volatile sig_atomic_t interrupted;

static void stop_serving(int number) {
  const int saved = errno; /* of whom the signal interrupts: bq_poller_wake() may change it */
  (void)number;
  server_stop(server);
  errno = saved;
}

static void stop_asking(int number) {
  (void)number;
  interrupted = 1;
}

static void on_signals(void (*handler)(int)) {
  const struct sigaction action = {.sa_handler = handler};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* ---- Only serve ---- */

static void print_invitation(const char *root, unsigned port) {
  char path[4096];
  snprintf(path, sizeof path, "%s/README.md", root);
  printf("serving the hashes of the files below %s; Ctrl-C ends it. Try:\n"
         "  curl 'http://127.0.0.1:%u/hash?path=%s'\n"
         "  echo hello | curl --data-binary @- http://127.0.0.1:%u/hash\n",
         root, port, access(path, R_OK) == 0 ? "README.md" : "FILE", port);
  fflush(stdout);
}

static int serve(const struct options *options) {
  server = server_open(&options->server);
  on_signals(stop_serving);
  print_invitation(options->server.root, server_port(server));
  server_run(server);
  on_signals(SIG_DFL);
  server_close(server);
  return 0;
}

/* ---- The demo ---- */

static void *run_server(void *argument) {
  server_run(argument);
  return NULL;
}

/* A line a second; a signal ends it early. */
static void watch(int seconds) {
  struct server_figures figures;
  uint64_t answers = 0;
  const int64_t start = now_ns();
  for (int second = 1; second <= seconds && !interrupted; second++) {
    const int64_t until = start + second * SECOND;
    const struct timespec at = {until / SECOND, until % SECOND};
    if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) break;
    server_figures(server, &figures);
    report_progress(second, &figures, answers);
    answers = figures.answers;
  }
}

static int demo(const struct options *options) {
  struct corpus *corpus = corpus_open(options->server.root);
  server = server_open(&options->server);
  const pthread_t loop = start_thread(run_server, server);
  on_signals(stop_asking);
  printf("%zu files, %u clients, %u workers, a jobs queue of %zu, one loop\n", corpus->count,
         options->clients, options->server.workers, options->server.room);
  fflush(stdout);

  struct report report = {.seconds = 0};
  struct client_figures seen = {.checked = 0};
  unsigned probes;
  const unsigned failed = probes_run(server_port(server), &probes);
  const int64_t start = now_ns();
  struct clients *clients = clients_start(corpus, server_port(server), options->clients);
  watch(options->seconds);
  clients_stop(clients, &seen);
  report.seconds = (double)(now_ns() - start) / SECOND;
  server_figures(server, &report.server);
  server_stop(server);
  pthread_join(loop, NULL);
  server_close(server);
  corpus_close(corpus);

  report.checked = seen.checked + probes;
  report.wrong = seen.wrong + failed;
  report.latency = &seen.latency;
  report_table(&report);
  return report.wrong || !seen.checked;
}

int main(int argc, char **argv) {
  const struct options options = read_options(argc, argv);
  return options.serve ? serve(&options) : demo(&options);
}
