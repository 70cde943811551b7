/* The work of uv_offload.c: slow on purpose, so that it has to be done by a thread. */
#ifndef FACTORS_FACTORS_H
#define FACTORS_FACTORS_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAX UINT64_C(1000000000000)
#define FACTORS_TEXT 256 /* room for the longest: 2 x 2 x ... */

/* The decimal number that fills the line; 0: it is none, or not from 1 to NUMBER_MAX. */
uint64_t read_number(const char *line, size_t length);

/* "91 = 7 x 13" and a newline; for 0, that it was no number. */
void write_factors(uint64_t number, char text[FACTORS_TEXT]);

#endif
