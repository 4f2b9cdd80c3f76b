// One connection to the shim: a control connection, or one attached to the container's streams.
#ifndef GANTRY_CLIENT_H
#define GANTRY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "protocol.h"

struct server;

enum client_role {
  CLIENT_FREE,
  // Connected; the first request isn't complete.
  CLIENT_GREETING,
  CLIENT_CONTROL,
  CLIENT_ATTACHED,
  // Closed in this turn of the loop; events of the same turn may still name it.
  CLIENT_CLOSED,
};

struct client {
  struct server *server;
  struct source source;
  enum client_role role;
  // An attached client's flags.
  uint16_t flags;
  // The client has no more input; it takes no more output.
  bool input_ended, output_ended;
  // Where in the ring it is, and how much is left of a frame that it is in the middle of.
  uint64_t position;
  size_t frame_left;
  // When it connected or last took output, on the monotonic clock.
  uint64_t progress;
  unsigned char request[HEADER_SIZE + REQUEST_PAYLOAD_LIMIT];
  size_t request_length;
  // Messages that the socket hasn't taken yet.
  unsigned char *outgoing;
  size_t outgoing_length, outgoing_sent;
};

// Begins a connection in its first role.
void client_open(struct client *client, struct server *server, int fd, enum client_role role);
// Makes it an attached client, from this moment of the output on.
void client_attach(struct client *client, uint16_t flags);
void client_close(struct client *client);
// Closes an attached client that has all its output, so that it sees the end and not a reset.
void client_finish(struct client *client);
// Sends a message on a control connection; a client that doesn't read its messages is closed.
void client_send(struct client *client, enum message_type type, const void *payload, size_t length);
// Sends what there is of the container's output.
void client_pump(struct client *client);
// Watches for what the client can do next.
void client_update(struct client *client);
// True if the ring must keep what this client hasn't taken yet.
bool client_takes_output(const struct client *client);
// True if something is on its way to the client.
bool client_is_behind(const struct client *client);

#endif
