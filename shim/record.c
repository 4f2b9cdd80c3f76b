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

static int temporary_name(char name[PATH_MAX], const char *path) {
  struct text text = {name, PATH_MAX - 1, 0};
  text_add(&text, path);
  text_add(&text, ".tmp");
  name[text.length] = '\0';
  return text.length < PATH_MAX - 1 ? 0 : -1;
}

int record_prepare(const char *path) {
  char name[PATH_MAX];
  if (temporary_name(name, path) < 0) return -1;
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  // Some file systems can't promise space; they may have it all the same.
  if (fd >= 0) posix_fallocate(fd, 0, RECORD_SIZE);
  return fd;
}

static int fill_file(int fd, const char *path, const struct text *text, bool durable, struct failure *failure) {
  bool written = pwrite(fd, text->bytes, text->length, 0) == (ssize_t)text->length &&
                 ftruncate(fd, (off_t)text->length) == 0 && (!durable || fsync(fd) == 0);
  return written ? 0 : fail_errno(failure, "write", path);
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

int record_write(int fd, const char *path, const struct exit_record *record, bool durable, struct failure *failure) {
  char bytes[RECORD_SIZE], temporary[PATH_MAX];
  struct text text = {bytes, sizeof bytes, 0};
  record_text(record, &text);
  if (temporary_name(temporary, path) < 0) return fail(failure, "path too long:", path);
  int result = fill_file(fd, path, &text, durable, failure);
  close(fd);
  if (result < 0) return -1;
  if (rename(temporary, path) < 0) return fail_errno(failure, "rename", path);
  if (durable) sync_parent(path);
  return 0;
}
