// What the daemon asks of this shim, on the command line. Only GANTRY_LOG_ATTRIBUTES, which may hold values of the
// container's environment, comes by the environment, which other users cannot read.
#ifndef GANTRY_OPTIONS_H
#define GANTRY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "text.h"

enum { RUNTIME_ARGUMENTS = 16, OOM_SOURCES = 4, RESERVATIONS = 4096, START_CLIENTS = 240, PLACED_MOUNTS = 1024 };

enum mode { MODE_RUN, MODE_EXEC };

// A client that attaches before the container starts.
struct start_client {
  int fd;
  uint16_t flags;
};

// A detached mount and the path in the run dir where it is attached; or, to be joined, a mount namespace and the
// absolute path of a mount in it.
struct placed_mount {
  int fd;
  const char *path;
};

struct options {
  enum mode mode;
  const char *run_dir, *id, *runtime, *runtime_root, *process, *exit_record;
  // The images of a checkpoint that the container goes on from; NULL: it begins anew.
  const char *restore;
  const char *runtime_arguments[RUNTIME_ARGUMENTS];
  size_t runtime_argument_count;
  struct log_settings log;
  bool tty, open_stdin, hide_unified_cgroup;
  uint16_t rows, columns;
  // NULL: the shim keeps the score it inherits.
  const char *oom_score;
  const char *oom_sources[OOM_SOURCES];
  size_t oom_source_count;
  // -1: not given.
  int rootfs_fd, netns_fd, control_fd;
  struct placed_mount mounts[PLACED_MOUNTS];
  size_t mount_count;
  // fd is -1 if there is none.
  struct placed_mount joined_shm;
  int reservations[RESERVATIONS];
  size_t reservation_count;
  struct start_client start_clients[START_CLIENTS];
  size_t start_client_count;
};

// Reads the command line; the strings stay those of `arguments`.
int options_parse(struct options *options, int count, const char *const arguments[], struct failure *failure);

#endif
