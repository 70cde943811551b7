/* The header needs nothing before it. Compiled as C and as C++, by every compiler that is there. */
#include <bridgeq.h>
