// The shim's life: hold the mounts, start the container, pass its streams on, record its end.
#include "shim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "mounts.h"
#include "runtime.h"

// How long processes that outlive the container's first one may still write to its streams, and how long clients
// have to take the rest of the output.
static const uint64_t drain_time = 200000000u, end_time = 10000000000u;

enum { FINISHING_TURN = 50, EXIT_NOT_STARTED = 3 };

static void unload(struct shim *shim) {
  streams_end(&shim->streams);
  server_stop(&shim->server);
  server_pump(&shim->server);
  shim->end_deadline = monotonic_now() + end_time;
  shim->phase = PHASE_ENDED;
}

static void fail_start(struct shim *shim, int status, const struct failure *failure) {
  shim->failed = true;
  control_announce_failed(shim, status, failure);
  server_begin_finishing(&shim->server);
  unload(shim);
}

// --- the end

static void end(struct shim *shim) {
  struct failure failure;
  unload(shim);
  shim->exit.oom_kills = record_oom_kills(&shim->options);
  // A daemon that is listening makes the exit durable itself, in the same transaction as its consequences.
  bool durable = !server_has_control(&shim->server);
  if (shim->exit_fd >= 0) record_write(shim->exit_fd, shim->options.exit_record, &shim->exit, durable, &failure);
  control_announce_exited(shim);
}

static void end_if_drained(struct shim *shim) {
  bool waited = monotonic_now() >= shim->drain_deadline;
  if (shim->phase == PHASE_DRAINING && streams_is_drained(&shim->streams, waited)) end(shim);
}

static void container_exited(struct shim *shim, int status) {
  record_status(&shim->exit, status);
  shim->exit.finished = realtime_now();
  shim->phase = PHASE_DRAINING;
  uint64_t now = monotonic_now();
  shim->drain_deadline = now + drain_time;
  shim->end_deadline = now + end_time;
  streams_container_exited(&shim->streams);
  server_begin_finishing(&shim->server);
}

// Reaps all that have exited: the container's first process and, silently, whatever was orphaned below the shim.
static void reap(struct shim *shim) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == shim->exit.pid && shim->phase == PHASE_RUNNING) container_exited(shim, status);
  }
}

// --- the start

static int take_terminal(struct shim *shim, struct failure *failure) {
  if (!shim->options.tty || streams_has_terminal(&shim->streams)) return 0;
  int master = console_receive(&shim->console);
  if (master < 0) return fail(failure, "the runtime sent no terminal to", shim->console.path);
  return streams_take_terminal(&shim->streams, master, failure);
}

// As soon as it is there, so that the container's program finds its size set.
static void console_ready(void *owner, uint32_t events) {
  struct failure later;
  (void)events;
  take_terminal(owner, &later);
}

// Most of the program is the C library's start-up code: its pages are let go; what is needed again comes from the page
// cache. Without this a lone shim counts them all as its private memory.
static void forget_start(void) {
  extern char __executable_start, etext;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t begin = (uintptr_t)&__executable_start / page * page, end = (uintptr_t)&etext / page * page;
  madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static void set_oom_score(const char *score) {
  if (score == NULL) return;
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t written = write(fd, score, strlen(score));
  // Without CAP_SYS_RESOURCE a score cannot be lowered; the shim runs with what it has.
  (void)written;
  close(fd);
}

static void runtime_ended(struct shim *shim, int status) {
  struct failure failure;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fail_start(shim, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), NULL);
    return;
  }
  if (runtime_read_pid(&shim->exit.pid, &failure) < 0) {
    fail_start(shim, 0, &failure);
    return;
  }
  if (take_terminal(shim, &failure) < 0) {
    kill(shim->exit.pid, SIGKILL);
    fail_start(shim, 0, &failure);
    return;
  }
  shim->phase = PHASE_RUNNING;
  shim->started = realtime_now();
  control_announce_started(shim);
  streams_start_reading(&shim->streams);
  // Only now: the container would have inherited it.
  set_oom_score(shim->options.oom_score);
  forget_start();
}

static void children_ready(void *owner, uint32_t events) {
  struct shim *shim = owner;
  struct signalfd_siginfo signals[8];
  int status;
  (void)events;
  while (read(shim->children.fd, signals, sizeof signals) > 0) continue;
  // While the runtime works nothing else is reaped: which process is the container's isn't known yet.
  if (shim->phase == PHASE_STARTING && waitpid(shim->runtime, &status, WNOHANG) == shim->runtime) {
    runtime_ended(shim, status);
  }
  if (shim->phase != PHASE_STARTING) reap(shim);
}

static int watch_children(struct shim *shim, struct failure *failure) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return fail_errno(failure, "signalfd", "SIGCHLD");
  shim->children = (struct source){.fd = fd, .ready = children_ready, .owner = shim};
  source_watch(&shim->loop, &shim->children, EPOLLIN);
  return 0;
}

static void on_output(void *owner) {
  struct shim *shim = owner;
  server_pump(&shim->server);
}

static void on_input_room(void *owner) {
  struct shim *shim = owner;
  server_input_room(&shim->server);
}

static size_t output_room(void *owner) {
  const struct shim *shim = owner;
  return server_room(&shim->server);
}

static void connect_parts(struct shim *shim) {
  shim->streams.loop = &shim->loop;
  shim->streams.ring = &shim->ring;
  shim->streams.log = &shim->log;
  shim->streams.on_output = on_output;
  shim->streams.on_input_room = on_input_room;
  shim->streams.room = output_room;
  shim->streams.owner = shim;
  shim->server.loop = &shim->loop;
  shim->server.ring = &shim->ring;
  shim->server.streams = &shim->streams;
  shim->server.on_request = control_request;
  shim->server.owner = shim;
  shim->server.listener.fd = -1;
  shim->exit_fd = -1;
}

// Clients that the daemon connected before the start: they get the first byte.
static void adopt_clients(struct shim *shim) {
  const struct options *options = &shim->options;
  if (options->control_fd >= 0) server_adopt(&shim->server, options->control_fd, CLIENT_CONTROL);
  for (size_t i = 0; i < options->start_client_count; i++) {
    struct client *client = server_adopt(&shim->server, options->start_clients[i].fd, CLIENT_GREETING);
    if (client) client_attach(client, options->start_clients[i].flags);
  }
}

static int prepare(struct shim *shim, struct failure *failure) {
  const struct options *options = &shim->options;
  if (streams_open(&shim->streams, options, failure) < 0) return -1;
  if (chdir(options->run_dir) < 0) return fail_errno(failure, "chdir", options->run_dir);
  if (server_open(&shim->server, failure) < 0) return -1;
  if (mounts_hold(options, failure) < 0) return -1;
  // The working directory is from before the mount namespace: enter it again, to see what was mounted.
  if (chdir(options->run_dir) < 0) return fail_errno(failure, "chdir", options->run_dir);
  if (options->exit_record) shim->exit_fd = record_prepare(options->exit_record);
  if (log_open(&shim->log, &options->log, failure) < 0) return -1;
  if (options->tty && console_open(&shim->console, &shim->loop, console_ready, shim, failure) < 0) return -1;
  return watch_children(shim, failure);
}

static int start(struct shim *shim, struct failure *failure) {
  const char *console = shim->options.tty ? shim->console.path : NULL;
  if (prepare(shim, failure) < 0) return -1;
  if (runtime_start(&shim->options, console, shim->streams.child, &shim->runtime, failure) < 0) return -1;
  streams_handed_over(&shim->streams);
  return 0;
}

// --- the loop

static bool is_over(struct shim *shim) {
  if (shim->phase != PHASE_ENDED) return false;
  server_finish(&shim->server);
  return !server_is_behind(&shim->server) || monotonic_now() >= shim->end_deadline;
}

static void check_deadlines(struct shim *shim) {
  bool finishing = shim->phase >= PHASE_DRAINING;
  server_expire(&shim->server, finishing);
  if (!finishing) return;
  server_relieved(&shim->server);
  end_if_drained(shim);
}

static int next_timeout(const struct shim *shim) {
  return shim->phase >= PHASE_DRAINING ? FINISHING_TURN : server_timeout(&shim->server);
}

// What the container must not be disturbed by; and the container's own signals come through the runtime.
static void ignore_signals(void) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) signal(ignored[i], SIG_IGN);
}

int shim_run(struct shim *shim) {
  struct failure failure;
  ignore_signals();
  umask(022);
  // Not the daemon's: crun leaves a container with score 0 what it inherits.
  set_oom_score("0");
  prctl(PR_SET_NAME, "gantry-shim");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  connect_parts(shim);
  if (loop_open(&shim->loop, &failure) < 0 || ring_open(&shim->ring, &failure) < 0) return 1;
  adopt_clients(shim);
  if (start(shim, &failure) < 0) fail_start(shim, 0, &failure);
  while (!is_over(shim)) {
    loop_turn(&shim->loop, next_timeout(shim));
    check_deadlines(shim);
    server_sweep(&shim->server);
  }
  return shim->failed ? EXIT_NOT_STARTED : 0;
}
