/*
 * Soak: round after round of random traffic between threads, loops and queues, every item counted.
 *
 *   plan.c     what a round consists of, all of it from its seed
 *   ledger.c   items: how they are written and known again, once and in order
 *   threads.c  threads that call and wait
 *   loops.c    threads with a poller
 *   rest.c     nobody sleeps who could go on; the watchdog and what it shows
 *   soak.c     rounds
 */
#ifndef SOAK_H
#define SOAK_H

#include "loops.h"
#include "random.h"

#include <semaphore.h>

enum {
  MOST_QUEUES = 4,
  MOST_THREADS = 8,
  MOST_LOOPS = 4,
  CONTROLLER = MOST_THREADS + MOST_LOOPS, /* the worker that stands for the main thread */
  MOST_WORKERS = CONTROLLER + 1,
  MOST_STEPS = 64,
  LARGEST_ITEM = 200,
  LARGEST_BATCH = 32,
  RANKS = 8,       /* priorities of items, from -4 */
  USUAL_RANK = 4,  /* priority 0 */
  MOST_PUTS = 1 << 23,    /* of one worker in a round */
  MOST_QUEUED = 20000     /* producers rest then, bounded or not: what is tested is not memory */
};

/* Plan */

typedef enum role { PRODUCER, CONSUMER, BOTH, JOINER, DISTURBER, LOOP } role;
typedef enum patience { FOR_EVER, SHORTLY, IN_EVERY_WAY } patience;
typedef enum ending { BY_DRAIN, BY_DISCARD, BY_BOTH, BY_JOIN } ending;
typedef enum deed { DO_NOTHING, DO_RESIZE, DO_CLEAR, DO_SHUTDOWN, DO_REST } deed;

/* In a calm round only the controller does what the others wait for, one item at a time. */
typedef enum calm { LIVELY, ONLY_PUTS, ONLY_GETS } calm;

/* Ways of a loop to wait beside those of loops.h. */
enum { BY_WAIT = BY_PIPE_EDGE + 1, BY_CALLBACK, WAYS };

typedef struct queue_plan {
  uint32_t order;
  bool compares; /* BQ_PRIORITY: with a compare */
  size_t capacity;
  size_t item_size;
  int64_t linger_ns;
  ending ending;
  bool leaves; /* BY_DRAIN: what nobody got is left to the last unref */
} queue_plan;

typedef struct worker_plan {
  role role;
  patience patience;
  uint32_t batch; /* the most items of one call */
  uint32_t rests; /* after one call in so many; 0: never */
  size_t home;    /* the queue it is mostly at */
} worker_plan;

typedef struct step_plan {
  int64_t after_ns;
  deed deed;
  size_t queue;
  size_t number; /* capacity, mode, how many times */
} step_plan;

typedef struct plan {
  uint64_t seed;
  uint64_t round;
  calm calm;
  size_t queue_count, thread_count, loop_count, step_count;
  queue_plan queues[MOST_QUEUES];
  worker_plan workers[MOST_WORKERS]; /* threads, then loops */
  step_plan steps[MOST_STEPS];
} plan;

plan plan_of(uint64_t seed, uint64_t round, uint32_t most_threads);
size_t random_capacity(uint64_t *random);
const char *role_name(role one);
void show_plan(const plan *one);

/* Round */

typedef struct soak soak;
typedef struct worker worker;

typedef struct soak_queue {
  bq_queue *handle;
  const queue_plan *plan;
  size_t number;
  soak *all;
  atomic_bool shut;
  atomic_bool discarded; /* by a shutdown: nothing stays there any more */
  atomic_llong dropped;
} soak_queue;

/* What a thread is at, for those who look on. */
typedef struct site {
  _Atomic(const char *) call; /* NULL: between two calls */
  atomic_size_t queue;        /* MOST_QUEUES: none */
  atomic_uint awaits;         /* what ends it, as events */
  atomic_size_t count;
  atomic_llong timeout_ns;
  atomic_llong since_ns;
  atomic_llong calls;
} site;

/* A loop's poller, which other threads may change as well. */
typedef struct desk {
  pthread_mutex_t lock;
  bq_poller *poller; /* NULL: between two lives */
  int way;
  uint32_t watched[MOST_QUEUES];
  bool added[MOST_QUEUES];
  sem_t bell; /* BY_CALLBACK */
  event_loop loop;
} desk;

struct worker {
  soak *all;
  size_t number;
  const worker_plan *plan;
  uint64_t random;
  pthread_t thread;
  atomic_int thread_id;
  atomic_bool parked;
  atomic_bool ended;
  site at;
  desk desk;

  int64_t sequence;        /* of the next item to put */
  atomic_llong announced;  /* no item of this worker has a higher one */
  atomic_ullong *taken;    /* a bit for each that was got or dropped */
  atomic_llong put[MOST_QUEUES];
  atomic_llong got[MOST_QUEUES];
  size_t debt[MOST_QUEUES]; /* got and not yet reported done */
  bool over[MOST_QUEUES];   /* has said BQ_SHUTDOWN */
  int64_t last[MOST_QUEUES][MOST_WORKERS][RANKS]; /* seen of each worker */
};

struct soak {
  plan plan;
  size_t worker_count; /* without the controller */
  soak_queue queues[MOST_QUEUES];
  worker workers[MOST_WORKERS];
  atomic_bool resting;  /* who comes back from a call stays at the gate */
  atomic_bool winding_up; /* no more puts and disturbances */
  atomic_bool ending;   /* every queue is shut down */
  pthread_mutex_t gate;
  pthread_cond_t gate_opens;
  /* For the watchdog, never reset: items that went through a worker's hands; what else came. */
  atomic_llong moved[MOST_WORKERS];
  atomic_llong steps;
  uint32_t watchdog_s;
  pthread_t watchdog;
  atomic_bool over;
  /* Of all rounds */
  atomic_llong items, wakes, pollers, rests;
  uint64_t queue_total;
};

/* Ledger */

void drop_item(void *item, void *context);
int compare_ranks(const void *a, const void *b, void *context);
void write_items(worker *me, const soak_queue *queue, unsigned char *items, size_t count,
                 uint32_t rank);
void note_put(worker *me, const soak_queue *queue, ptrdiff_t count);
void note_got(worker *me, const soak_queue *queue, const unsigned char *items, ptrdiff_t count);
void note_seen(const soak_queue *queue, const unsigned char *item);
long long sum_put(const soak *all, size_t queue);
long long sum_got(const soak *all, size_t queue);
void check_and_clear_ledger(soak *all);

/* Threads */

void *thread_main(void *argument);
void *loop_main(void *argument);
/* NULL: every queue has said BQ_SHUTDOWN. */
soak_queue *any_queue(worker *me);
int64_t any_timeout(worker *me);
/* One call, or a look before it; whether items went through. */
bool put_some(worker *me, soak_queue *queue, int64_t timeout_ns);
bool get_some(worker *me, soak_queue *queue, int64_t timeout_ns);
void pay(worker *me);
void stay_at_the_gate(worker *me);
void rest_a_moment(worker *me);
/* For every thread: changes or wakes somebody's poller. */
void disturb_a_loop(worker *me);
void wake_loops(soak *all);

static inline uint32_t roll(worker *me, uint32_t sides) { return random_of(&me->random) % sides; }

static inline void enter(worker *me, const char *call, size_t queue, uint32_t awaits, size_t count,
                         int64_t timeout_ns) {
  atomic_store_explicit(&me->at.queue, queue, memory_order_relaxed);
  atomic_store_explicit(&me->at.awaits, awaits, memory_order_relaxed);
  atomic_store_explicit(&me->at.count, count, memory_order_relaxed);
  atomic_store_explicit(&me->at.timeout_ns, timeout_ns, memory_order_relaxed);
  atomic_store_explicit(&me->at.since_ns, now_ns(), memory_order_relaxed);
  atomic_store_explicit(&me->at.call, call, memory_order_release);
}

static inline void leave(worker *me) {
  atomic_fetch_add_explicit(&me->at.calls, 1, memory_order_relaxed);
  atomic_store_explicit(&me->at.call, NULL, memory_order_release);
}

/* Rest */

void rest_now_and_then(soak *all, size_t times);
void watch_over(soak *all);
void watch_no_longer(soak *all);

#endif
