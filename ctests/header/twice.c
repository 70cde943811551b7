/* The header may be included more than once, and between others. */
#include <bridgeq.h>
#include <stddef.h>
#include <stdint.h>
#include <bridgeq.h>
