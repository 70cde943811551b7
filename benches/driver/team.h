/* Threads that prepare, start together, and are measured one by one. */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include "measure.h"

#include <pthread.h>

enum { MOST_WORKERS = 32 };

struct worker {
  struct team *team;
  void (*work)(struct worker *);
  void *context; /* the scenario's */
  unsigned index;
  pthread_t thread;
  int64_t began, ended;
  struct usage before, after;
};

struct team {
  pthread_barrier_t watched, ready;
  unsigned size;
  struct worker workers[MOST_WORKERS];
};

/* Adds one to the team; nothing runs yet. */
void team_add(struct team *team, void (*work)(struct worker *), void *context, unsigned index);
void team_start(struct team *team);
void team_join(struct team *team);

/* What each worker calls, in this order: the loops watch before anybody enters a queue. */
void worker_watched(struct worker *worker);
void worker_begin(struct worker *worker);
void worker_end(struct worker *worker);

/* From the first that began to the last that ended. */
double team_seconds(const struct team *team);
struct usage team_usage(const struct team *team);

#endif
