// The same as consumer.c for a C++ program: the header is included as it is, handles go into smart
// pointers, a lambda produces, and a thread waits with bq_poller_wait.
#include <bridgeq.h>

#include <iostream>
#include <memory>
#include <thread>

namespace {

using Queue = std::unique_ptr<bq_queue, decltype(&bq_queue_unref)>;
using Poller = std::unique_ptr<bq_poller, decltype(&bq_poller_unref)>;

constexpr int last = 1000;

Queue make_queue() {
  bq_options options = BQ_OPTIONS_INIT;
  options.item_size = sizeof(int);
  options.capacity = 16;
  bq_queue *queue = nullptr;
  bq_queue_new(&options, &queue);
  return Queue(queue, bq_queue_unref);
}

Poller make_poller(bq_queue *queue) {
  bq_poller *poller = nullptr;
  bq_poller_new(nullptr, &poller);
  bq_poller_add(poller, queue, BQ_READABLE, nullptr);
  return Poller(poller, bq_poller_unref);
}

long consume(bq_poller *poller) {
  long sum = 0;
  for (bq_event event; bq_poller_wait(poller, &event, 1, BQ_FOREVER) > 0;) {
    int number;
    bq_status status;
    while ((status = bq_get(event.queue, &number, BQ_NOWAIT)) == BQ_OK)
      sum += number;
    if (status == BQ_SHUTDOWN)
      break;
  }
  return sum;
}

} // namespace

int main() {
  Queue queue = make_queue();
  Poller poller = make_poller(queue.get());
  std::thread producer([&queue] {
    for (int i = 1; i <= last; i++)
      bq_put(queue.get(), &i, BQ_FOREVER);
    bq_shutdown(queue.get(), BQ_DRAIN);
  });
  long sum = consume(poller.get());
  producer.join();
  std::cout << BQ_VERSION_MAJOR << '.' << BQ_VERSION_MINOR << '.' << BQ_VERSION_PATCH << '\n';
  return bq_version() == BQ_VERSION && sum == last * (last + 1L) / 2 ? 0 : 1;
}
