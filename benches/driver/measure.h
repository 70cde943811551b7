/* What is read beside the clock: processor time, context switches, system calls, memory. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define SECOND INT64_C(1000000000)

int64_t now_ns(void);

/* Says what is wrong and ends the process: a contender that loses an item has no speed. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct usage {
  int64_t cpu_ns;
  int64_t voluntary, involuntary; /* context switches */
};

struct usage usage_of_this_thread(void);
void usage_add(struct usage *sum, const struct usage *from, const struct usage *to);

/* System calls of this process and the threads that it makes from counters_open() on. */
struct syscalls {
  uint64_t all, wakes /* write and futex */, yields;
};

/* `tracepoint`: the number of raw_syscalls:sys_enter; 0: do not count. */
void counters_open(int tracepoint);
void counters_start(void);
struct syscalls counters_stop(void);

size_t heap_bytes(void);
size_t resident_bytes(void);

/* To the index-th of the processors that this process was started on; all_cpus(): to any. */
int cpu_count(void);
void pin_thread(int index);

/* Sorts; then the value below which `share` of them lie. */
void sort_samples(uint32_t *samples, size_t count);
double percentile(const uint32_t *sorted, size_t count, double share);

#endif
