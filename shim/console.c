// The console socket: receiving a terminal by SCM_RIGHTS, as runc's protocol for detached terminals defines.
#include "console.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char name[] = "console.sock";

// The path goes through this process's descriptor of the run dir: a socket's address has 107 bytes at most.
static void put_path(struct console *console) {
  struct text text = {console->path, sizeof console->path - 1, 0};
  text_add(&text, "/proc/");
  text_add_number(&text, (uint64_t)getpid());
  text_add(&text, "/fd/");
  text_add_number(&text, (uint64_t)console->directory);
  text_add(&text, "/");
  text_add(&text, name);
  console->path[text.length] = '\0';
}

int console_open(struct console *console, struct failure *failure) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, sizeof name);
  console->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  console->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (console->directory < 0 || console->listener < 0) return fail_errno(failure, "socket", name);
  unlink(name);
  mode_t mask = umask(0177);
  int bound = bind(console->listener, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (bound < 0) return fail_errno(failure, "bind", name);
  if (listen(console->listener, 1) < 0) return fail_errno(failure, "listen", name);
  put_path(console);
  return 0;
}

static int receive_descriptor(int connection) {
  char bytes[4096];
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct iovec data = {bytes, sizeof bytes};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0) return -1;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -1;
  if (header->cmsg_len != CMSG_LEN(sizeof(int))) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int console_receive(struct console *console, struct failure *failure) {
  int connection = accept4(console->listener, NULL, NULL, SOCK_CLOEXEC);
  int master = connection < 0 ? -1 : receive_descriptor(connection);
  if (connection >= 0) close(connection);
  close(console->listener);
  close(console->directory);
  unlink(name);
  if (master >= 0 && isatty(master)) return master;
  return fail(failure, "the runtime sent no terminal on", name);
}
