/*
 * A program of somebody else: it knows bridgeq only as it was installed. A thread puts numbers, a
 * loop on poll(2) adds them up. Prints the version, exits with 0 when nothing was lost.
 */
#include <bridgeq.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#define LAST 1000

static void *produce(void *queue) {
  for (int i = 1; i <= LAST; i++)
    bq_put(queue, &i, BQ_FOREVER);
  bq_shutdown(queue, BQ_DRAIN);
  return NULL;
}

/* Adds what is there; says whether more is to come. */
static int drain(bq_queue *queue, long *sum) {
  int number;
  bq_status status;
  while ((status = bq_get(queue, &number, BQ_NOWAIT)) == BQ_OK)
    *sum += number;
  return status == BQ_EMPTY;
}

static long consume(bq_queue *queue, bq_poller *poller) {
  struct pollfd loop = {bq_poller_fd(poller), POLLIN, 0};
  long sum = 0;
  for (int open = 1; open && poll(&loop, 1, -1) >= 0;) {
    bq_event event;
    while (open && bq_poller_poll(poller, &event, 1) > 0)
      open = drain(event.queue, &sum);
  }
  bq_poller_remove(poller, queue);
  return sum;
}

int main(void) {
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = sizeof(int);
  options.capacity = 16;

  bq_queue *queue;
  bq_poller *poller;
  pthread_t thread;
  if (bq_version() != BQ_VERSION || bq_queue_new(&options, &queue) != BQ_OK)
    return 1;
  if (bq_poller_new(NULL, &poller) != BQ_OK ||
      bq_poller_add(poller, queue, BQ_READABLE, NULL) != BQ_OK ||
      pthread_create(&thread, NULL, produce, queue) != 0)
    return 1;

  long sum = consume(queue, poller);
  pthread_join(thread, NULL);
  bq_poller_unref(poller);
  bq_queue_unref(queue);
  printf("%d.%d.%d\n", BQ_VERSION_MAJOR, BQ_VERSION_MINOR, BQ_VERSION_PATCH);
  return sum == LAST * (LAST + 1L) / 2 ? 0 : 1;
}
