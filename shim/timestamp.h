// Log times: RFC 3339 with nanoseconds, trailing zeros removed, as Go prints them.
#ifndef GANTRY_TIMESTAMP_H
#define GANTRY_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

enum { TIMESTAMP_SIZE = 30 };

// The text of the last second formatted: lines come in many per second.
struct timestamp {
  uint64_t second;
  char date[20];
};

// Writes the time (nanoseconds since 1970) to `out`, at most TIMESTAMP_SIZE bytes; returns the end.
char *timestamp_format(struct timestamp *cache, char *out, uint64_t nanoseconds);
// Nanoseconds since 1970.
uint64_t realtime_now(void);

#endif
