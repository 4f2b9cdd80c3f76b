// The container's streams: pipes and terminals, read into the ring and the log, written from the clients' input.
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol.h"

enum {
  FRAME_HEADER = 8,
  // Less room than this isn't worth a read: it would only make small frames.
  LEAST_READ = 4096,
  MOST_READ = 64 * 1024,
};

// --- output

static void end_output(struct output *output) {
  struct streams *streams = output->streams;
  if (output->source.fd < 0) return;
  log_end(streams->log, output->stream);
  source_close(streams->loop, &output->source);
}

// The header of a multiplexed frame, as the Engine API defines it: stream, three zeros, length.
static void put_frame_header(unsigned char *frame, enum log_stream stream, size_t length) {
  write_u32(frame, (stream == LOG_STDOUT ? 1u : 2u) << 24);
  write_u32(frame + 4, (uint32_t)length);
}

// Reads once into the ring; false if there was nothing (any more).
static bool read_output(struct output *output) {
  struct streams *streams = output->streams;
  size_t header = streams->tty ? 0 : FRAME_HEADER;
  size_t room = streams->room(streams->owner);
  if (room < LEAST_READ) return false;
  room = room - header < MOST_READ ? room - header : MOST_READ;
  unsigned char *frame = ring_at(streams->ring, streams->ring->head);
  ssize_t length = read(output->source.fd, frame + header, room);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (length <= 0) {
    // A terminal whose last user is gone says EIO.
    end_output(output);
    return false;
  }
  if (header > 0) put_frame_header(frame, output->stream, (size_t)length);
  streams->ring->head += header + (size_t)length;
  if (output->owed > 0) output->owed -= length;
  log_output(streams->log, output->stream, frame + header, (size_t)length);
  return true;
}

static void output_ready(void *owner, uint32_t events) {
  struct output *output = owner;
  (void)events;
  read_output(output);
  output->streams->on_output(output->streams->owner);
  streams_update(output->streams);
}

void streams_update(struct streams *streams) {
  bool wanted = streams->reading && streams->room(streams->owner) >= LEAST_READ;
  for (int i = 0; i < LOG_STREAMS; i++) source_watch(streams->loop, &streams->outputs[i].source, wanted ? EPOLLIN : 0);
}

void streams_start_reading(struct streams *streams) {
  streams->reading = true;
  streams_update(streams);
}

void streams_container_exited(struct streams *streams) {
  for (int i = 0; i < LOG_STREAMS; i++) {
    int left = 0;
    struct output *output = &streams->outputs[i];
    if (output->source.fd >= 0) ioctl(output->source.fd, FIONREAD, &left);
    output->owed = left;
  }
}

bool streams_is_drained(const struct streams *streams, bool waited) {
  for (int i = 0; i < LOG_STREAMS; i++) {
    const struct output *output = &streams->outputs[i];
    if (output->source.fd >= 0 && !(waited && output->owed <= 0)) return false;
  }
  return true;
}

void streams_end(struct streams *streams) {
  for (int i = 0; i < LOG_STREAMS; i++) end_output(&streams->outputs[i]);
  source_close(streams->loop, &streams->input);
  streams->input_expected = false;
}

// --- input

static void watch_input(struct streams *streams) {
  bool waiting = streams->stdin_end > streams->stdin_start;
  source_watch(streams->loop, &streams->input, waiting ? EPOLLOUT : 0);
}

static void drop_input(struct streams *streams) {
  source_close(streams->loop, &streams->input);
  streams->stdin_start = streams->stdin_end = 0;
  streams->input_expected = false;
}

// Writes what is waiting; a container that has closed its stdin gets no more.
static void write_input(struct streams *streams) {
  while (streams->input.fd >= 0 && streams->stdin_start < streams->stdin_end) {
    size_t length = streams->stdin_end - streams->stdin_start;
    ssize_t written = write(streams->input.fd, streams->stdin_bytes + streams->stdin_start, length);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0 && errno != EINTR) drop_input(streams);
    if (written > 0) streams->stdin_start += (size_t)written;
  }
  if (streams->stdin_start == streams->stdin_end) {
    streams->stdin_start = streams->stdin_end = 0;
    if (streams->input_ending && !streams->tty) drop_input(streams);
  }
  watch_input(streams);
}

static void input_ready(void *owner, uint32_t events) {
  struct streams *streams = owner;
  // A pipe without readers reports an error; the write then finds EPIPE.
  (void)events;
  write_input(streams);
  streams->on_input_room(streams->owner);
}

bool streams_takes_input(const struct streams *streams) { return streams->input_expected && !streams->input_ending; }

unsigned char *streams_input_room(struct streams *streams, size_t *room) {
  if (streams->stdin_start > 0 && streams->stdin_end == STDIN_SIZE) {
    streams->stdin_end -= streams->stdin_start;
    memmove(streams->stdin_bytes, streams->stdin_bytes + streams->stdin_start, streams->stdin_end);
    streams->stdin_start = 0;
  }
  *room = STDIN_SIZE - streams->stdin_end;
  return streams->stdin_bytes + streams->stdin_end;
}

void streams_input(struct streams *streams, size_t length) {
  streams->stdin_end += length;
  write_input(streams);
}

void streams_end_input(struct streams *streams) {
  if (streams->tty) return;
  streams->input_ending = true;
  write_input(streams);
}

// --- set-up

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static void adopt(struct source *source, int fd, void (*ready)(void *, uint32_t), void *owner) {
  set_nonblocking(fd);
  *source = (struct source){.fd = fd, .ready = ready, .owner = owner};
}

static int open_null(int *fd, int flags, struct failure *failure) {
  *fd = open("/dev/null", flags | O_CLOEXEC);
  return *fd < 0 ? fail_errno(failure, "open", "/dev/null") : 0;
}

static int open_output(struct streams *streams, int stream, struct failure *failure) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return fail_errno(failure, "pipe2", "output");
  struct output *output = &streams->outputs[stream];
  adopt(&output->source, ends[0], output_ready, output);
  streams->child[stream + 1] = ends[1];
  return 0;
}

static int open_input(struct streams *streams, bool wanted, struct failure *failure) {
  int ends[2];
  if (!wanted) return open_null(&streams->child[0], O_RDONLY, failure);
  if (pipe2(ends, O_CLOEXEC) < 0) return fail_errno(failure, "pipe2", "stdin");
  streams->child[0] = ends[0];
  adopt(&streams->input, ends[1], input_ready, streams);
  return 0;
}

// With a terminal the container gets its streams by the console socket; these are the runtime's own.
static int open_runtime_streams(struct streams *streams, struct failure *failure) {
  if (open_null(&streams->child[0], O_RDONLY, failure) < 0) return -1;
  if (open_null(&streams->child[1], O_WRONLY, failure) < 0) return -1;
  streams->child[2] = memfd_create("runtime-stderr", MFD_CLOEXEC);
  if (streams->child[2] < 0) return fail_errno(failure, "memfd_create", "runtime stderr");
  streams->runtime_stderr = fcntl(streams->child[2], F_DUPFD_CLOEXEC, 3);
  return 0;
}

int streams_open(struct streams *streams, const struct options *options, struct failure *failure) {
  streams->tty = options->tty;
  streams->rows = options->rows;
  streams->columns = options->columns;
  streams->input_expected = options->open_stdin;
  streams->runtime_stderr = -1;
  streams->input = (struct source){.fd = -1};
  for (int i = 0; i < LOG_STREAMS; i++) {
    streams->outputs[i] =
        (struct output){.source = {.fd = -1}, .streams = streams, .stream = (enum log_stream)i, .owed = -1};
  }
  if (options->tty) return open_runtime_streams(streams, failure);
  if (open_input(streams, options->open_stdin, failure) < 0) return -1;
  if (open_output(streams, LOG_STDOUT, failure) < 0) return -1;
  return open_output(streams, LOG_STDERR, failure);
}

void streams_handed_over(struct streams *streams) {
  for (int i = 0; i < 3; i++) {
    close(streams->child[i]);
    streams->child[i] = -1;
  }
}

// --- terminal

bool streams_has_terminal(const struct streams *streams) {
  return streams->tty && streams->outputs[LOG_STDOUT].source.fd >= 0;
}

static void apply_size(struct streams *streams) {
  struct winsize size = {.ws_row = streams->rows, .ws_col = streams->columns};
  if (streams_has_terminal(streams)) ioctl(streams->outputs[LOG_STDOUT].source.fd, TIOCSWINSZ, &size);
}

void streams_resize(struct streams *streams, uint16_t rows, uint16_t columns) {
  streams->rows = rows;
  streams->columns = columns;
  apply_size(streams);
}

int streams_take_terminal(struct streams *streams, int master, struct failure *failure) {
  struct output *output = &streams->outputs[LOG_STDOUT];
  adopt(&output->source, master, output_ready, output);
  if (streams->rows > 0 || streams->columns > 0) apply_size(streams);
  if (!streams->input_expected) return 0;
  // A second descriptor, because input and output are watched independently.
  int input = fcntl(master, F_DUPFD_CLOEXEC, 3);
  if (input < 0) return fail_errno(failure, "fcntl", "terminal");
  adopt(&streams->input, input, input_ready, streams);
  write_input(streams);
  return 0;
}

size_t streams_runtime_stderr(struct streams *streams, char *bytes, size_t size) {
  ssize_t length = streams->tty ? pread(streams->runtime_stderr, bytes, size, 0)
                              : read(streams->outputs[LOG_STDERR].source.fd, bytes, size);
  return length > 0 ? (size_t)length : 0;
}
