// Namespaces that the engine can't make or enter itself: a process with threads may enter neither a user namespace nor a
// mount namespace.
#include "namespaces.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

enum { SOCKET = STDIN_FILENO, USER_NAMESPACE = 3, MOUNT_NAMESPACE = 3 };

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

// Becomes a program of the host that sees the mounts of the namespace at descriptor 3: a shim's, where the runtime finds the
// container's root file system and its network namespace. Returns the exit status: the errno of what failed.
int namespaces_run_in_mounts(char *const arguments[]) {
  if (setns(MOUNT_NAMESPACE, CLONE_NEWNS) < 0) return errno;
  execv(arguments[0], arguments);
  return errno;
}
