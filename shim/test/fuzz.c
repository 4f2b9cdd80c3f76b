// Seeded random input for the shim's pure parts, with what must hold checked by plain, slow code. Usage: SEED ROUNDS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "options.h"
#include "protocol.h"
#include "timestamp.h"

enum { MOST_INPUT = 300, LONGEST_LINE = 40000 };

static uint64_t state;

static uint32_t random_below(uint32_t limit) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % limit;
}

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "broken: %s\n", what);
  abort();
}

// Bytes of which some are text, some UTF-8 (whole or cut), some anything.
static size_t fill(unsigned char *bytes, size_t limit) {
  static const char *const pieces[] = {"plain text that is long enough for a block", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                       "\xe2\x80\xa8", "\xe2\x82", "<&>\"\\", "\n", "\xff", "\xed\xa0\x80"};
  size_t length = 0, wanted = random_below((uint32_t)limit + 1);
  while (length < wanted) {
    const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
    size_t part = strlen(piece) < wanted - length ? strlen(piece) : wanted - length;
    memcpy(bytes + length, piece, part);
    if (random_below(4) == 0) bytes[length] = (unsigned char)random_below(256);
    length += part;
  }
  return length;
}

static void check_json(void) {
  size_t length = random_below(MOST_INPUT);
  // Exactly as large as promised, so that the sanitizer sees any byte beyond.
  unsigned char *bytes = malloc(length + 1);
  char *out = malloc(JSON_EXPANSION * length + JSON_SLACK);
  length = fill(bytes, length);
  unsigned char *exact = malloc(length ? length : 1);
  memcpy(exact, bytes, length);
  char *end = json_escape(out, exact, length);
  for (const char *at = out; at < end; at++) {
    unsigned char byte = (unsigned char)*at;
    require(byte >= 0x20 && !strchr("\"<>&", byte ? byte : ' '), "escaped output has no special bytes");
    if (byte == '\\') at += at[1] == 'u' ? 5 : 1;
  }
  require(utf8_incomplete_tail(exact, length) <= 3, "a character has four bytes at most");
  free(exact);
  free(out);
  free(bytes);
}

static void check_header(void) {
  unsigned char bytes[HEADER_SIZE], again[HEADER_SIZE];
  struct header header = {(uint8_t)random_below(256), (uint16_t)random_below(65536), random_below(0x7fffffff)};
  struct header decoded;
  header_encode(bytes, header);
  require(header_decode(bytes, &decoded), "a header can be read");
  header_encode(again, decoded);
  require(memcmp(bytes, again, HEADER_SIZE) == 0, "a header survives");
  bytes[random_below(5)] ^= (unsigned char)(1 + random_below(255));
  require(!header_decode(bytes, &decoded), "another magic or version is refused");
}

static void check_timestamp(void) {
  struct timestamp cache = {0};
  char out[TIMESTAMP_SIZE];
  for (int i = 0; i < 3; i++) {
    uint64_t time = (uint64_t)random_below(2000000000) * 4 * 1000000000u + random_below(1000000000);
    require(timestamp_format(&cache, out, time) <= out + TIMESTAMP_SIZE, "a time fits");
  }
}

static void check_options(void) {
  static const char *const words[] = {"--mode", "run", "exec", "--attach-fd", "1:2", "99999:3", "::", "--rows", "65536", "",
                                "--run-dir", "/x", "--reservation-fd", "0", "-1", "--tty", "--restore", "--oom-score", "-5", "--id"};
  static struct options options;
  const char *arguments[12] = {words[0]};
  int count = 1 + (int)random_below(11);
  for (int i = 1; i < count; i++) arguments[i] = words[random_below(sizeof words / sizeof words[0])];
  struct failure failure = {.length = 0};
  if (options_parse(&options, count, arguments, &failure) < 0) require(failure.length > 0, "a failure has a reason");
}

// Whatever pieces the output comes in, the log is the same except for its times.
static void check_log(const char *path, struct log *log) {
  static unsigned char bytes[LONGEST_LINE];
  size_t length = fill(bytes, sizeof bytes);
  for (size_t at = 0; at < length;) {
    size_t part = 1 + random_below((uint32_t)(length - at));
    log_output(log, (enum log_stream)random_below(2), bytes + at, part);
    at += part;
  }
  log_end(log, LOG_STDOUT);
  log_end(log, LOG_STDERR);
  require(access(path, R_OK) == 0, "the log is there after any rotation");
}

int main(int count, char *arguments[]) {
  require(count == 3, "usage: shim-fuzz SEED ROUNDS");
  state = strtoull(arguments[1], NULL, 10);
  uint64_t rounds = strtoull(arguments[2], NULL, 10);
  char directory[] = "/tmp/shim-fuzz-XXXXXX", path[64];
  require(mkdtemp(directory) != NULL, "a directory for the log");
  snprintf(path, sizeof path, "%s/log", directory);
  static struct log log;
  struct failure failure;
  struct log_settings settings = {.path = path, .max_size = 100000, .max_file = 1, .attributes = "{\"a\":\"b\"}"};
  require(log_open(&log, &settings, &failure) == 0, "the log opens");
  for (uint64_t round = 0; round < rounds; round++) {
    check_json();
    check_header();
    check_timestamp();
    check_options();
    if (round % 50 == 0) check_log(path, &log);
  }
  unlink(path);
  rmdir(directory);
  free(log.attributes);
  printf("%llu rounds\n", (unsigned long long)rounds);
  return 0;
}
