/* A plug-in: a shared object with the library inside, or linked to it. Uses a bit of everything. */
#include <bridgeq.h>

#include <stdint.h>

#include "plugin.h"

static int serve(bq_queue *queue, bq_poller *poller) {
  bq_event event;
  int64_t number = 0;
  if (bq_poller_fd(poller) < 0) return 3;
  if (bq_poller_add(poller, queue, BQ_READABLE, NULL) != BQ_OK) return 4;
  for (int64_t i = 1; i <= 100; i++)
    if (bq_put(queue, &i, BQ_FOREVER) != BQ_OK) return 5;
  if (bq_poller_poll(poller, &event, 1) != 1) return 6;
  for (int64_t i = 1; i <= 50; i++)
    if (bq_get(queue, &number, BQ_FOREVER) != BQ_OK || number != i) return 7;
  if (bq_join(queue, 1000) != BQ_TIMEDOUT) return 8;
  return 0;
}

int plugin_work(void) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_queue *queue;
  bq_poller *poller;
  options.item_size = sizeof(int64_t);
  if (bq_queue_new(&options, &queue) != BQ_OK) return 1;
  if (bq_poller_new(NULL, &poller) != BQ_OK) return 2;
  const int failed = serve(queue, poller);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
  return failed;
}
