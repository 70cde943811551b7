/* The demo's clients: threads with blocking sockets that ask, wait and check, again and again. */
#ifndef OFFLOAD_CLIENT_H
#define OFFLOAD_CLIENT_H

#include "corpus.h"
#include "report.h"

#define CLIENTS_MAX 128

struct clients;

struct client_figures {
  uint64_t checked, wrong;
  struct histogram latency;
};

struct clients *clients_start(const struct corpus *corpus, uint16_t port, unsigned count);

/* Lets every client finish its request, and adds what they saw to `figures`. */
void clients_stop(struct clients *clients, struct client_figures *figures);

/* For probes.c too. Both return false when the connection breaks or nothing comes for too long. */
struct http_response {
  int status;
  char text[HASH_TEXT + 64];
};
int client_connect(uint16_t port);
bool client_send(int socket, const void *bytes, size_t length);
bool client_receive(int socket, struct http_response *response);

#endif
