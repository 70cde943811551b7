/* See inject.h. Only for glibc: its own entry points are called by their second names. */
#define _GNU_SOURCE 1

#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <link.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

typedef struct fault {
  const char *name;
  int error;
} fault;

/* In the words of FAULT. What is injected is what the real call may say, and no more: a write to an
 * eventfd that is full has not been lost, so no write is made to say that it is. */
enum {
  MEMORY, EVENTFD, PIPE, WRITE, READ, CLOSE, SLEEP, SPURIOUS, MEMBARRIER, MADVISE, ATFORK, AFFINITY,
  FAULTS
};
static const fault faults[FAULTS] = {
    [MEMORY] = {"memory", ENOMEM},   [EVENTFD] = {"eventfd", EMFILE}, [PIPE] = {"pipe", ENFILE},
    [WRITE] = {"write", EINTR},      [READ] = {"read", EINTR},        [CLOSE] = {"close", EINTR},
    [SLEEP] = {"sleep", EINTR},      [SPURIOUS] = {"spurious", 0},    [MADVISE] = {"madvise", EAGAIN},
    [ATFORK] = {"atfork", ENOMEM},   [AFFINITY] = {"affinity", EPERM},
    [MEMBARRIER] = {"membarrier", ENOSYS}};

static int wanted = -1;
static long fail_at;
static bool fail_on;
static atomic_long calls;
static atomic_long injected;
static atomic_long live;
static atomic_bool off;
static uintptr_t library_start;
static uintptr_t library_end;
static long (*real_syscall)(long number, ...);

static int find_library(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size, (void)unused;
  if (!strstr(object->dlpi_name, "libbridgeq.so")) return 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    library_start = object->dlpi_addr + part->p_vaddr;
    library_end = library_start + part->p_memsz;
  }
  return 1;
}

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((constructor)) static void prepare(void) {
  const char *name = getenv("FAULT");
  const char *at = getenv("FAULT_AT");
  void *found = next("syscall");
  memcpy(&real_syscall, &found, sizeof found);
  dl_iterate_phdr(find_library, NULL);
  fail_on = getenv("FAULT_ON") != NULL;
  fail_at = at ? strtol(at, NULL, 10) : 1;
  for (int i = 0; name && i < FAULTS; i++)
    if (strcmp(name, faults[i].name) == 0) wanted = i;
  if (name && wanted < 0) fprintf(stderr, "FAULT=%s is none\n", name), _exit(2);
}

__attribute__((destructor)) static void report(void) {
  if (wanted >= 0) fprintf(stderr, "injected %ld\n", atomic_load(&injected));
}

void fault_off(void) { atomic_store(&off, true); }

long fault_live(void) { return atomic_load(&live); }

static bool is_library(const void *caller) {
  return (uintptr_t)caller >= library_start && (uintptr_t)caller < library_end;
}

#define CALLER __builtin_return_address(0)

/* Whether this call of that kind is to fail; sets errno. */
static bool fails(int kind, const void *caller) {
  if (kind != wanted || !is_library(caller) || atomic_load(&off)) return false;
  const long call = atomic_fetch_add(&calls, 1) + 1;
  if (call != fail_at && !(fail_on && call > fail_at)) return false;
  atomic_fetch_add(&injected, 1);
  errno = faults[kind].error;
  return true;
}

/* Memory. What the library allocates it frees itself: the two are counted against each other. */

/* Who frees cannot be told by where it returns to: the last call of a function may be a jump. */
enum { BLOCKS = 1 << 16 };
static atomic_uintptr_t blocks[BLOCKS];

/* Replaces one word by another where the block is to be found; false: it is not there. */
static bool exchange(uintptr_t block, uintptr_t before, uintptr_t after) {
  const size_t start = (block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48;
  for (size_t i = 0; i < 256; i++) {
    uintptr_t expected = before;
    if (atomic_compare_exchange_strong(&blocks[(start + i) % BLOCKS], &expected, after)) return true;
  }
  return false;
}

static void *count_live(void *memory, const void *caller) {
  if (!memory || !is_library(caller)) return memory;
  if (!exchange((uintptr_t)memory, 0, (uintptr_t)memory)) abort(); /* BLOCKS is too few */
  atomic_fetch_add(&live, 1);
  return memory;
}

static bool forget(void *memory) {
  if (!memory || atomic_load(&live) == 0) return false;
  if (!exchange((uintptr_t)memory, (uintptr_t)memory, 0)) return false;
  atomic_fetch_sub(&live, 1);
  return true;
}

void *malloc(size_t size) {
  return fails(MEMORY, CALLER) ? NULL : count_live(__libc_malloc(size), CALLER);
}

void *calloc(size_t count, size_t size) {
  return fails(MEMORY, CALLER) ? NULL : count_live(__libc_calloc(count, size), CALLER);
}

void *realloc(void *memory, size_t size) {
  if (fails(MEMORY, CALLER)) return NULL;
  const bool ours = forget(memory);
  void *moved = __libc_realloc(memory, size);
  if (!moved && ours) return count_live(memory, (void *)library_start), NULL;
  return count_live(moved, ours ? (void *)library_start : CALLER);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return fails(MEMORY, CALLER) ? NULL : count_live(__libc_memalign(alignment, size), CALLER);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (fails(MEMORY, CALLER)) return ENOMEM;
  *memory = count_live(__libc_memalign(alignment, size), CALLER);
  return *memory ? 0 : ENOMEM;
}

void free(void *memory) {
  forget(memory);
  __libc_free(memory);
}

/* The rest. */

int eventfd(unsigned count, int flags) {
  return fails(EVENTFD, CALLER) ? -1 : (int)real_syscall(SYS_eventfd2, count, flags);
}

int pipe2(int ends[2], int flags) {
  return fails(PIPE, CALLER) ? -1 : (int)real_syscall(SYS_pipe2, ends, flags);
}

int madvise(void *start, size_t length, int advice) {
  if (fails(MADVISE, CALLER)) return -1;
  /* It registers a handler only on a kernel that cannot do this. */
  if (wanted == ATFORK && is_library(CALLER) && advice == MADV_WIPEONFORK) return errno = EINVAL, -1;
  return (int)real_syscall(SYS_madvise, start, length, advice);
}

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set) {
  if (fails(AFFINITY, CALLER)) return -1;
  const long bytes = real_syscall(SYS_sched_getaffinity, process, size, set);
  return bytes < 0 ? -1 : 0;
}

int __register_atfork(void (*prepare_handler)(void), void (*parent)(void), void (*child)(void),
                      void *dso) {
  int (*real)(void (*)(void), void (*)(void), void (*)(void), void *);
  void *found = next("__register_atfork");
  memcpy(&real, &found, sizeof found);
  return fails(ATFORK, CALLER) ? ENOMEM : real(prepare_handler, parent, child, dso);
}

/* Without a deadline or with one, a thread that sleeps may wake for nothing, with and without EINTR.
 * The sleeper has slept by then: it is let sleep for a moment. */
static bool sleep_fails(int operation, const void *caller) {
  const int command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  if (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET) return false;
  return fails(SLEEP, caller) || fails(SPURIOUS, caller);
}

static bool syscall_fails(long number, const long *arguments, const void *caller) {
  switch (number) {
  case SYS_write: return fails(WRITE, caller);
  case SYS_read: return fails(READ, caller);
  case SYS_membarrier: return fails(MEMBARRIER, caller);
  case SYS_futex: return sleep_fails((int)arguments[1], caller);
  case SYS_close: /* Linux closes it all the same */
    if (!fails(CLOSE, caller)) return false;
    real_syscall(SYS_close, arguments[0]);
    errno = EINTR;
    return true;
  default: return false;
  }
}

long syscall(long number, ...) {
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(list, long);
  va_end(list);
  if (syscall_fails(number, arguments, CALLER)) return wanted == SPURIOUS ? 0 : -1;
  return real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                      arguments[5]);
}
