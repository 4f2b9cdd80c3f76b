// Control connections: requests, and events as "key value" lines.
#include "control.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime.h"

enum { EVENT_SIZE = 1024, RESERVATION_TEXT = 24 };

static const char *phase_name(enum phase phase) {
  if (phase == PHASE_STARTING) return "starting";
  return phase == PHASE_RUNNING || phase == PHASE_DRAINING ? "running" : "exited";
}

static void add_running(const struct shim *shim, struct text *text) {
  if (shim->phase == PHASE_STARTING) return;
  text_add_field(text, "started", shim->started);
  if (shim->phase == PHASE_ENDED) {
    record_text(&shim->exit, text);
  } else {
    text_add_field(text, "pid", (uint64_t)shim->exit.pid);
  }
}

static void send_state(const struct shim *shim, struct client *client) {
  struct text text = {.size = EVENT_SIZE + shim->options.reservation_count * RESERVATION_TEXT};
  text.bytes = malloc(text.size);
  if (text.bytes == NULL) {
    client_close(client);
    return;
  }
  text_add(&text, "phase ");
  text_add(&text, phase_name(shim->phase));
  text_add(&text, "\n");
  text_add_field(&text, "shim", (uint64_t)getpid());
  add_running(shim, &text);
  for (size_t i = 0; i < shim->options.reservation_count; i++) {
    text_add_field(&text, "reservation", (uint64_t)shim->options.reservations[i]);
  }
  client_send(client, EVENT_STATE, text.bytes, text.length);
  free(text.bytes);
}

static void become_control(const struct shim *shim, struct client *client) {
  client->role = CLIENT_CONTROL;
  send_state(shim, client);
}

static void become_attached(struct client *client, uint16_t flags) {
  client_send(client, EVENT_ATTACHED, NULL, 0);
  // The acknowledgement is the first thing sent: a socket that has no room for it is broken.
  if (client->role != CLIENT_GREETING || client->outgoing_length > 0) {
    client_close(client);
    return;
  }
  client_attach(client, flags);
}

static void greet(struct shim *shim, struct client *client, struct header header) {
  bool attaches = header.type == REQUEST_ATTACH && (header.flags & ~ATTACH_FLAGS) == 0;
  if (header.length == 0 && header.type == REQUEST_CONTROL) {
    become_control(shim, client);
  } else if (header.length == 0 && attaches) {
    become_attached(client, header.flags);
  } else {
    client_close(client);
  }
}

static void add_failure(struct text *text, const struct failure *failure) {
  text_add(text, "message ");
  text_add_bytes(text, failure->bytes, failure->length);
  text_add(text, "\n");
}

static void clear_log(struct shim *shim, struct client *client) {
  char bytes[EVENT_SIZE];
  struct text text = {bytes, sizeof bytes, 0};
  struct failure failure = {0};
  if (log_clear(&shim->log, &failure) < 0) add_failure(&text, &failure);
  client_send(client, EVENT_LOG_CLEARED, text.bytes, text.length);
}

static void command(struct shim *shim, struct client *client, struct header header, const unsigned char *payload) {
  if (header.type == REQUEST_RESIZE && header.length == 4) {
    streams_resize(&shim->streams, read_u16(payload), read_u16(payload + 2));
  } else if (header.type == REQUEST_CLOSE_STDIN && header.length == 0) {
    streams_end_input(&shim->streams);
    server_input_room(&shim->server);
  } else if (header.type == REQUEST_GIVE_UP && header.length == 0) {
    if (shim->phase == PHASE_STARTING) runtime_kill(shim->runtime);
  } else if (header.type == REQUEST_CLEAR_LOG && header.length == 0) {
    clear_log(shim, client);
  } else {
    client_close(client);
  }
}

void control_request(void *owner, struct client *client, struct header header, const unsigned char *payload) {
  if (client->role == CLIENT_GREETING) {
    greet(owner, client, header);
  } else {
    command(owner, client, header, payload);
  }
}

void control_announce_started(struct shim *shim) {
  char bytes[EVENT_SIZE];
  struct text text = {bytes, sizeof bytes, 0};
  text_add_field(&text, "pid", (uint64_t)shim->exit.pid);
  text_add_field(&text, "started", shim->started);
  server_announce(&shim->server, EVENT_STARTED, text.bytes, text.length);
}

void control_announce_exited(struct shim *shim) {
  char bytes[EVENT_SIZE];
  struct text text = {bytes, sizeof bytes, 0};
  record_text(&shim->exit, &text);
  server_announce(&shim->server, EVENT_EXITED, text.bytes, text.length);
}

static void announce_runtime_output(struct shim *shim) {
  static char bytes[RUNTIME_OUTPUT_LIMIT];
  server_announce(&shim->server, EVENT_RUNTIME_LOG, bytes, runtime_read_log(bytes, sizeof bytes));
  server_announce(&shim->server, EVENT_RUNTIME_STDERR, bytes,
                  streams_runtime_stderr(&shim->streams, bytes, sizeof bytes));
}

void control_announce_failed(struct shim *shim, int status, const struct failure *failure) {
  char bytes[EVENT_SIZE];
  struct text text = {bytes, sizeof bytes, 0};
  if (failure == NULL) announce_runtime_output(shim);
  text_add_field(&text, "status", (uint64_t)status);
  if (failure) add_failure(&text, failure);
  server_announce(&shim->server, EVENT_FAILED, text.bytes, text.length);
}
