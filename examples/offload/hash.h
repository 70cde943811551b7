/* The work itself: SHA-256 by OpenSSL. Blocks for as long as the disk and the processor need. */
#ifndef OFFLOAD_HASH_H
#define OFFLOAD_HASH_H

#include <stddef.h>

#define HASH_TEXT 65 /* 64 hexadecimal digits and a NUL */

/* Both return an HTTP status; on 200 `text` holds the hash. */
int hash_file(int root, const char *path, char text[HASH_TEXT]);
int hash_bytes(const void *bytes, size_t length, char text[HASH_TEXT]);

#endif
