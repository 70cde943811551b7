/* bench: runs one scenario with one contender, once, and prints what it measured as JSON. */
#include "bench.h"

#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NOT_ON_OFFER = 77, WATCHDOG_SECONDS = 60 };

static const char help[] =
    "usage: bench --plugin FILE --contender NAME --scenario NAME [--seconds S | --items N]\n"
    "       bench --plugin FILE --list\n"
    "       bench --list\n"
    "\n"
    "Runs one scenario with one contender, once, and prints one line of JSON.\n"
    "\n"
    "  --plugin FILE     shared library that holds contenders, from contenders/ or peers/\n"
    "  --contender NAME  which of them\n"
    "  --scenario NAME   which scenario; --list without --plugin names all\n"
    "  --seconds S       how long to measure, about (default 0.2)\n"
    "  --items N         how many items to move instead\n"
    "  --tracepoint ID   count system calls; ID: the kernel's number of raw_syscalls:sys_enter\n"
    "  --list            the contenders of the plug-in, or all scenarios, as lines of JSON\n"
    "\n"
    "Exit status: 0 measured, 77 the contender has no queue for this scenario, 1 anything else.\n"
    "A contender that loses, doubles, tears or reorders an item is an error, one that hangs too.\n"
    "Many runs, interleaved, with tables: run.py.\n";

/* What scenarios need of a contender, or of its absence. */

static struct job the_job = {.seconds = 0.2};

static _Noreturn void not_on_offer(const char *why) {
  printf("{\"scenario\": \"%s\", \"contender\": \"%s\", \"why_not\": \"%s\"}\n",
         the_job.scenario->name, the_job.contender->name, why);
  exit(NOT_ON_OFFER);
}

const struct ops *pick(const struct job *job, const struct spec *spec) {
  const char *why_not = "nothing of this kind";
  const struct ops *ops = job->contender->pick(spec, &why_not);
  return ops ? ops : (not_on_offer(why_not), NULL);
}

_Noreturn void cannot(const char *what) {
  if (errno == EMFILE) not_on_offer("needs more descriptors than a process may have");
  fail("%s: %s", what, strerror(errno));
}

void *make(const struct ops *ops, const struct spec *spec) {
  void *queue = ops->make(spec);
  return queue ? queue : (cannot("the queue could not be made"), NULL);
}

void *enter(const struct ops *ops, void *queue, enum side side, unsigned index) {
  if (!ops->enter) return queue;
  void *port = ops->enter(queue, side, index);
  return port ? port : (cannot("no port for a thread"), NULL);
}

void leave(const struct ops *ops, void *port, enum side side) {
  if (ops->leave) ops->leave(port, side);
}

/*
 * A process of one thread gets cheaper locks and allocations from the C library. Nobody needs a
 * queue there, so there is always a second thread: it sleeps.
 */
static void *sleep_forever(void *unused) {
  for (;;) pause();
  return unused;
}

static void have_company(void) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, sleep_forever, NULL);
  if (error) fail("cannot start a thread: %s", strerror(error));
}

/* Plug-ins. */

static const struct contender *const *load(const char *file, size_t *count) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) fail("%s", dlerror());
  bench_contenders_fn *contenders;
  *(void **)&contenders = dlsym(library, BENCH_CONTENDERS);
  if (!contenders) fail("%s is no plug-in: %s", file, dlerror());
  return contenders(count);
}

static const struct contender *find_contender(const char *file, const char *name) {
  size_t count;
  const struct contender *const *all = load(file, &count);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(all[i]->name, name)) return all[i];
  fail("%s has no contender %s; see --list", file, name);
}

static const struct scenario *find_scenario(const char *name) {
  for (size_t i = 0; i < scenario_count; i++)
    if (!strcmp(scenarios[i].name, name)) return &scenarios[i];
  fail("no scenario %s; see --list", name);
}

static void list_contenders(const char *file) {
  size_t count;
  const struct contender *const *all = load(file, &count);
  for (size_t i = 0; i < count; i++)
    printf("{\"name\": \"%s\", \"what\": \"%s\", \"version\": \"%s\"}\n", all[i]->name,
           all[i]->what, all[i]->version());
}

static void list_scenarios(void) {
  for (size_t i = 0; i < scenario_count; i++)
    printf("{\"name\": \"%s\", \"title\": \"%s\", \"group\": \"%s\", \"unit\": \"%s\"}\n",
           scenarios[i].name, scenarios[i].title, scenarios[i].group, scenarios[i].unit);
}

static void print_result(const struct job *job) {
  const struct result *result = &job->result;
  printf("{\"scenario\": \"%s\", \"contender\": \"%s\", \"value\": %.6g, \"items\": %lu, "
         "\"seconds\": %.6f, \"cpu_seconds\": %.6f, \"voluntary\": %ld, \"involuntary\": %ld, "
         "\"p50\": %.0f, \"p99\": %.0f, \"most\": %.0f, \"heap_bytes\": %.0f, "
         "\"resident_bytes\": %.0f, \"syscalls\": %lu, \"wake_syscalls\": %lu, "
         "\"yield_syscalls\": %lu}\n",
         job->scenario->name, job->contender->name, result->value, (unsigned long)result->items,
         result->seconds, (double)result->usage.cpu_ns / SECOND, (long)result->usage.voluntary,
         (long)result->usage.involuntary, result->p50, result->p99, result->most,
         result->heap_bytes, result->resident_bytes, (unsigned long)result->syscalls.all,
         (unsigned long)result->syscalls.wakes, (unsigned long)result->syscalls.yields);
}

static void allow_many_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static double number(const char *text, const char *option) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || value <= 0) fail("--%s wants a number above 0, not %s", option, text);
  return value;
}

struct arguments {
  const char *plugin, *contender, *scenario;
  bool list;
  int tracepoint;
};

static void parse(int argc, char **argv, struct arguments *arguments, struct job *job) {
  enum { PLUGIN, CONTENDER, SCENARIO, SECONDS, ITEMS, TRACEPOINT, LIST, HELP };
  static const struct option options[] = {{"plugin", required_argument, NULL, PLUGIN},
                                          {"contender", required_argument, NULL, CONTENDER},
                                          {"scenario", required_argument, NULL, SCENARIO},
                                          {"seconds", required_argument, NULL, SECONDS},
                                          {"items", required_argument, NULL, ITEMS},
                                          {"tracepoint", required_argument, NULL, TRACEPOINT},
                                          {"list", no_argument, NULL, LIST},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
    case PLUGIN: arguments->plugin = optarg; break;
    case CONTENDER: arguments->contender = optarg; break;
    case SCENARIO: arguments->scenario = optarg; break;
    case SECONDS: job->seconds = number(optarg, "seconds"); break;
    case ITEMS: job->items = (uint64_t)number(optarg, "items"); break;
    case TRACEPOINT: arguments->tracepoint = (int)number(optarg, "tracepoint"); break;
    case LIST: arguments->list = true; break;
    case HELP: fputs(help, stdout); exit(0);
    default: fail("see --help");
    }
  }
  if (optind < argc) fail("%s: not understood; see --help", argv[optind]);
}

int main(int argc, char **argv) {
  struct job *job = &the_job;
  struct arguments arguments = {0};
  parse(argc, argv, &arguments, job);
  if (arguments.list) {
    if (arguments.plugin) list_contenders(arguments.plugin);
    else list_scenarios();
    return 0;
  }
  if (!arguments.plugin || !arguments.contender || !arguments.scenario)
    fail("--plugin, --contender and --scenario are needed; see --help");
  alarm(WATCHDOG_SECONDS); /* a lost wake-up ends here */
  allow_many_descriptors();
  job->scenario = find_scenario(arguments.scenario);
  if (job->scenario->run == run_ping && job->scenario->number == 1) pin_thread(0);
  job->contender = find_contender(arguments.plugin, arguments.contender);
  have_company();
  counters_open(arguments.tracepoint);
  job->scenario->run(job);
  print_result(job);
  return 0;
}
