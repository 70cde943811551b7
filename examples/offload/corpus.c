#define _GNU_SOURCE
#include "corpus.h"

#include "../common.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct corpus *collecting; /* nftw() has no room for an argument */

static bool full_path(const struct corpus *corpus, const char *path, char out[PATH_MAX]) {
  return snprintf(out, PATH_MAX, "%s/%s", corpus->root, path) < PATH_MAX;
}

static int collect(const char *path, const struct stat *about, int type, struct FTW *where) {
  const char *name = path + where->base;
  if (where->level == 0) return FTW_CONTINUE;
  if (*name == '.' || (where->level == 1 && strcmp(name, "target") == 0)) return FTW_SKIP_SUBTREE;
  if (type != FTW_F || !S_ISREG(about->st_mode) || about->st_size > CORPUS_FILE_MAX ||
      access(path, R_OK) != 0)
    return FTW_CONTINUE;
  if (collecting->count == CORPUS_MAX) return FTW_STOP;
  struct corpus_file *file = &collecting->files[collecting->count];
  file->path = strdup(path + strlen(collecting->root) + 1);
  if (!file->path) err(1, "the list of files");
  file->size = about->st_size;
  file->changed = about->st_mtim;
  collecting->count++;
  return FTW_CONTINUE;
}

/* Starts sha256sum on all files at once; returns the end of the pipe that it writes to. */
static FILE *start_sha256sum(const struct corpus *corpus, pid_t *child) {
  char *arguments[CORPUS_MAX + 4] = {"sha256sum", "--zero", "--"};
  char path[PATH_MAX];
  for (size_t i = 0; i < corpus->count; i++)
    if (!full_path(corpus, corpus->files[i].path, path) || !(arguments[3 + i] = strdup(path)))
      errx(1, "the path of %s is too long", corpus->files[i].path);

  int ends[2];
  posix_spawn_file_actions_t actions;
  if (pipe2(ends, O_CLOEXEC) != 0) err(1, "pipe");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int error = posix_spawnp(child, "sha256sum", &actions, NULL, arguments, environ);
  if (error) errx(1, "cannot run sha256sum: %s; it is part of GNU coreutils", strerror(error));
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  for (size_t i = 0; i < corpus->count; i++) free(arguments[3 + i]);
  return fdopen(ends[0], "r");
}

/* One record a file, in the order of the arguments: the hash, two characters, the path, a NUL. */
static bool read_hash(const struct corpus *corpus, struct corpus_file *file, FILE *from) {
  char *record = NULL, path[PATH_MAX];
  size_t size = 0;
  const bool good = full_path(corpus, file->path, path) &&
                    getdelim(&record, &size, '\0', from) > HASH_TEXT + 1 &&
                    strcmp(record + HASH_TEXT + 1, path) == 0;
  if (good) memcpy(file->hash, record, HASH_TEXT - 1);
  free(record);
  return good;
}

static void hash_all(struct corpus *corpus) {
  pid_t child;
  int status = 0;
  FILE *from = start_sha256sum(corpus, &child);
  if (!from) err(1, "pipe");
  for (size_t i = 0; i < corpus->count; i++)
    if (!read_hash(corpus, &corpus->files[i], from))
      errx(1, "sha256sum says nothing of %s; was it removed? Try again", corpus->files[i].path);
  fclose(from);
  if (waitpid(child, &status, 0) != child || status != 0) errx(1, "sha256sum failed");
}

struct corpus *corpus_open(const char *root) {
  struct corpus *corpus = calloc(1, sizeof *corpus);
  if (!corpus) err(1, "the list of files");
  corpus->root = root;
  collecting = corpus;
  if (nftw(root, collect, 16, FTW_PHYS | FTW_ACTIONRETVAL) < 0) err(1, "cannot list %s", root);
  if (corpus->count == 0) errx(1, "no files below %s; --root names another directory", root);
  hash_all(corpus);
  return corpus;
}

void corpus_close(struct corpus *corpus) {
  for (size_t i = 0; i < corpus->count; i++) free(corpus->files[i].path);
  free(corpus);
}

bool corpus_changed(const struct corpus *corpus, const struct corpus_file *file) {
  char path[PATH_MAX];
  struct stat now;
  return !full_path(corpus, file->path, path) || stat(path, &now) != 0 ||
         now.st_size != file->size || now.st_mtim.tv_sec != file->changed.tv_sec ||
         now.st_mtim.tv_nsec != file->changed.tv_nsec;
}

void *corpus_load(const struct corpus *corpus, const struct corpus_file *file) {
  char path[PATH_MAX];
  FILE *from = full_path(corpus, file->path, path) ? fopen(path, "re") : NULL;
  if (!from) return NULL;
  void *bytes = malloc((size_t)file->size + 1);
  if (bytes && fread(bytes, 1, (size_t)file->size, from) != (size_t)file->size) {
    free(bytes);
    bytes = NULL;
  }
  fclose(from);
  return bytes;
}
