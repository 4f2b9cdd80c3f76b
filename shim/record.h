// The exit record: how the container ended, for a daemon that was not there.
#ifndef GANTRY_RECORD_H
#define GANTRY_RECORD_H

#include <sys/types.h>

#include "options.h"
#include "text.h"

struct exit_record {
  pid_t pid;
  // The exit code as a shell has it: 128 + signal for a process ended by one. signal is 0 otherwise.
  int code, signal;
  // Processes of the container that the kernel killed for want of memory.
  uint64_t oom_kills;
  // Nanoseconds since 1970.
  uint64_t finished;
};

void record_status(struct exit_record *record, int wait_status);
// Reads the kernel's counts: memory.events of cgroup v2, memory.oom_control of v1.
uint64_t record_oom_kills(const struct options *options);
// One field a line: pid, code, signal, oom, finished.
void record_text(const struct exit_record *record, struct text *text);
// Makes the file for a record that is to be written at `path`, with its space: the disk may be full by then. Returns its
// descriptor, or -1.
int record_prepare(const char *path);
// Writes the record to `fd` and gives it its name; if `durable`, it survives a power cut from here on. Closes `fd`.
int record_write(int fd, const char *path, const struct exit_record *record, bool durable, struct failure *failure);

#endif
