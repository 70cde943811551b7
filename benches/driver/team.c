#include "team.h"

#include <string.h>

void team_add(struct team *team, void (*work)(struct worker *), void *context, unsigned index) {
  if (team->size == MOST_WORKERS) fail("too many threads");
  team->workers[team->size++] =
      (struct worker){.team = team, .work = work, .context = context, .index = index};
}

static void *thread_main(void *argument) {
  struct worker *worker = argument;
  worker->work(worker);
  return NULL;
}

void team_start(struct team *team) {
  pthread_barrier_init(&team->watched, NULL, team->size);
  pthread_barrier_init(&team->ready, NULL, team->size);
  for (unsigned i = 0; i < team->size; i++) {
    struct worker *worker = &team->workers[i];
    const int error = pthread_create(&worker->thread, NULL, thread_main, worker);
    if (error) fail("cannot start a thread: %s", strerror(error));
  }
}

void team_join(struct team *team) {
  for (unsigned i = 0; i < team->size; i++) pthread_join(team->workers[i].thread, NULL);
  pthread_barrier_destroy(&team->watched);
  pthread_barrier_destroy(&team->ready);
}

void worker_watched(struct worker *worker) {
  pthread_barrier_wait(&worker->team->watched);
}

void worker_begin(struct worker *worker) {
  pthread_barrier_wait(&worker->team->ready);
  worker->before = usage_of_this_thread();
  worker->began = now_ns();
}

void worker_end(struct worker *worker) {
  worker->ended = now_ns();
  worker->after = usage_of_this_thread();
}

double team_seconds(const struct team *team) {
  int64_t first = team->workers[0].began, last = team->workers[0].ended;
  for (unsigned i = 1; i < team->size; i++) {
    if (team->workers[i].began < first) first = team->workers[i].began;
    if (team->workers[i].ended > last) last = team->workers[i].ended;
  }
  return (double)(last - first) / SECOND;
}

struct usage team_usage(const struct team *team) {
  struct usage sum = {0};
  for (unsigned i = 0; i < team->size; i++)
    usage_add(&sum, &team->workers[i].before, &team->workers[i].after);
  return sum;
}
