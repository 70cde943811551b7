/*
 * bridgeq: the queue between threads and event loops.
 *
 * What holds for every function, unless its description says otherwise:
 *
 * - It may be called from any thread at any time, from `drop` and `wake` as well, and from a signal
 *   handler where that is said. The caller must hold a reference to the handle until the call
 *   returns.
 * - It returns a bq_status or, where it returns a count or a descriptor, that or a negative status.
 *   BQ_INTERNAL, a defect caught in bridgeq, may come from any of these; whether the call took
 *   effect is not known then: do not use or free its items, and release the handle. errno is not
 *   part of the interface, and may change: a signal handler must save it.
 * - What a thread wrote before it put an item is seen by whoever gets, peeks or drops that item;
 *   what it wrote before bq_task_done(), by the bq_join() that this ends; before bq_poller_wake(),
 *   by the poll or wait that answers it with 0. Beyond that no call is a fence: a thread that stores
 *   a flag, makes a call and loads another flag needs one of its own.
 * - A timeout is in nanoseconds of CLOCK_MONOTONIC: BQ_NOWAIT, BQ_FOREVER or a number above 0; any
 *   other one is BQ_INVALID. Signals neither end a wait nor lengthen it, and no wait is a
 *   cancellation point.
 * - A call that fails otherwise changes nothing: the item of a put stays with the caller, the
 *   caller's memory for a get is not written to.
 * - A call that does not wait may still take a lock that is held for microseconds, and yield the
 *   processor (sched_yield) a few times: a poll that finds nothing looks again first, see linger_ns
 *   of bq_poller_options; a put that needs more memory while more than 128 KiB are queued gives the
 *   threads that get a turn.
 * - Real-time threads: locks do not inherit priority, and no timeout bounds the wait for one. A thread
 *   that has lost its processor inside of a call holds up others in calls on the same queue: with
 *   BQ_LIFO and BQ_PRIORITY any call, which copies the item under the lock; with BQ_FIFO one that
 *   clears, goes to sleep, adds, modifies or removes a watch, or makes room for more items than
 *   before. Under SCHED_FIFO and SCHED_DEADLINE a yield can cost the turn of others or the rest of
 *   the period: set BQ_NO_LINGER, and bound the queue.
 * - One thread alone: where the same thread has got thousands of items of a BQ_FIFO queue and no
 *   other one any, the first call of another one that gets, peeks, clears, shuts down, changes the
 *   capacity, or waits for or watches room takes some 10 microseconds more; where it has put them
 *   alone, the first call of another one that puts, shuts down, or waits for or watches items (a
 *   millisecond where a sandbox has taken membarrier away since). No call waits for that thread,
 *   wherever the scheduler, a signal handler or a debugger has stopped it.
 * - In a child of fork() everything that the parent made may be released and nothing else: other
 *   calls return BQ_FORKED, or 0 where they return no status. (A child that shares the parent's
 *   memory, as one of vfork() does, is not told from it; before Linux 4.14 nor is one that was made
 *   without fork(), or in a handler of pthread_atfork() that runs before bridgeq's.)
 * - Callbacks must not be left by longjmp, pthread_exit, an exception or cancellation: where
 *   threads are cancelled, a callback that reaches a cancellation point must disable cancellation
 *   first (pthread_setcancelstate). Cancellation must not be asynchronous in any call.
 * - No thread is started, nothing is printed, no signal is raised.
 *
 * Made from the Rust sources by cbindgen: `make header`. SPDX-License-Identifier: Apache-2.0 OR MIT
 */


#ifndef BRIDGEQ_H
#define BRIDGEQ_H

#include <stddef.h>
#include <stdint.h>

#define BQ_VERSION_MAJOR 0
#define BQ_VERSION_MINOR 1
#define BQ_VERSION_PATCH 0
/** The version of this header as one comparable number: major, minor, patch, two digits each. */
#define BQ_VERSION (BQ_VERSION_MAJOR * 10000 + BQ_VERSION_MINOR * 100 + BQ_VERSION_PATCH)

#if defined(__GNUC__) || defined(__clang__)
#define BQ_API __attribute__((visibility("default")))
#define BQ_DEPRECATED __attribute__((deprecated))
#define BQ_DEPRECATED_NOTE(note) __attribute__((deprecated(note)))
#else
#define BQ_API
#define BQ_DEPRECATED
#define BQ_DEPRECATED_NOTE(note)
#endif

/** The options of a queue to start from: an unbounded FIFO of pointers. */
#define BQ_OPTIONS_INIT { sizeof(bq_options), BQ_FIFO, 0, 0, 0, NULL, NULL, NULL, 0 }
/** The statistics to pass to bq_queue_stats(). */
#define BQ_STATS_INIT { sizeof(bq_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/** The options of a poller to start from: a descriptor of the library's choice, level-triggered. */
#define BQ_POLLER_OPTIONS_INIT { sizeof(bq_poller_options), 0, NULL, NULL, 0 }


/**
 * Timeout: do not wait.
 */
#define BQ_NOWAIT 0

/**
 * Timeout: wait as long as it takes.
 */
#define BQ_FOREVER (-1)

/**
 * Order: first in, first out.
 */
#define BQ_FIFO 0

/**
 * Order: last in, first out.
 */
#define BQ_LIFO 1

/**
 * Order: lowest first, by priority or by `compare`; first in, first out among equals.
 */
#define BQ_PRIORITY 2

/**
 * linger_ns: never spin or yield before sleeping.
 */
#define BQ_NO_LINGER (-1)

/**
 * Shutdown: no more puts; what is queued can still be got.
 */
#define BQ_DRAIN 0

/**
 * Shutdown: no more puts; what is queued is discarded.
 */
#define BQ_DISCARD 1

/**
 * Event: a get would not wait.
 */
#define BQ_READABLE 1

/**
 * Event: a put would not wait.
 */
#define BQ_WRITABLE 2

/**
 * Event: nothing is unfinished.
 */
#define BQ_JOINED 4

/**
 * Event: the queue is shut down.
 */
#define BQ_CLOSED 8

/**
 * Event: the queue is shut down and empty.
 */
#define BQ_DRAINED 16

/**
 * Poller flag: use a pipe instead of an eventfd.
 */
#define BQ_POLLER_PIPE 1

/**
 * Poller flag: the loop registers the descriptor edge-triggered and polls until 0.
 */
#define BQ_POLLER_EDGE 2

/**
 * A poller: what one event loop owns. It watches queues and has one descriptor.
 *
 * The contract:
 *
 * 1. Register the descriptor for POLLIN and nothing else (what a loop adds by itself, as POLLERR,
 *    does no harm); never read from it. Its bytes mean nothing.
 * 2. When it is readable, call bq_poller_poll() and serve what it reports. The descriptor stays
 *    readable until a call returns 0, so a loop that stops early is called again, and a loop that
 *    polls until 0 may register it edge-triggered. While producers keep up, a loop that polls until
 *    0, or gets until a queue is empty, comes to nothing else: to serve its other descriptors in
 *    time it polls once each time it is called and takes a fixed number of items of each queue.
 * 3. Readiness is level-triggered for each queue: an event is reported again by the next call for
 *    as long as it holds. A queue need not be drained. Ready queues take turns; one busy queue
 *    starves no other. Some events hold for good: after shutdown BQ_WRITABLE, BQ_CLOSED and, once
 *    the queue is empty, BQ_READABLE and BQ_DRAINED. Pause or remove such a watch, or the loop
 *    spins. BQ_JOINED holds of a new queue as well, until the first put.
 * 4. A call that returns 0 has armed the poller: the next event makes the descriptor readable,
 *    exactly once. Or it has left the descriptor readable, to be called again after the loop's
 *    other descriptors, see bq_poller_poll(); a loop need not tell the two apart. While the loop is
 *    busy no producer makes a system call to wake it. A new poller is armed; adding or modifying a
 *    watch whose event already holds makes the descriptor readable, or calls `wake`, before that
 *    call returns. (A thread that is stopped by the scheduler when it is about to make the
 *    descriptor readable does so when it runs again; until then the descriptor may be quiet.)
 * 5. With several pollers or threads on one queue, one put wakes one of them; none is woken while
 *    one that has not gone to sleep yet is about to take the item (see linger_ns; should that one
 *    lose its processor just then, the item lies there until it runs again or the next put or get).
 *    A wake-up is a hint, not the item: another thread may take it first, and then the next poll
 *    reports nothing. Nor does a poller report what another one was woken for, although it holds.
 *    Until its loop gets or puts, or pauses or removes the watch, a wake-up counts as delivered and
 *    nobody behind it in line is woken for the same item or room: a get or put with a deadline looks
 *    once more when that passes, a bq_poller_wait() does not. So pause or remove a watch that is not
 *    served.
 * 6. A poller keeps its queues alive, a queue does not keep its pollers alive. Pausing or removing
 *    a watch, or the last unref of a poller, passes on a wake-up that was not served. Unregister
 *    the descriptor from the loop before the last unref.
 * 7. One thread at a time polls or waits on a poller: a second one gets BQ_BUSY and need not try
 *    again, since the descriptor or `wake` calls once more for whatever the first one missed. (A
 *    descriptor that was readable when another thread began to wait stays so until it is back: a
 *    level-triggered loop is told BQ_BUSY meanwhile, again and again.)
 *    Adding, modifying, removing and waking are free to any thread, also from inside a callback.
 * 8. With BQ_POLLER_EDGE the loop promises to register the descriptor edge-triggered and to poll
 *    until 0; the library then saves the read that clears it. Not where the descriptor is registered
 *    or modified between polls (EPOLLONESHOT; EPOLL_CTL_MOD, as by Asio's async_wait): it is found
 *    readable each time then, and the loop spins. BQ_POLLER_PIPE serves runtimes that watch only
 *    pipes and sockets.
 */
typedef struct bq_poller bq_poller;

/**
 * A queue. Every function may be called from any thread at any time.
 */
typedef struct bq_queue bq_queue;

/**
 * What a call says about itself: BQ_OK, or a negative BQ_ status. Numbers are never renumbered or
 * reused; a program must be ready for a negative status that it does not know yet.
 */
typedef int32_t bq_status;

/**
 * Called once for every item that the queue discards, from the thread that discards it, with no lock
 * held: it may call bridgeq. That is bq_clear(), bq_shutdown() with BQ_DISCARD, a put that was under
 * way at that time, perhaps after bq_shutdown() has returned, and the last bq_queue_unref(), or the
 * bq_poller_remove() or bq_poller_unref() that releases the last reference. It may run in several
 * threads at once, and beside `compare`. What one call discards is taken out before the first `drop`
 * of it, and counts as done after the last one: `drop` must not wait in bq_join() for its own queue.
 * `item` points to the item's bytes, which `drop` may write to, and is valid only during the call.
 * It is aligned to the largest power of two that divides item_size, 16 at most. In the last
 * bq_queue_unref() the queue is shut down already, and a reference that `drop` takes to it must be
 * released before it returns. A child made by fork() inside `drop` must not return from it. Must not
 * unwind or longjmp.
 */
typedef void (*bq_drop_fn)(void *item, void *context);

/**
 * Orders two items: negative when `a` is to leave first, positive when `b` is, 0 when they are
 * equal (then the one put first leaves first). Both are aligned to the largest power of two that
 * divides item_size, 16 at most. Called from putting and getting threads with the queue's lock
 * held, so one call at a time for each queue, and every other call on the queue waits for it: it
 * must be quick, must not call bridgeq and must not wait for a lock that a caller of this queue may
 * hold. (An interpreter's global lock is one, unless it is given up around every call, those with
 * BQ_NOWAIT included.) Inconsistent answers give a wrong order and nothing worse. Must not unwind or
 * longjmp.
 */
typedef int (*bq_compare_fn)(const void *a, const void *b, void *context);

/**
 * The options of a queue. Start from BQ_OPTIONS_INIT and set what differs.
 */
typedef struct bq_options {
  /**
   * sizeof(bq_options), set by BQ_OPTIONS_INIT; less than in version 0.1 is refused. Lets the struct
   * grow: bytes that the library in use does not know must be zero.
   */
  size_t size;
  /**
   * BQ_FIFO, BQ_LIFO or BQ_PRIORITY.
   */
  uint32_t order;
  /**
   * None yet: 0.
   */
  uint32_t flags;
  /**
   * The most items the queue holds; 0: unbounded.
   */
  size_t capacity;
  /**
   * Bytes of an item, at most PTRDIFF_MAX / 4; 0: sizeof(void *). Items are copied by value.
   */
  size_t item_size;
  /**
   * What to do with items that are discarded; may be NULL.
   */
  bq_drop_fn drop;
  /**
   * BQ_PRIORITY only: how items compare; NULL: by the priority of their put.
   */
  bq_compare_fn compare;
  /**
   * Handed to drop and compare; valid until the last reference to the queue is gone, pollers'
   * included.
   */
  void *context;
  /**
   * Nanoseconds that a call which must wait may spin and yield before its thread sleeps. 0: the
   * library's choice, about 50 microseconds while that pays, more while others use the processor
   * that it yields, and none on one CPU: a thread that waits for an item every 20 microseconds
   * keeps its processor busy, but leaves it to whoever works for the same queue. It is mostly given
   * up where a thread computes on the same processor, also with a number of nanoseconds. A call
   * takes its place in line, and counts as blocked, when it goes to sleep; bq_join() before.
   * BQ_NO_LINGER: never. Other negative numbers are refused.
   */
  int64_t linger_ns;
} bq_options;

/**
 * Counters and the current state of a queue. Start from BQ_STATS_INIT.
 */
typedef struct bq_stats {
  /**
   * sizeof(bq_stats), set by BQ_STATS_INIT: a smaller one gets the fields that fit whole, of a larger
   * one the rest is left as it is.
   */
  size_t size;
  /**
   * Items put so far.
   */
  uint64_t puts;
  /**
   * Items got so far.
   */
  uint64_t gets;
  /**
   * Items discarded so far.
   */
  uint64_t discards;
  /**
   * Threads and pollers woken so far.
   */
  uint64_t wakes;
  /**
   * Items queued now.
   */
  size_t len;
  /**
   * The most items it holds; 0: unbounded.
   */
  size_t capacity;
  /**
   * Items put and neither reported done nor discarded.
   */
  size_t unfinished;
  /**
   * Threads that sleep until there is an item, in bq_get(), bq_get_many(), bq_peek() or bq_poll().
   */
  size_t blocked_gets;
  /**
   * Threads that sleep until there is room, in a put or in bq_poll().
   */
  size_t blocked_puts;
  /**
   * Threads that wait until the unfinished count is 0, in bq_join(), or sleep until then in
   * bq_poll(). (A bq_poll() for BQ_CLOSED or BQ_DRAINED alone is counted nowhere.)
   */
  size_t blocked_joins;
  /**
   * Pollers' watches that are armed now: the next event that they wait for is signalled.
   */
  size_t armed_watches;
} bq_stats;

/**
 * Called instead of making a descriptor readable, once per sleep of the poller, from the thread
 * that wakes it, with no lock held: it may call bridgeq. It may run in several threads at once: a
 * loop that was woken and sleeps again can be called while the first call has not returned. The
 * thread that polls or waits calls it itself, at the end of that call, where a wake-up, a
 * bq_poller_wake() or a call refused with BQ_BUSY came just as the poller was being armed; so does
 * bq_poller_add() or bq_poller_modify() where the event already holds. Nothing calls again before
 * bq_poller_poll() has returned 0, or bq_poller_wait() 0 or BQ_TIMEDOUT.
 * Once the last bq_poller_unref() has returned it neither runs nor will be called, so `context`
 * may be freed; if that unref is made inside `wake`, only the call it is made from still runs. The
 * unref waits for calls of `wake` in other threads: so `wake` must not wait for a thread that
 * releases the poller, nor may the `wake`s of two pollers release each other's poller. Meanwhile the
 * poller reports and takes on nothing (0; BQ_INVALID from bq_poller_add()), and a reference that
 * `wake` takes must be released before it returns: what it posts to the loop needs one taken before,
 * or names something that outlives the poller. A child made
 * by fork() inside `wake` must not return from it. Must not unwind or longjmp.
 */
typedef void (*bq_wake_fn)(void *context);

/**
 * The options of a poller. Start from BQ_POLLER_OPTIONS_INIT and set what differs.
 */
typedef struct bq_poller_options {
  /**
   * sizeof(bq_poller_options), set by BQ_POLLER_OPTIONS_INIT; as in bq_options.
   */
  size_t size;
  /**
   * BQ_POLLER_PIPE, BQ_POLLER_EDGE, or both.
   */
  uint32_t flags;
  /**
   * Called to wake the loop, instead of a descriptor; NULL: a descriptor. Not with a flag.
   */
  bq_wake_fn wake;
  /**
   * Handed to wake.
   */
  void *context;
  /**
   * Nanoseconds that a poll which finds nothing may look again before it arms. 0: the library's
   * choice (microseconds, and only where it pays). BQ_NO_LINGER: never. Other negative numbers are
   * refused.
   */
  int64_t linger_ns;
} bq_poller_options;

/**
 * What bq_poller_poll() reports of one queue.
 */
typedef struct bq_event {
  /**
   * The queue, valid while it is watched, see bq_poller_remove(); no reference is handed over.
   */
  struct bq_queue *queue;
  /**
   * What was given to bq_poller_add() or bq_poller_modify().
   */
  void *data;
  /**
   * Those of the watched events that hold.
   */
  uint32_t events;
} bq_event;

/**
 * Done.
 */
#define BQ_OK 0

/**
 * No item before the deadline.
 */
#define BQ_EMPTY (-1)

/**
 * No room before the deadline.
 */
#define BQ_FULL (-2)

/**
 * What was waited for did not happen before the deadline.
 */
#define BQ_TIMEDOUT (-3)

/**
 * The queue is shut down: it takes no more puts, or has nothing left to get.
 */
#define BQ_SHUTDOWN (-4)

/**
 * An argument is wrong; nothing was changed.
 */
#define BQ_INVALID (-5)

/**
 * Out of memory; nothing was changed.
 */
#define BQ_NO_MEMORY (-6)

/**
 * No file descriptor available; nothing was changed.
 */
#define BQ_NO_FD (-7)

/**
 * bq_task_done() for more items than are unfinished; nothing was changed.
 */
#define BQ_TOO_MANY_DONE (-8)

/**
 * The handle was made before fork(), by the parent: the child may only release it.
 */
#define BQ_FORKED (-9)

/**
 * Another thread polls or waits on this poller at the moment.
 */
#define BQ_BUSY (-10)

/**
 * The poller does not watch this queue.
 */
#define BQ_NOT_FOUND (-11)

/**
 * The poller watches this queue already.
 */
#define BQ_EXISTS (-12)

/**
 * A defect in bridgeq, caught at its boundary. Please report it.
 */
#define BQ_INTERNAL (-13)

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * The version of the library in use, comparable with BQ_VERSION of the header that a program was
 * compiled with. Programs that load the library at run time want
 * `bq_version() / 100 == BQ_VERSION / 100` before 1.0.
 *
 * Never blocks. Safe from any thread and from a signal handler.
 */
BQ_API uint32_t bq_version(void);

/**
 * The name of a status: "BQ_FULL" for BQ_FULL, "BQ_UNKNOWN" for a number that is none.
 *
 * Ownership: a constant string, never to be freed. Never blocks. Safe from any thread.
 */
BQ_API const char *bq_status_name(bq_status status);

/**
 * One English sentence that says what a status means.
 *
 * Ownership: a constant string, never to be freed. Never blocks. Safe from any thread.
 */
BQ_API const char *bq_status_text(bq_status status);

/**
 * Makes a queue.
 *
 * `options`: NULL: an unbounded FIFO of pointers. Read during the call only.
 * `queue`: receives the handle; untouched on failure.
 *
 * Ownership: the caller holds one reference, to be released with bq_queue_unref(). An idle queue
 * has no descriptor and allocates room for items when they come. BQ_LIFO and BQ_PRIORITY queues
 * keep that of their longest state until bq_clear() or the end. Never blocks.
 *
 * Returns BQ_OK; BQ_INVALID (`queue` is NULL, an option is out of the range that bq_options gives,
 * `size` is too small or bytes behind the known ones are not zero, `compare` on a queue that is not
 * BQ_PRIORITY); BQ_NO_MEMORY.
 */
BQ_API bq_status bq_queue_new(const struct bq_options *options, struct bq_queue **queue);

/**
 * Takes one more reference to a queue; in a forked child as well. Never blocks.
 *
 * Returns `queue`; NULL for NULL.
 */
BQ_API struct bq_queue *bq_queue_ref(struct bq_queue *queue);

/**
 * Releases one reference to a queue; NULL: does nothing. The last one discards what is left,
 * calling `drop` for every item, and frees the queue. Pollers that watch it hold references of
 * their own.
 *
 * After fork() the child may call this for what it inherited: memory and descriptors are released,
 * `drop` is not called there, because the items belong to the parent.
 *
 * The calling thread must not use `queue` afterwards. Blocks no longer than `drop` does.
 */
BQ_API void bq_queue_unref(struct bq_queue *queue);

/**
 * Puts one item, waiting for room if need be.
 *
 * `item`: the queue copies item_size bytes from it. `timeout_ns`: nanoseconds to wait for room,
 * BQ_NOWAIT or BQ_FOREVER.
 *
 * Ownership: on BQ_OK the item is the queue's; on anything else it stays with the caller. On a
 * priority queue without `compare` the item has priority 0.
 * Blocks while the queue is full, no longer than timeout_ns. While more than 128 KiB are queued,
 * a put that needs more memory yields the processor once, also with BQ_NOWAIT.
 *
 * Returns BQ_OK; BQ_FULL (no room before the deadline); BQ_SHUTDOWN; BQ_INVALID (a NULL, a
 * negative timeout other than BQ_FOREVER); BQ_NO_MEMORY; BQ_FORKED.
 */
BQ_API bq_status bq_put(struct bq_queue *queue, const void *item, int64_t timeout_ns);

/**
 * Puts one item with a priority into a BQ_PRIORITY queue that has no `compare`; otherwise as
 * bq_put().
 *
 * `priority`: lower ones leave first; among equals, the one put first.
 *
 * Returns as bq_put(); BQ_INVALID also for every other kind of queue.
 */
BQ_API
bq_status bq_put_priority(struct bq_queue *queue,
                          const void *item,
                          int64_t priority,
                          int64_t timeout_ns);

/**
 * Gets the next item, waiting for one if need be.
 *
 * `item`: receives item_size bytes; untouched on anything but BQ_OK. `timeout_ns`: nanoseconds to
 * wait for an item, BQ_NOWAIT or BQ_FOREVER.
 *
 * Ownership: on BQ_OK the item is the caller's. It stays unfinished until bq_task_done().
 * Blocks while the queue is empty and not shut down, no longer than timeout_ns. While an
 * earlier put is stalled half-way by the scheduler, later items wait behind it, and BQ_NOWAIT may
 * say BQ_EMPTY.
 *
 * Returns BQ_OK; BQ_EMPTY (nothing before the deadline); BQ_SHUTDOWN (shut down and empty);
 * BQ_INVALID (a NULL, a negative timeout other than BQ_FOREVER); BQ_FORKED.
 */
BQ_API bq_status bq_get(struct bq_queue *queue, void *item, int64_t timeout_ns);

/**
 * Copies the next item and leaves it in the queue, waiting for one if need be. Another thread may
 * get that item at any time.
 *
 * Arguments, blocking and return values as for bq_get(). Ownership of the item does not change: an
 * item that holds a pointer may be gone when the caller follows it, unless the caller is the only
 * one that gets.
 */
BQ_API bq_status bq_peek(struct bq_queue *queue, void *item, int64_t timeout_ns);

/**
 * Puts `count` items, in order, waiting for room as needed, as write(2) does on a blocking pipe.
 * They take effect in the order of the array, perhaps with other producers' in between: in a BQ_LIFO
 * queue the last one leaves first. In a BQ_PRIORITY queue without `compare` they have priority 0.
 *
 * `items`: an array of count * item_size bytes. `timeout_ns`: nanoseconds for the whole call,
 * BQ_NOWAIT or BQ_FOREVER.
 *
 * Ownership: the first n items are the queue's, n being the value returned; the rest, or all on a
 * negative status, stay with the caller.
 * Blocks until all are in, the deadline passes, the queue is shut down or memory runs out; which of
 * these cut it short, the next call says. Yields the processor as bq_put() may.
 *
 * Returns how many went in, > 0; or, if none did: BQ_FULL, BQ_SHUTDOWN, BQ_INVALID (a NULL,
 * `count` 0 or too large to be an array, a negative timeout other than BQ_FOREVER), BQ_NO_MEMORY,
 * BQ_FORKED.
 */
BQ_API
ptrdiff_t bq_put_many(struct bq_queue *queue,
                      const void *items,
                      size_t count,
                      int64_t timeout_ns);

/**
 * Gets up to `max` items, in order, as read(2) does: waits for the first, then takes what is there
 * and never waits for more.
 *
 * `items`: room for max * item_size bytes; only what the returned number covers is written.
 * `timeout_ns`: nanoseconds to wait for the first item, BQ_NOWAIT or BQ_FOREVER.
 *
 * Ownership: the items returned are the caller's.
 * Blocks while the queue is empty and not shut down, no longer than timeout_ns. As with
 * bq_get(), a call that is stalled half-way may make this one say BQ_EMPTY.
 *
 * Returns how many were taken, > 0; or BQ_EMPTY, BQ_SHUTDOWN, BQ_INVALID (a NULL, `max` 0 or too
 * large to be an array, a negative timeout other than BQ_FOREVER), BQ_FORKED.
 */
BQ_API ptrdiff_t bq_get_many(struct bq_queue *queue, void *items, size_t max, int64_t timeout_ns);

/**
 * Says that the work on `count` items is finished. Every item that was put is unfinished until it
 * is reported here or discarded; bq_join() waits for that. Works the same after shutdown. `count` 0
 * does nothing.
 *
 * Never blocks.
 *
 * Returns BQ_OK; BQ_TOO_MANY_DONE (fewer are unfinished; nothing changes); BQ_INVALID (NULL);
 * BQ_FORKED.
 */
BQ_API bq_status bq_task_done(struct bq_queue *queue, size_t count);

/**
 * Waits until no item is unfinished: every one that was put was reported done or discarded. Works
 * the same after shutdown.
 *
 * Blocks while items are unfinished, no longer than `timeout_ns` (nanoseconds, BQ_NOWAIT or
 * BQ_FOREVER). BQ_OK says that nothing was unfinished at one moment during the call.
 *
 * Returns BQ_OK; BQ_TIMEDOUT; BQ_INVALID (NULL, a negative timeout other than BQ_FOREVER);
 * BQ_FORKED.
 */
BQ_API bq_status bq_join(struct bq_queue *queue, int64_t timeout_ns);

/**
 * Shuts a queue down, for good. Puts that have not taken effect get BQ_SHUTDOWN, blocked ones at
 * once. BQ_DRAIN: gets go on until the queue is empty, then get BQ_SHUTDOWN, blocked ones at once.
 * BQ_DISCARD: what is queued is discarded as well, each item counting as done.
 *
 * Idempotent. BQ_DISCARD may follow BQ_DRAIN; BQ_DRAIN after BQ_DISCARD changes nothing.
 * Blocks no longer than `drop` does.
 *
 * Returns BQ_OK; BQ_INVALID (NULL, another mode); BQ_FORKED.
 */
BQ_API bq_status bq_shutdown(struct bq_queue *queue, uint32_t mode);

/**
 * Discards what is queued at the time of the call, each item counting as done, and lets blocked
 * puts in. Ends even while producers keep putting; what they put meanwhile may stay, and so may
 * items behind a put that is stalled half-way by the scheduler.
 *
 * Blocks no longer than `drop` does.
 *
 * Returns how many items were discarded; 0 for NULL and in a forked child.
 */
BQ_API size_t bq_clear(struct bq_queue *queue);

/**
 * Waits until one of `events` holds for a queue. After shutdown the queue is writable and, once
 * empty, readable: neither a put nor a get would wait, as with a socket at end of file.
 *
 * `events`: BQ_READABLE, BQ_WRITABLE, BQ_JOINED, BQ_CLOSED, BQ_DRAINED, or several of them.
 * Blocks until one of them holds, no longer than `timeout_ns` (nanoseconds, BQ_NOWAIT or
 * BQ_FOREVER). For many queues at once, see bq_poller_wait().
 *
 * A thread that waits here does not use an event up: it passes the wake-up on to the next waiter in
 * line, until a get or a put is served by it.
 *
 * An event that holds for a moment only can be missed. Not by bq_join(): it sees every moment of
 * nothing unfinished that lasts until the bq_task_done() that brought it has returned.
 *
 * Returns those of `events` that hold, a hint that another thread can make stale; 0 at the
 * deadline, and at once for a NULL, no event or an unknown one, a negative timeout other than
 * BQ_FOREVER, and in a forked child.
 */
BQ_API uint32_t bq_poll(struct bq_queue *queue, uint32_t events, int64_t timeout_ns);

/**
 * How many items are queued. Exact when nobody else is at work, otherwise never more than a
 * concurrent call away from the truth.
 *
 * Never blocks. 0 for NULL and in a forked child.
 */
BQ_API size_t bq_len(const struct bq_queue *queue);

/**
 * The most items that the queue holds; 0: unbounded.
 *
 * Never blocks. 0 for NULL and in a forked child.
 */
BQ_API size_t bq_capacity(const struct bq_queue *queue);

/**
 * How many items were put and neither reported done nor discarded. As exact as bq_len().
 *
 * Never blocks. 0 for NULL and in a forked child.
 */
BQ_API size_t bq_unfinished(const struct bq_queue *queue);

/**
 * Changes the capacity; 0: unbounded. Growing lets as many blocked puts in as now fit, and tells the
 * watches for BQ_WRITABLE before the last of those. Shrinking discards nothing: puts wait until
 * there is room again.
 *
 * Never waits for items or room.
 *
 * Returns BQ_OK; BQ_INVALID (NULL); BQ_FORKED.
 */
BQ_API
bq_status bq_set_capacity(struct bq_queue *queue,
                          size_t capacity);

/**
 * Takes the statistics of a queue. The counts are as exact as bq_len(), each for itself.
 *
 * `stats`: its `size` says how much to write. Never waits for items or room, only for its turn at
 * the queue's list of waiters, as bq_set_capacity() does.
 *
 * Returns BQ_OK; BQ_INVALID (a NULL, `size` below that of its own field); BQ_FORKED.
 */
BQ_API bq_status bq_queue_stats(const struct bq_queue *queue, struct bq_stats *stats);

/**
 * Makes a poller, armed, with nothing to watch and no descriptor yet.
 *
 * `options`: NULL: a descriptor of the library's choice, level-triggered. Read
 * during the call only. `poller`: receives the handle; untouched on failure.
 *
 * Ownership: the caller holds one reference, to be released with bq_poller_unref(). Never blocks.
 *
 * Returns BQ_OK; BQ_INVALID (`poller` is NULL, an unknown flag, a flag together with `wake`, a
 * negative linger_ns other than BQ_NO_LINGER, a `size` that is too small or bytes behind the known
 * ones that are not zero); BQ_NO_MEMORY.
 */
BQ_API bq_status bq_poller_new(const struct bq_poller_options *options, struct bq_poller **poller);

/**
 * Takes one more reference to a poller; in a forked child as well. Never blocks.
 *
 * Returns `poller`; NULL for NULL.
 */
BQ_API struct bq_poller *bq_poller_ref(struct bq_poller *poller);

/**
 * Releases one reference to a poller; NULL: does nothing. The last one removes every watch, passes
 * on wake-ups that were not served, closes the descriptor and frees the poller. (Where a thread is
 * just making the descriptor readable, it is closed when that thread is done, a moment after this
 * has returned.) Unregister the descriptor from the loop first.
 *
 * The calling thread must not use `poller` afterwards. Blocks no longer than the `drop` of a queue
 * whose last reference the poller held, and than a `wake` that is running in another thread.
 */
BQ_API void bq_poller_unref(struct bq_poller *poller);

/**
 * The descriptor to register with an event loop, for POLLIN; made by the first call, close-on-exec
 * and non-blocking.
 *
 * Ownership: the poller's; never read from it, never close it. Never blocks.
 *
 * Returns the descriptor, >= 0; or BQ_NO_FD (the limit is reached: try again later), BQ_NO_MEMORY,
 * BQ_INVALID (NULL, or the poller has a `wake` callback), BQ_FORKED.
 */
BQ_API int bq_poller_fd(struct bq_poller *poller);

/**
 * Watches a queue: from now on bq_poller_poll() reports `events` of it while they hold.
 *
 * `events`: BQ_READABLE, BQ_WRITABLE, BQ_JOINED, BQ_CLOSED, BQ_DRAINED, or several of them; 0: none
 * for now. `data`: handed back with every report.
 *
 * Ownership: the poller takes a reference to the queue and releases it with the watch, which is
 * enough for bq_poller_modify() and bq_poller_remove(), if no other thread removes it. Never waits
 * for events.
 *
 * Returns BQ_OK; BQ_EXISTS (watched already); BQ_INVALID (a NULL, an unknown event);
 * BQ_NO_MEMORY; BQ_FORKED.
 */
BQ_API
bq_status bq_poller_add(struct bq_poller *poller,
                        struct bq_queue *queue,
                        uint32_t events,
                        void *data);

/**
 * Changes what is watched of a queue. Passes on a wake-up for what is no longer watched.
 *
 * `events`: as for bq_poller_add(); 0: paused, nothing is reported until it is modified again.
 * `data`: replaces what was given before.
 *
 * Never waits for events.
 *
 * Returns BQ_OK; BQ_NOT_FOUND (not watched); BQ_INVALID (a NULL, an unknown event); BQ_FORKED.
 */
BQ_API
bq_status bq_poller_modify(struct bq_poller *poller,
                           struct bq_queue *queue,
                           uint32_t events,
                           void *data);

/**
 * Ends the watch of a queue, passes on a wake-up that was not served and releases the poller's
 * reference to the queue.
 *
 * Does not take back what a poll has reported already, further on in the same array or in another
 * thread: `queue` and `data` of that event may be gone. A loop that removes watches while it serves
 * the events of one poll must look whether the later ones are still watched. Another thread must
 * not free `data`, nor the last reference to the queue, before the polling thread has served what it
 * has.
 *
 * Blocks no longer than the queue's `drop`, if that was the last reference.
 *
 * Returns BQ_OK; BQ_NOT_FOUND (not watched); BQ_INVALID (a NULL); BQ_FORKED.
 */
BQ_API
bq_status bq_poller_remove(struct bq_poller *poller,
                           struct bq_queue *queue);

/**
 * Reports ready queues, one event each, in turn. Its cost grows with the ready queues, not with the
 * watched ones.
 *
 * `events`: receives up to `max` reports.
 *
 * Never waits. Where it finds nothing it may look again before it says so: for microseconds, or
 * for the linger_ns of bq_poller_options.
 *
 * 0 means: go back to waiting for the descriptor. The poller is armed; or, where looking again has
 * kept the loop for 20 to 90 microseconds (or one look of linger_ns), the descriptor is readable
 * again, so that the loop serves its other descriptors before it is called once more. So 0 does not
 * say that the queues are empty. A loop with a `wake` callback is not sent away like that, and
 * nothing calls it again before it got a 0: one that must not be kept for long stops earlier and
 * schedules its next poll itself (uv_async_send(), g_idle_add()), or sets BQ_NO_LINGER. A 0 answers
 * every bq_poller_wake() so far: a loop then looks at the flags that other threads have set.
 *
 * Returns how many were written, > 0; 0: nothing to report now; or BQ_BUSY (another thread polls),
 * BQ_INVALID (a NULL, `max` 0), BQ_FORKED.
 */
BQ_API ptrdiff_t bq_poller_poll(struct bq_poller *poller, struct bq_event *events, size_t max);

/**
 * Waits until a queue is ready and reports as bq_poller_poll() does: select for threads.
 *
 * Blocks until an event holds, bq_poller_wake() is called or `timeout_ns` (nanoseconds, BQ_NOWAIT
 * or BQ_FOREVER) has passed. Needs no descriptor.
 *
 * Returns how many were written, > 0; 0: woken by bq_poller_wake(); or BQ_TIMEDOUT (the poller is
 * armed, as behind a 0), BQ_BUSY (another thread polls), BQ_INVALID (a NULL, `max` 0, a negative
 * timeout other than BQ_FOREVER), BQ_FORKED.
 */
BQ_API
ptrdiff_t bq_poller_wait(struct bq_poller *poller,
                         struct bq_event *events,
                         size_t max,
                         int64_t timeout_ns);

/**
 * Wakes a poller by hand: ends a bq_poller_wait(), now or the next one, or makes the descriptor
 * readable until bq_poller_poll() returns 0, or calls `wake` if the poller is armed: new, or since a
 * poll has returned 0, or a wait 0 or BQ_TIMEDOUT.
 *
 * Never blocks. Safe from any thread and from a signal handler (with a `wake` callback, only if
 * that is async-signal-safe).
 *
 * Returns BQ_OK; BQ_INVALID (NULL); BQ_FORKED.
 */
BQ_API
bq_status bq_poller_wake(struct bq_poller *poller);

#ifdef __cplusplus
}  // extern "C"
#endif /* __cplusplus */

#endif  /* BRIDGEQ_H */
