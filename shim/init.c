// gantry-init: process 1 of a container started with --init. Starts the command, passes signals on to it, reaps
// every orphan, and exits as the command did.
//
// Usage: gantry-init [--] COMMAND [ARGUMENT...]
//        gantry-init --version
//        gantry-init --is-readonly PATH    exits with 0 if so; for trying out what a runtime can do

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };

// Faults of the init itself, and what job control sends, are not the command's business.
static const int own_signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void fail(const char *what) {
  fprintf(stderr, "gantry-init: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void run(char **argv, const sigset_t *mask) {
  // A group of its own, in the foreground if there is a terminal, so that its job control works as at a login.
  setpgid(0, 0);
  tcsetpgrp(STDIN_FILENO, getpid());
  signal(SIGTTIN, SIG_DFL);
  signal(SIGTTOU, SIG_DFL);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(argv[0], argv);
  int code = errno == ENOENT || errno == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE;
  fprintf(stderr, "gantry-init: exec %s failed: %s\n", argv[0], strerror(errno));
  _exit(code);
}

// Reaps what has ended. Returns the exit code once the command itself has, else -1.
static int reap(pid_t command) {
  int code = -1;
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return code;
    if (pid == command) code = WIFEXITED(status) ? WEXITSTATUS(status) : BY_SIGNAL + WTERMSIG(status);
  }
}

static int is_readonly(const char *path) {
  struct statvfs status;
  return statvfs(path, &status) == 0 && (status.f_flag & ST_RDONLY);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts("gantry-init version 1");
    return 0;
  }
  if (argc == 3 && strcmp(argv[1], "--is-readonly") == 0) return is_readonly(argv[2]) ? 0 : 1;
  char **command = argv + 1;
  if (*command && strcmp(*command, "--") == 0) command++;
  if (!*command) {
    fprintf(stderr, "usage: gantry-init [--] COMMAND [ARGUMENT...]\n");
    return 2;
  }

  sigset_t handled, before;
  sigfillset(&handled);
  for (size_t i = 0; i < COUNT(own_signals); i++) sigdelset(&handled, own_signals[i]);
  if (sigprocmask(SIG_SETMASK, &handled, &before) < 0) fail("sigprocmask");
  // Taking the terminal's foreground from the background must not stop the process.
  signal(SIGTTIN, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);

  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) run(command, &before);

  for (;;) {
    int number = sigwaitinfo(&handled, NULL);
    if (number < 0 && errno != EINTR) fail("sigwaitinfo");
    if (number == SIGCHLD) {
      int code = reap(pid);
      if (code >= 0) return code;
    } else if (number > 0) {
      kill(pid, number);
    }
  }
}
