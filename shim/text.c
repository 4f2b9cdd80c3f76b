// Bounded text: appending strings and numbers, failures as sentences, parsing of numbers.
#include "text.h"

#include <errno.h>
#include <string.h>

void text_add_bytes(struct text *text, const void *bytes, size_t length) {
  size_t room = text->size - text->length;
  if (length > room) length = room;
  if (length > 0) memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

void text_add(struct text *text, const char *string) { text_add_bytes(text, string, strlen(string)); }

void text_add_number(struct text *text, uint64_t number) {
  char digits[20];
  size_t start = sizeof digits;
  do {
    digits[--start] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  text_add_bytes(text, digits + start, sizeof digits - start);
}

void text_add_field(struct text *text, const char *key, uint64_t number) {
  text_add(text, key);
  text_add(text, " ");
  text_add_number(text, number);
  text_add(text, "\n");
}

int fail(struct failure *failure, const char *what, const char *subject) {
  struct text text = {failure->bytes, sizeof failure->bytes, 0};
  text_add(&text, what);
  text_add(&text, " ");
  text_add(&text, subject);
  failure->length = text.length;
  return -1;
}

int fail_errno(struct failure *failure, const char *call, const char *subject) {
  const char *reason = strerrordesc_np(errno);
  fail(failure, call, subject);
  struct text text = {failure->bytes, sizeof failure->bytes, failure->length};
  text_add(&text, ": ");
  text_add(&text, reason ? reason : "unknown error");
  failure->length = text.length;
  return -1;
}

bool parse_number(const char *string, uint64_t limit, uint64_t *number) {
  uint64_t value = 0;
  if (*string == '\0') return false;
  for (; *string; string++) {
    if (*string < '0' || *string > '9') return false;
    uint64_t digit = (uint64_t)(*string - '0');
    if (value > (limit - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = value;
  return value <= limit;
}
