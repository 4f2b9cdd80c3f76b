// The output ring: what the container wrote last, framed as attach clients receive it, shared by all of them.
#ifndef GANTRY_RING_H
#define GANTRY_RING_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

enum { RING_SIZE = 128 * 1024 };

// `head` counts every byte ever put in. The memory is mapped twice in a row, so any RING_SIZE bytes are contiguous.
struct ring {
  unsigned char *memory;
  uint64_t head;
};

int ring_open(struct ring *ring, struct failure *failure);
static inline unsigned char *ring_at(const struct ring *ring, uint64_t position) {
  return ring->memory + position % RING_SIZE;
}

#endif
