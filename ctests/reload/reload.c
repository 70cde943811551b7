/*
 * The library loaded and unloaded over and over, by a plug-in that is linked with it or has it
 * inside (PLUGIN is its path). This program itself is not linked with the library.
 */
#include "support.h"

#include <dirent.h>
#include <dlfcn.h>

#include "plugin.h"

enum { ROUNDS = 200, THREADS = 4 };

/* check.h wants the names of statuses; there is no library here to ask. */
const char *bq_status_name(bq_status status) { return status == BQ_OK ? "BQ_OK" : "not BQ_OK"; }

static void *open_object(const char *path) {
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!object) check_fail(__FILE__, __LINE__, "%s", dlerror());
  return object;
}

/* dlsym gives an object pointer for what is a function: POSIX says they are of one size. */
static int work_of(void *object) {
  int (*work)(void) = NULL;
  void *found = dlsym(object, "plugin_work");
  CHECK(found != NULL);
  memcpy(&work, &found, sizeof work);
  return work();
}

static void use_plugin(void) {
  void *plugin = open_object(PLUGIN);
  CHECK_EQ(work_of(plugin), 0);
  CHECK_EQ(dlclose(plugin), 0);
}

static size_t open_descriptors(void) {
  size_t count = 0;
  DIR *directory = opendir("/proc/self/fd");
  CHECK(directory != NULL);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static size_t mappings(void) {
  size_t count = 0;
  char line[1024];
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps)) count++;
  fclose(maps);
  return count;
}

TEST(it_can_be_loaded_used_and_unloaded_over_and_over) {
  use_plugin();
  const size_t descriptors = open_descriptors();
  const size_t mapped = mappings();
  for (int round = 0; round < ROUNDS; round++) use_plugin();
  CHECK_EQ(open_descriptors(), descriptors);
  CHECK(mappings() <= mapped + 16); /* what the C library's allocator may add */
}

static void *use_plugin_in_thread(void *unused) {
  for (int round = 0; round < ROUNDS / THREADS; round++) use_plugin();
  return unused;
}

TEST(threads_may_load_use_and_unload_it_at_once) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) threads[i] = thread_start(use_plugin_in_thread, NULL);
  for (int i = 0; i < THREADS; i++) thread_join(threads[i]);
}

static void *use_it_only(void *plugin) {
  CHECK_EQ(work_of(plugin), 0);
  return NULL;
}

static void *use_it_and_outlive_it(void *gate) {
  void *plugin = open_object(PLUGIN);
  CHECK_EQ(work_of(plugin), 0);
  CHECK_EQ(dlclose(plugin), 0);
  while (!atomic_load((atomic_bool *)gate)) pause_briefly();
  return NULL;
}

/* Destructors of thread-local things run when the thread ends: their code must not be gone. */
TEST(a_thread_that_used_it_may_end_after_it_was_unloaded) {
  for (int round = 0; round < 20; round++) {
    atomic_bool gate = false;
    void *plugin = open_object(PLUGIN);
    const pthread_t thread = thread_start(use_it_and_outlive_it, &gate);
    thread_join(thread_start(use_it_only, plugin));
    CHECK_EQ(dlclose(plugin), 0);
    atomic_store(&gate, true);
    thread_join(thread);
  }
}

static void use_in_child(void *unused) {
  (void)unused;
  use_plugin();
}

/* A fork handler must not outlive its code. */
TEST(a_process_may_fork_after_it_was_unloaded) {
  for (int round = 0; round < 20; round++) {
    use_plugin();
    in_child(use_in_child, NULL);
  }
}

CHECK_MAIN()
