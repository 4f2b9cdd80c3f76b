// The exit record and the kernel's count of OOM kills.
#include "record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORD_SIZE = 256, EVENTS_SIZE = 4096 };

void record_status(struct exit_record *record, int wait_status) {
  record->signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  record->code = record->signal ? 128 + record->signal : WEXITSTATUS(wait_status);
}

static uint64_t oom_kills_in(const char *path) {
  char bytes[EVENTS_SIZE];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, bytes, sizeof bytes - 1);
  close(fd);
  bytes[length > 0 ? length : 0] = '\0';
  uint64_t count = 0;
  for (char *line = bytes, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    if (strncmp(line, "oom_kill ", 9) == 0) parse_number(line + 9, UINT32_MAX, &count);
  }
  return count;
}

uint64_t record_oom_kills(const struct options *options) {
  uint64_t count = 0;
  for (size_t i = 0; i < options->oom_source_count; i++) count += oom_kills_in(options->oom_sources[i]);
  return count;
}

void record_text(const struct exit_record *record, struct text *text) {
  text_add_field(text, "pid", (uint64_t)record->pid);
  text_add_field(text, "code", (uint64_t)record->code);
  text_add_field(text, "signal", (uint64_t)record->signal);
  text_add_field(text, "oom", record->oom_kills);
  text_add_field(text, "finished", record->finished);
}

static int write_file(const char *path, const struct text *text, bool durable, struct failure *failure) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail_errno(failure, "open", path);
  bool written = write(fd, text->bytes, text->length) == (ssize_t)text->length && (!durable || fsync(fd) == 0);
  int result = written ? 0 : fail_errno(failure, "write", path);
  close(fd);
  return result;
}

static void sync_parent(const char *path) {
  char directory[PATH_MAX];
  size_t length = (size_t)(strrchr(path, '/') - path);
  memcpy(directory, path, length);
  directory[length] = '\0';
  int fd = open(length > 0 ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

int record_write(const char *path, const struct exit_record *record, bool durable, struct failure *failure) {
  char bytes[RECORD_SIZE], temporary[PATH_MAX];
  struct text text = {bytes, sizeof bytes, 0}, name = {temporary, sizeof temporary - 1, 0};
  record_text(record, &text);
  text_add(&name, path);
  text_add(&name, ".tmp");
  temporary[name.length] = '\0';
  if (name.length == sizeof temporary - 1) return fail(failure, "path too long:", path);
  if (write_file(temporary, &text, durable, failure) < 0) return -1;
  if (rename(temporary, path) < 0) return fail_errno(failure, "rename", path);
  if (durable) sync_parent(path);
  return 0;
}
