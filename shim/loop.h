// The event loop: one epoll instance, and sources that name the function to call when they are ready.
#ifndef GANTRY_LOOP_H
#define GANTRY_LOOP_H

#include <stdint.h>

#include "text.h"

struct loop {
  int epoll;
};

// A descriptor in the loop. `watched` is what epoll was last told; 0 means that it isn't registered at all.
struct source {
  int fd;
  uint32_t watched;
  void (*ready)(void *owner, uint32_t events);
  void *owner;
};

int loop_open(struct loop *loop, struct failure *failure);
// Watches for `events`; 0 takes the source out, which alone silences EPOLLHUP and EPOLLERR.
void source_watch(struct loop *loop, struct source *source, uint32_t events);
// Takes the source out of the loop and closes its descriptor.
void source_close(struct loop *loop, struct source *source);
// Waits up to `timeout` milliseconds (-1: for ever) and calls each source that is ready.
void loop_turn(struct loop *loop, int timeout);
// Nanoseconds of the monotonic clock, for deadlines.
uint64_t monotonic_now(void);

#endif
