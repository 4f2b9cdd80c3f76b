// shim.sock: accepting connections, and what concerns all of them.
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const uint64_t greeting_time = 5000000000u, stall_time = 3000000000u;

enum { ACCEPTS_PER_TURN = 32, BACKLOG = 1024 };

#define EACH_CLIENT(server, client) \
  for (struct client *client = (server)->clients; client < (server)->clients + CLIENT_LIMIT; client++)

struct client *server_adopt(struct server *server, int fd, enum client_role role) {
  EACH_CLIENT(server, client) {
    if (client->role != CLIENT_FREE) continue;
    client_open(client, server, fd, role);
    return client;
  }
  close(fd);
  return NULL;
}

static void accept_clients(void *owner, uint32_t events) {
  struct server *server = owner;
  (void)events;
  for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
    int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      server_adopt(server, fd, CLIENT_GREETING);
    } else if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) {
      return;
    } else {
      // Out of descriptors: no use trying before one is closed.
      source_watch(server->loop, &server->listener, 0);
      return;
    }
  }
}

static int listen_on(int fd, struct failure *failure) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "shim.sock"};
  unlink(address.sun_path);
  mode_t mask = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (bound < 0) return fail_errno(failure, "bind", address.sun_path);
  return listen(fd, BACKLOG) < 0 ? fail_errno(failure, "listen", address.sun_path) : 0;
}

int server_open(struct server *server, struct failure *failure) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(failure, "socket", "shim.sock");
  server->listener = (struct source){.fd = fd, .ready = accept_clients, .owner = server};
  if (listen_on(fd, failure) < 0) return -1;
  source_watch(server->loop, &server->listener, EPOLLIN);
  return 0;
}

void server_stop(struct server *server) { source_close(server->loop, &server->listener); }

void server_pump(struct server *server) {
  EACH_CLIENT(server, client) {
    if (client->role == CLIENT_ATTACHED) client_pump(client);
  }
}

size_t server_room(const struct server *server) {
  uint64_t head = server->ring->head, oldest = head;
  for (int i = 0; i < CLIENT_LIMIT; i++) {
    const struct client *client = &server->clients[i];
    if (client_takes_output(client) && client->position < oldest) oldest = client->position;
  }
  return RING_SIZE - (size_t)(head - oldest);
}

void server_relieved(struct server *server) { streams_update(server->streams); }

void server_input_room(struct server *server) {
  EACH_CLIENT(server, client) {
    if (client->role == CLIENT_ATTACHED) client_update(client);
  }
}

void server_announce(struct server *server, enum message_type type, const void *payload, size_t length) {
  EACH_CLIENT(server, client) {
    if (client->role == CLIENT_CONTROL) client_send(client, type, payload, length);
  }
}

bool server_has_control(const struct server *server) {
  for (int i = 0; i < CLIENT_LIMIT; i++) {
    if (server->clients[i].role == CLIENT_CONTROL) return true;
  }
  return false;
}

bool server_is_behind(const struct server *server) {
  for (int i = 0; i < CLIENT_LIMIT; i++) {
    if (client_is_behind(&server->clients[i])) return true;
  }
  return false;
}

void server_expire(struct server *server, bool finishing) {
  uint64_t now = monotonic_now();
  EACH_CLIENT(server, client) {
    uint64_t waited = now - client->progress;
    bool silent = client->role == CLIENT_GREETING && waited >= greeting_time;
    bool stalled = finishing && client_is_behind(client) && waited >= stall_time;
    if (silent || stalled) client_close(client);
  }
}

int server_timeout(const struct server *server) {
  uint64_t now = monotonic_now(), soonest = UINT64_MAX;
  for (int i = 0; i < CLIENT_LIMIT; i++) {
    const struct client *client = &server->clients[i];
    if (client->role != CLIENT_GREETING) continue;
    uint64_t due = client->progress + greeting_time;
    if (due < soonest) soonest = due;
  }
  if (soonest == UINT64_MAX) return -1;
  return soonest <= now ? 0 : (int)((soonest - now) / 1000000u) + 1;
}

void server_begin_finishing(struct server *server) {
  uint64_t now = monotonic_now();
  EACH_CLIENT(server, client) client->progress = now;
}

void server_finish(struct server *server) {
  EACH_CLIENT(server, client) {
    if (client->role == CLIENT_ATTACHED && !client_is_behind(client)) client_finish(client);
  }
}

void server_sweep(struct server *server) {
  bool freed = false;
  EACH_CLIENT(server, client) {
    if (client->role != CLIENT_CLOSED) continue;
    client->role = CLIENT_FREE;
    freed = true;
  }
  if (freed) source_watch(server->loop, &server->listener, EPOLLIN);
}
