// The console socket, by which an OCI runtime hands over the master side of the container's terminal.
#ifndef GANTRY_CONSOLE_H
#define GANTRY_CONSOLE_H

#include <limits.h>

#include "text.h"

struct console {
  int listener, directory;
  // What the runtime is told; short, however long the run dir's own path is.
  char path[64];
};

// Listens on console.sock in the working directory.
int console_open(struct console *console, struct failure *failure);
// Takes the terminal that the runtime has sent, and removes the socket; -1 if there is none.
int console_receive(struct console *console, struct failure *failure);

#endif
