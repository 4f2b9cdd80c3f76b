// One connection to the shim. Whatever the client does, nothing here blocks, and its memory is bounded.
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum {
  FRAME_HEADER = 8,
  OUTGOING_LIMIT = 128 * 1024,
  REQUESTS_PER_TURN = 16,
  DISCARD_SIZE = 4096,
  DISCARDS_AT_END = 64,
};

static bool is_open(const struct client *client) {
  return client->role != CLIENT_FREE && client->role != CLIENT_CLOSED;
}

static bool would_block(ssize_t result) {
  return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

void client_close(struct client *client) {
  if (!is_open(client)) return;
  source_close(client->server->loop, &client->source);
  free(client->outgoing);
  client->outgoing = NULL;
  client->role = CLIENT_CLOSED;
}

void client_finish(struct client *client) {
  unsigned char discarded[DISCARD_SIZE];
  if (!is_open(client)) return;
  shutdown(client->source.fd, SHUT_WR);
  // Closing a socket with unread input would reset it, and the peer could lose the end of the output.
  for (int i = 0; i < DISCARDS_AT_END; i++) {
    if (recv(client->source.fd, discarded, sizeof discarded, MSG_DONTWAIT) <= 0) break;
  }
  client_close(client);
}

// --- messages

static void send_outgoing(struct client *client) {
  while (client->outgoing_sent < client->outgoing_length) {
    ssize_t sent = send(client->source.fd, client->outgoing + client->outgoing_sent,
                        client->outgoing_length - client->outgoing_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (would_block(sent)) return;
    if (sent <= 0) {
      client_close(client);
      return;
    }
    client->outgoing_sent += (size_t)sent;
    client->progress = monotonic_now();
  }
  free(client->outgoing);
  client->outgoing = NULL;
  client->outgoing_length = client->outgoing_sent = 0;
}

void client_send(struct client *client, enum message_type type, const void *payload, size_t length) {
  if (!is_open(client)) return;
  size_t total = client->outgoing_length + HEADER_SIZE + length;
  unsigned char *grown = total <= OUTGOING_LIMIT ? realloc(client->outgoing, total) : NULL;
  if (grown == NULL) {
    client_close(client);
    return;
  }
  client->outgoing = grown;
  header_encode(grown + client->outgoing_length, (struct header){.type = (uint8_t)type, .length = (uint32_t)length});
  if (length > 0) memcpy(grown + client->outgoing_length + HEADER_SIZE, payload, length);
  client->outgoing_length = total;
  send_outgoing(client);
  client_update(client);
}

// Receives more of a request; true if it is complete.
static bool receive_request(struct client *client, struct header *header) {
  size_t wanted = HEADER_SIZE;
  for (;;) {
    if (client->request_length >= HEADER_SIZE) {
      if (!header_decode(client->request, header) || header->length > REQUEST_PAYLOAD_LIMIT) break;
      wanted = HEADER_SIZE + header->length;
      if (client->request_length == wanted) return true;
    }
    ssize_t got =
        recv(client->source.fd, client->request + client->request_length, wanted - client->request_length, MSG_DONTWAIT);
    if (would_block(got)) return false;
    if (got <= 0) break;
    client->request_length += (size_t)got;
  }
  client_close(client);
  return false;
}

static void requests_ready(struct client *client) {
  struct header header;
  send_outgoing(client);
  // One that doesn't take its answers has no further questions answered.
  for (int i = 0; i < REQUESTS_PER_TURN && is_open(client) && client->role != CLIENT_ATTACHED; i++) {
    if (client->outgoing_length > 0 || !receive_request(client, &header)) return;
    client->request_length = 0;
    client->server->on_request(client->server->owner, client, header, client->request + HEADER_SIZE);
  }
}

// --- attached to the container

bool client_takes_output(const struct client *client) {
  return client->role == CLIENT_ATTACHED && !client->output_ended &&
         (client->flags & (ATTACH_STDOUT | ATTACH_STDERR)) != 0;
}

bool client_is_behind(const struct client *client) {
  if (client->role == CLIENT_CONTROL) return client->outgoing_length > 0;
  return client_takes_output(client) && client->position < client->server->ring->head;
}

// How much may be sent in one piece: everything for a client of both streams, else the rest of one frame.
static size_t next_piece(struct client *client) {
  const struct server *server = client->server;
  uint16_t both = ATTACH_STDOUT | ATTACH_STDERR;
  bool whole = server->streams->tty || (client->flags & both) == both;
  while (!whole && client->frame_left == 0 && client->position < server->ring->head) {
    const unsigned char *frame = ring_at(server->ring, client->position);
    size_t length = FRAME_HEADER + read_u32(frame + 4);
    bool wanted = (client->flags & (frame[0] == 1 ? ATTACH_STDOUT : ATTACH_STDERR)) != 0;
    if (wanted) {
      client->frame_left = length;
    } else {
      client->position += length;
    }
  }
  return whole ? (size_t)(server->ring->head - client->position) : client->frame_left;
}

static void lose_output(struct client *client) {
  client->output_ended = true;
  if (client->input_ended || !(client->flags & ATTACH_STDIN)) client_close(client);
}

void client_pump(struct client *client) {
  size_t length;
  while (client_takes_output(client) && (length = next_piece(client)) > 0) {
    const unsigned char *bytes = ring_at(client->server->ring, client->position);
    ssize_t sent = send(client->source.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (would_block(sent)) break;
    if (sent <= 0) {
      lose_output(client);
      return;
    }
    client->position += (uint64_t)sent;
    if (client->frame_left > 0) client->frame_left -= (size_t)sent;
    client->progress = monotonic_now();
  }
  client_update(client);
}

static void end_input(struct client *client) {
  client->input_ended = true;
  if ((client->flags & ATTACH_STDIN) && (client->flags & ATTACH_CLOSES_STDIN)) streams_end_input(client->server->streams);
  if (client->output_ended) client_close(client);
}

// Where input may go now: to the container, to nowhere, or (room 0) it has to wait.
static unsigned char *input_room(struct client *client, unsigned char *discarded, size_t *room) {
  struct streams *streams = client->server->streams;
  if ((client->flags & ATTACH_STDIN) && streams_takes_input(streams)) return streams_input_room(streams, room);
  *room = DISCARD_SIZE;
  return discarded;
}

static void receive_input(struct client *client) {
  unsigned char discarded[DISCARD_SIZE];
  size_t room;
  unsigned char *bytes = input_room(client, discarded, &room);
  if (room == 0) return;
  ssize_t got = recv(client->source.fd, bytes, room, MSG_DONTWAIT);
  if (would_block(got)) return;
  if (got <= 0) {
    end_input(client);
  } else if (bytes != discarded) {
    streams_input(client->server->streams, (size_t)got);
  }
}

static void attached_ready(struct client *client, uint32_t events) {
  if (!client->input_ended) receive_input(client);
  if (!is_open(client)) return;
  // The peer has closed both directions: what it sent before may still wait for room in stdin.
  if (events & (EPOLLHUP | EPOLLERR)) {
    lose_output(client);
  } else {
    client_pump(client);
  }
}

static uint32_t attached_interest(const struct client *client) {
  size_t room = 1;
  const struct streams *streams = client->server->streams;
  bool feeds_stdin = (client->flags & ATTACH_STDIN) && streams_takes_input(streams);
  if (feeds_stdin) room = STDIN_SIZE - (streams->stdin_end - streams->stdin_start);
  uint32_t events = !client->input_ended && room > 0 ? EPOLLIN : 0;
  if (client->output_ended) return events;
  // EPOLLHUP is reported in any case; asking for it keeps the client in the loop, to notice that it has gone.
  return events | EPOLLHUP | (client_is_behind(client) ? EPOLLOUT : 0);
}

// --- both

void client_update(struct client *client) {
  if (!is_open(client)) return;
  uint32_t events = client->outgoing_length > 0 ? EPOLLOUT : EPOLLIN;
  if (client->role == CLIENT_ATTACHED) events = attached_interest(client);
  source_watch(client->server->loop, &client->source, events);
}

static void client_ready(void *owner, uint32_t events) {
  struct client *client = owner;
  if (client->role == CLIENT_ATTACHED) {
    attached_ready(client, events);
  } else {
    requests_ready(client);
  }
  client_update(client);
  server_relieved(client->server);
}

void client_open(struct client *client, struct server *server, int fd, enum client_role role) {
  *client = (struct client){
      .server = server,
      .source = {.fd = fd, .ready = client_ready, .owner = client},
      .role = role,
      .progress = monotonic_now(),
  };
  client_update(client);
}

void client_attach(struct client *client, uint16_t flags) {
  client->role = CLIENT_ATTACHED;
  client->flags = flags;
  client->position = client->server->ring->head;
  client_update(client);
}
