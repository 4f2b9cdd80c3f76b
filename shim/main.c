// gantry-shim: holds one container, or one process exec'd in one, so that the daemon may come and go.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "namespaces.h"
#include "shim.h"

enum { CLOSE_ON_EXEC = 4, HIGHEST_FALLBACK = 65536 };

// Nothing the daemon passed must reach the runtime, and through it the container. close_range(2) takes the flag
// since Linux 5.11.
static void close_on_exec(void) {
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_ON_EXEC) == 0) return;
  for (int fd = 3; fd < HIGHEST_FALLBACK; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
  }
}

static void print(const struct failure *failure) {
  char bytes[sizeof failure->bytes + 32];
  struct text text = {bytes, sizeof bytes, 0};
  text_add(&text, "gantry-shim: ");
  text_add_bytes(&text, failure->bytes, failure->length);
  text_add(&text, "\n");
  ssize_t written = write(STDERR_FILENO, text.bytes, text.length);
  (void)written;
}

int main(int count, char *arguments[]) {
  static struct shim shim;
  struct failure failure;
  close_on_exec();
  if (count == 2 && strcmp(arguments[1], "--hold-namespaces") == 0) return namespaces_hold(true);
  if (count == 2 && strcmp(arguments[1], "--hold-network") == 0) return namespaces_hold(false);
  if (count > 2 && strcmp(arguments[1], "--in-mounts") == 0) return namespaces_run_in_mounts(arguments + 2);
  if (options_parse(&shim.options, count, (const char *const *)arguments, &failure) < 0) {
    print(&failure);
    return 2;
  }
  exit(shim_run(&shim));
}
