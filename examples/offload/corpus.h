/* The files that the demo asks for, each with the hash that the sha256sum program gives it. */
#ifndef OFFLOAD_CORPUS_H
#define OFFLOAD_CORPUS_H

#include "hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define CORPUS_MAX 1000               /* files */
#define CORPUS_FILE_MAX (64L << 20)   /* bytes of one */

struct corpus_file {
  char *path; /* below the root */
  char hash[HASH_TEXT];
  off_t size;
  struct timespec changed;
};

struct corpus {
  const char *root;
  size_t count;
  struct corpus_file files[CORPUS_MAX];
};

/* Regular files below the root, without what is hidden and without target/. Ends the program,
 * saying why, when there are none or sha256sum can't be run. */
struct corpus *corpus_open(const char *root);
void corpus_close(struct corpus *corpus);

/* Whether the file is no longer the one that was hashed. */
bool corpus_changed(const struct corpus *corpus, const struct corpus_file *file);

/* The file's bytes, to be freed; NULL when they can't be read whole. */
void *corpus_load(const struct corpus *corpus, const struct corpus_file *file);

#endif
