// JSON string escaping, byte for byte as Docker's json-file driver does it.
#ifndef GANTRY_JSON_H
#define GANTRY_JSON_H

#include <stddef.h>

enum {
  // The most that one input byte can become: \u00XX, or \ufffd for an invalid one.
  JSON_EXPANSION = 6,
  // json_escape may write (not use) this many bytes beyond what it returns.
  JSON_SLACK = 16,
};

// Writes `length` bytes as the inside of a JSON string; returns the end of the output. `out` must have room for
// JSON_EXPANSION * length + JSON_SLACK bytes. Bytes that aren't UTF-8 become \ufffd, one each.
char *json_escape(char *out, const unsigned char *bytes, size_t length);

// How many bytes at the end of `bytes` are the beginning of a UTF-8 character that isn't complete: 0 to 3.
size_t utf8_incomplete_tail(const unsigned char *bytes, size_t length);

#endif
