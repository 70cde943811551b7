/*
 * The two ways to say what leaves a queue first:
 *
 *  - by a number, given with each put: bq_put_priority(), lowest first;
 *  - by the items themselves: a `compare` in the options, here earliest deadline first.
 *
 * Either way, items that are equal leave in the order in which they were put.
 */
#define _GNU_SOURCE
#include "common.h"

#include <stdio.h>

struct patient {
  const char *name;
  int64_t urgency; /* 1: at once */
};

struct task {
  const char *name;
  int hour, minute; /* to be done by */
};

static const struct patient patients[] = {
    {"sprained ankle", 4}, {"heart attack", 1}, {"cut finger", 4},
    {"broken arm", 3},     {"stroke", 1}};

static const struct task tasks[] = {
    {"call the bank", 12, 0}, {"send the report", 17, 30}, {"water plants", 9, 15},
    {"lunch", 12, 30},        {"pay the rent", 12, 0}};

#define COUNT 5

static bq_queue *open_queue(size_t item_size, bq_compare_fn compare) {
  bq_options options = BQ_OPTIONS_INIT;
  bq_queue *queue;
  options.order = BQ_PRIORITY;
  options.item_size = item_size;
  options.compare = compare;
  must(bq_queue_new(&options, &queue), "making a queue");
  return queue;
}

static int by_urgency(void) {
  static const char *const expected[COUNT] = {"heart attack", "stroke", "broken arm",
                                              "sprained ankle", "cut finger"};
  int wrong = 0;
  struct patient next;
  bq_queue *queue = open_queue(sizeof next, NULL);
  for (int i = 0; i < COUNT; i++)
    must(bq_put_priority(queue, &patients[i], patients[i].urgency, BQ_NOWAIT), "putting");
  printf("patients, most urgent first:\n");
  for (int i = 0; i < COUNT; i++) {
    must(bq_get(queue, &next, BQ_NOWAIT), "getting");
    printf("  %d  %s\n", (int)next.urgency, next.name);
    wrong += strcmp(next.name, expected[i]) != 0;
  }
  bq_queue_unref(queue);
  return wrong;
}

/* Negative: a leaves before b. Called with the queue's lock held: quick, and no bridgeq calls. */
static int earlier(const void *a, const void *b, void *context) {
  const struct task *one = a, *other = b;
  (void)context;
  return (one->hour * 60 + one->minute) - (other->hour * 60 + other->minute);
}

static int by_deadline(void) {
  static const char *const expected[COUNT] = {"water plants", "call the bank", "pay the rent",
                                              "lunch", "send the report"};
  int wrong = 0;
  struct task next;
  bq_queue *queue = open_queue(sizeof next, earlier);
  for (int i = 0; i < COUNT; i++) must(bq_put(queue, &tasks[i], BQ_NOWAIT), "putting");
  printf("tasks, earliest deadline first:\n");
  for (int i = 0; i < COUNT; i++) {
    must(bq_get(queue, &next, BQ_NOWAIT), "getting");
    printf("  %02d:%02d  %s\n", next.hour, next.minute, next.name);
    wrong += strcmp(next.name, expected[i]) != 0;
  }
  bq_queue_unref(queue);
  return wrong;
}

int main(int argc, char **argv) {
  if (argc > 1) {
    printf("usage: priority [--help]\n"
           "Shows in which order items leave priority queues, by number and by comparison.\n");
    return strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  const int wrong = by_urgency() + by_deadline();
  if (wrong) warnx("%d items left at the wrong time", wrong);
  return wrong != 0;
}
