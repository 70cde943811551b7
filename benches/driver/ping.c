/*
 * Round trips between a thread and a loop: the thread puts an item and waits for the answer, the
 * loop answers every item that it gets. And how long another descriptor of that loop waits.
 */
#include "bench.h"
#include "team.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define STOP (UINT64_C(1) << 62)
enum { MOST_SAMPLES = 4 << 20, WARM_UP = 100, PROBE_EVERY_NS = 200000 };

struct samples {
  uint32_t *values;
  size_t count;
};

struct ping {
  struct team team;
  const struct ops *ask_ops, *answer_ops;
  void *ask, *answer, *answer_port;
  struct spec ask_spec, answer_spec;
  struct samples round_trips, delays;
  int64_t duration;
  uint64_t rounds; /* instead of the duration, when not 0 */
  int cpus;        /* 0: free to move; 1: all on one; 2: thread and loop on one each */
  bool quiet, over;
  int probe[2]; /* a pipe that carries times */
  atomic_bool probed_enough;
};

static void samples_make(struct samples *samples) {
  samples->values = malloc(MOST_SAMPLES * sizeof *samples->values);
  if (!samples->values) fail("no memory");
  memset(samples->values, 1, MOST_SAMPLES * sizeof *samples->values); /* no page faults later */
}

static void samples_add(struct samples *samples, int64_t ns) {
  if (samples->count == MOST_SAMPLES) return;
  samples->values[samples->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static void samples_report(struct samples *samples, struct result *result) {
  if (!samples->count) fail("there was no time for a single sample: give it more seconds");
  sort_samples(samples->values, samples->count);
  result->p50 = result->value = percentile(samples->values, samples->count, 0.5);
  result->p99 = percentile(samples->values, samples->count, 0.99);
  result->most = samples->values[samples->count - 1];
  free(samples->values);
}

/* The loop. */

static void answer_item(void *context, void *tag, const void *item) {
  struct ping *ping = context;
  (void)tag;
  ping->over = *(const uint64_t *)item == STOP;
  if (!ping->over && !ping->answer_ops->try_put(ping->answer_port, item)) fail("no room to answer");
}

static void take_probe(void *argument) {
  struct ping *ping = argument;
  int64_t written;
  if (read(ping->probe[0], &written, sizeof written) == sizeof written)
    samples_add(&ping->delays, now_ns() - written);
}

static void run_loop(struct worker *worker) {
  struct ping *ping = worker->context;
  struct loop loop = {.spec = &ping->ask_spec, .context = ping, .took = answer_item};
  if (ping->cpus == 2) pin_thread(0);
  loop_open(&loop, ping->ask_ops);
  loop_watch(&loop, ping->ask_ops, ping->ask, NULL);
  if (ping->probe[0] >= 0 && !loop.add(&loop, ping->probe[0], EPOLLIN, take_probe, ping))
    fail("cannot watch the probe: %s", strerror(errno));
  worker_watched(worker);
  ping->answer_port = enter(ping->answer_ops, ping->answer, PUTS, 0);
  worker_begin(worker);
  while (!ping->over) loop_turn(&loop, ping->ask_ops, true);
  worker_end(worker);
  leave(ping->answer_ops, ping->answer_port, PUTS);
  loop_close(&loop, ping->ask_ops);
}

/* The thread. */

static bool time_is_up(const struct ping *ping, uint64_t round, int64_t began, int64_t now) {
  if (ping->probe[0] >= 0) return atomic_load(&ping->probed_enough);
  if (ping->rounds) return round >= ping->rounds + WARM_UP;
  return now - began > ping->duration && round > WARM_UP + 10;
}

static void ask_again_and_again(struct ping *ping, void *ask, void *answer, int64_t began) {
  uint64_t asked[WORDS] = {0}, answered[WORDS] = {0};
  int64_t before = began;
  for (uint64_t round = 1; !time_is_up(ping, round, began, before); round++) {
    asked[0] = round;
    ping->ask_ops->put(ask, asked);
    ping->answer_ops->get(answer, answered);
    if (answered[0] != round) fail("asked %lu, was answered %lu", round, answered[0]);
    const int64_t now = now_ns();
    if (round > WARM_UP) samples_add(&ping->round_trips, now - before);
    before = now;
  }
}

static void wait_until_probed(const struct ping *ping) {
  const struct timespec briefly = {0, 10000000};
  while (!atomic_load(&ping->probed_enough)) nanosleep(&briefly, NULL);
}

static void run_thread(struct worker *worker) {
  struct ping *ping = worker->context;
  const uint64_t stop[WORDS] = {STOP};
  if (ping->cpus == 2) pin_thread(1);
  worker_watched(worker);
  void *ask = enter(ping->ask_ops, ping->ask, PUTS, 0);
  void *answer = enter(ping->answer_ops, ping->answer, GETS, 0);
  worker_begin(worker);
  if (ping->quiet) wait_until_probed(ping);
  else ask_again_and_again(ping, ask, answer, worker->began);
  ping->ask_ops->put(ask, stop);
  worker_end(worker);
  leave(ping->ask_ops, ask, PUTS);
  leave(ping->answer_ops, answer, GETS);
}

/* The prober: writes the time, sleeps, and never two at once. */
static void run_prober(struct worker *worker) {
  struct ping *ping = worker->context;
  unsigned seed = 1;
  worker_watched(worker);
  worker_begin(worker);
  for (int64_t now = worker->began; now - worker->began < ping->duration; now = now_ns()) {
    const struct timespec pause = {0, PROBE_EVERY_NS / 2 + rand_r(&seed) % PROBE_EVERY_NS};
    nanosleep(&pause, NULL);
    now = now_ns();
    if (write(ping->probe[1], &now, sizeof now) != sizeof now) fail("cannot write the probe");
  }
  atomic_store(&ping->probed_enough, true);
  worker_end(worker);
}

static void ping_start(struct ping *ping, const struct job *job) {
  ping->ask_spec = ping->answer_spec = job->scenario->spec;
  ping->answer_spec.uses &= ~(uint32_t)LOOP_GETS;
  ping->ask_ops = pick(job, &ping->ask_spec);
  ping->answer_ops = pick(job, &ping->answer_spec);
  ping->ask = make(ping->ask_ops, &ping->ask_spec);
  ping->answer = make(ping->answer_ops, &ping->answer_spec);
  ping->duration = (int64_t)(job->seconds * SECOND);
  ping->rounds = job->items;
  samples_make(&ping->round_trips);
  team_add(&ping->team, run_loop, ping, 0);
  team_add(&ping->team, run_thread, ping, 0);
}

static void ping_finish(struct ping *ping, struct job *job) {
  counters_start();
  team_start(&ping->team);
  team_join(&ping->team);
  job->result.syscalls = counters_stop();
  job->result.items = 2 * ping->round_trips.count;
  job->result.seconds = team_seconds(&ping->team);
  job->result.usage = team_usage(&ping->team);
  ping->ask_ops->unmake(ping->ask);
  ping->answer_ops->unmake(ping->answer);
}

/* A thread with work of its own on one of the processors. It is none of the team: its time does not count. */
struct company {
  pthread_t thread;
  int cpu;
  atomic_bool *over;
};

static void *compute(void *argument) {
  const struct company *company = argument;
  pin_thread(company->cpu);
  for (volatile unsigned steps = 0; !atomic_load_explicit(company->over, memory_order_relaxed);)
    steps = steps + 1;
  return NULL;
}

static void ping_in_company(struct ping *ping, struct job *job) {
  atomic_bool over = false;
  struct company company[2] = {{.cpu = 0, .over = &over}, {.cpu = 1, .over = &over}};
  for (int i = 0; i < 2; i++) {
    const int error = pthread_create(&company[i].thread, NULL, compute, &company[i]);
    if (error) fail("no thread: %s", strerror(error));
  }
  ping_finish(ping, job);
  atomic_store(&over, true);
  for (int i = 0; i < 2; i++) pthread_join(company[i].thread, NULL);
}

/* Nanoseconds a round trip, the median. scenario->number: processors, see struct ping. */
void run_ping(struct job *job) {
  struct ping ping = {.cpus = job->scenario->number, .probe = {-1, -1}};
  if (ping.cpus > cpu_count()) fail("this needs %d processors", ping.cpus);
  if (ping.cpus == 1) pin_thread(0);
  ping_start(&ping, job);
  if (job->scenario->which == PING_IN_COMPANY) ping_in_company(&ping, job);
  else ping_finish(&ping, job);
  samples_report(&ping.round_trips, &job->result);
}

/* Nanoseconds until the loop serves another descriptor, the median. */
void run_delay(struct job *job) {
  struct ping ping = {.quiet = job->scenario->which == DELAY_QUIET};
  if (pipe2(ping.probe, O_CLOEXEC)) fail("no pipe: %s", strerror(errno));
  ping_start(&ping, job);
  samples_make(&ping.delays);
  team_add(&ping.team, run_prober, &ping, 0);
  ping_finish(&ping, job);
  free(ping.round_trips.values);
  job->result.items = ping.delays.count;
  samples_report(&ping.delays, &job->result);
}
