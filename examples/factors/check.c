#define _GNU_SOURCE
#include "check.h"

#include "../common.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW 50 /* numbers asked for before the answers are read */

/* The number that "91 = 7 x 13" is about, if it is true; else 0. */
static uint64_t confirmed(const char *answer) {
  char *at;
  uint64_t product = 1;
  const uint64_t number = strtoull(answer, &at, 10);
  if (strncmp(at, " = ", 3) != 0) return 0;
  while (*at == ' ') product *= strtoull(at + 3, &at, 10);
  return product == number ? number : 0;
}

/* Asks for the factors of first to last; returns how many true answers are missing. */
static uint64_t ask(FILE *to, FILE *from, uint64_t first, uint64_t last) {
  char answer[256];
  bool seen[WINDOW] = {false};
  uint64_t missing = last - first + 1;
  for (uint64_t number = first; number <= last; number++) fprintf(to, "%" PRIu64 "\n", number);
  if (fflush(to) != 0) return missing;
  for (uint64_t i = first; i <= last && fgets(answer, sizeof answer, from); i++) {
    const uint64_t number = confirmed(answer);
    if (number < first || number > last || seen[number - first]) continue;
    seen[number - first] = true;
    missing--;
  }
  return missing;
}

static int connect_to(uint16_t port) {
  const struct timeval patience = {.tv_sec = 60};
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0) err(1, "socket");
  setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(server, (const struct sockaddr *)&address, sizeof address) != 0)
    err(1, "the built-in client cannot connect to port %u", port);
  return server;
}

void *check_answers(void *argument) {
  const struct check_task *task = argument;
  const int server = connect_to(task->port);
  FILE *from = fdopen(server, "r"), *to = fdopen(dup(server), "w");
  if (!from || !to) err(1, "the built-in client");
  uint64_t missing = 0;
  for (uint64_t first = task->first; first <= task->last; first += WINDOW) {
    const uint64_t last = task->last - first < WINDOW ? task->last : first + WINDOW - 1;
    missing += ask(to, from, first, last);
  }
  fclose(to);
  fclose(from);
  must(bq_put(task->reports, &missing, BQ_FOREVER), "reporting");
  return NULL;
}
