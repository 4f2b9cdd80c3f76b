// Control connections: what the daemon asks, and what it is told.
#ifndef GANTRY_CONTROL_H
#define GANTRY_CONTROL_H

#include "shim.h"

// Handles a request of any client; `owner` is the shim.
void control_request(void *owner, struct client *client, struct header header, const unsigned char *payload);
void control_announce_started(struct shim *shim);
void control_announce_exited(struct shim *shim);
// The container could not be started. `failure` is the shim's own reason, if it has one; else the runtime's output is sent.
void control_announce_failed(struct shim *shim, int status, const struct failure *failure);

#endif
