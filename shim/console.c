// The console socket: receiving a terminal by SCM_RIGHTS, as runc's protocol for detached terminals defines.
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
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

static int listen_on(int fd, struct failure *failure) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, sizeof name);
  unlink(name);
  mode_t mask = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (bound < 0) return fail_errno(failure, "bind", name);
  return listen(fd, 1) < 0 ? fail_errno(failure, "listen", name) : 0;
}

int console_open(struct console *console, struct loop *loop, void (*ready)(void *owner, uint32_t events), void *owner,
                 struct failure *failure) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  *console = (struct console){.loop = loop, .source = {.fd = fd, .ready = ready, .owner = owner}};
  console->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (console->directory < 0 || fd < 0) return fail_errno(failure, "socket", name);
  if (listen_on(fd, failure) < 0) return -1;
  put_path(console);
  source_watch(loop, &console->source, EPOLLIN);
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
  errno = EPROTO;
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -1;
  if (header->cmsg_len != CMSG_LEN(sizeof(int))) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

static void accept_runtime(struct console *console) {
  int connection = accept4(console->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) return;
  source_close(console->loop, &console->source);
  close(console->directory);
  unlink(name);
  console->connected = true;
  console->source.fd = connection;
  source_watch(console->loop, &console->source, EPOLLIN);
}

int console_receive(struct console *console) {
  if (!console->connected) accept_runtime(console);
  if (!console->connected || console->source.fd < 0) return -1;
  int master = receive_descriptor(console->source.fd);
  if (master < 0 && errno == EAGAIN) return -1;
  source_close(console->loop, &console->source);
  if (master >= 0 && isatty(master)) return master;
  if (master >= 0) close(master);
  return -1;
}
