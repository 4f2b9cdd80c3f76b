// The container's log: Docker's json-file format, bounded, rotated without losing a line.
#ifndef GANTRY_LOG_H
#define GANTRY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rotation.h"
#include "text.h"
#include "timestamp.h"

// Docker splits longer lines into entries of this many bytes.
enum { LOG_LINE_LIMIT = 16 * 1024, LOG_STREAMS = 2 };

enum log_stream { LOG_STDOUT, LOG_STDERR };

// The line that a stream has begun and not finished.
struct log_line {
  size_t length;
  // The time of the line's first entry, which all its later entries carry; 0 if none was written yet.
  uint64_t began;
  unsigned char bytes[LOG_LINE_LIMIT];
};

struct log {
  bool enabled;
  struct log_file file;
  // Entries that are encoded and not yet written.
  char *pending;
  size_t pending_size, pending_length;
  // `"attrs":{…},`, or empty.
  char *attributes;
  size_t attributes_length;
  uint64_t last_time;
  struct timestamp timestamp;
  struct log_line lines[LOG_STREAMS];
};

struct log_settings {
  // NULL: no log is kept.
  const char *path;
  // 0: unlimited.
  uint64_t max_size;
  uint64_t max_file;
  // A JSON object, or NULL.
  const char *attributes;
};

int log_open(struct log *log, const struct log_settings *settings, struct failure *failure);
// Takes what the container wrote; every finished line is in the file when this returns.
void log_output(struct log *log, enum log_stream stream, const unsigned char *bytes, size_t length);
// Drops what was written so far; an unfinished line stays.
int log_clear(struct log *log, struct failure *failure);
// Writes the unfinished line, if there is one: the stream has ended.
void log_end(struct log *log, enum log_stream stream);

#endif
