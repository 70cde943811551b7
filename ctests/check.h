/*
 * The whole test harness. A test program is one file:
 *
 *   #include "check.h"
 *
 *   TEST(a_get_returns_what_was_put) { ... CHECK_EQ(a, b); ... }
 *
 *   CHECK_MAIN()
 *
 * Include it first: it asks the system headers for everything they have.
 * A failed check prints where and why, and aborts, so it works from any thread and leaves a core.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <bridgeq.h>

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A case that takes longer than this is stuck. CHECK_WATCHDOG=seconds gives slow tools more. */
#define CHECK_WATCHDOG_S 60u
/* What a skipped case exits with; CTest knows it as SKIP_RETURN_CODE. */
#define CHECK_SKIPPED 77

typedef struct check_case {
  const char *name;
  void (*run)(void);
  struct check_case *next;
} check_case;

static check_case *check_first;
static check_case **check_end = &check_first;
static const check_case *volatile check_running;
static const char *check_skip_reason;

/* Defines a case and registers it before main; cases run in the order of the file. */
#define TEST(name)                                                                                 \
  static void name(void);                                                                          \
  static check_case name##_case = {#name, name, NULL};                                             \
  __attribute__((constructor)) static void name##_register(void) { check_add(&name##_case); }      \
  static void name(void)

/* Ends the case as skipped; only from the case's own function. */
#define SKIP(reason)                                                                               \
  do {                                                                                             \
    check_skip_reason = (reason);                                                                  \
    return;                                                                                        \
  } while (0)

#define CHECK(cond)                                                                                \
  do {                                                                                             \
    if (!(cond)) check_fail(__FILE__, __LINE__, "%s does not hold", #cond);                        \
  } while (0)

#define CHECK_EQ(a, b) check_eq((long long)(a), (long long)(b), #a, #b, __FILE__, __LINE__)

/* For a bq_status and for a count-or-status: prints the names of both sides. */
#define CHECK_STATUS(call, want)                                                                   \
  check_status((long long)(call), (long long)(want), #call, __FILE__, __LINE__)

#define CHECK_MAIN()                                                                               \
  int main(int argc, char **argv) { return check_main(argc, argv); }

static inline void check_add(check_case *added) {
  *check_end = added;
  check_end = &added->next;
}

__attribute__((noreturn, format(printf, 3, 4))) static inline void
check_fail(const char *file, int line, const char *text, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(message, sizeof message, text, arguments);
  va_end(arguments);
  fprintf(stderr, "%s:%d: %s: %s\n", file, line, check_running ? check_running->name : "setup",
          message);
  fflush(NULL);
  abort();
}

static inline void check_eq(long long a, long long b, const char *a_text, const char *b_text,
                            const char *file, int line) {
  if (a != b) check_fail(file, line, "%s is %lld, %s is %lld", a_text, a, b_text, b);
}

/* Counts are shown as they are, everything else by its status name. */
static inline void check_status(long long got, long long want, const char *call, const char *file,
                                int line) {
  if (got == want) return;
  const char *got_name = got > 0 ? "a count" : bq_status_name((bq_status)got);
  const char *want_name = want > 0 ? "a count" : bq_status_name((bq_status)want);
  check_fail(file, line, "%s gave %s (%lld), expected %s (%lld)", call, got_name, got, want_name,
             want);
}

/* Only async-signal-safe calls: whoever is stuck may hold stdio's lock. */
static inline void check_bark(int signal_number) {
  static const char text[] = ": still running when the watchdog's time was over\n";
  const check_case *stuck = check_running;
  ssize_t ignored = 0;
  (void)signal_number;
  if (stuck) ignored += write(STDERR_FILENO, stuck->name, strlen(stuck->name));
  ignored += write(STDERR_FILENO, text, sizeof text - 1);
  (void)ignored;
  abort();
}

static inline void check_watch(void) {
  const char *asked = getenv("CHECK_WATCHDOG");
  long seconds = asked ? strtol(asked, NULL, 10) : 0;
  signal(SIGALRM, check_bark);
  alarm(seconds > 0 ? (unsigned)seconds : CHECK_WATCHDOG_S);
}

static inline int check_run(const check_case *one) {
  check_running = one;
  check_skip_reason = NULL;
  check_watch();
  one->run();
  alarm(0);
  if (check_skip_reason) printf("skipped %s: %s\n", one->name, check_skip_reason);
  else printf("ok %s\n", one->name);
  fflush(stdout);
  return check_skip_reason ? CHECK_SKIPPED : 0;
}

static inline int check_usage(const char *program) {
  printf("usage: %s [--list | --help | CASE]\n"
         "Without an argument every case runs, in one process; with a name, that case only.\n"
         "--list prints the names. A failed check prints file:line and aborts.\n"
         "CHECK_WATCHDOG=SECONDS in the environment replaces the limit of %u seconds a case.\n",
         program, CHECK_WATCHDOG_S);
  return 0;
}

static inline int check_main(int argc, char **argv) {
  const char *wanted = argc > 1 ? argv[1] : NULL;
  if (wanted && strcmp(wanted, "--help") == 0) return check_usage(argv[0]);
  for (const check_case *one = check_first; one; one = one->next) {
    if (wanted && strcmp(wanted, "--list") == 0) printf("%s\n", one->name);
    else if (!wanted) check_run(one);
    else if (strcmp(wanted, one->name) == 0) return check_run(one);
  }
  if (!wanted || strcmp(wanted, "--list") == 0) return 0;
  fprintf(stderr, "%s: no case is called \"%s\"; --list names them\n", argv[0], wanted);
  return 2;
}

#endif
