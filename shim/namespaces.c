// Makes a user namespace and a network namespace that belongs to it. The engine can't: a process with threads may not.
#include "namespaces.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

// Says on stdin, a socket, that the namespaces are there, and holds them until the engine closes its end. Returns the exit
// status: the errno of what failed.
int namespaces_hold(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return errno;
  char byte = '+';
  if (write(STDIN_FILENO, &byte, 1) < 0) return errno;
  return read(STDIN_FILENO, &byte, 1) < 0 ? errno : 0;
}
