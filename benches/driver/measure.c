#include "measure.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fflush(stdout);
  fputs("bench: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  _exit(1);
}

struct usage usage_of_this_thread(void) {
  struct rusage raw;
  struct timespec cpu;
  getrusage(RUSAGE_THREAD, &raw);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return (struct usage){cpu.tv_sec * SECOND + cpu.tv_nsec, raw.ru_nvcsw, raw.ru_nivcsw};
}

void usage_add(struct usage *sum, const struct usage *from, const struct usage *to) {
  sum->cpu_ns += to->cpu_ns - from->cpu_ns;
  sum->voluntary += to->voluntary - from->voluntary;
  sum->involuntary += to->involuntary - from->involuntary;
}

/* Counting system calls: perf events on one tracepoint, filtered by the number of the call. */

static const char *filters[] = {NULL, "id == %d || id == %d", "id == %d"};
static const int filter_ids[][2] = {{0, 0}, {SYS_write, SYS_futex}, {SYS_sched_yield, 0}};
enum { COUNTERS = sizeof filters / sizeof filters[0] };
static int counters[COUNTERS] = {-1, -1, -1};

static int counter_open(int tracepoint, const char *filter, const int ids[2]) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_TRACEPOINT,
                                       .size = sizeof attributes,
                                       .config = (uint64_t)tracepoint,
                                       .disabled = 1,
                                       .inherit = 1};
  const int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  if (fd < 0) fail("cannot count system calls: %s; leave out --tracepoint", strerror(errno));
  if (filter) {
    char text[64];
    snprintf(text, sizeof text, filter, ids[0], ids[1]);
    if (ioctl(fd, PERF_EVENT_IOC_SET_FILTER, text)) fail("filter %s: %s", text, strerror(errno));
  }
  return fd;
}

void counters_open(int tracepoint) {
  for (int i = 0; tracepoint > 0 && i < COUNTERS; i++)
    counters[i] = counter_open(tracepoint, filters[i], filter_ids[i]);
}

void counters_start(void) {
  for (int i = 0; i < COUNTERS; i++) {
    if (counters[i] < 0) continue;
    ioctl(counters[i], PERF_EVENT_IOC_RESET, 0);
    ioctl(counters[i], PERF_EVENT_IOC_ENABLE, 0);
  }
}

struct syscalls counters_stop(void) {
  uint64_t values[COUNTERS] = {0};
  for (int i = 0; i < COUNTERS; i++) {
    if (counters[i] < 0) continue;
    ioctl(counters[i], PERF_EVENT_IOC_DISABLE, 0);
    if (read(counters[i], &values[i], sizeof values[i]) < 0) fail("counter: %s", strerror(errno));
  }
  return (struct syscalls){values[0], values[1], values[2]};
}

size_t heap_bytes(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

size_t resident_bytes(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*s %zu", &pages) != 1) fail("cannot read /proc/self/statm");
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static cpu_set_t started_on;

static void learn_cpus(void) {
  if (!CPU_COUNT(&started_on)) sched_getaffinity(0, sizeof started_on, &started_on);
}

int cpu_count(void) {
  learn_cpus();
  return CPU_COUNT(&started_on);
}

void pin_thread(int index) {
  learn_cpus();
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &started_on) || index-- > 0) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(0, sizeof only, &only)) fail("cannot pin: %s", strerror(errno));
    return;
  }
  fail("there is no such processor to pin to");
}

static int ascending(const void *a, const void *b) {
  const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

void sort_samples(uint32_t *samples, size_t count) {
  qsort(samples, count, sizeof *samples, ascending);
}

double percentile(const uint32_t *sorted, size_t count, double share) {
  return count ? sorted[(size_t)(share * (double)(count - 1))] : 0;
}
