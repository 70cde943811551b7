#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static unsigned bucket_of(uint64_t ns) {
  if (ns < 64) return (unsigned)ns;
  const unsigned shift = 58 - (unsigned)__builtin_clzll(ns); /* leaves 32 to 63 */
  return shift * 32 + (unsigned)(ns >> shift);
}

/* The largest duration that the bucket counts. */
static int64_t top_of(unsigned bucket) {
  if (bucket < 64) return bucket;
  const unsigned shift = bucket / 32 - 1;
  return (int64_t)(((uint64_t)(bucket % 32 + 33) << shift) - 1);
}

void histogram_add(struct histogram *histogram, int64_t ns) {
  const uint64_t duration = ns > 0 ? (uint64_t)ns : 0;
  histogram->buckets[bucket_of(duration)]++;
  histogram->count++;
  if (ns > histogram->max) histogram->max = ns;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) into->buckets[i] += from->buckets[i];
  into->count += from->count;
  if (from->max > into->max) into->max = from->max;
}

int64_t histogram_quantile(const struct histogram *histogram, double share) {
  const double wanted = share * (double)histogram->count;
  uint64_t seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen && (double)seen >= wanted && top_of(i) < histogram->max) return top_of(i);
  }
  return histogram->max;
}

static double ms(int64_t ns) { return (double)ns / 1e6; }

void report_progress(int second, const struct server_figures *now, uint64_t answers_before) {
  printf("%5d s  %8" PRIu64 " answers/s   worst tick delay %6.2f ms   jobs queue full %" PRIu64
         " times\n",
         second, now->answers - answers_before, ms(now->worst_tick_ns), now->full);
  fflush(stdout);
}

static void count_row(const char *name, uint64_t count) {
  printf("  %-38s %10" PRIu64 "\n", name, count);
}

static void number_row(const char *name, double number, int digits, const char *unit) {
  printf("  %-38s %10.*f%s\n", name, digits, number, unit);
}

static double each(uint64_t what, uint64_t of) { return of ? (double)what / (double)of : 0; }

void report_table(const struct report *report) {
  const struct server_figures *server = &report->server;
  const uint64_t wakes = server->jobs.wakes + server->results.wakes;
  const uint64_t items = server->jobs.puts + server->results.puts;
  printf("\n");
  number_row("requests a second", (double)report->latency->count / report->seconds, 0, "");
  number_row("latency, median", ms(histogram_quantile(report->latency, 0.50)), 2, " ms");
  number_row("latency, p90", ms(histogram_quantile(report->latency, 0.90)), 2, " ms");
  number_row("latency, p99", ms(histogram_quantile(report->latency, 0.99)), 2, " ms");
  number_row("latency, max", ms(report->latency->max), 2, " ms");
  number_row("worst tick delay", ms(server->worst_tick_ns), 2, " ms");
  count_row("ticks, one every 10 ms", server->ticks);
  count_row("jobs that found their queue full", server->full);
  count_row("results for clients that had left", server->late);
  number_row("wake-up system calls an item", each(wakes, items), 4, "");
  number_row("  jobs queue", each(server->jobs.wakes, server->jobs.puts), 4, "");
  number_row("  results queue", each(server->results.wakes, server->results.puts), 4, "");
  count_row("answers checked", report->checked);
  count_row("answers wrong", report->wrong);
}
