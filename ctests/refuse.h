/*
 * Out of memory at will: the program's own malloc and relatives stand before the C library's, for
 * the static and the shared library alike, and refuse the calling thread when it asks for that.
 * For one source file of a program.
 */
#ifndef REFUSE_H
#define REFUSE_H

#include "support.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* -1: every allocation succeeds. Otherwise so many more do, and then none. */
static _Thread_local long allocations_left = -1;

#if defined(__GLIBC__) && !defined(SANITIZED)
#define CAN_REFUSE 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool refused(void) {
  if (allocations_left < 0) return false;
  if (allocations_left == 0) return true;
  allocations_left--;
  return false;
}

static void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) { return refused() ? no_memory() : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return refused() ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  return refused() ? no_memory() : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  return refused() ? no_memory() : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
#else
#define CAN_REFUSE 0
#endif

#define NEEDS_REFUSAL                                                                              \
  if (!CAN_REFUSE) SKIP("malloc cannot be replaced here: not glibc, or a sanitizer has done it")

#endif
