#include "factors.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t read_number(const char *line, size_t length) {
  uint64_t number = 0;
  if (length && line[length - 1] == '\r') length--;
  for (size_t i = 0; i < length; i++) {
    if (line[i] < '0' || line[i] > '9') return 0;
    number = number * 10 + (uint64_t)(line[i] - '0');
    if (number > NUMBER_MAX) return 0;
  }
  return number;
}

void write_factors(uint64_t number, char text[FACTORS_TEXT]) {
  if (!number) {
    snprintf(text, FACTORS_TEXT, "not a number from 1 to %" PRIu64 "\n", NUMBER_MAX);
    return;
  }
  size_t used = (size_t)snprintf(text, FACTORS_TEXT, "%" PRIu64 " =", number);
  const char *sign = "";
  if (number == 1) used += (size_t)snprintf(text + used, FACTORS_TEXT - used, " 1");
  for (uint64_t factor = 2; number > 1; factor++) {
    if (factor * factor > number) factor = number; /* what is left is prime */
    for (; number % factor == 0; number /= factor, sign = " x")
      used += (size_t)snprintf(text + used, FACTORS_TEXT - used, "%s %" PRIu64, sign, factor);
  }
  snprintf(text + used, FACTORS_TEXT - used, "\n");
}
