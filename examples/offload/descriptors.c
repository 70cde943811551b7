#define _GNU_SOURCE
#include "descriptors.h"

#include "../common.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

int open_listener(uint16_t port) {
  const int on = 1;
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) err(1, "socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0)
    err(1, "cannot use port %u; --port sets another one, and 0 takes any that is free", port);
  if (listen(listener, SOMAXCONN) != 0) err(1, "listen");
  return listener;
}

uint16_t port_of(int listener) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) err(1, "getsockname");
  return ntohs(address.sin_port);
}

static struct timespec timespec_of(int64_t ns) {
  return (struct timespec){ns / SECOND, ns % SECOND};
}

int open_timer(int64_t start, int64_t period) {
  const struct itimerspec ticks = {timespec_of(period), timespec_of(start + period)};
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &ticks, NULL) != 0) err(1, "timerfd");
  return timer;
}

void watch_input(int epoll, int descriptor, uint64_t number) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) err(1, "epoll_ctl");
}
