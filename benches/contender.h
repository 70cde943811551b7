/*
 * What a contender is to the benchmark: a table of functions, exported by a plug-in (one shared
 * library for each file in contenders/, and one for peers/). Every contender pays the same price
 * for being called: one call through this table for each operation.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum order { FIFO = 0, LIFO = 1, PRIORITY = 2 };
enum side { PUTS = 0, GETS = 1 };

/* Which ends belong to event loops, and what else a contender may rely on. */
enum uses {
  LOOP_GETS = 1,  /* the consumers are loops */
  LOOP_PUTS = 2,  /* the producer is a loop that waits for room */
  SOLO = 4,       /* one thread does everything */
  ALTERNATE = 8,  /* never more than one item queued */
  BATCH = 16      /* put_many and get_many are what is measured */
};

enum { LARGEST_ITEM = 256, BATCH_OF = 64 };

/* The queue that a scenario wants. */
struct spec {
  size_t capacity;  /* 0: unbounded */
  size_t item_size; /* 8, 64 or 256 */
  uint32_t order;
  uint32_t uses;
  uint32_t producers, consumers; /* how many will enter on each side */
  uint32_t work;                 /* what threads do with each item that they got, in steps */
};

/*
 * An event loop of the benchmark: epoll, unless the contender has a turn() of its own. `took` and
 * `next` are the scenario's; a contender calls them from inside the loop only.
 */
struct loop {
  const struct spec *spec; /* of the queues to watch */
  void *own;     /* the contender's: a poller, a GMainContext; from open_loop() */
  void *context; /* the scenario's */
  void (*took)(void *context, void *tag, const void *item); /* the loop got an item */
  bool (*next)(void *context, void *item); /* what to put next; false: no more, ever */
  /* Watches a descriptor for as long as the loop lives; events as for epoll_ctl(). */
  bool (*add)(struct loop *loop, int fd, uint32_t events, void (*ready)(void *), void *argument);
  int epoll;
  struct source *sources;
};

/*
 * A queue of the wanted kind. A port is what one thread uses: made and used by that thread. What is
 * NULL is not on offer; the driver then does many as one by one.
 */
struct ops {
  void *(*make)(const struct spec *spec); /* NULL: could not be had, errno says why */
  void (*unmake)(void *queue);
  void *(*enter)(void *queue, enum side side, unsigned index); /* NULL: the port is the queue */
  void (*leave)(void *port, enum side side);
  void (*put)(void *port, const void *item);               /* waits for room */
  void (*put_priority)(void *port, const void *item, int64_t priority);
  void (*put_many)(void *port, const void *items, size_t count); /* all of them */
  void (*get)(void *port, void *item);                     /* waits for an item */
  size_t (*get_many)(void *port, void *items, size_t max); /* waits for the first only */
  bool (*try_put)(void *port, const void *item);
  bool (*try_get)(void *port, void *item);
  /*
   * The loop serves this queue from now on: hands over what comes (LOOP_GETS), or puts what next()
   * gives (LOOP_PUTS). Called by the loop's thread, before anybody else enters. False as make().
   */
  bool (*watch)(struct loop *loop, void *queue, void *tag);
  bool (*open_loop)(struct loop *loop);
  void (*close_loop)(struct loop *loop); /* also ends every watch */
  /* One round of a loop of its own; may_wait false: look only. NULL: epoll's, by the driver. */
  void (*turn)(struct loop *loop, bool may_wait);
  /* Only looks whether a watched queue is ready, cheaper than epoll_wait(0); NULL: that. */
  size_t (*look)(struct loop *loop);
};

struct contender {
  const char *name;
  const char *what; /* a few words */
  const char *(*version)(void);
  /* The queue for this job; NULL, and why there is none. */
  const struct ops *(*pick)(const struct spec *spec, const char **why_not);
};

/* What a plug-in exports. */
typedef const struct contender *const *bench_contenders_fn(size_t *count);
#define BENCH_CONTENDERS "bench_contenders"
__attribute__((visibility("default"))) bench_contenders_fn bench_contenders;

#ifdef __cplusplus
}
#endif
#endif
