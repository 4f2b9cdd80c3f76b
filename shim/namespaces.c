// Makes namespaces that belong to a user namespace. The engine can't: a process with threads may not enter one.
#include "namespaces.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

enum { SOCKET = STDIN_FILENO, USER_NAMESPACE = 3 };

// A new network namespace that belongs to the user namespace at descriptor 3 or, if `fresh`, to a new one. Says on the socket
// at stdin that they are there, and holds them until the engine closes its end. Returns the exit status: the errno of what
// failed.
int namespaces_hold(bool fresh) {
  if (!fresh && setns(USER_NAMESPACE, CLONE_NEWUSER) < 0) return errno;
  if (unshare(fresh ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) < 0) return errno;
  char byte = '+';
  if (write(SOCKET, &byte, 1) < 0) return errno;
  return read(SOCKET, &byte, 1) < 0 ? errno : 0;
}
