/*
 * The sockets of the server: who is connected, what has been read and what is to be written.
 * Nothing here waits, and nothing here knows of queues. One thread only: the loop's.
 */
#ifndef OFFLOAD_CONNECTION_H
#define OFFLOAD_CONNECTION_H

#include "http.h"

#include <stdint.h>
#include <sys/queue.h>

#define CONNECTIONS_MAX 256

enum connection_state {
  READING_HEAD,
  READING_BODY,
  REQUESTED, /* a whole request is there: the owner's turn */
  IN_LINE,   /* its job did not fit into the queue: nothing is read meanwhile */
  WORKING,   /* a worker has its job */
  WRITING,
  LINGERING, /* answered and half closed: what still comes is thrown away */
  CLOSED
};

struct connection {
  uint64_t id; /* its place, and in the upper half how many came before: never used again */
  int fd;
  uint32_t interest; /* what epoll watches */
  enum connection_state state;
  int64_t deadline; /* for the other side to do its part; INT64_MAX while the turn is ours */
  TAILQ_ENTRY(connection) line;
  struct http_request request;
  unsigned char *body; /* of request.body_length bytes; POST only */
  size_t body_used;
  char in[HTTP_HEAD_MAX];
  size_t in_used;
  char out[HTTP_RESPONSE_MAX];
  size_t out_used, out_sent;
};

struct connections {
  int epoll;
  uint32_t opened;
  struct connection *places[CONNECTIONS_MAX];
};

TAILQ_HEAD(line, connection);

/* Takes over the socket, watched for input; false, and the socket closed: no room. */
bool connection_open(struct connections *all, int fd);
void connection_close(struct connections *all, struct connection *connection);

/* NULL: that connection has gone, whoever may sit in its place now. */
struct connection *connection_find(const struct connections *all, uint64_t id);

/*
 * Reads, parses and writes until a request is complete, or nothing more can be done for now. An
 * error or a broken connection is dealt with. Returns the state; after CLOSED it is freed.
 */
enum connection_state connection_advance(struct connections *all, struct connection *connection);

/* The answer to its request, to be written by connection_advance(); text NULL: the status' name. */
void connection_answer(struct connection *connection, int status, const char *text);

/* As above, and the last one. */
void connection_refuse(struct connection *connection, int status);

/* Hands it on: nothing is expected of the other side for now. */
void connection_hand_on(struct connection *connection, enum connection_state state);

/* Stops reading, until connection_advance() reads again. */
void connection_pause(struct connections *all, struct connection *connection);

/* Closes those that are past their deadline. */
void connections_expire(struct connections *all);

/* Closes all that are left. */
void connections_close(struct connections *all);

#endif
