#define _GNU_SOURCE
#include "client.h"

#include "../common.h"
#include "http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_S 20
#define LEAVE_EVERY 97 /* requests, after which a client breaks off without waiting */
#define POST_EVERY 4   /* requests, one of which sends the file instead of its path */
#define COMPLAINTS 3   /* wrong answers that one client shows; the others are counted */

struct client {
  struct clients *all;
  pthread_t thread;
  int socket;
  size_t next; /* file to ask for */
  struct client_figures seen;
};

struct clients {
  const struct corpus *corpus;
  uint16_t port;
  atomic_bool stop;
  unsigned count;
  struct client each[];
};

/* ---- One connection ---- */

int client_connect(uint16_t port) {
  const int on = 1;
  const struct timeval patience = {.tv_sec = TIMEOUT_S};
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
    err(1, "the demo's client cannot connect to port %u", port);
  return fd;
}

bool client_send(int fd, const void *bytes, size_t length) {
  const char *from = bytes;
  while (length) {
    const ssize_t sent = send(fd, from, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    from += sent;
    length -= (size_t)sent;
  }
  return true;
}

/* Until the whole response is there: exactly one, as a client asks again only when it has it. */
bool client_receive(int fd, struct http_response *response) {
  char in[HTTP_RESPONSE_MAX];
  size_t used = 0, head = 0, length = 0;
  while (!head || used < head + length) {
    const ssize_t got = recv(fd, in + used, sizeof in - 1 - used, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    used += (size_t)got;
    in[used] = '\0';
    if (head || !(head = http_head_length(in, used))) continue;
    const char *field = strcasestr(in, "\r\nContent-Length:");
    if (!field || sscanf(field + 17, "%zu", &length) != 1 ||
        sscanf(in, "HTTP/1.1 %d ", &response->status) != 1 || length >= sizeof response->text)
      return false;
  }
  if (used != head + length) return false;
  memcpy(response->text, in + head, length);
  response->text[length] = '\0';
  return true;
}

/* Breaks the connection off, so that the server learns of it at once. */
static void leave(struct client *client) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(client->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(client->socket);
  client->socket = client_connect(client->all->port);
}

/* ---- Requests ---- */

static bool ask_by_path(const struct client *client, const struct corpus_file *file) {
  char path[3 * HTTP_PATH_MAX], request[HTTP_HEAD_MAX];
  if (!http_encode(file->path, path, sizeof path)) return false;
  const int length = snprintf(request, sizeof request,
                              "GET /hash?path=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  return client_send(client->socket, request, (size_t)length);
}

static bool ask_by_content(const struct client *client, const struct corpus_file *file) {
  char head[128];
  void *body = corpus_load(client->all->corpus, file);
  if (!body) return ask_by_path(client, file);
  const int length = snprintf(head, sizeof head,
                              "POST /hash HTTP/1.1\r\nHost: localhost\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              (size_t)file->size);
  const bool good = client_send(client->socket, head, (size_t)length) &&
                    client_send(client->socket, body, (size_t)file->size);
  free(body);
  return good;
}

static bool right(const struct http_response *response, const struct corpus_file *file) {
  return response->status == 200 && strlen(response->text) == HASH_TEXT &&
         memcmp(response->text, file->hash, HASH_TEXT - 1) == 0;
}

static void check(struct client *client, const struct corpus_file *file,
                  const struct http_response *response) {
  if (!right(response, file) && corpus_changed(client->all->corpus, file)) return;
  client->seen.checked++;
  if (right(response, file)) return;
  if (client->seen.wrong++ >= COMPLAINTS) return;
  fprintf(stderr, "wrong: %s: got %d %.*s, sha256sum says %s\n", file->path, response->status,
          (int)strcspn(response->text, "\n"), response->text, file->hash);
}

static void broken(struct client *client, const struct corpus_file *file) {
  client->seen.checked++;
  if (client->seen.wrong++ < COMPLAINTS) fprintf(stderr, "wrong: %s: no answer\n", file->path);
  leave(client);
}

static void *run(void *argument) {
  struct client *client = argument;
  const struct corpus *corpus = client->all->corpus;
  for (unsigned turn = 1; !client->all->stop; turn++) {
    const struct corpus_file *file = &corpus->files[client->next++ % corpus->count];
    const bool post = turn % POST_EVERY == 0 && file->size <= HTTP_BODY_MAX;
    const int64_t asked = now_ns();
    struct http_response response;
    bool good = post ? ask_by_content(client, file) : ask_by_path(client, file);
    if (good && turn % LEAVE_EVERY == 0) {
      leave(client);
      continue;
    }
    good = good && client_receive(client->socket, &response);
    histogram_add(&client->seen.latency, now_ns() - asked);
    if (good) check(client, file, &response);
    else broken(client, file);
  }
  return NULL;
}

/* ---- All of them ---- */

struct clients *clients_start(const struct corpus *corpus, uint16_t port, unsigned count) {
  struct clients *clients = calloc(1, sizeof *clients + count * sizeof clients->each[0]);
  if (!clients) err(1, "clients");
  clients->corpus = corpus;
  clients->port = port;
  clients->count = count;
  for (unsigned i = 0; i < count; i++) {
    struct client *client = &clients->each[i];
    client->all = clients;
    client->next = i * corpus->count / count;
    client->socket = client_connect(port);
    client->thread = start_thread(run, client);
  }
  return clients;
}

void clients_stop(struct clients *clients, struct client_figures *figures) {
  clients->stop = true;
  for (unsigned i = 0; i < clients->count; i++) {
    struct client *client = &clients->each[i];
    pthread_join(client->thread, NULL);
    close(client->socket);
    figures->checked += client->seen.checked;
    figures->wrong += client->seen.wrong;
    histogram_merge(&figures->latency, &client->seen.latency);
  }
  free(clients);
}
