// The header of every message on shim.sock.
#include "protocol.h"

#include <string.h>

static const char magic[4] = {'G', 'S', 'H', 'M'};

void header_encode(unsigned char bytes[HEADER_SIZE], struct header header) {
  memcpy(bytes, magic, sizeof magic);
  bytes[4] = PROTOCOL_VERSION;
  bytes[5] = header.type;
  bytes[6] = (unsigned char)(header.flags >> 8);
  bytes[7] = (unsigned char)header.flags;
  write_u32(bytes + 8, header.length);
}

bool header_decode(const unsigned char bytes[HEADER_SIZE], struct header *header) {
  if (memcmp(bytes, magic, sizeof magic) != 0 || bytes[4] != PROTOCOL_VERSION) return false;
  *header = (struct header){.type = bytes[5], .flags = read_u16(bytes + 6), .length = read_u32(bytes + 8)};
  return true;
}
