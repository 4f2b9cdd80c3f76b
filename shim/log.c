// The container's log: splitting into lines, encoding them as json-file entries.
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "json.h"

enum {
  PENDING_SIZE = 128 * 1024,
  // What an entry takes beyond its escaped line and attributes.
  ENTRY_FRAME = 128,
};

static const char *const stream_names[LOG_STREAMS] = {"stdout", "stderr"};

static int keep_attributes(struct log *log, const char *attributes, struct failure *failure) {
  if (attributes == NULL) return 0;
  struct text text = {.size = strlen(attributes) + sizeof "\"attrs\":,"};
  text.bytes = malloc(text.size);
  if (text.bytes == NULL) return fail_errno(failure, "malloc", "log attributes");
  text_add(&text, "\"attrs\":");
  text_add(&text, attributes);
  text_add(&text, ",");
  log->attributes = text.bytes;
  log->attributes_length = text.length;
  return 0;
}

int log_open(struct log *log, const struct log_settings *settings, struct failure *failure) {
  log->enabled = settings->path != NULL;
  if (!log->enabled) return 0;
  if (keep_attributes(log, settings->attributes, failure) < 0) return -1;
  log->pending_size = PENDING_SIZE + log->attributes_length;
  // Mapped, not allocated: only pages that were needed once count as memory.
  log->pending = mmap(NULL, log->pending_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (log->pending == MAP_FAILED) return fail_errno(failure, "mmap", "log buffer");
  return log_file_open(&log->file, settings->path, settings->max_size, settings->max_file, failure);
}

static char *put(char *out, const char *bytes, size_t length) {
  memcpy(out, bytes, length);
  return out + length;
}

static void flush(struct log *log) {
  log_file_write(&log->file, log->pending, log->pending_length);
  log->pending_length = 0;
}

// Times never repeat or go back, so that a reader can resume after the last entry it saw.
static uint64_t next_time(struct log *log, uint64_t now) {
  log->last_time = now > log->last_time ? now : log->last_time + 1;
  return log->last_time;
}

// Encodes one entry: {"log":"…","stream":"…","attrs":{…},"time":"…"}.
static void add_entry(struct log *log, enum log_stream stream, const unsigned char *bytes, size_t length, bool ends_line,
                      uint64_t time) {
  size_t most = JSON_EXPANSION * length + log->attributes_length + ENTRY_FRAME;
  bool full = log_file_is_full(&log->file, log->pending_length);
  if (full || most > log->pending_size - log->pending_length) flush(log);
  if (full) log_file_rotate(&log->file);
  char *out = log->pending + log->pending_length;
  out = put(out, "{\"log\":\"", 8);
  out = json_escape(out, bytes, length);
  if (ends_line) out = put(out, "\\n", 2);
  out = put(out, "\",\"stream\":\"", 12);
  out = put(out, stream_names[stream], 6);
  out = put(out, "\",", 2);
  if (log->attributes_length > 0) out = put(out, log->attributes, log->attributes_length);
  out = put(out, "\"time\":\"", 8);
  out = timestamp_format(&log->timestamp, out, time);
  out = put(out, "\"}\n", 3);
  log->pending_length = (size_t)(out - log->pending);
}

static void finish_line(struct log *log, enum log_stream stream, const unsigned char *bytes, size_t length,
                        uint64_t now) {
  struct log_line *line = &log->lines[stream];
  add_entry(log, stream, bytes, length, true, line->began ? line->began : next_time(log, now));
  line->length = 0;
  line->began = 0;
}

// Writes an entry without a line end: the line is too long, or the stream is over.
static void add_partial(struct log *log, enum log_stream stream, uint64_t now) {
  struct log_line *line = &log->lines[stream];
  if (line->began == 0) line->began = next_time(log, now);
  size_t tail = utf8_incomplete_tail(line->bytes, line->length);
  size_t length = line->length - (tail < line->length ? tail : 0);
  add_entry(log, stream, line->bytes, length, false, line->began);
  line->length -= length;
  memmove(line->bytes, line->bytes + length, line->length);
}

static void keep(struct log *log, enum log_stream stream, const unsigned char *bytes, size_t length, uint64_t now) {
  struct log_line *line = &log->lines[stream];
  while (length > 0) {
    size_t room = LOG_LINE_LIMIT - line->length;
    size_t part = length < room ? length : room;
    memcpy(line->bytes + line->length, bytes, part);
    line->length += part;
    bytes += part;
    length -= part;
    if (line->length == LOG_LINE_LIMIT) add_partial(log, stream, now);
  }
}

void log_output(struct log *log, enum log_stream stream, const unsigned char *bytes, size_t length) {
  if (!log->enabled) return;
  struct log_line *line = &log->lines[stream];
  const unsigned char *end = bytes + length;
  uint64_t now = realtime_now();
  for (const unsigned char *newline; (newline = memchr(bytes, '\n', (size_t)(end - bytes))); bytes = newline + 1) {
    size_t part = (size_t)(newline - bytes);
    // A whole line is encoded from where it lies; only one that was begun before is put together first.
    if (line->length == 0 && part < LOG_LINE_LIMIT) {
      finish_line(log, stream, bytes, part, now);
    } else {
      keep(log, stream, bytes, part, now);
      finish_line(log, stream, line->bytes, line->length, now);
    }
  }
  keep(log, stream, bytes, (size_t)(end - bytes), now);
  flush(log);
}

void log_end(struct log *log, enum log_stream stream) {
  struct log_line *line = &log->lines[stream];
  if (!log->enabled || line->length == 0) return;
  add_entry(log, stream, line->bytes, line->length, false, line->began ? line->began : next_time(log, realtime_now()));
  line->length = 0;
  flush(log);
}

int log_clear(struct log *log, struct failure *failure) {
  return log->enabled ? log_file_clear(&log->file, failure) : 0;
}
