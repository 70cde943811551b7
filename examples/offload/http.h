/* Just enough HTTP/1.1 for the demo, and strict about it. Knows nothing of sockets. */
#ifndef OFFLOAD_HTTP_H
#define OFFLOAD_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX 4096        /* bytes of a request's head, the empty line included */
#define HTTP_PATH_MAX 1024        /* bytes of a decoded path, the final NUL included */
#define HTTP_BODY_MAX (1u << 20)  /* bytes of a request's body */
#define HTTP_RESPONSE_MAX 512     /* bytes of any response */

struct http_request {
  bool post;                /* POST /hash with a body, else GET /hash?path=... */
  bool keep_alive;
  size_t body_length;
  char path[HTTP_PATH_MAX]; /* decoded; GET only */
};

/* The length of the head at the start of `bytes`; 0: its end is not there yet. */
size_t http_head_length(const char *bytes, size_t length);

/* Reads a whole head. Returns 0, or the status of the error to answer with. */
int http_parse(const char *head, size_t length, struct http_request *request);

/* Writes a response into `out`, which has room for HTTP_RESPONSE_MAX bytes; returns its length. */
size_t http_respond(char *out, int status, const char *text, bool keep_alive);

/* Percent-encodes all of `path` but letters, digits and "/-._~"; false: no room. */
bool http_encode(const char *path, char *out, size_t size);

#endif
