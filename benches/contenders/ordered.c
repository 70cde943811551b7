/* Written by hand, the other orders: a stack and a binary heap under a mutex. */
#include "../contender.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
  int64_t priority;
  uint64_t number; /* first in, first out among equals */
  uint64_t item;
};

struct queue {
  pthread_mutex_t lock;
  pthread_cond_t items;
  struct entry *entries;
  size_t length, size;
  uint64_t puts;
  unsigned getters;
  uint32_t order;
};

static void *make(const struct spec *spec) {
  struct queue *queue = calloc(1, sizeof *queue);
  if (!queue) return NULL;
  pthread_mutex_init(&queue->lock, NULL);
  pthread_cond_init(&queue->items, NULL);
  queue->order = spec->order;
  return queue;
}

static void unmake(void *raw) {
  struct queue *queue = raw;
  pthread_mutex_destroy(&queue->lock);
  pthread_cond_destroy(&queue->items);
  free(queue->entries);
  free(queue);
}

static bool before(const struct entry *a, const struct entry *b) {
  return a->priority < b->priority || (a->priority == b->priority && a->number < b->number);
}

static void sift_up(struct queue *queue, struct entry entry) {
  size_t at = queue->length;
  for (size_t parent; at && before(&entry, &queue->entries[parent = (at - 1) / 2]); at = parent)
    queue->entries[at] = queue->entries[parent];
  queue->entries[at] = entry;
}

/* Fills the place at the top with the last entry. */
static void sift_down(struct queue *queue) {
  const size_t length = queue->length;
  struct entry *entries = queue->entries, entry = entries[length];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < length; at = child) {
    if (child + 1 < length && before(&entries[child + 1], &entries[child])) child++;
    if (!before(&entries[child], &entry)) break;
    entries[at] = entries[child];
  }
  entries[at] = entry;
}

static void put_priority(void *port, const void *item, int64_t priority) {
  struct queue *queue = port;
  pthread_mutex_lock(&queue->lock);
  if (queue->length == queue->size) {
    queue->size = queue->size ? 2 * queue->size : 64;
    queue->entries = realloc(queue->entries, queue->size * sizeof *queue->entries);
    if (!queue->entries) abort();
  }
  const struct entry entry = {priority, queue->puts++, *(const uint64_t *)item};
  if (queue->order == LIFO) queue->entries[queue->length] = entry;
  else sift_up(queue, entry);
  queue->length++;
  const bool waited_for = queue->getters > 0;
  pthread_mutex_unlock(&queue->lock);
  if (waited_for) pthread_cond_signal(&queue->items);
}

static void put(void *port, const void *item) { put_priority(port, item, 0); }

/* With the lock held and something there. */
static void pop(struct queue *queue, void *item) {
  queue->length--;
  *(uint64_t *)item = queue->entries[queue->order == LIFO ? queue->length : 0].item;
  if (queue->order != LIFO) sift_down(queue);
}

static void get(void *port, void *item) {
  struct queue *queue = port;
  pthread_mutex_lock(&queue->lock);
  while (!queue->length) {
    queue->getters++;
    pthread_cond_wait(&queue->items, &queue->lock);
    queue->getters--;
  }
  pop(queue, item);
  pthread_mutex_unlock(&queue->lock);
}

static bool try_get(void *port, void *item) {
  struct queue *queue = port;
  pthread_mutex_lock(&queue->lock);
  const bool found = queue->length > 0;
  if (found) pop(queue, item);
  pthread_mutex_unlock(&queue->lock);
  return found;
}

static const struct ops ops = {.make = make, .unmake = unmake, .put = put,
                               .put_priority = put_priority, .get = get, .try_get = try_get};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  *why_not = "only for orders; see mutex";
  return spec->order != FIFO && spec->item_size == 8 ? &ops : NULL;
}

static const char *version(void) { return "glibc's mutex"; }

static const struct contender contender = {"mutex-ordered", "stack or binary heap, mutex, condvar",
                                           version, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
