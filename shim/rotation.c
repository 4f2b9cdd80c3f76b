// The log's files: appending whole entries, rotation, and what happens when the disk is full.
#include "rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "timestamp.h"

enum { LOG_MODE = 0640, TAIL_CHUNK = 4096, NOTICE_SIZE = 320, RETRY_AFTER = 1024 * 1024, LOCK_ATTEMPTS = 200 };

static int open_log(const char *path, int flags) {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, LOG_MODE);
}

static uint64_t current_size(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

// The size of the file up to its last newline.
static uint64_t whole_entries(const char *path, uint64_t size) {
  char chunk[TAIL_CHUNK];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  while (fd >= 0 && size > 0) {
    size_t length = size < sizeof chunk ? (size_t)size : sizeof chunk;
    ssize_t got = pread(fd, chunk, length, (off_t)(size - length));
    if (got != (ssize_t)length) break;
    const char *newline = memrchr(chunk, '\n', length);
    if (newline) {
      size -= length - (size_t)(newline + 1 - chunk);
      break;
    }
    size -= length;
  }
  if (fd >= 0) close(fd);
  return size;
}

int log_file_open(struct log_file *file, const char *path, uint64_t max_size, uint64_t max_file,
                  struct failure *failure) {
  *file = (struct log_file){.path = path, .max_size = max_size, .max_file = max_file, .limit = max_size};
  file->fd = open_log(path, 0);
  if (file->fd < 0) return fail_errno(failure, "open", path);
  uint64_t size = current_size(file->fd);
  file->size = whole_entries(path, size);
  if (file->size < size && ftruncate(file->fd, (off_t)file->size) < 0) return fail_errno(failure, "ftruncate", path);
  return 0;
}

bool log_file_is_full(const struct log_file *file, size_t pending) {
  return file->limit > 0 && file->size + pending >= file->limit;
}

static ssize_t write_retrying(int fd, const char *bytes, size_t length) {
  ssize_t written;
  do {
    written = write(fd, bytes, length);
  } while (written < 0 && errno == EINTR);
  return written;
}

// Writes until done or refused; returns how much is in the file.
static size_t write_all(struct log_file *file, const char *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t written = write_retrying(file->fd, bytes + done, length - done);
    if (written <= 0) {
      file->lost_errno = errno;
      break;
    }
    done += (size_t)written;
  }
  return done;
}

static uint64_t count_entries(const char *bytes, size_t length) {
  uint64_t count = 0;
  const char *end = bytes + length;
  while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes)))) {
    bytes++;
    count++;
  }
  return count;
}

// Appends entries; if only a part fits, takes half an entry back and counts those that are missing.
static bool append(struct log_file *file, const char *entries, size_t length) {
  size_t written = write_all(file, entries, length);
  if (written == length) {
    file->size += length;
    return true;
  }
  const char *newline = memrchr(entries, '\n', written);
  size_t whole = newline ? (size_t)(newline + 1 - entries) : 0;
  uint64_t size = current_size(file->fd);
  uint64_t torn = written - whole;
  if (torn > 0 && size >= torn && ftruncate(file->fd, (off_t)(size - torn)) == 0) size -= torn;
  file->size = size;
  file->lost += count_entries(entries + whole, length - whole);
  return false;
}

// Tells the reader of the log what is missing; false if the disk is still full.
static bool write_notice(struct log_file *file) {
  char bytes[NOTICE_SIZE];
  struct text text = {bytes, sizeof bytes, 0};
  struct timestamp timestamp = {0};
  char time[TIMESTAMP_SIZE];
  const char *reason = strerrordesc_np(file->lost_errno);
  text_add(&text, "{\"log\":\"gantry: ");
  text_add_number(&text, file->lost);
  text_add(&text, " log entries were lost: ");
  text_add(&text, reason ? reason : "write error");
  text_add(&text, "\\n\",\"stream\":\"stderr\",\"time\":\"");
  text_add_bytes(&text, time, (size_t)(timestamp_format(&timestamp, time, realtime_now()) - time));
  text_add(&text, "\"}\n");
  uint64_t lost = file->lost;
  file->lost = 0;
  if (append(file, bytes, text.length)) return true;
  file->lost = lost;
  return false;
}

void log_file_write(struct log_file *file, const char *entries, size_t length) {
  if (length == 0) return;
  if (file->lost > 0 && !write_notice(file)) {
    file->lost += count_entries(entries, length);
    return;
  }
  append(file, entries, length);
}

static bool numbered(char name[PATH_MAX], const char *path, uint64_t number) {
  struct text text = {name, PATH_MAX - 1, 0};
  text_add(&text, path);
  text_add(&text, ".");
  text_add_number(&text, number);
  name[text.length] = '\0';
  return text.length < PATH_MAX - 1;
}

static bool numbered_compressed(char name[PATH_MAX], const char *path, uint64_t number) {
  if (!numbered(name, path, number) || strlen(name) + sizeof ".gz" > PATH_MAX) return false;
  memcpy(name + strlen(name), ".gz", sizeof ".gz");
  return true;
}

// The daemon may have compressed the file: then that is what moves. The form that isn't there any more is removed.
static void shift_one(const struct log_file *file, uint64_t number) {
  char from[PATH_MAX], to[PATH_MAX], to_compressed[PATH_MAX];
  if (!numbered(from, file->path, number - 1) || !numbered(to, file->path, number)) return;
  if (!numbered_compressed(to_compressed, file->path, number)) return;
  if (rename(from, to) == 0) {
    unlink(to_compressed);
  } else if (numbered_compressed(from, file->path, number - 1) && rename(from, to_compressed) == 0) {
    unlink(to);
  }
}

static void shift(const struct log_file *file) {
  char first[PATH_MAX];
  for (uint64_t number = file->max_file - 1; number > 1; number--) shift_one(file, number);
  if (file->max_file < 2 || !numbered(first, file->path, 1)) return;
  rename(file->path, first);
  if (numbered_compressed(first, file->path, 1)) unlink(first);
}

// Opens the file that is to follow, then moves the names; the descriptor of the new file, or -1.
static int begin_next(const struct log_file *file) {
  char fresh[PATH_MAX];
  if (!numbered(fresh, file->path, 0)) return -1;
  // Whoever holds the lock is about to put a compressed file in the place of one of those that would move.
  if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) return -1;
  int fd = open_log(fresh, O_TRUNC);
  if (fd < 0) return -1;
  shift(file);
  if (rename(fresh, file->path) == 0) return fd;
  close(fd);
  return -1;
}

static void go_on_in(struct log_file *file, int fd) {
  close(file->fd);
  file->fd = fd;
  file->size = 0;
  file->limit = file->max_size;
}

void log_file_rotate(struct log_file *file) {
  int fd = begin_next(file);
  if (fd < 0) {
    // The old file goes on, over its limit but without a loss.
    flock(file->fd, LOCK_UN);
    file->limit = file->size + RETRY_AFTER;
    return;
  }
  go_on_in(file, fd);
}

// Whoever compresses a file holds the lock for a moment; without it that file would come back.
static int lock_for_clearing(const struct log_file *file, struct failure *failure) {
  const struct timespec pause = {.tv_nsec = 1000000};
  for (int attempt = 0; flock(file->fd, LOCK_EX | LOCK_NB) < 0; attempt++) {
    if (errno != EWOULDBLOCK) return 0;
    if (attempt == LOCK_ATTEMPTS) return fail_errno(failure, "flock", file->path);
    nanosleep(&pause, NULL);
  }
  return 0;
}

static int empty(struct log_file *file, struct failure *failure) {
  char name[PATH_MAX];
  // First of all: on a full disk this makes room for the rest.
  for (uint64_t number = 1; number < file->max_file; number++) {
    if (numbered(name, file->path, number)) unlink(name);
    if (numbered_compressed(name, file->path, number)) unlink(name);
  }
  int fd = numbered(name, file->path, 0) ? open_log(name, O_TRUNC) : -1;
  if (fd < 0) return fail_errno(failure, "open", name);
  if (rename(name, file->path) < 0) {
    close(fd);
    return fail_errno(failure, "rename", file->path);
  }
  go_on_in(file, fd);
  return 0;
}

int log_file_clear(struct log_file *file, struct failure *failure) {
  if (lock_for_clearing(file, failure) < 0) return -1;
  // Closing the old file releases the lock.
  if (empty(file, failure) == 0) return 0;
  flock(file->fd, LOCK_UN);
  return -1;
}
