// The console socket, by which an OCI runtime hands over the master side of the container's terminal.
#ifndef GANTRY_CONSOLE_H
#define GANTRY_CONSOLE_H

#include <stdbool.h>

#include "loop.h"
#include "text.h"

struct console {
  struct loop *loop;
  // The listening socket; once the runtime has connected, the connection.
  struct source source;
  bool connected;
  int directory;
  // What the runtime is told; short, however long the run dir's own path is.
  char path[64];
};

// Listens on console.sock in the working directory. `ready` is called when console_receive may have something.
int console_open(struct console *console, struct loop *loop, void (*ready)(void *owner, uint32_t events), void *owner,
                 struct failure *failure);
// The terminal that the runtime has sent, once; -1 if it hasn't (yet).
int console_receive(struct console *console);

#endif
