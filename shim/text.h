// Bounded text: messages and records are put together here, because printf would pull locales into every shim.
#ifndef GANTRY_TEXT_H
#define GANTRY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A text under construction in memory of its owner. What doesn't fit is cut off; it is not NUL-terminated.
struct text {
  char *bytes;
  size_t size;
  size_t length;
};

// Why something failed: one sentence for the daemon's log and for the user.
struct failure {
  char bytes[512];
  size_t length;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_add_number(struct text *text, uint64_t number);
// Adds "key number\n", the form of all records and events.
void text_add_field(struct text *text, const char *key, uint64_t number);

// Sets `failure` to "call subject: text of errno" and returns -1.
int fail_errno(struct failure *failure, const char *call, const char *subject);
// Sets `failure` to "what subject" and returns -1.
int fail(struct failure *failure, const char *what, const char *subject);

// Parses a whole decimal number up to `limit`; false for anything else.
bool parse_number(const char *string, uint64_t limit, uint64_t *number);

#endif
