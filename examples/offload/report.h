/* What the demo shows: latencies, a line a second, the table at the end. */
#ifndef OFFLOAD_REPORT_H
#define OFFLOAD_REPORT_H

#include "server.h"

/* Counts of durations; a bucket is at most 1/32 wide of what it counts. */
#define HISTOGRAM_BUCKETS (32 * 60)
struct histogram {
  uint64_t count, buckets[HISTOGRAM_BUCKETS];
  int64_t max;
};

void histogram_add(struct histogram *histogram, int64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
int64_t histogram_quantile(const struct histogram *histogram, double share);

struct report {
  double seconds;
  uint64_t checked, wrong;
  const struct histogram *latency;
  struct server_figures server;
};

void report_progress(int second, const struct server_figures *now, uint64_t answers_before);
void report_table(const struct report *report);

#endif
