/* What a first program does, in the common part of every C and C++ that the header promises. */
#include <bridgeq.h>

static void forget(void *item, void *context) {
  (void)item;
  (void)context;
}

static int same(const void *a, const void *b, void *context) {
  (void)a;
  (void)b;
  (void)context;
  return 0;
}

static void woken(void *context) { (void)context; }

int main(void) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_poller_options poller_options = BQ_POLLER_OPTIONS_INIT;
  bq_stats stats = BQ_STATS_INIT;
  bq_event events[2];
  bq_queue *queue = NULL;
  bq_poller *poller = NULL;
  bq_status status;
  ptrdiff_t count;
  int item = 1;
  options.order = BQ_PRIORITY;
  options.item_size = sizeof item;
  options.drop = forget;
  options.compare = same;
  poller_options.wake = woken;
  status = bq_queue_new(&options, &queue);
  if (status != BQ_OK) return 1;
  status = bq_poller_new(&poller_options, &poller);
  if (status != BQ_OK) return 1;
  status = bq_put(queue, &item, BQ_FOREVER);
  if (status != BQ_OK) return 1;
  status = bq_poller_add(poller, queue, BQ_READABLE | BQ_CLOSED, &item);
  if (status != BQ_OK) return 1;
  count = bq_poller_poll(poller, events, 2);
  if (count != 1 || events[0].data != &item) return 1;
  status = bq_queue_stats(queue, &stats);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
  return status == BQ_OK && stats.puts == 1 ? 0 : 1;
}
