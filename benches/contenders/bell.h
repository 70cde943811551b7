/*
 * What wakes a loop for queues that know nothing of loops: an eventfd that is written only when the
 * loop has declared that it sleeps. Registered edge-triggered and never read, which spares the
 * loop a system call a wake.
 */
#ifndef BENCH_BELL_H
#define BENCH_BELL_H

#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct bell {
  bool armed;
  int fd; /* -1: nobody listens */
};

static inline bool bell_init(struct bell *bell, bool wanted) {
  bell->armed = false;
  bell->fd = wanted ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
  return !wanted || bell->fd >= 0;
}

static inline void bell_free(struct bell *bell) {
  if (bell->fd >= 0) close(bell->fd);
}

/* After a put. The fence orders it before the look at `armed`; bell_arm() has the other half. */
static inline void bell_ring(struct bell *bell) {
  if (bell->fd < 0) return;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(&bell->armed, __ATOMIC_RELAXED) &&
      __atomic_exchange_n(&bell->armed, false, __ATOMIC_RELAXED))
    eventfd_write(bell->fd, 1);
}

/* Before the loop looks for the last time; it sleeps only if it finds nothing then. */
static inline void bell_arm(struct bell *bell) {
  __atomic_store_n(&bell->armed, true, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void bell_disarm(struct bell *bell) {
  __atomic_store_n(&bell->armed, false, __ATOMIC_RELAXED);
}

#endif
