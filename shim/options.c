// The command line: a table of options, each with the function that takes its value.
#include "options.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// Sets one option; false if `value` isn't one it can have.
typedef bool setter(struct options *options, const char *value);

static bool parse_fd(const char *value, int *fd) {
  uint64_t number;
  if (!parse_number(value, INT_MAX, &number) || fcntl((int)number, F_GETFD) < 0) return false;
  *fd = (int)number;
  return true;
}

static bool parse_u16(const char *value, uint16_t *result) {
  uint64_t number;
  if (!parse_number(value, UINT16_MAX, &number)) return false;
  *result = (uint16_t)number;
  return true;
}

static bool add_string(const char **list, size_t *count, size_t limit, const char *value) {
  if (*count == limit) return false;
  list[(*count)++] = value;
  return true;
}

static bool set_mode(struct options *options, const char *value) {
  options->mode = strcmp(value, "exec") == 0 ? MODE_EXEC : MODE_RUN;
  return options->mode == MODE_EXEC || strcmp(value, "run") == 0;
}

static bool set_run_dir(struct options *options, const char *value) { return *(options->run_dir = value) == '/'; }
static bool set_id(struct options *options, const char *value) { return *(options->id = value) != '\0'; }
static bool set_runtime(struct options *options, const char *value) { return *(options->runtime = value) != '\0'; }
static bool set_runtime_root(struct options *options, const char *value) {
  return *(options->runtime_root = value) == '/';
}
static bool set_runtime_argument(struct options *options, const char *value) {
  return add_string(options->runtime_arguments, &options->runtime_argument_count, RUNTIME_ARGUMENTS, value);
}
static bool set_process(struct options *options, const char *value) { return *(options->process = value) == '/'; }
static bool set_restore(struct options *options, const char *value) { return *(options->restore = value) == '/'; }
static bool set_exit_record(struct options *options, const char *value) {
  return *(options->exit_record = value) == '/';
}
static bool set_log(struct options *options, const char *value) { return *(options->log.path = value) == '/'; }
static bool set_log_max_size(struct options *options, const char *value) {
  return parse_number(value, INT64_MAX, &options->log.max_size);
}
static bool set_log_max_file(struct options *options, const char *value) {
  return parse_number(value, 1000, &options->log.max_file) && options->log.max_file > 0;
}
static bool set_rows(struct options *options, const char *value) { return parse_u16(value, &options->rows); }
static bool set_columns(struct options *options, const char *value) { return parse_u16(value, &options->columns); }
static bool set_oom_score(struct options *options, const char *value) {
  uint64_t score;
  options->oom_score = value;
  return parse_number(value + (*value == '-'), 1000, &score);
}
static bool set_oom_source(struct options *options, const char *value) {
  return *value == '/' && add_string(options->oom_sources, &options->oom_source_count, OOM_SOURCES, value);
}
static bool set_rootfs(struct options *options, const char *value) { return parse_fd(value, &options->rootfs_fd); }
static bool set_netns(struct options *options, const char *value) { return parse_fd(value, &options->netns_fd); }
static bool set_control(struct options *options, const char *value) { return parse_fd(value, &options->control_fd); }

static bool set_reservation(struct options *options, const char *value) {
  if (options->reservation_count == RESERVATIONS) return false;
  return parse_fd(value, &options->reservations[options->reservation_count++]);
}

// FD:REST; returns the rest, or NULL if the beginning is no descriptor.
static const char *parse_fd_before(const char *value, int *fd) {
  char number[16];
  const char *colon = strchr(value, ':');
  if (colon == NULL || (size_t)(colon - value) >= sizeof number) return NULL;
  memcpy(number, value, (size_t)(colon - value));
  number[colon - value] = '\0';
  return parse_fd(number, fd) ? colon + 1 : NULL;
}

// FD:FLAGS, the flags as in an attach request.
static bool set_attach(struct options *options, const char *value) {
  if (options->start_client_count == START_CLIENTS) return false;
  struct start_client *client = &options->start_clients[options->start_client_count++];
  const char *flags = parse_fd_before(value, &client->fd);
  return flags != NULL && parse_u16(flags, &client->flags);
}

// FD:PATH, the path in the run dir.
static bool set_mount(struct options *options, const char *value) {
  if (options->mount_count == PLACED_MOUNTS) return false;
  struct placed_mount *placed = &options->mounts[options->mount_count++];
  placed->path = parse_fd_before(value, &placed->fd);
  return placed->path != NULL && *placed->path != '\0' && *placed->path != '/';
}

// FD:PATH, a mount namespace and an absolute path in it.
static bool set_join_shm(struct options *options, const char *value) {
  struct placed_mount *joined = &options->joined_shm;
  joined->path = parse_fd_before(value, &joined->fd);
  return joined->path != NULL && *joined->path == '/';
}

static bool set_tty(struct options *options, const char *value) {
  (void)value;
  return options->tty = true;
}
static bool set_stdin(struct options *options, const char *value) {
  (void)value;
  return options->open_stdin = true;
}
static bool set_hide_unified_cgroup(struct options *options, const char *value) {
  (void)value;
  return options->hide_unified_cgroup = true;
}

static const struct {
  const char *name;
  setter *set;
  bool is_flag;
} table[] = {
    {"--mode", set_mode, false},
    {"--run-dir", set_run_dir, false},
    {"--id", set_id, false},
    {"--runtime", set_runtime, false},
    {"--runtime-root", set_runtime_root, false},
    {"--runtime-argument", set_runtime_argument, false},
    {"--process", set_process, false},
    {"--restore", set_restore, false},
    {"--exit-record", set_exit_record, false},
    {"--log", set_log, false},
    {"--log-max-size", set_log_max_size, false},
    {"--log-max-file", set_log_max_file, false},
    {"--tty", set_tty, true},
    {"--stdin", set_stdin, true},
    {"--rows", set_rows, false},
    {"--columns", set_columns, false},
    {"--hide-unified-cgroup", set_hide_unified_cgroup, true},
    {"--oom-score", set_oom_score, false},
    {"--oom-source", set_oom_source, false},
    {"--rootfs-fd", set_rootfs, false},
    {"--netns-fd", set_netns, false},
    {"--mount-fd", set_mount, false},
    {"--join-shm", set_join_shm, false},
    {"--control-fd", set_control, false},
    {"--reservation-fd", set_reservation, false},
    {"--attach-fd", set_attach, false},
};

enum { OPTION_COUNT = sizeof table / sizeof table[0] };

static int require(const struct options *options, struct failure *failure) {
  if (!options->run_dir || !options->id || !options->runtime || !options->runtime_root) {
    return fail(failure, "usage:", "--run-dir, --id, --runtime and --runtime-root are needed");
  }
  if ((options->mode == MODE_EXEC) != (options->process != NULL)) {
    return fail(failure, "usage:", "--process belongs to --mode exec");
  }
  if (options->mode == MODE_EXEC && options->restore) return fail(failure, "usage:", "--restore belongs to --mode run");
  return 0;
}

int options_parse(struct options *options, int count, const char *const arguments[], struct failure *failure) {
  *options = (struct options){.rootfs_fd = -1, .netns_fd = -1, .control_fd = -1, .joined_shm.fd = -1, .log.max_file = 1};
  options->log.attributes = getenv("GANTRY_LOG_ATTRIBUTES");
  for (int i = 1; i < count; i++) {
    size_t entry = 0;
    while (entry < OPTION_COUNT && strcmp(arguments[i], table[entry].name) != 0) entry++;
    if (entry == OPTION_COUNT) return fail(failure, "unknown option", arguments[i]);
    if (!table[entry].is_flag && i + 1 == count) return fail(failure, "option without a value:", arguments[i]);
    if (!table[entry].set(options, table[entry].is_flag ? "" : arguments[++i])) {
      return fail(failure, "wrong value for", table[entry].name);
    }
  }
  return require(options, failure);
}
