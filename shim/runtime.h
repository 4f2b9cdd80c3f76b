// The OCI runtime: running it, and finding out what it did.
#ifndef GANTRY_RUNTIME_H
#define GANTRY_RUNTIME_H

#include <sys/types.h>

#include "options.h"

enum { RUNTIME_OUTPUT_LIMIT = 16 * 1024 };

// Starts the runtime with `streams` as its stdin, stdout and stderr. `console` is NULL without a terminal.
int runtime_start(const struct options *options, const char *console, const int streams[3], pid_t *pid,
                  struct failure *failure);
// Kills a runtime that has not ended, and all that it started and did not give a group of its own.
void runtime_kill(pid_t pid);
// The container's first process, from the pid file. It becomes a child of this process, which is the subreaper.
int runtime_read_pid(pid_t *pid, struct failure *failure);
// Reads the end of the runtime's log; returns its length.
size_t runtime_read_log(char *bytes, size_t size);

#endif
