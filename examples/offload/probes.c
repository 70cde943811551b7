#define _GNU_SOURCE
#include "probes.h"

#include "../common.h"
#include "client.h"
#include "http.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"
#define POST(headers, body) "POST /hash HTTP/1.1\r\n" HOST headers "\r\n" body

/* SHA-256 of nothing, and of "abc" (FIPS 180-2, appendix B.1). */
#define HASH_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HASH_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct probe {
  int status;
  const char *request;
  const char *text; /* of the answer; NULL: any */
};

static const struct probe probes[] = {
    {200, POST("Content-Length: 3\r\n", "abc"), HASH_OF_ABC},
    {200, POST("Content-Length: 0\r\n", ""), HASH_OF_NOTHING},
    {200, POST("content-length:3\r\nConnection: x, Close\r\n", "abc"), HASH_OF_ABC},
    {403, GET("/hash?path=../secret"), NULL},
    {403, GET("/hash?path=a/../../secret"), NULL},
    {403, GET("/hash?path=%2e%2E%2fsecret"), NULL},
    {403, GET("/hash?path=/etc/passwd"), NULL},
    {403, GET("/hash?path=."), NULL},
    {404, GET("/hash?path=no/such/file"), NULL},
    {404, GET("/"), NULL},
    {405, "DELETE /hash HTTP/1.1\r\n" HOST "\r\n", NULL},
    {505, "GET /hash?path=a HTTP/1.0\r\n\r\n", NULL},
    {400, GET("/hash"), NULL},
    {400, GET("/hash?path="), NULL},
    {400, GET("/hash?path=%00"), NULL},
    {400, GET("/hash?path=%4"), NULL},
    {400, "nonsense\r\n\r\n", NULL},
    {400, "GET /hash?path=a HTTP/1.1\r\n\r\n", NULL},
    {400, "GET /hash?path=a HTTP/1.1\r\n" HOST " folded: x\r\n\r\n", NULL},
    {400, "GET /hash?path=a HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n", NULL},
    {400, POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), NULL},
    {400, POST("Content-Length: -3\r\n", "abc"), NULL},
    {411, POST("", ""), NULL},
    {413, POST("Content-Length: 18446744073709551619\r\n", "abc"), NULL},
    {501, POST("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), NULL},
};
#define PROBES (sizeof probes / sizeof probes[0])

static bool as_expected(const struct probe *probe, const struct http_response *response) {
  if (response->status == probe->status &&
      (!probe->text || strncmp(response->text, probe->text, strlen(probe->text)) == 0))
    return true;
  fprintf(stderr, "wrong: expected %d, got %d, for: %.100s\n", probe->status, response->status,
          probe->request);
  return false;
}

/* Sends the request in pieces of that size: a server must not care how it is cut. */
static bool ask(uint16_t port, const struct probe *probe, size_t piece) {
  const size_t length = strlen(probe->request);
  struct http_response response = {.status = 0};
  const int server = client_connect(port);
  for (size_t at = 0; at < length; at += piece)
    if (!client_send(server, probe->request + at, length - at < piece ? length - at : piece)) break;
  client_receive(server, &response);
  close(server);
  return as_expected(probe, &response);
}

static bool ask_with_long_head(uint16_t port) {
  char request[HTTP_HEAD_MAX + 1];
  memset(request, 'x', HTTP_HEAD_MAX);
  memcpy(request, "GET /", 5);
  request[HTTP_HEAD_MAX] = '\0';
  return ask(port, &(struct probe){431, request, NULL}, sizeof request);
}

/* Three requests in one go: answered one by one, in order, and then the server closes. */
static bool ask_without_waiting(uint16_t port) {
  static const char requests[] = POST("Content-Length: 3\r\n", "abc")
      POST("Content-Length: 0\r\n", "")
      POST("Connection: close\r\nContent-Length: 3\r\n", "abc");
  char all[3 * HTTP_RESPONSE_MAX + 1], *at = all;
  size_t used = 0;
  const int server = client_connect(port);
  bool good = client_send(server, requests, sizeof requests - 1);
  for (ssize_t got; (got = recv(server, all + used, sizeof all - 1 - used, 0)) > 0;)
    used += (size_t)got;
  close(server);
  all[used] = '\0';
  good = good && (at = strstr(at, HASH_OF_ABC)) && (at = strstr(at, HASH_OF_NOTHING)) &&
         strstr(at, HASH_OF_ABC);
  if (!good) fprintf(stderr, "wrong: three requests in one go got: %s\n", all);
  return good;
}

unsigned probes_run(uint16_t port, unsigned *count) {
  unsigned wrong = 0;
  for (size_t i = 0; i < PROBES; i++) {
    wrong += !ask(port, &probes[i], HTTP_HEAD_MAX);
    wrong += !ask(port, &probes[i], 1);
  }
  wrong += !ask_with_long_head(port);
  wrong += !ask_without_waiting(port);
  *count = 2 * PROBES + 2;
  return wrong;
}
