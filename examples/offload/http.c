#define _GNU_SOURCE
#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A piece of the head. */
struct span {
  const char *at;
  size_t length;
};

/* What the headers say that the request does not keep. */
struct seen {
  bool host, length;
};

static bool is(struct span span, const char *text) {
  return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool is_caseless(struct span span, const char *text) {
  return span.length == strlen(text) && strncasecmp(span.at, text, span.length) == 0;
}

/* Cuts what is before the separator off the rest; false: there is no separator. */
static bool cut(struct span *rest, const char *separator, struct span *before) {
  const size_t length = strlen(separator);
  const char *found = memmem(rest->at, rest->length, separator, length);
  if (!found) return false;
  *before = (struct span){rest->at, (size_t)(found - rest->at)};
  rest->at = found + length;
  rest->length -= before->length + length;
  return true;
}

static struct span trim(struct span span) {
  while (span.length && (*span.at == ' ' || *span.at == '\t')) span.at++, span.length--;
  while (span.length && (span.at[span.length - 1] == ' ' || span.at[span.length - 1] == '\t'))
    span.length--;
  return span;
}

/* Whether a comma-separated list names the word. */
static bool lists(struct span list, const char *word) {
  struct span item;
  while (cut(&list, ",", &item))
    if (is_caseless(trim(item), word)) return true;
  return is_caseless(trim(list), word);
}

/* A header's name: letters, digits and a few marks, at least one (RFC 9110, 5.6.2). */
static bool is_token(struct span span) {
  for (size_t i = 0; i < span.length; i++)
    if (!isalnum((unsigned char)span.at[i]) && !memchr("!#$%&'*+-.^_`|~", span.at[i], 15))
      return false;
  return span.length > 0;
}

/* No control characters: a lone CR or LF would let one line pass for two. */
static bool is_text(struct span span) {
  for (size_t i = 0; i < span.length; i++)
    if (iscntrl((unsigned char)span.at[i]) && span.at[i] != '\t') return false;
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding; false: it is malformed, holds a NUL or does not fit. */
static bool decode(struct span text, char out[HTTP_PATH_MAX]) {
  size_t used = 0;
  for (size_t i = 0; i < text.length; i++) {
    int c = (unsigned char)text.at[i];
    if (c == '%') {
      if (text.length - i < 3) return false;
      const int high = hex_digit(text.at[i + 1]), low = hex_digit(text.at[i + 2]);
      if (high < 0 || low < 0) return false;
      c = high * 16 + low;
      i += 2;
    }
    if (c == '\0' || used == HTTP_PATH_MAX - 1) return false;
    out[used++] = (char)c;
  }
  out[used] = '\0';
  return used > 0;
}

static int parse_target(struct span target, struct http_request *request) {
  struct span place, query = target;
  if (!cut(&query, "?", &place)) {
    if (!is(target, "/hash")) return 404;
    return request->post ? 0 : 400;
  }
  if (!is(place, "/hash")) return 404;
  if (request->post || query.length < 5 || memcmp(query.at, "path=", 5) != 0) return 400;
  return decode((struct span){query.at + 5, query.length - 5}, request->path) ? 0 : 400;
}

static int parse_request_line(struct span line, struct http_request *request) {
  struct span method, target;
  if (!cut(&line, " ", &method) || !cut(&line, " ", &target)) return 400;
  if (!is_token(method) || target.length == 0 || target.at[0] != '/') return 400;
  if (line.length != 8 || memcmp(line.at, "HTTP/", 5) != 0) return 400;
  if (!is(line, "HTTP/1.1")) return 505;
  request->post = is(method, "POST");
  if (!request->post && !is(method, "GET")) return 405;
  return parse_target(target, request);
}

static int parse_length(struct span value, size_t *length) {
  if (value.length == 0) return 400;
  *length = 0;
  for (size_t i = 0; i < value.length; i++) {
    if (value.at[i] < '0' || value.at[i] > '9') return 400;
    *length = *length * 10 + (size_t)(value.at[i] - '0');
    if (*length > HTTP_BODY_MAX) return 413;
  }
  return 0;
}

/* Two lengths, or a length and an encoding, are how requests are smuggled: refused. */
static int parse_header(struct span line, struct http_request *request, struct seen *seen) {
  struct span name;
  if (!cut(&line, ":", &name) || !is_token(name)) return 400;
  const struct span value = trim(line);
  if (is_caseless(name, "Transfer-Encoding")) return 501;
  if (is_caseless(name, "Connection") && lists(value, "close")) request->keep_alive = false;
  if (is_caseless(name, "Host")) {
    if (seen->host) return 400;
    seen->host = true;
  }
  if (is_caseless(name, "Content-Length")) {
    if (seen->length) return 400;
    seen->length = true;
    return parse_length(value, &request->body_length);
  }
  return 0;
}

size_t http_head_length(const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  return end ? (size_t)(end - bytes) + 4 : 0;
}

int http_parse(const char *head, size_t length, struct http_request *request) {
  *request = (struct http_request){.keep_alive = true};
  struct span rest = {head, length}, line;
  struct seen seen = {false, false};
  if (!cut(&rest, "\r\n", &line) || !is_text(line)) return 400;
  int error = parse_request_line(line, request);
  while (!error && cut(&rest, "\r\n", &line) && line.length)
    error = is_text(line) ? parse_header(line, request, &seen) : 400;
  if (error) return error;
  if (!seen.host) return 400;
  if (request->post && !seen.length) return 411;
  return request->post || request->body_length == 0 ? 0 : 400;
}

static const char *reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
  }
}

size_t http_respond(char *out, int status, const char *text, bool keep_alive) {
  if (!text) text = reason(status);
  const int length = snprintf(out, HTTP_RESPONSE_MAX,
                              "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\n"
                              "Content-Length: %zu\r\n%s%s\r\n%s\n",
                              status, reason(status), strlen(text) + 1,
                              status == 405 ? "Allow: GET, POST\r\n" : "",
                              keep_alive ? "" : "Connection: close\r\n", text);
  return length < HTTP_RESPONSE_MAX ? (size_t)length : HTTP_RESPONSE_MAX - 1;
}

bool http_encode(const char *path, char *out, size_t size) {
  for (; *path; path++) {
    const bool plain = isalnum((unsigned char)*path) || strchr("/-._~", *path);
    const int length = snprintf(out, size, plain ? "%c" : "%%%02X", (unsigned char)*path);
    if ((size_t)length >= size) return false;
    out += length;
    size -= (size_t)length;
  }
  return true;
}
