// oneTBB's concurrent_bounded_queue; towards a loop with an armed eventfd (bell.h). By priority:
// its concurrent_priority_queue.
#include "../contender.h"
#include "bell.h"

#include <tbb/concurrent_priority_queue.h>
#include <tbb/concurrent_queue.h>
#include <tbb/version.h>

#include <new>
#include <sys/epoll.h>

namespace {

template <size_t Size> struct Item {
  uint64_t words[Size / 8];
};

template <size_t Size> struct Queue {
  tbb::concurrent_bounded_queue<Item<Size>> items;
  bell got, left; // rung when an item came, when one went

  explicit Queue(const spec &wanted) {
    if (wanted.capacity) items.set_capacity(static_cast<ptrdiff_t>(wanted.capacity));
  }
};

template <size_t Size> struct Watch {
  Watch *next;
  loop *in;
  Queue<Size> *queue;
  void *tag;
  Item<Size> item; // to put, as soon as there is room
  bool has_item;
};

template <size_t Size> struct Functions {
  using Q = Queue<Size>;

  static void *make(const spec *wanted) {
    Q *queue = new (std::nothrow) Q(*wanted);
    const bool ok = queue && bell_init(&queue->got, wanted->uses & LOOP_GETS) &&
                    bell_init(&queue->left, wanted->uses & LOOP_PUTS);
    return ok ? queue : nullptr;
  }

  static void unmake(void *raw) {
    Q *queue = static_cast<Q *>(raw);
    bell_free(&queue->got);
    bell_free(&queue->left);
    delete queue;
  }

  static void put(void *port, const void *item) {
    Q *queue = static_cast<Q *>(port);
    queue->items.push(*static_cast<const Item<Size> *>(item));
    bell_ring(&queue->got);
  }

  static bool try_put(void *port, const void *item) {
    Q *queue = static_cast<Q *>(port);
    const bool done = queue->items.try_push(*static_cast<const Item<Size> *>(item));
    if (done) bell_ring(&queue->got);
    return done;
  }

  static void get(void *port, void *item) {
    Q *queue = static_cast<Q *>(port);
    queue->items.pop(*static_cast<Item<Size> *>(item));
    bell_ring(&queue->left);
  }

  static bool try_get(void *port, void *item) {
    Q *queue = static_cast<Q *>(port);
    const bool done = queue->items.try_pop(*static_cast<Item<Size> *>(item));
    if (done) bell_ring(&queue->left);
    return done;
  }

  static bool take_all(Watch<Size> *watch) {
    Item<Size> item;
    bool any = false;
    for (; watch->queue->items.try_pop(item); any = true)
      watch->in->took(watch->in->context, watch->tag, &item);
    return any;
  }

  static void serve_items(void *argument) {
    auto *watch = static_cast<Watch<Size> *>(argument);
    do {
      bell_disarm(&watch->queue->got);
      take_all(watch);
      bell_arm(&watch->queue->got);
    } while (take_all(watch));
  }

  // False: there is nothing more to put, ever.
  static bool put_until_full(Watch<Size> *watch) {
    loop *in = watch->in;
    while (watch->has_item || (watch->has_item = in->next(in->context, &watch->item))) {
      if (!watch->queue->items.try_push(watch->item)) return true;
      watch->has_item = false;
    }
    return false;
  }

  static void serve_room(void *argument) {
    auto *watch = static_cast<Watch<Size> *>(argument);
    bell *left = &watch->queue->left;
    for (;;) {
      if (!put_until_full(watch)) return;
      bell_arm(left);
      if (!watch->queue->items.try_push(watch->item)) return;
      watch->has_item = false;
      bell_disarm(left);
    }
  }

  static bool watch(loop *in, void *raw, void *tag) {
    Q *queue = static_cast<Q *>(raw);
    auto *watch = new (std::nothrow)
        Watch<Size>{static_cast<Watch<Size> *>(in->own), in, queue, tag, {}, false};
    if (!watch) return false;
    in->own = watch;
    const bool puts = in->spec->uses & LOOP_PUTS;
    bell *rung = puts ? &queue->left : &queue->got;
    eventfd_write(rung->fd, 1); // once round, to arm
    return in->add(in, rung->fd, EPOLLIN | EPOLLET, puts ? serve_room : serve_items, watch);
  }

  static void close_loop(loop *in) {
    for (auto *next = static_cast<Watch<Size> *>(in->own); auto *watch = next;) {
      next = watch->next;
      delete watch;
    }
  }

  static constexpr ops all() {
    ops table{};
    table.make = make;
    table.unmake = unmake;
    table.put = put;
    table.get = get;
    table.try_put = try_put;
    table.try_get = try_get;
    table.watch = watch;
    table.close_loop = close_loop;
    return table;
  }
};

// By priority: the smallest first, while the library gives the largest.
struct Entry {
  int64_t priority;
  uint64_t item;
  bool operator<(const Entry &other) const { return priority > other.priority; }
};

using Heap = tbb::concurrent_priority_queue<Entry>;

void *heap_make(const spec *) { return new (std::nothrow) Heap; }
void heap_unmake(void *heap) { delete static_cast<Heap *>(heap); }

void heap_put(void *port, const void *item, int64_t priority) {
  static_cast<Heap *>(port)->push({priority, *static_cast<const uint64_t *>(item)});
}

bool heap_try_get(void *port, void *item) {
  Entry entry;
  const bool found = static_cast<Heap *>(port)->try_pop(entry);
  if (found) *static_cast<uint64_t *>(item) = entry.item;
  return found;
}

void heap_get(void *port, void *item) {
  while (!heap_try_get(port, item)) {} // it cannot wait; here there is always something
}

constexpr ops heap_ops() {
  ops table{};
  table.make = heap_make;
  table.unmake = heap_unmake;
  table.put_priority = heap_put;
  table.get = heap_get;
  table.try_get = heap_try_get;
  return table;
}

const ops small = Functions<8>::all(), medium = Functions<64>::all(), large = Functions<256>::all(),
          heap = heap_ops();

const ops *pick(const spec *wanted, const char **why_not) {
  if (wanted->order == PRIORITY) return &heap;
  if (wanted->order != FIFO) *why_not = "no stack";
  else if (wanted->uses & LOOP_GETS && wanted->consumers > 1) *why_not = "the bell wakes one loop";
  else return wanted->item_size == 8 ? &small : wanted->item_size == 64 ? &medium : &large;
  return nullptr;
}

const char *version() { return TBB_runtime_version(); }

const contender only = {"tbb", "concurrent_bounded_queue, armed eventfd", version, pick};

} // namespace

extern "C" const contender *const *bench_contenders(size_t *count) {
  static const contender *const list[] = {&only};
  *count = 1;
  return list;
}
