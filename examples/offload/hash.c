#define _GNU_SOURCE
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int finish(EVP_MD_CTX *context, char text[HASH_TEXT]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (!EVP_DigestFinal_ex(context, digest, &length)) return 500;
  for (unsigned i = 0; i < length; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
  return 200;
}

int hash_bytes(const void *bytes, size_t length, char text[HASH_TEXT]) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int status = 500;
  if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
      EVP_DigestUpdate(context, bytes, length))
    status = finish(context, text);
  EVP_MD_CTX_free(context);
  return status;
}

static int hash_descriptor(int file, char text[HASH_TEXT]) {
  char buffer[1 << 16];
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
  ssize_t length = 1;
  while (good && length != 0) {
    length = read(file, buffer, sizeof buffer);
    if (length > 0) good = EVP_DigestUpdate(context, buffer, (size_t)length);
    else if (length < 0) good = errno == EINTR;
  }
  const int status = good ? finish(context, text) : 500;
  EVP_MD_CTX_free(context);
  return status;
}

/* Whether every step of the path is a name: none is empty, "." or "..". */
static bool goes_down_only(const char *path) {
  for (;; path++) {
    const size_t length = strcspn(path, "/");
    if (length == 0 || (length <= 2 && memcmp("..", path, length) == 0)) return false;
    path += length;
    if (!*path) return true;
  }
}

/* Never through a symbolic link, and never waiting, as opening a FIFO would. */
static int open_step(int directory, const char *path, size_t length, int flags) {
  char name[NAME_MAX + 1];
  if (length > NAME_MAX) return errno = ENAMETOOLONG, -1;
  memcpy(name, path, length);
  name[length] = '\0';
  return openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);
}

/* Step by step from the root, so that no change of the tree meanwhile can lead outside. */
static int open_below(int root, const char *path) {
  if (!goes_down_only(path)) return errno = EACCES, -1;
  for (int directory = root;;) {
    const size_t length = strcspn(path, "/");
    const bool last = path[length] == '\0';
    const int next = open_step(directory, path, length, last ? 0 : O_DIRECTORY);
    const int error = errno;
    if (directory != root) close(directory);
    errno = error;
    if (next < 0 || last) return next;
    directory = next;
    path += length + 1;
  }
}

static int status_of(int error) {
  switch (error) {
    case EACCES: case EPERM: case ELOOP: return 403;
    case ENOENT: case ENOTDIR: case ENAMETOOLONG: case ENXIO: return 404;
    case EMFILE: case ENFILE: case ENOMEM: return 503;
    default: return 500;
  }
}

int hash_file(int root, const char *path, char text[HASH_TEXT]) {
  const int file = open_below(root, path);
  if (file < 0) return status_of(errno);
  struct stat about;
  int status = 404;
  if (fstat(file, &about) == 0 && S_ISREG(about.st_mode)) status = hash_descriptor(file, text);
  close(file);
  return status;
}
