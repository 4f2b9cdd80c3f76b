// The OCI runtime: its command line, its process, its pid file and log.
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = RUNTIME_ARGUMENTS + 24 };

static const char pid_file[] = "pid", log_file[] = "runtime.log";

// The runtime's command line, and the paths in it, which live as long as this does.
struct command {
  char *arguments[MOST_ARGUMENTS];
  size_t count;
  char pid_path[PATH_MAX], log_path[PATH_MAX];
};

static void add(struct command *command, const char *argument) {
  // execve takes pointers to non-const for reasons of history; it doesn't write.
  union {
    const char *constant;
    char *plain;
  } cast = {argument};
  command->arguments[command->count++] = cast.plain;
}

static void add_option(struct command *command, const char *option, const char *value) {
  add(command, option);
  add(command, value);
}

static int join(char path[PATH_MAX], const char *directory, const char *name, struct failure *failure) {
  struct text text = {path, PATH_MAX - 1, 0};
  text_add(&text, directory);
  text_add(&text, "/");
  text_add(&text, name);
  path[text.length] = '\0';
  return text.length < PATH_MAX - 1 ? 0 : fail(failure, "path too long:", directory);
}

static const char *verb(const struct options *options) {
  if (options->mode == MODE_EXEC) return "exec";
  return options->restore ? "restore" : "run";
}

static int build(struct command *command, const struct options *options, const char *console,
                 struct failure *failure) {
  if (join(command->pid_path, options->run_dir, pid_file, failure) < 0) return -1;
  if (join(command->log_path, options->run_dir, log_file, failure) < 0) return -1;
  add(command, options->runtime);
  for (size_t i = 0; i < options->runtime_argument_count; i++) add(command, options->runtime_arguments[i]);
  add_option(command, "--root", options->runtime_root);
  add_option(command, "--log", command->log_path);
  add_option(command, "--log-format", "json");
  add(command, verb(options));
  add(command, "--detach");
  add_option(command, "--pid-file", command->pid_path);
  if (console) add_option(command, "--console-socket", console);
  if (options->mode == MODE_RUN) add_option(command, "--bundle", options->run_dir);
  if (options->mode == MODE_EXEC) add_option(command, "--process", options->process);
  if (options->restore) {
    add_option(command, "--image-path", options->restore);
    // Where CRIU leaves its log.
    add_option(command, "--work-path", options->run_dir);
  }
  add(command, options->id);
  command->arguments[command->count] = NULL;
  return 0;
}

// Signals as at boot: what the shim ignores or blocks must not be ignored or blocked in the container.
static void reset_signals(posix_spawnattr_t *attributes) {
  sigset_t all, none;
  // Not sigfillset: it spares the C library's own two signals, and posix_spawn would leave those ignored.
  memset(&all, 0xff, sizeof all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct command *command, const int streams[3], pid_t *pid) {
  // Of the environment only PATH: NOTIFY_SOCKET and the like are meant for the daemon.
  const char *inherited = getenv("PATH");
  char path[PATH_MAX] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  if (inherited && strlen(inherited) < sizeof path - sizeof "PATH=") strcpy(path + 5, inherited);
  char *environment[] = {path, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  reset_signals(&attributes);
  // Of its own, so that all of it can be killed: a runtime may be a script.
  posix_spawnattr_setpgroup(&attributes, 0);
  for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&actions, streams[i], i);
  int result = posix_spawnp(pid, command->arguments[0], &actions, &attributes, command->arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return result;
}

int runtime_start(const struct options *options, const char *console, const int streams[3], pid_t *pid,
                  struct failure *failure) {
  struct command command = {.count = 0};
  if (build(&command, options, console, failure) < 0) return -1;
  // Left over from the container's last run.
  unlink(pid_file);
  unlink(log_file);
  errno = spawn(&command, streams, pid);
  return errno == 0 ? 0 : fail_errno(failure, "posix_spawn", options->runtime);
}

void runtime_kill(pid_t pid) { kill(-pid, SIGKILL); }

// Reads the last `size` bytes of a file at most; returns how many.
static size_t read_file(const char *name, char *bytes, size_t size) {
  int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return 0;
  struct stat status;
  off_t start = 0;
  if (fstat(fd, &status) == 0 && (size_t)status.st_size > size) start = status.st_size - (off_t)size;
  ssize_t length = pread(fd, bytes, size, start);
  close(fd);
  return length > 0 ? (size_t)length : 0;
}

int runtime_read_pid(pid_t *pid, struct failure *failure) {
  char bytes[16];
  uint64_t number;
  size_t length = read_file(pid_file, bytes, sizeof bytes - 1);
  while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == ' ')) length--;
  bytes[length] = '\0';
  if (!parse_number(bytes, INT_MAX, &number)) return fail(failure, "the runtime wrote no pid file for", bytes);
  // It may be another's child still: crun's second process, which lets go of it a moment later.
  if (number == 0 || kill((pid_t)number, 0) < 0) return fail_errno(failure, "kill", "the container's first process");
  *pid = (pid_t)number;
  return 0;
}

size_t runtime_read_log(char *bytes, size_t size) { return read_file(log_file, bytes, size); }
