/* Statuses: their numbers, names and sentences. */
#include "check.h"
#include "support.h"

typedef struct known_status {
  bq_status status;
  bq_status number;
  const char *name;
} known_status;

#define KNOWN(status, number) {status, number, #status}

/* The numbers are written out: they are never renumbered, so this table only ever grows. */
static const known_status known[] = {
    KNOWN(BQ_OK, 0),           KNOWN(BQ_EMPTY, -1),      KNOWN(BQ_FULL, -2),
    KNOWN(BQ_TIMEDOUT, -3),    KNOWN(BQ_SHUTDOWN, -4),   KNOWN(BQ_INVALID, -5),
    KNOWN(BQ_NO_MEMORY, -6),   KNOWN(BQ_NO_FD, -7),      KNOWN(BQ_TOO_MANY_DONE, -8),
    KNOWN(BQ_FORKED, -9),      KNOWN(BQ_BUSY, -10),      KNOWN(BQ_NOT_FOUND, -11),
    KNOWN(BQ_EXISTS, -12),     KNOWN(BQ_INTERNAL, -13),
};

static const bq_status unknown[] = {1, 42, -14, -100, INT32_MAX, INT32_MIN};

TEST(every_status_has_its_number_for_ever) {
  for (size_t i = 0; i < LENGTH(known); i++) CHECK_EQ(known[i].status, known[i].number);
}

TEST(success_is_zero_and_every_other_status_negative) {
  CHECK_EQ(BQ_OK, 0);
  for (size_t i = 1; i < LENGTH(known); i++) CHECK(known[i].status < 0);
}

TEST(a_status_has_32_bits_and_a_sign) {
  CHECK_EQ(sizeof(bq_status), 4);
  CHECK((bq_status)-1 < 0);
}

TEST(every_status_has_its_name) {
  for (size_t i = 0; i < LENGTH(known); i++) {
    const char *name = bq_status_name(known[i].status);
    CHECK(name != NULL);
    if (strcmp(name, known[i].name) != 0)
      check_fail(__FILE__, __LINE__, "%s is called %s", known[i].name, name);
  }
}

TEST(every_status_has_a_sentence) {
  for (size_t i = 0; i < LENGTH(known); i++) {
    const char *text = bq_status_text(known[i].status);
    CHECK(text != NULL);
    if (text[0] < 'A' || text[0] > 'Z' || text[strlen(text) - 1] != '.' || strchr(text, '\n'))
      check_fail(__FILE__, __LINE__, "\"%s\" is no sentence for %s", text, known[i].name);
  }
}

TEST(no_two_statuses_share_a_sentence) {
  for (size_t i = 0; i < LENGTH(known); i++)
    for (size_t j = 0; j < i; j++)
      CHECK(strcmp(bq_status_text(known[i].status), bq_status_text(known[j].status)) != 0);
}

TEST(a_number_that_is_no_status_has_a_name_that_says_so) {
  for (size_t i = 0; i < LENGTH(unknown); i++) {
    const char *name = bq_status_name(unknown[i]);
    CHECK(name != NULL);
    CHECK(name[0] != '\0');
    for (size_t j = 0; j < LENGTH(known); j++) CHECK(strcmp(name, known[j].name) != 0);
  }
}

TEST(a_number_that_is_no_status_has_a_text) {
  for (size_t i = 0; i < LENGTH(unknown); i++) {
    const char *text = bq_status_text(unknown[i]);
    CHECK(text != NULL);
    CHECK(text[0] != '\0');
  }
}

TEST(names_and_texts_are_constant_strings) {
  for (size_t i = 0; i < LENGTH(known); i++) {
    CHECK(bq_status_name(known[i].status) == bq_status_name(known[i].status));
    CHECK(bq_status_text(known[i].status) == bq_status_text(known[i].status));
  }
}

/* errno is never part of the contract: nothing here may depend on it, nor on it being kept. */
TEST(a_failure_is_told_by_its_status_alone) {
  bq_queue *queue = number_queue(BQ_FIFO, 1);
  errno = 0;
  check_empty(queue);
  put_number(queue, 1);
  errno = ENOMEM;
  CHECK_STATUS(try_put(queue, 2), BQ_FULL);
  bq_queue_unref(queue);
}

CHECK_MAIN()
