// The log's files: appending whole entries, rotation, and what happens when the disk is full.
#ifndef GANTRY_ROTATION_H
#define GANTRY_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

struct log_file {
  const char *path;
  int fd;
  uint64_t size, max_size, max_file;
  // The size at which to rotate: max_size, or more after a rotation that failed. 0: never.
  uint64_t limit;
  // Entries that could not be written since the last that could, and why.
  uint64_t lost;
  int lost_errno;
};

// Opens the log for appending; a half-written entry at its end (a power cut) is removed.
int log_file_open(struct log_file *file, const char *path, uint64_t max_size, uint64_t max_file,
                  struct failure *failure);
// True if the file has reached its limit once `pending` more bytes are written.
bool log_file_is_full(const struct log_file *file, size_t pending);
// Appends entries, each ended by a newline. What cannot be written is counted, and a notice tells so later.
void log_file_write(struct log_file *file, const char *entries, size_t length);
// path.1 becomes path.2 and so on, path becomes path.1, and a new file is begun. Readers of the old one can finish it.
void log_file_rotate(struct log_file *file);
// Begins an empty log and removes all of its older files. Readers of the old one can finish it.
int log_file_clear(struct log_file *file, struct failure *failure);

#endif
