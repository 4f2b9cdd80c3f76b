// shim.sock: accepting connections, and what concerns all of them.
#ifndef GANTRY_SERVER_H
#define GANTRY_SERVER_H

#include "client.h"
#include "ring.h"
#include "streams.h"

enum { CLIENT_LIMIT = 256 };

struct server {
  struct loop *loop;
  struct ring *ring;
  struct streams *streams;
  struct source listener;
  struct client clients[CLIENT_LIMIT];
  // A complete request. The payload is valid during the call.
  void (*on_request)(void *owner, struct client *client, struct header header, const unsigned char *payload);
  void *owner;
};

// Listens on shim.sock in the working directory.
int server_open(struct server *server, struct failure *failure);
// Takes no more connections.
void server_stop(struct server *server);
// Takes a connection that the daemon made; NULL (and the descriptor is closed) if there are too many.
struct client *server_adopt(struct server *server, int fd, enum client_role role);

// The ring has more: sends it to the attached clients.
void server_pump(struct server *server);
// How many bytes the ring can take until it would overtake the slowest client.
size_t server_room(const struct server *server);
// A client may have made room in the ring: reading of the container's output goes on.
void server_relieved(struct server *server);
// Stdin has room again: clients whose input waited go on.
void server_input_room(struct server *server);

void server_announce(struct server *server, enum message_type type, const void *payload, size_t length);
bool server_has_control(const struct server *server);
// True if a client has something coming.
bool server_is_behind(const struct server *server);
// Closes connections that never made a request and, if `finishing`, those that stopped taking what they have coming.
void server_expire(struct server *server, bool finishing);
// Milliseconds until server_expire has something to do; -1 if nothing is due.
int server_timeout(const struct server *server);
// The clients' time to take what they have coming begins now.
void server_begin_finishing(struct server *server);
// Ends the attached clients that have everything.
void server_finish(struct server *server);
// Frees the places of connections closed in this turn of the loop.
void server_sweep(struct server *server);

#endif
