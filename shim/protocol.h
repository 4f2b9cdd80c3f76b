// What goes over shim.sock: the header of every message, and the numbers in it. PROTOCOL.md describes it.
#ifndef GANTRY_PROTOCOL_H
#define GANTRY_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

enum { HEADER_SIZE = 12, PROTOCOL_VERSION = 1, REQUEST_PAYLOAD_LIMIT = 64 };

enum message_type {
  // From a client, the first on a connection.
  REQUEST_CONTROL = 1,
  REQUEST_ATTACH = 2,
  // From a client, on a control connection.
  REQUEST_RESIZE = 3,
  REQUEST_CLOSE_STDIN = 4,
  REQUEST_GIVE_UP = 5,
  REQUEST_CLEAR_LOG = 6,
  // From the shim.
  EVENT_STATE = 64,
  EVENT_STARTED = 65,
  EVENT_FAILED = 66,
  EVENT_EXITED = 67,
  EVENT_RUNTIME_LOG = 68,
  EVENT_RUNTIME_STDERR = 69,
  EVENT_ATTACHED = 70,
  EVENT_LOG_CLEARED = 71,
};

enum attach_flag { ATTACH_STDIN = 1, ATTACH_STDOUT = 2, ATTACH_STDERR = 4, ATTACH_CLOSES_STDIN = 8, ATTACH_FLAGS = 15 };

struct header {
  uint8_t type;
  uint16_t flags;
  uint32_t length;
};

void header_encode(unsigned char bytes[HEADER_SIZE], struct header header);
// False if the bytes aren't a header of this protocol and version.
bool header_decode(const unsigned char bytes[HEADER_SIZE], struct header *header);

static inline uint16_t read_u16(const unsigned char *bytes) { return (uint16_t)(bytes[0] << 8 | bytes[1]); }
static inline uint32_t read_u32(const unsigned char *bytes) {
  return (uint32_t)read_u16(bytes) << 16 | read_u16(bytes + 2);
}
static inline void write_u32(unsigned char *bytes, uint32_t number) {
  for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

#endif
