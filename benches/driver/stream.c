/*
 * A stream of items from producers to consumers, either of which may be loops. Both sides claim
 * their items in small chunks from a common count, so that all of them work until the end, and
 * every consumer knows when it is over.
 */
#include "bench.h"
#include "team.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CHUNK = 256, MOST_LOOPS = 16, FIRST_GUESS = 20000 };

struct shared_count {
  _Alignas(128) atomic_size_t left;
};

struct consumer {
  _Alignas(128) struct tally tally;
  atomic_size_t published; /* of a loop, after every turn */
  int stop;                /* eventfd that ends the turns of a loop that has company */
  bool over;
};

struct producer {
  _Alignas(128) uint64_t sum;
  uint64_t number;
  uint64_t item[WORDS];
};

struct stream {
  struct shared_count to_put, to_take;
  struct consumer consumers[MOST_LOOPS];
  struct producer producers[MOST_PRODUCERS];
  struct team team;
  const struct ops *ops;
  const struct spec *spec;
  void *queue;
  size_t items, words;
  bool dry; /* of the loop that produces: everything is put */
};

static size_t claim(struct shared_count *count) {
  size_t left = atomic_load_explicit(&count->left, memory_order_relaxed), take;
  do {
    take = left < CHUNK ? left : CHUNK;
  } while (take && !atomic_compare_exchange_weak_explicit(&count->left, &left, left - take,
                                                          memory_order_relaxed,
                                                          memory_order_relaxed));
  return take;
}

/* Producing. */

static inline void next_item(struct producer *producer, uint64_t *item, size_t words, unsigned me) {
  fill_item(item, words, me, ++producer->number);
  producer->sum += item[0];
}

static void put_singly(struct stream *stream, void *port, unsigned me, size_t count) {
  struct producer *producer = &stream->producers[me];
  for (size_t i = 0; i < count; i++) {
    next_item(producer, producer->item, stream->words, me);
    stream->ops->put(port, producer->item);
  }
}

static void put_batches(struct stream *stream, void *port, unsigned me, size_t count) {
  uint64_t items[BATCH_OF * WORDS];
  const size_t words = stream->words;
  for (size_t done = 0, batch; done < count; done += batch) {
    batch = count - done < BATCH_OF ? count - done : BATCH_OF;
    for (size_t i = 0; i < batch; i++)
      next_item(&stream->producers[me], items + i * words, words, me);
    if (stream->ops->put_many) stream->ops->put_many(port, items, batch);
    else for (size_t i = 0; i < batch; i++) stream->ops->put(port, items + i * words);
  }
}

static void produce(struct worker *worker) {
  struct stream *stream = worker->context;
  const bool batches = stream->spec->uses & BATCH;
  worker_watched(worker);
  void *port = enter(stream->ops, stream->queue, PUTS, worker->index);
  worker_begin(worker);
  for (size_t count; (count = claim(&stream->to_put));)
    (batches ? put_batches : put_singly)(stream, port, worker->index, count);
  worker_end(worker);
  leave(stream->ops, port, PUTS);
}

/* The loop that produces: there is one, and it puts everything. */
static bool give_to_loop(void *context, void *item) {
  struct stream *stream = context;
  struct producer *producer = &stream->producers[0];
  if (producer->number == stream->items) {
    stream->dry = true; /* once: the consumers read what lies beside it at every item */
    return false;
  }
  next_item(producer, item, stream->words, 0);
  return true;
}

static void produce_in_loop(struct worker *worker) {
  struct stream *stream = worker->context;
  struct loop loop = {.spec = stream->spec, .context = stream, .next = give_to_loop};
  loop_open(&loop, stream->ops);
  loop_watch(&loop, stream->ops, stream->queue, NULL);
  worker_watched(worker);
  worker_begin(worker);
  while (!stream->dry) loop_turn(&loop, stream->ops, true);
  worker_end(worker);
  loop_close(&loop, stream->ops);
}

/* Consuming. */

static void work_on_item(uint32_t steps) {
  for (volatile uint32_t left = steps; left; left = left - 1) {}
}

static void get_singly(struct stream *stream, void *port, struct tally *tally, size_t count) {
  uint64_t item[WORDS];
  for (size_t i = 0; i < count; i++) {
    stream->ops->get(port, item);
    tally_item(tally, item);
    if (stream->spec->work) work_on_item(stream->spec->work);
  }
}

/* Waits for the first, then takes what is there. */
static size_t get_some(const struct ops *ops, void *port, uint64_t *items, size_t max,
                       size_t words) {
  if (ops->get_many) return ops->get_many(port, items, max);
  size_t count = 1;
  ops->get(port, items);
  while (count < max && ops->try_get && ops->try_get(port, items + count * words)) count++;
  return count;
}

static void get_batches(struct stream *stream, void *port, struct tally *tally, size_t count) {
  uint64_t items[BATCH_OF * WORDS];
  while (count) {
    const size_t max = count < BATCH_OF ? count : BATCH_OF;
    const size_t got = get_some(stream->ops, port, items, max, stream->words);
    for (size_t i = 0; i < got; i++) tally_item(tally, items + i * stream->words);
    count -= got;
  }
}

static void consume(struct worker *worker) {
  struct stream *stream = worker->context;
  struct tally *tally = &stream->consumers[worker->index].tally;
  const bool batches = stream->spec->uses & BATCH;
  worker_watched(worker);
  void *port = enter(stream->ops, stream->queue, GETS, worker->index);
  worker_begin(worker);
  for (size_t count; (count = claim(&stream->to_take));)
    (batches ? get_batches : get_singly)(stream, port, tally, count);
  worker_end(worker);
  leave(stream->ops, port, GETS);
}

static void take_in_loop(void *context, void *tag, const void *item) {
  struct consumer *consumer = context;
  (void)tag;
  tally_item(&consumer->tally, item);
}

static void stop_loop(void *argument) {
  struct consumer *consumer = argument;
  consumer->over = true;
}

/* After a turn in which the loop took something: is this the end, for all of them? */
static bool all_taken(struct stream *stream, struct consumer *consumer) {
  atomic_store(&consumer->published, consumer->tally.count);
  size_t taken = 0;
  for (unsigned i = 0; i < stream->spec->consumers; i++)
    taken += atomic_load(&stream->consumers[i].published);
  return taken == stream->items;
}

static void stop_the_others(struct stream *stream) {
  for (unsigned i = 0; i < stream->spec->consumers; i++)
    eventfd_write(stream->consumers[i].stop, 1);
}

static void consume_in_loop(struct worker *worker) {
  struct stream *stream = worker->context;
  struct consumer *consumer = &stream->consumers[worker->index];
  struct loop loop = {.spec = stream->spec, .context = consumer, .took = take_in_loop};
  loop_open(&loop, stream->ops);
  loop_watch(&loop, stream->ops, stream->queue, NULL);
  if (stream->spec->consumers > 1 && !loop.add(&loop, consumer->stop, EPOLLIN, stop_loop, consumer))
    fail("cannot watch the end: %s", strerror(errno));
  worker_watched(worker);
  worker_begin(worker);
  int64_t last_served = worker->began;
  while (!consumer->over) {
    const uint64_t before = consumer->tally.count;
    loop_turn(&loop, stream->ops, true);
    if (consumer->tally.count == before) continue;
    last_served = now_ns();
    consumer->over = all_taken(stream, consumer);
    if (consumer->over) stop_the_others(stream);
  }
  worker_end(worker);
  worker->ended = last_served; /* not when it was told to stop */
  loop_close(&loop, stream->ops);
}

/* One run, and what it took. */

static struct stream *stream_new(const struct ops *ops, const struct spec *spec, size_t items) {
  struct stream *stream = aligned_alloc(128, sizeof *stream);
  if (!stream) fail("no memory");
  memset(stream, 0, sizeof *stream);
  stream->ops = ops;
  stream->spec = spec;
  stream->items = items;
  stream->words = spec->item_size / sizeof(uint64_t);
  atomic_init(&stream->to_put.left, items);
  atomic_init(&stream->to_take.left, items);
  stream->queue = make(ops, spec);
  for (unsigned i = 0; i < spec->consumers; i++) {
    stream->consumers[i].tally.words = stream->words;
    stream->consumers[i].stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }
  return stream;
}

static void check_stream(const struct stream *stream) {
  uint64_t put = 0, sent = 0, got = 0, arrived = 0;
  for (unsigned i = 0; i < stream->spec->producers; i++) {
    put += stream->producers[i].number;
    sent += stream->producers[i].sum;
  }
  for (unsigned i = 0; i < stream->spec->consumers; i++) {
    got += stream->consumers[i].tally.count;
    arrived += stream->consumers[i].tally.sum;
  }
  if (put != stream->items || got != put || sent != arrived)
    fail("of %zu items %lu were put and %lu arrived, sums %#lx and %#lx", stream->items,
         (unsigned long)put, (unsigned long)got, (unsigned long)sent, (unsigned long)arrived);
}

static void stream_free(struct stream *stream) {
  for (unsigned i = 0; i < stream->spec->consumers; i++) close(stream->consumers[i].stop);
  stream->ops->unmake(stream->queue);
  free(stream);
}

static struct result stream_once(const struct ops *ops, const struct spec *spec, size_t items) {
  struct stream *stream = stream_new(ops, spec, items);
  struct team *team = &stream->team;
  for (unsigned i = 0; i < spec->consumers; i++)
    team_add(team, spec->uses & LOOP_GETS ? consume_in_loop : consume, stream, i);
  for (unsigned i = 0; i < spec->producers; i++)
    team_add(team, spec->uses & LOOP_PUTS ? produce_in_loop : produce, stream, i);
  counters_start();
  team_start(team);
  team_join(team);
  struct result result = {.items = items, .syscalls = counters_stop()};
  result.seconds = team_seconds(team);
  result.usage = team_usage(team);
  result.value = (double)items / result.seconds / 1e6;
  check_stream(stream);
  stream_free(stream);
  return result;
}

/* Millions of items per second, over as many items as fill the time: guessed from shorter runs. */
void run_stream(struct job *job) {
  const struct spec *spec = &job->scenario->spec;
  const struct ops *ops = pick(job, spec);
  double items = job->items ? (double)job->items : FIRST_GUESS;
  job->result = stream_once(ops, spec, (size_t)items);
  while (!job->items && job->result.seconds < job->seconds / 5) {
    const double wanted = items * job->seconds / job->result.seconds;
    items = wanted < 8 * items ? wanted : 8 * items;
    job->result = stream_once(ops, spec, (size_t)items);
  }
  if (!job->items && job->result.seconds < job->seconds / 2)
    job->result = stream_once(ops, spec, (size_t)(items * job->seconds / job->result.seconds));
}
