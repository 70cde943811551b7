// moodycamel's queues: BlockingConcurrentQueue between threads; towards a loop the one that does
// not block, with an armed eventfd (bell.h). Once as it comes, once with its tokens, where the loop
// takes items in bulk. It has no bound that waits.
#include "../contender.h"
#include "bell.h"

#include <concurrentqueue/blockingconcurrentqueue.h>

#include <new>
#include <sys/epoll.h>

namespace {

using Plain = moodycamel::ConcurrentQueue<uint64_t>;
using Blocking = moodycamel::BlockingConcurrentQueue<uint64_t>;
using moodycamel::ConsumerToken;
using moodycamel::ProducerToken;

template <class Items> struct Queue {
  Items items;
  bell got;
};

template <class Items> struct Port {
  Queue<Items> *queue;
  ProducerToken *in;
  ConsumerToken *out;
};

// What threads do with either queue.
template <class Items, bool Tokens> struct Threads {
  static void *make(const spec *wanted) {
    auto *queue = new (std::nothrow) Queue<Items>;
    return queue && bell_init(&queue->got, wanted->uses & LOOP_GETS) ? queue : nullptr;
  }

  static void unmake(void *raw) {
    auto *queue = static_cast<Queue<Items> *>(raw);
    bell_free(&queue->got);
    delete queue;
  }

  static void *enter(void *raw, side to, unsigned) {
    auto *queue = static_cast<Queue<Items> *>(raw);
    auto *port = new (std::nothrow) Port<Items>{queue, nullptr, nullptr};
    if (port && Tokens && to == PUTS) port->in = new ProducerToken(queue->items);
    if (port && Tokens && to == GETS) port->out = new ConsumerToken(queue->items);
    return port;
  }

  static void leave(void *raw, side) {
    auto *port = static_cast<Port<Items> *>(raw);
    delete port->in;
    delete port->out;
    delete port;
  }

  static void put(void *raw, const void *item) {
    const auto *port = static_cast<Port<Items> *>(raw);
    const uint64_t value = *static_cast<const uint64_t *>(item);
    if constexpr (Tokens) port->queue->items.enqueue(*port->in, value);
    else port->queue->items.enqueue(value);
    bell_ring(&port->queue->got);
  }

  static bool try_put(void *raw, const void *item) {
    put(raw, item);
    return true;
  }

  static void put_many(void *raw, const void *items, size_t count) {
    const auto *port = static_cast<Port<Items> *>(raw);
    const auto *values = static_cast<const uint64_t *>(items);
    if constexpr (Tokens) port->queue->items.enqueue_bulk(*port->in, values, count);
    else port->queue->items.enqueue_bulk(values, count);
    bell_ring(&port->queue->got);
  }

  static constexpr ops table() {
    ops table{};
    table.make = make;
    table.unmake = unmake;
    table.enter = enter;
    table.leave = leave;
    table.put = put;
    table.try_put = try_put;
    table.put_many = put_many;
    return table;
  }
};

template <bool Tokens> void get(void *raw, void *item) {
  const auto *port = static_cast<Port<Blocking> *>(raw);
  auto &value = *static_cast<uint64_t *>(item);
  if constexpr (Tokens) port->queue->items.wait_dequeue(*port->out, value);
  else port->queue->items.wait_dequeue(value);
}

template <bool Tokens> size_t get_many(void *raw, void *items, size_t max) {
  const auto *port = static_cast<Port<Blocking> *>(raw);
  auto *values = static_cast<uint64_t *>(items);
  if constexpr (Tokens) return port->queue->items.wait_dequeue_bulk(*port->out, values, max);
  else return port->queue->items.wait_dequeue_bulk(values, max);
}

// The loop.
template <bool Tokens> struct Loop {
  struct Watch {
    Watch *next;
    loop *in;
    Queue<Plain> *queue;
    void *tag;
    ConsumerToken token;
  };

  static size_t take_some(Watch *watch, uint64_t *items) {
    auto &from = watch->queue->items;
    if constexpr (Tokens) return from.try_dequeue_bulk(watch->token, items, BATCH_OF);
    else return from.try_dequeue(items[0]);
  }

  static bool take_all(Watch *watch) {
    uint64_t items[BATCH_OF];
    bool any = false;
    for (size_t count; (count = take_some(watch, items)); any = true)
      for (size_t i = 0; i < count; i++)
        watch->in->took(watch->in->context, watch->tag, &items[i]);
    return any;
  }

  static void serve(void *argument) {
    Watch *watch = static_cast<Watch *>(argument);
    do {
      bell_disarm(&watch->queue->got);
      take_all(watch);
      bell_arm(&watch->queue->got);
    } while (take_all(watch));
  }

  static bool watch(loop *in, void *raw, void *tag) {
    auto *queue = static_cast<Queue<Plain> *>(raw);
    auto *watch = new (std::nothrow)
        Watch{static_cast<Watch *>(in->own), in, queue, tag, ConsumerToken(queue->items)};
    if (!watch) return false;
    in->own = watch;
    eventfd_write(queue->got.fd, 1); // once round, to arm
    return in->add(in, queue->got.fd, EPOLLIN | EPOLLET, serve, watch);
  }

  static void close_loop(loop *in) {
    for (auto *next = static_cast<Watch *>(in->own); auto *watch = next;) {
      next = watch->next;
      delete watch;
    }
  }
};

template <bool Tokens> constexpr ops between_threads() {
  ops table = Threads<Blocking, Tokens>::table();
  table.get = get<Tokens>;
  table.get_many = get_many<Tokens>;
  return table;
}

template <bool Tokens> constexpr ops to_loop() {
  ops table = Threads<Plain, Tokens>::table();
  table.watch = Loop<Tokens>::watch;
  table.close_loop = Loop<Tokens>::close_loop;
  return table;
}

template <bool Tokens> constexpr ops threads_table = between_threads<Tokens>();
template <bool Tokens> constexpr ops loop_table = to_loop<Tokens>();

template <bool Tokens> const ops *pick(const spec *wanted, const char **why_not) {
  if (wanted->capacity && !(wanted->uses & ALTERNATE)) *why_not = "has no bound that waits";
  else if (wanted->order != FIFO) *why_not = "first in, first out only";
  else if (wanted->uses & LOOP_GETS && wanted->consumers > 1) *why_not = "the bell wakes one loop";
  else return wanted->uses & LOOP_GETS ? &loop_table<Tokens> : &threads_table<Tokens>;
  return nullptr;
}

const char *version() { return MOODYCAMEL_VERSION; }

const contender without = {"moodycamel", "BlockingConcurrentQueue, armed eventfd", version,
                           pick<false>},
                with = {"moodycamel-tokens", "the same with tokens, the loop takes in bulk",
                        version, pick<true>};

} // namespace

extern "C" const contender *const *bench_contenders(size_t *count) {
  static const contender *const list[] = {&without, &with};
  *count = 2;
  return list;
}
