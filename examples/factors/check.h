/* The built-in clients of uv_offload.c. */
#ifndef FACTORS_CHECK_H
#define FACTORS_CHECK_H

#include <bridgeq.h>

#include <stdint.h>

struct check_task {
  uint16_t port;
  uint64_t first, last; /* numbers to ask for */
  bq_queue *reports;    /* gets one uint64_t: how many true answers were missing */
};

/* A thread: asks with a blocking socket, and multiplies what it is told. */
void *check_answers(void *task);

#endif
