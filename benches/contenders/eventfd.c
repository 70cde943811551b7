/* No queue at all: the eventfd itself carries the item. What a wake-up there and back costs. */
#include "../contender.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A descriptor as a pointer; 0 would be no queue. */
static void *wrap(int fd) { return fd < 0 ? NULL : (void *)(intptr_t)(fd + 1); }
static int unwrap(void *queue) { return (int)(intptr_t)queue - 1; }

static void *make(const struct spec *spec) {
  (void)spec;
  return wrap(eventfd(0, EFD_CLOEXEC));
}

static void unmake(void *queue) { close(unwrap(queue)); }

static bool try_put(void *port, const void *item) {
  return eventfd_write(unwrap(port), *(const uint64_t *)item) == 0;
}

static void put(void *port, const void *item) { try_put(port, item); }

static void get(void *port, void *item) { eventfd_read(unwrap(port), item); }

struct watch {
  struct loop *loop;
  void *queue, *tag;
};

static void serve(void *argument) {
  const struct watch *watch = argument;
  eventfd_t item;
  if (!eventfd_read(unwrap(watch->queue), &item))
    watch->loop->took(watch->loop->context, watch->tag, &item);
}

static bool watch(struct loop *loop, void *queue, void *tag) {
  static struct watch only;
  only = (struct watch){loop, queue, tag};
  return loop->add(loop, unwrap(queue), EPOLLIN, serve, &only);
}

static const struct ops ops = {.make = make,       .unmake = unmake, .put = put, .get = get,
                               .try_put = try_put, .watch = watch};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  *why_not = "holds one item";
  return spec->uses & ALTERNATE ? &ops : NULL;
}

static const char *version(void) { return "Linux"; }

static const struct contender contender = {"eventfd", "the descriptor alone, as the item", version,
                                           pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
