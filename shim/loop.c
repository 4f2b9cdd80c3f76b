// The event loop on epoll.
#include "loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 32 };

int loop_open(struct loop *loop, struct failure *failure) {
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  return loop->epoll < 0 ? fail_errno(failure, "epoll_create1", "loop") : 0;
}

void source_watch(struct loop *loop, struct source *source, uint32_t events) {
  if (source->fd < 0 || source->watched == events) return;
  struct epoll_event event = {.events = events, .data.ptr = source};
  int operation = events == 0 ? EPOLL_CTL_DEL : source->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(loop->epoll, operation, source->fd, &event) == 0) source->watched = events;
}

void source_close(struct loop *loop, struct source *source) {
  if (source->fd < 0) return;
  source_watch(loop, source, 0);
  close(source->fd);
  source->fd = -1;
}

void loop_turn(struct loop *loop, int timeout) {
  struct epoll_event events[EVENTS_PER_TURN];
  int count = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, timeout);
  for (int i = 0; i < count; i++) {
    struct source *source = events[i].data.ptr;
    // A source that an earlier event of this turn closed or silenced stays silent.
    if (source->fd >= 0 && source->watched != 0) source->ready(source->owner, events[i].events);
  }
}

uint64_t monotonic_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
