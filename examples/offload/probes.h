/* Requests that must be refused, and odd ones that must not. */
#ifndef OFFLOAD_PROBES_H
#define OFFLOAD_PROBES_H

#include <stdint.h>

/* Sends them all; returns how many were answered otherwise than they should be, each one shown. */
unsigned probes_run(uint16_t port, unsigned *count);

#endif
