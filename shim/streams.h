// The container's stdin, stdout and stderr, or its terminal.
#ifndef GANTRY_STREAMS_H
#define GANTRY_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "loop.h"
#include "options.h"
#include "ring.h"

enum { STDIN_SIZE = 16 * 1024 };

// One of the container's output streams, as the shim reads it. A terminal is one: stdout.
struct output {
  struct source source;
  struct streams *streams;
  enum log_stream stream;
  // What was in the pipe when the container exited and must still be read; -1 before that.
  int64_t owed;
};

struct streams {
  struct loop *loop;
  struct ring *ring;
  struct log *log;
  bool tty, reading;
  uint16_t rows, columns;
  // What the runtime, and through it the container, gets as descriptors 0 to 2; -1 once handed over.
  int child[3];
  // For a terminal: collects what the runtime itself prints.
  int runtime_stderr;
  struct output outputs[LOG_STREAMS];
  // The end that feeds stdin: a pipe, or the terminal; -1 if there is none (any more).
  struct source input;
  bool input_expected, input_ending;
  unsigned char stdin_bytes[STDIN_SIZE];
  size_t stdin_start, stdin_end;
  // Told whenever output was put in the ring or ended, and whenever there is room for stdin again.
  void (*on_output)(void *owner);
  void (*on_input_room)(void *owner);
  // How many bytes the ring can take without overtaking a client.
  size_t (*room)(void *owner);
  void *owner;
};

int streams_open(struct streams *streams, const struct options *options, struct failure *failure);
// The runtime has its descriptors: the shim's copies are closed, or the container's end would never be seen.
void streams_handed_over(struct streams *streams);
// Takes the master side of the container's terminal.
int streams_take_terminal(struct streams *streams, int master, struct failure *failure);
bool streams_has_terminal(const struct streams *streams);
// Begins to read: the container runs. Until then the pipes might hold messages of the runtime.
void streams_start_reading(struct streams *streams);
// Watches the outputs if the ring has room for them, and leaves them if not.
void streams_update(struct streams *streams);
// Remembers how much the container has written before it exited.
void streams_container_exited(struct streams *streams);
// True if everything the container wrote has been read; `waited` tells that other writers get no more time.
bool streams_is_drained(const struct streams *streams, bool waited);
// No more is read: unfinished log lines are written, descriptors closed.
void streams_end(struct streams *streams);

// Sets the terminal's size; before there is a terminal it is remembered.
void streams_resize(struct streams *streams, uint16_t rows, uint16_t columns);
// Where input of a client may be put, and how much; `room` is 0 if it must wait.
unsigned char *streams_input_room(struct streams *streams, size_t *room);
// Takes `length` bytes that were put there.
void streams_input(struct streams *streams, size_t length);
// True if input can still reach the container, now or once it has started.
bool streams_takes_input(const struct streams *streams);
// Closes the container's stdin once all input has reached it. A terminal stays open.
void streams_end_input(struct streams *streams);
// Reads what the runtime printed to its stderr; returns its length. Only if the runtime failed.
size_t streams_runtime_stderr(struct streams *streams, char *bytes, size_t size);

#endif
