/*
 * The queue that a C programmer writes by hand: a ring under a mutex, with two condition
 * variables. Written with care: nobody is signalled who does not wait, and never under the lock.
 * What wakes a loop is left to the contender: each call says what it changed.
 */
#ifndef BENCH_LOCKED_H
#define BENCH_LOCKED_H

#include "../contender.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct locked {
  pthread_mutex_t lock;
  pthread_cond_t items, room;
  char *slots;
  size_t size; /* of slots, in items: a power of two, grows as the ring fills */
  size_t head, length, capacity, item_size;
  unsigned getters, putters; /* that wait */
  bool loop_wants_room;
};

static inline void locked_init(struct locked *ring, const struct spec *spec) {
  *ring = (struct locked){.capacity = spec->capacity ? spec->capacity : SIZE_MAX,
                          .item_size = spec->item_size};
  pthread_mutex_init(&ring->lock, NULL);
  pthread_cond_init(&ring->items, NULL);
  pthread_cond_init(&ring->room, NULL);
}

static inline void locked_destroy(struct locked *ring) {
  pthread_mutex_destroy(&ring->lock);
  pthread_cond_destroy(&ring->items);
  pthread_cond_destroy(&ring->room);
  free(ring->slots);
}

static inline void copy_item(void *to, const void *from, size_t size) {
  if (size == sizeof(uint64_t)) memcpy(to, from, sizeof(uint64_t));
  else memcpy(to, from, size);
}

static inline char *locked_slot(const struct locked *ring, size_t index) {
  return ring->slots + (index & (ring->size - 1)) * ring->item_size;
}

static inline void locked_grow(struct locked *ring) {
  const size_t size = ring->size ? 2 * ring->size : 64;
  char *slots = malloc(size * ring->item_size);
  if (!slots) abort();
  for (size_t i = 0; i < ring->length; i++)
    memcpy(slots + i * ring->item_size, locked_slot(ring, ring->head + i), ring->item_size);
  free(ring->slots);
  ring->slots = slots;
  ring->size = size;
  ring->head = 0;
}

/* The next three with the lock held. */

static inline void locked_push(struct locked *ring, const void *item) {
  if (ring->length == ring->size) locked_grow(ring);
  copy_item(locked_slot(ring, ring->head + ring->length++), item, ring->item_size);
}

static inline void locked_pop(struct locked *ring, void *item) {
  copy_item(item, locked_slot(ring, ring->head++), ring->item_size);
  ring->length--;
}

static inline void locked_wait_for_room(struct locked *ring) {
  while (ring->length == ring->capacity) {
    ring->putters++;
    pthread_cond_wait(&ring->room, &ring->lock);
    ring->putters--;
  }
}

/* True: the ring was empty, a loop may have to be woken. */
static inline bool locked_put(struct locked *ring, const void *item) {
  pthread_mutex_lock(&ring->lock);
  locked_wait_for_room(ring);
  const bool was_empty = ring->length == 0, waited_for = ring->getters > 0;
  locked_push(ring, item);
  pthread_mutex_unlock(&ring->lock);
  if (waited_for) pthread_cond_signal(&ring->items);
  return was_empty;
}

/* False: there is no room, and a get will say when there is. */
static inline bool locked_try_put(struct locked *ring, const void *item) {
  pthread_mutex_lock(&ring->lock);
  const bool has_room = ring->length < ring->capacity, waited_for = ring->getters > 0;
  if (has_room) locked_push(ring, item);
  ring->loop_wants_room = !has_room;
  pthread_mutex_unlock(&ring->lock);
  if (has_room && waited_for) pthread_cond_signal(&ring->items);
  return has_room;
}

static inline bool locked_put_many(struct locked *ring, const char *items, size_t count) {
  bool was_empty = false;
  while (count) {
    pthread_mutex_lock(&ring->lock);
    locked_wait_for_room(ring);
    was_empty |= ring->length == 0;
    const bool waited_for = ring->getters > 0;
    for (; count && ring->length < ring->capacity; count--, items += ring->item_size)
      locked_push(ring, items);
    pthread_mutex_unlock(&ring->lock);
    if (waited_for) pthread_cond_broadcast(&ring->items);
  }
  return was_empty;
}

/* After items left: unlocks. True: a loop waits for room. */
static inline bool locked_leave_room(struct locked *ring, size_t taken) {
  const unsigned putters = ring->putters;
  const bool loop = taken && ring->loop_wants_room;
  if (loop) ring->loop_wants_room = false;
  pthread_mutex_unlock(&ring->lock);
  if (taken && putters) {
    if (taken == 1) pthread_cond_signal(&ring->room);
    else pthread_cond_broadcast(&ring->room);
  }
  return loop;
}

/* Takes up to max, at least one; true: a loop waits for room. */
static inline bool locked_get_many(struct locked *ring, char *items, size_t max, size_t *taken) {
  pthread_mutex_lock(&ring->lock);
  while (!ring->length) {
    ring->getters++;
    pthread_cond_wait(&ring->items, &ring->lock);
    ring->getters--;
  }
  for (*taken = 0; *taken < max && ring->length; items += ring->item_size, ++*taken)
    locked_pop(ring, items);
  return locked_leave_room(ring, *taken);
}

static inline bool locked_get(struct locked *ring, void *item) {
  size_t taken;
  return locked_get_many(ring, item, 1, &taken);
}

static inline bool locked_try_get(struct locked *ring, void *item) {
  pthread_mutex_lock(&ring->lock);
  const bool found = ring->length > 0;
  if (found) locked_pop(ring, item);
  locked_leave_room(ring, found);
  return found;
}

/* Takes the whole ring at once, in exchange for an empty one; how many items that were. */
static inline size_t locked_take_all(struct locked *ring, struct locked *mine) {
  pthread_mutex_lock(&ring->lock);
  const size_t length = ring->length;
  char *slots = ring->slots;
  const size_t size = ring->size;
  mine->head = ring->head;
  ring->slots = mine->slots;
  ring->size = mine->size;
  ring->head = ring->length = 0;
  locked_leave_room(ring, length);
  mine->slots = slots;
  mine->size = size;
  return length;
}

/* Hands the whole ring to a loop; true: there was something. */
static inline bool locked_serve_all(struct locked *ring, struct locked *mine, struct loop *loop,
                                    void *tag) {
  const size_t count = locked_take_all(ring, mine);
  for (size_t i = 0; i < count; i++)
    loop->took(loop->context, tag, locked_slot(mine, mine->head + i));
  return count > 0;
}

#endif
