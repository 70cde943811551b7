/* What the loop watches beside connections and queues. Each ends the program, saying why, when it
 * fails. */
#ifndef OFFLOAD_DESCRIPTORS_H
#define OFFLOAD_DESCRIPTORS_H

#include <stdint.h>

/* On the loopback address; port 0: any free one. */
int open_listener(uint16_t port);
uint16_t port_of(int listener);

/* Ticks at start + period, start + 2 * period, ... of CLOCK_MONOTONIC, in nanoseconds. */
int open_timer(int64_t start, int64_t period);

/* Has epoll report input under that number. */
void watch_input(int epoll, int descriptor, uint64_t number);

#endif
