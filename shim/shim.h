// The shim itself: one container, or one process exec'd in one, from before its start until after its end.
#ifndef GANTRY_SHIM_H
#define GANTRY_SHIM_H

#include "console.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "record.h"
#include "ring.h"
#include "server.h"
#include "streams.h"

enum phase {
  // The runtime is at work.
  PHASE_STARTING,
  PHASE_RUNNING,
  // The container has exited; the rest of its output is being read.
  PHASE_DRAINING,
  // All is recorded and told; clients take what they have coming.
  PHASE_ENDED,
};

struct shim {
  struct options options;
  struct loop loop;
  struct ring ring;
  struct log log;
  struct streams streams;
  struct server server;
  struct console console;
  struct source children;
  enum phase phase;
  pid_t runtime;
  // When the container was running, in nanoseconds since 1970.
  uint64_t started;
  struct exit_record exit;
  // Where that goes; -1 if there is nowhere.
  int exit_fd;
  bool failed;
  // On the monotonic clock: when other writers get no more time, and when clients don't.
  uint64_t drain_deadline, end_deadline;
};

// Does all of it; returns the shim's exit status.
int shim_run(struct shim *shim);

#endif
