// JSON string escaping: sixteen bytes at a time while nothing needs it.
#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char block __attribute__((vector_size(16)));

static bool block_is_plain(block bytes) {
  block special = (block)(bytes < 0x20) | (block)(bytes >= 0x80) | (block)(bytes == '"') | (block)(bytes == '\\') |
                  (block)(bytes == '<') | (block)(bytes == '>') | (block)(bytes == '&');
  uint64_t halves[2];
  memcpy(halves, &special, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

// The length of the UTF-8 character at `at`, or 0 if it is invalid or cut off (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
static size_t utf8_length(const unsigned char *at, size_t left) {
  unsigned char first = at[0];
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || left < length) return 0;
  unsigned char lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < lowest || at[1] > highest) return 0;
  for (size_t i = 2; i < length; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  return length;
}

static char *escape_ascii(char *out, unsigned char byte) {
  static const char hex[] = "0123456789abcdef";
  char letter = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '"' ? '"' : byte == '\\' ? '\\' : '\0';
  *out++ = '\\';
  if (letter) {
    *out++ = letter;
    return out;
  }
  memcpy(out, "u00", 3);
  out[3] = hex[byte >> 4];
  out[4] = hex[byte & 0xf];
  return out + 5;
}

static bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

// Writes one character of any kind and moves `*at` past it.
static char *escape_one(char *out, const unsigned char **at, size_t left) {
  unsigned char first = **at;
  if (first < 0x80) {
    *at += 1;
    if (!is_plain(first)) return escape_ascii(out, first);
    *out = (char)first;
    return out + 1;
  }
  size_t length = utf8_length(*at, left);
  if (length == 0) {
    *at += 1;
    memcpy(out, "\\ufffd", 6);
    return out + 6;
  }
  // U+2028 and U+2029 end a line in JavaScript, so Go escapes them.
  bool separator = first == 0xe2 && (*at)[1] == 0x80 && ((*at)[2] | 1) == 0xa9;
  if (separator) {
    memcpy(out, (*at)[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
  } else {
    memcpy(out, *at, length);
  }
  *at += length;
  return out + (separator ? 6 : length);
}

char *json_escape(char *out, const unsigned char *bytes, size_t length) {
  const unsigned char *end = bytes + length;
  while (end - bytes >= 16) {
    block next;
    memcpy(&next, bytes, sizeof next);
    memcpy(out, &next, sizeof next);
    if (block_is_plain(next)) {
      bytes += 16;
      out += 16;
      continue;
    }
    const unsigned char *stop = bytes + 16;
    while (bytes < stop) out = escape_one(out, &bytes, (size_t)(end - bytes));
  }
  while (bytes < end) out = escape_one(out, &bytes, (size_t)(end - bytes));
  return out;
}

size_t utf8_incomplete_tail(const unsigned char *bytes, size_t length) {
  for (size_t back = 1; back <= 3 && back <= length; back++) {
    unsigned char byte = bytes[length - back];
    if ((byte & 0xc0) == 0x80) continue;
    size_t needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}
