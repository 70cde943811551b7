/*
 * Random numbers for tests: unpredictable enough, and the same in every run of a seed.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/* xorshift64* */
static inline uint32_t random_of(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

/* A state to start from, another one for each stream of a seed. */
static inline uint64_t random_state(uint64_t seed, uint64_t stream) {
  return (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + stream * UINT64_C(0xbf58476d1ce4e5b9);
}

#endif
