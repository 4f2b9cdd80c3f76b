// Log times, without the C library's time zones.
#include "timestamp.h"

#include <string.h>
#include <time.h>

static void put_digits(char *out, uint64_t number, size_t digits) {
  while (digits-- > 0) {
    out[digits] = (char)('0' + number % 10);
    number /= 10;
  }
}

// The civil date of a day number: years are counted from March, so that the leap day comes last (Hinnant's algorithm).
static void put_date(char *out, uint64_t day) {
  uint64_t shifted = day + 719468;
  uint64_t era = shifted / 146097, of_era = shifted % 146097;
  uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint64_t month_from_march = (5 * of_year + 2) / 153;
  uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  put_digits(out, year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4);
  put_digits(out + 5, month, 2);
  put_digits(out + 8, of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

static void cache_second(struct timestamp *cache, uint64_t second) {
  memcpy(cache->date, "0000-00-00T00:00:00.", 20);
  put_date(cache->date, second / 86400);
  put_digits(cache->date + 11, second / 3600 % 24, 2);
  put_digits(cache->date + 14, second / 60 % 60, 2);
  put_digits(cache->date + 17, second % 60, 2);
  cache->second = second;
}

char *timestamp_format(struct timestamp *cache, char *out, uint64_t nanoseconds) {
  uint64_t second = nanoseconds / 1000000000u, fraction = nanoseconds % 1000000000u;
  if (cache->second != second || cache->date[0] == '\0') cache_second(cache, second);
  memcpy(out, cache->date, 20);
  put_digits(out + 20, fraction, 9);
  size_t length = 29;
  while (length > 20 && out[length - 1] == '0') length--;
  if (length == 20) length--;
  out[length] = 'Z';
  return out + length + 1;
}

uint64_t realtime_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
