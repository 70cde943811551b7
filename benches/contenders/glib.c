/*
 * GLib: a GAsyncQueue of pointers and a source of the main context that looks whether it is empty.
 * The context is woken when the queue was empty. Items larger than a pointer are allocated, as one
 * does with this queue.
 */
#include "../contender.h"

#include <glib-unix.h>
#include <glib.h>

struct queue {
  GAsyncQueue *items;
  GMainContext *woken; /* where the loop waits; NULL: threads only */
  size_t item_size;
};

struct watch {
  GSource source;
  struct queue *queue;
  struct loop *loop;
  void *tag;
};

static void *make(const struct spec *spec) {
  struct queue *queue = g_new0(struct queue, 1);
  queue->items = g_async_queue_new();
  queue->item_size = spec->item_size;
  return queue;
}

static void unmake(void *raw) {
  struct queue *queue = raw;
  g_async_queue_unref(queue->items);
  g_free(queue);
}

static gpointer pack(const struct queue *queue, const void *item) {
  if (queue->item_size == sizeof(gpointer)) return *(const gpointer *)item;
  return g_memdup2(item, queue->item_size);
}

static void unpack(const struct queue *queue, gpointer packed, void *item) {
  if (queue->item_size == sizeof(gpointer)) {
    *(gpointer *)item = packed;
    return;
  }
  memcpy(item, packed, queue->item_size);
  g_free(packed);
}

static void put(void *port, const void *item) {
  const struct queue *queue = port;
  gpointer packed = pack(queue, item);
  g_async_queue_lock(queue->items);
  const gboolean was_empty = g_async_queue_length_unlocked(queue->items) <= 0;
  g_async_queue_push_unlocked(queue->items, packed);
  g_async_queue_unlock(queue->items);
  if (was_empty && queue->woken) g_main_context_wakeup(queue->woken);
}

static bool try_put(void *port, const void *item) {
  put(port, item);
  return true;
}

static void get(void *port, void *item) {
  const struct queue *queue = port;
  unpack(queue, g_async_queue_pop(queue->items), item);
}

static bool try_get(void *port, void *item) {
  const struct queue *queue = port;
  gpointer packed = g_async_queue_try_pop(queue->items);
  if (packed) unpack(queue, packed, item);
  return packed;
}

static gboolean has_items(GSource *source) {
  return g_async_queue_length(((struct watch *)source)->queue->items) > 0;
}

static gboolean prepare(GSource *source, gint *timeout) {
  *timeout = -1;
  return has_items(source);
}

static size_t pop_some(GAsyncQueue *items, gpointer *packed, size_t max) {
  size_t count = 0;
  g_async_queue_lock(items);
  while (count < max && (packed[count] = g_async_queue_try_pop_unlocked(items))) count++;
  g_async_queue_unlock(items);
  return count;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  (void)callback, (void)data;
  const struct watch *watch = (struct watch *)source;
  gpointer packed[BATCH_OF];
  guint64 item[LARGEST_ITEM / 8];
  for (size_t count; (count = pop_some(watch->queue->items, packed, BATCH_OF));) {
    for (size_t i = 0; i < count; i++) {
      unpack(watch->queue, packed[i], item);
      watch->loop->took(watch->loop->context, watch->tag, item);
    }
  }
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {.prepare = prepare, .check = has_items,
                                        .dispatch = dispatch};

static bool watch(struct loop *loop, void *raw, void *tag) {
  struct queue *queue = raw;
  GSource *source = g_source_new(&source_functions, sizeof(struct watch));
  struct watch *watch = (struct watch *)source;
  watch->queue = queue;
  watch->loop = loop;
  watch->tag = tag;
  queue->woken = loop->own;
  g_source_attach(source, loop->own);
  g_source_unref(source);
  return true;
}

struct other {
  void (*ready)(void *);
  void *argument;
};

static gboolean serve_other(gint fd, GIOCondition condition, gpointer data) {
  (void)fd, (void)condition;
  const struct other *other = data;
  other->ready(other->argument);
  return G_SOURCE_CONTINUE;
}

static bool add(struct loop *loop, int fd, uint32_t events, void (*ready)(void *), void *argument) {
  struct other *other = g_new(struct other, 1);
  *other = (struct other){ready, argument};
  GSource *source = g_unix_fd_source_new(fd, (GIOCondition)events);
  g_source_set_callback(source, G_SOURCE_FUNC(serve_other), other, g_free);
  g_source_attach(source, loop->own);
  g_source_unref(source);
  return true;
}

static bool open_loop(struct loop *loop) {
  loop->own = g_main_context_new();
  loop->add = add;
  g_main_context_push_thread_default(loop->own);
  return true;
}

static void close_loop(struct loop *loop) {
  g_main_context_pop_thread_default(loop->own);
  g_main_context_unref(loop->own);
}

static void turn(struct loop *loop, bool may_wait) {
  g_main_context_iteration(loop->own, may_wait);
}

static const struct ops ops = {.make = make,           .unmake = unmake,         .put = put,
                               .get = get,             .try_put = try_put,       .try_get = try_get,
                               .watch = watch,         .open_loop = open_loop,
                               .close_loop = close_loop, .turn = turn};

static const struct ops *pick(const struct spec *spec, const char **why_not) {
  if (spec->capacity && !(spec->uses & ALTERNATE)) *why_not = "has no bound";
  else if (spec->order != FIFO) *why_not = "sorts by walking the list";
  else if (spec->uses & LOOP_PUTS) *why_not = "never full";
  else if (spec->uses & LOOP_GETS && spec->consumers > 1) *why_not = "for one main context";
  else return &ops;
  return NULL;
}

static const char *version(void) {
  static char text[32];
  g_snprintf(text, sizeof text, "%u.%u.%u", glib_major_version, glib_minor_version,
             glib_micro_version);
  return text;
}

static const struct contender contender = {"glib", "GAsyncQueue and a source of its main context",
                                           version, pick};

const struct contender *const *bench_contenders(size_t *count) {
  static const struct contender *const list[] = {&contender};
  *count = 1;
  return list;
}
