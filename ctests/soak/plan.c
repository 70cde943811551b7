/* What a round consists of. The same seed and round always give the same plan. */
#include "soak.h"

/* About as long as the traffic before it. */
#define A_REST_NS (3 * MILLISECOND)

static uint32_t pick(uint64_t *random, uint32_t sides) { return random_of(random) % sides; }

size_t random_capacity(uint64_t *random) {
  switch (pick(random, 5)) {
  case 0: return 0;
  case 1: return 1;
  case 2: return 1024;
  default: return 2 + pick(random, 30);
  }
}

static queue_plan plan_queue(uint64_t *random) {
  static const uint32_t orders[] = {BQ_FIFO, BQ_FIFO, BQ_LIFO, BQ_PRIORITY};
  static const size_t sizes[] = {8, 16, 64, LARGEST_ITEM};
  queue_plan one = {.order = orders[pick(random, LENGTH(orders))]};
  one.compares = one.order == BQ_PRIORITY && pick(random, 2);
  one.capacity = random_capacity(random);
  one.item_size = sizes[pick(random, LENGTH(sizes))];
  one.linger_ns = pick(random, 2) ? BQ_NO_LINGER : 0;
  one.ending = (ending)pick(random, BY_JOIN + 1);
  one.leaves = one.ending == BY_DRAIN && pick(random, 2);
  return one;
}

static worker_plan plan_worker(uint64_t *random, role role, size_t queues) {
  static const uint32_t rests[] = {0, 1, 2, 16, 256};
  worker_plan one = {.role = role};
  one.patience = (patience)pick(random, IN_EVERY_WAY + 1);
  one.batch = pick(random, 2) ? 1 : 1 + pick(random, LARGEST_BATCH);
  one.rests = rests[pick(random, LENGTH(rests))];
  one.home = pick(random, (uint32_t)queues);
  return one;
}

/* One producer and one consumer at least, then as it comes; in a quiet round all on one side. */
static role plan_role(uint64_t *random, size_t number, calm calm) {
  static const role others[] = {PRODUCER, PRODUCER, PRODUCER, CONSUMER, CONSUMER, CONSUMER,
                                BOTH,     BOTH,     JOINER,   DISTURBER};
  if (calm == ONLY_PUTS) return PRODUCER;
  if (calm == ONLY_GETS) return CONSUMER;
  if (number == 0) return PRODUCER;
  if (number == 1) return CONSUMER;
  return others[pick(random, LENGTH(others))];
}

static step_plan plan_step(uint64_t *random, size_t queues, int64_t most_ns, calm calm) {
  static const deed deeds[] = {DO_REST, DO_REST,   DO_REST,  DO_REST,    DO_RESIZE,
                               DO_RESIZE, DO_CLEAR, DO_NOTHING, DO_SHUTDOWN};
  step_plan one = {.deed = deeds[pick(random, LENGTH(deeds))]};
  if (calm) return (step_plan){.deed = DO_REST, .after_ns = most_ns / 10, .number = 50};
  one.after_ns = (1 + pick(random, 60)) * (most_ns / 100);
  one.queue = pick(random, (uint32_t)queues);
  if (one.deed == DO_SHUTDOWN && pick(random, 3)) one.deed = DO_REST;
  switch (one.deed) {
  case DO_RESIZE: one.number = random_capacity(random); break;
  case DO_SHUTDOWN: one.number = pick(random, 2) ? BQ_DRAIN : BQ_DISCARD; break;
  case DO_REST: one.number = pick(random, 2) ? 1 : 1 + pick(random, 200); break;
  case DO_NOTHING:
  case DO_CLEAR: break;
  }
  return one;
}

/* Half of the rounds are short: beginnings and ends are where most can go wrong. */
static void plan_steps(plan *one, uint64_t *random) {
  const int64_t length_ns = (pick(random, 2) ? 100 + pick(random, 400) : 500 + pick(random, 2500)) *
                            MILLISECOND;
  const int64_t most_ns = (10 + pick(random, 400)) * MILLISECOND;
  int64_t planned_ns = 0;
  while (planned_ns < length_ns && one->step_count < MOST_STEPS - 1) {
    const step_plan step = plan_step(random, one->queue_count, most_ns, one->calm);
    planned_ns += step.after_ns + (step.deed == DO_REST ? (int64_t)step.number * A_REST_NS : 0);
    one->steps[one->step_count++] = step;
  }
  one->steps[one->step_count++] =
      (step_plan){.deed = DO_REST, .after_ns = most_ns / 2, .number = 1};
}

plan plan_of(uint64_t seed, uint64_t round, uint32_t most_threads) {
  uint64_t random = random_state(seed, round);
  plan one = {.seed = seed, .round = round};
  for (int i = 0; i < 8; i++) random_of(&random); /* neighbours are alike at first */
  /* All at one queue in half of the rounds. */
  one.queue_count = pick(&random, 2) ? 1 : 1 + pick(&random, MOST_QUEUES);
  one.calm = pick(&random, 4) ? LIVELY : pick(&random, 2) ? ONLY_PUTS : ONLY_GETS;
  one.thread_count = 2 + pick(&random, most_threads - 1);
  one.loop_count = pick(&random, MOST_LOOPS + 1);
  for (size_t i = 0; i < one.queue_count; i++) one.queues[i] = plan_queue(&random);
  for (size_t i = 0; i < one.thread_count + one.loop_count; i++) {
    const role role = i < one.thread_count ? plan_role(&random, i, one.calm) : LOOP;
    one.workers[i] = plan_worker(&random, role, one.queue_count);
  }
  plan_steps(&one, &random);
  return one;
}

const char *role_name(role one) {
  switch (one) {
  case PRODUCER: return "producer";
  case CONSUMER: return "consumer";
  case BOTH: return "producer and consumer";
  case JOINER: return "joiner";
  case DISTURBER: return "disturber";
  case LOOP: return "loop";
  }
  return "?";
}

static const char *ending_name(const queue_plan *one) {
  switch (one->ending) {
  case BY_DRAIN: return one->leaves ? "drain, rest left to unref" : "drain";
  case BY_DISCARD: return "discard";
  case BY_BOTH: return "drain, then discard";
  case BY_JOIN: return "join, then drain";
  }
  return "?";
}

void show_plan(const plan *one) {
  static const char *const orders[] = {"fifo", "lifo", "priority"};
  static const char *const calms[] = {"lively", "calm, only puts", "calm, only gets"};
  static const char *const patiences[] = {"waits for ever", "waits shortly", "waits in every way"};
  fprintf(stderr, "round %llu: %s\n", (unsigned long long)one->round, calms[one->calm]);
  for (size_t i = 0; i < one->queue_count; i++) {
    const queue_plan *queue = &one->queues[i];
    fprintf(stderr,
            "plan of queue %zu: %s%s, capacity %zu at first, items of %zu bytes, ends by %s%s\n", i,
            orders[queue->order], queue->compares ? " by compare" : "", queue->capacity,
            queue->item_size, ending_name(queue), queue->linger_ns ? ", no linger" : "");
  }
  for (size_t i = 0; i < one->thread_count + one->loop_count; i++) {
    const worker_plan *worker = &one->workers[i];
    fprintf(stderr, "plan of thread %zu: %s, at queue %zu, %s, batches to %u, rests after %u\n", i,
            role_name(worker->role), worker->home, patiences[worker->patience], worker->batch,
            worker->rests);
  }
}
