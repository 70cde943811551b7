/* Every scenario, in the order of the report. What `run` does is described where it is defined. */
#include "driver/bench.h"

#define BOUND 1024
#define RATE "M items/s"
#define NS "ns"
#define CPU_NS "ns of processor time"

/* producers, consumers, capacity, uses */
#define STREAM(p, c, cap, how) \
  {.capacity = (cap), .item_size = 8, .uses = (how), .producers = (p), .consumers = (c)}
#define SIZED(size)                                                                               \
  {.capacity = BOUND, .item_size = (size), .uses = LOOP_GETS, .producers = 1, .consumers = 1}
#define ONE(cap, how) STREAM(1, 1, cap, how)

#define TO_LOOP "threads to a loop"
#define TO_THREADS "a loop to threads"
#define THREADS "threads to threads"
#define PING "round trips"
#define BATCHES "batches of 64"
#define SIZES "larger items, a thread to a loop, bounded"
#define ALONE "one thread alone, put and get"
#define ORDERS "other orders, one thread, put and get"
#define IDLE "a queue that is made and freed"
#define WATCHED "many queues in one loop, one thread, an item"
#define DELAYS "another descriptor of the loop"

#define ORDER(name, title, how, depth)                                                            \
  {name, title, ORDERS, CPU_NS, run_ordered,                                                      \
   {.item_size = 8, .order = (how), .uses = SOLO, .producers = 1, .consumers = 1}, depth, 0}
#define WATCH(name, title, count, busy)                                                           \
  {name, title, WATCHED, CPU_NS, run_watched, ONE(0, LOOP_GETS), count, busy}

const struct scenario scenarios[] = {
    {"loop-1-b", "1 producer, bounded", TO_LOOP, RATE, run_stream, ONE(BOUND, LOOP_GETS), 0, 0},
    {"loop-1-u", "1 producer, unbounded", TO_LOOP, RATE, run_stream, ONE(0, LOOP_GETS), 0, 0},
    {"loop-4-b", "4 producers, bounded", TO_LOOP, RATE, run_stream,
     STREAM(4, 1, BOUND, LOOP_GETS), 0, 0},
    {"loop-4-u", "4 producers, unbounded", TO_LOOP, RATE, run_stream, STREAM(4, 1, 0, LOOP_GETS),
     0, 0},
    {"fanout-8", "1 producer to 8 loops, bounded", TO_LOOP, RATE, run_stream,
     STREAM(1, 8, BOUND, LOOP_GETS), 0, 0},
    {"from-loop", "to 2 threads, bounded", TO_THREADS, RATE, run_stream,
     STREAM(1, 2, BOUND, LOOP_PUTS), 0, 0},

    {"ping", "free to move", PING, NS, run_ping, ONE(BOUND, LOOP_GETS | ALTERNATE), 0, 0},
    {"ping-2", "on two processors", PING, NS, run_ping, ONE(BOUND, LOOP_GETS | ALTERNATE), 2, 0},
    {"ping-1", "on one processor", PING, NS, run_ping, ONE(BOUND, LOOP_GETS | ALTERNATE), 1, 0},
    {"ping-busy", "on two processors, a computing thread on each of them", PING, NS, run_ping,
     ONE(BOUND, LOOP_GETS | ALTERNATE), 2, PING_IN_COMPANY},

    {"1-1-b", "1 to 1, bounded", THREADS, RATE, run_stream, ONE(BOUND, 0), 0, 0},
    {"4-1-b", "4 to 1, bounded", THREADS, RATE, run_stream, STREAM(4, 1, BOUND, 0), 0, 0},
    {"2-2-b", "2 to 2, bounded", THREADS, RATE, run_stream, STREAM(2, 2, BOUND, 0), 0, 0},
    {"4-4-b", "4 to 4, bounded", THREADS, RATE, run_stream, STREAM(4, 4, BOUND, 0), 0, 0},
    {"4-4-work", "4 to 4, bounded, 400 steps of work on each item", THREADS, RATE,
     run_stream,
     {.capacity = BOUND, .item_size = 8, .producers = 4, .consumers = 4, .work = 400}, 0, 0},
    {"1-1-u", "1 to 1, unbounded", THREADS, RATE, run_stream, ONE(0, 0), 0, 0},
    {"4-1-u", "4 to 1, unbounded", THREADS, RATE, run_stream, STREAM(4, 1, 0, 0), 0, 0},
    {"2-2-u", "2 to 2, unbounded", THREADS, RATE, run_stream, STREAM(2, 2, 0, 0), 0, 0},
    {"4-4-u", "4 to 4, unbounded", THREADS, RATE, run_stream, STREAM(4, 4, 0, 0), 0, 0},

    {"batch-b", "1 to 1, bounded", BATCHES, RATE, run_stream, ONE(BOUND, BATCH), 0, 0},
    {"batch-u", "1 to 1, unbounded", BATCHES, RATE, run_stream, ONE(0, BATCH), 0, 0},

    {"size-64", "64 bytes", SIZES, RATE, run_stream, SIZED(64), 0, 0},
    {"size-256", "256 bytes", SIZES, RATE, run_stream, SIZED(256), 0, 0},

    {"alone-b", "bounded", ALONE, CPU_NS, run_alone, ONE(BOUND, SOLO), 0, 0},
    {"alone-u", "unbounded", ALONE, CPU_NS, run_alone, ONE(0, SOLO), 0, 0},

    ORDER("lifo-1e3", "last in first out, 1,000 queued", LIFO, 1000),
    ORDER("lifo-1e6", "last in first out, 1,000,000 queued", LIFO, 1000000),
    ORDER("priority-1e3", "by priority, 1,000 queued", PRIORITY, 1000),
    ORDER("priority-1e6", "by priority, 1,000,000 queued", PRIORITY, 1000000),

    {"idle-b", "bounded", IDLE, CPU_NS, run_idle, ONE(BOUND, 0), 0, 0},
    {"idle-u", "unbounded", IDLE, CPU_NS, run_idle, ONE(0, 0), 0, 0},

    WATCH("watch-none-1", "1 watched, none busy: one look", 1, WATCH_NONE),
    WATCH("watch-none-1e2", "100 watched, none busy: one look", 100, WATCH_NONE),
    WATCH("watch-none-1e4", "10,000 watched, none busy: one look", 10000, WATCH_NONE),
    WATCH("watch-none-1e5", "100,000 watched, none busy: one look", 100000, WATCH_NONE),
    WATCH("watch-one-1", "1 watched, one busy", 1, WATCH_ONE),
    WATCH("watch-one-1e2", "100 watched, one busy", 100, WATCH_ONE),
    WATCH("watch-one-1e4", "10,000 watched, one busy", 10000, WATCH_ONE),
    WATCH("watch-one-1e5", "100,000 watched, one busy", 100000, WATCH_ONE),
    WATCH("watch-all-1e2", "100 watched, all busy", 100, WATCH_ALL),
    WATCH("watch-all-1e4", "10,000 watched, all busy", 10000, WATCH_ALL),
    WATCH("watch-all-1e5", "100,000 watched, all busy", 100000, WATCH_ALL),

    {"delay-quiet", "the queue is idle", DELAYS, NS, run_delay, ONE(BOUND, LOOP_GETS | ALTERNATE),
     0, DELAY_QUIET},
    {"delay-ping", "round trips through the same loop", DELAYS, NS, run_delay,
     ONE(BOUND, LOOP_GETS | ALTERNATE), 0, DELAY_PING},
};

const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
