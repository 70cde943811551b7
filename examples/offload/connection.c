#define _GNU_SOURCE
#include "connection.h"

#include "../common.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE (30 * SECOND)
#define LINGER (2 * SECOND)

/* Where a socket operation has led. */
enum outcome { MOVED, WOULD_BLOCK, BROKEN };

static void enter(struct connection *connection, enum connection_state state, int64_t patience) {
  connection->state = state;
  connection->deadline = now_ns() + patience;
}

static void watch(struct connections *all, struct connection *connection, uint32_t interest) {
  if (connection->interest == interest) return;
  struct epoll_event event = {.events = interest, .data.u64 = connection->id};
  if (epoll_ctl(all->epoll, EPOLL_CTL_MOD, connection->fd, &event) != 0) err(1, "epoll_ctl");
  connection->interest = interest;
}

static struct connection *connection_new(struct connections *all, size_t place, int fd) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (!connection) return NULL;
  connection->id = (uint64_t)++all->opened << 32 | place;
  connection->fd = fd;
  connection->interest = EPOLLIN;
  enter(connection, READING_HEAD, PATIENCE);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = connection->id};
  if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &event) == 0) return connection;
  free(connection);
  return NULL;
}

bool connection_open(struct connections *all, int fd) {
  size_t place = 0;
  while (place < CONNECTIONS_MAX && all->places[place]) place++;
  if (place < CONNECTIONS_MAX) all->places[place] = connection_new(all, place, fd);
  if (place < CONNECTIONS_MAX && all->places[place]) return true;
  close(fd);
  return false;
}

void connection_close(struct connections *all, struct connection *connection) {
  all->places[(uint32_t)connection->id] = NULL;
  close(connection->fd);
  free(connection->body);
  free(connection);
}

struct connection *connection_find(const struct connections *all, uint64_t id) {
  struct connection *connection = all->places[(uint32_t)id % CONNECTIONS_MAX];
  return connection && connection->id == id ? connection : NULL;
}

void connection_answer(struct connection *connection, int status, const char *text) {
  const bool keep_alive = connection->request.keep_alive;
  connection->out_used = http_respond(connection->out, status, text, keep_alive);
  connection->out_sent = 0;
  enter(connection, WRITING, PATIENCE);
}

void connection_refuse(struct connection *connection, int status) {
  connection->request.keep_alive = false;
  connection_answer(connection, status, NULL);
}

void connection_hand_on(struct connection *connection, enum connection_state state) {
  connection->state = state;
  connection->deadline = INT64_MAX;
}

void connection_pause(struct connections *all, struct connection *connection) {
  watch(all, connection, 0);
}

static enum outcome after(ssize_t result) {
  if (result > 0) return MOVED;
  if (result == 0) return BROKEN;
  return errno == EAGAIN || errno == EINTR ? WOULD_BLOCK : BROKEN;
}

/* Moves what came after the head to where it belongs: the body, then the next request. */
static void take_head(struct connection *connection, size_t head) {
  size_t body = connection->in_used - head;
  if (body > connection->request.body_length) body = connection->request.body_length;
  if (body) memcpy(connection->body, connection->in + head, body);
  connection->body_used = body;
  connection->in_used -= head + body;
  memmove(connection->in, connection->in + head + body, connection->in_used);
}

static void parse_head(struct connection *connection, size_t head) {
  struct http_request *request = &connection->request;
  const int error = http_parse(connection->in, head, request);
  if (error) {
    connection_refuse(connection, error);
    return;
  }
  if (request->post) connection->body = malloc(request->body_length + 1);
  if (request->post && !connection->body) {
    connection_refuse(connection, 503);
    return;
  }
  take_head(connection, head);
  connection->state = READING_BODY; /* the deadline stands: it is for the whole request */
}

static enum outcome read_head(struct connection *connection) {
  const size_t head = http_head_length(connection->in, connection->in_used);
  const size_t room = sizeof connection->in - connection->in_used;
  if (head || !room) {
    if (head) parse_head(connection, head);
    else connection_refuse(connection, 431);
    return MOVED;
  }
  const ssize_t got = recv(connection->fd, connection->in + connection->in_used, room, 0);
  if (got > 0) connection->in_used += (size_t)got;
  return after(got);
}

static enum outcome read_body(struct connection *connection) {
  const size_t missing = connection->request.body_length - connection->body_used;
  if (!missing) {
    connection_hand_on(connection, REQUESTED);
    return MOVED;
  }
  const ssize_t got = recv(connection->fd, connection->body + connection->body_used, missing, 0);
  if (got > 0) connection->body_used += (size_t)got;
  return after(got);
}

/* After an error the other side may still be sending. Closing now would reset the connection and
 * could destroy the answer on its way, so only our half is closed. */
static enum outcome written(struct connection *connection) {
  free(connection->body);
  connection->body = NULL;
  if (connection->request.keep_alive) {
    enter(connection, READING_HEAD, PATIENCE);
    return MOVED;
  }
  enter(connection, LINGERING, LINGER);
  return shutdown(connection->fd, SHUT_WR) == 0 ? MOVED : BROKEN;
}

static enum outcome write_out(struct connection *connection) {
  const size_t left = connection->out_used - connection->out_sent;
  if (!left) return written(connection);
  const char *from = connection->out + connection->out_sent;
  const ssize_t sent = send(connection->fd, from, left, MSG_NOSIGNAL);
  if (sent > 0) connection->out_sent += (size_t)sent;
  return after(sent);
}

/* One piece a turn: who keeps sending must not keep the loop. */
static enum outcome throw_away(struct connection *connection) {
  char nowhere[1 << 14];
  const enum outcome outcome = after(recv(connection->fd, nowhere, sizeof nowhere, 0));
  return outcome == MOVED ? WOULD_BLOCK : outcome;
}

static enum outcome step(struct connection *connection) {
  switch (connection->state) {
    case READING_HEAD: return read_head(connection);
    case READING_BODY: return read_body(connection);
    case WRITING: return write_out(connection);
    case LINGERING: return throw_away(connection);
    case REQUESTED: case IN_LINE: case WORKING: case CLOSED: break;
  }
  return WOULD_BLOCK;
}

static bool ours(const struct connection *connection) {
  return connection->state == REQUESTED || connection->state == IN_LINE ||
         connection->state == WORKING;
}

enum connection_state connection_advance(struct connections *all, struct connection *connection) {
  enum outcome outcome = MOVED;
  while (outcome == MOVED && !ours(connection)) outcome = step(connection);
  if (outcome == BROKEN) {
    connection_close(all, connection);
    return CLOSED;
  }
  if (!ours(connection)) watch(all, connection, connection->state == WRITING ? EPOLLOUT : EPOLLIN);
  return connection->state;
}

void connections_expire(struct connections *all) {
  const int64_t now = now_ns();
  for (size_t i = 0; i < CONNECTIONS_MAX; i++)
    if (all->places[i] && all->places[i]->deadline < now) connection_close(all, all->places[i]);
}

void connections_close(struct connections *all) {
  for (size_t i = 0; i < CONNECTIONS_MAX; i++)
    if (all->places[i]) connection_close(all, all->places[i]);
}
