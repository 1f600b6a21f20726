/*
 * What onescanc and onescan-rcptquota share: reading a setting, the switch of the host, and text
 * that is safe in a line of the log.
 */
#ifndef ONESCAN_COMMON_H
#define ONESCAN_COMMON_H

#include <stdlib.h>
#include <string.h>

/* A setting of the environment; an empty one counts as unset. */
static inline const char *setting(const char *name, const char *unset) {
  const char *value = getenv(name);
  return value && *value ? value : unset;
}

/* `onescan disable` makes this file; it counts for all doors of the host (src/judge/policy.ts). */
#define HOST_SWITCH "/etc/onescan/onescan.off"

/* Whether a command line only asks about the program (--help, --version). */
static inline int asks_about(int count, char **words) {
  static const char *const questions[] = {"--help", "-h", "--version"};
  for (size_t each = 0; count == 2 && each < sizeof questions / sizeof *questions; ++each)
    if (strcmp(words[1], questions[each]) == 0)
      return 1;
  return 0;
}

/* What parse_number() returns for text that is not a number from `min` to `max`. */
enum { NO_NUMBER = -1 };

/* The text must be one to nine digits; `min` is not negative. */
static inline long parse_number(const char *digits, long min, long max) {
  size_t length = strlen(digits);
  if (length == 0 || length > 9 || strspn(digits, "0123456789") != length)
    return NO_NUMBER;
  long value = atol(digits);
  return value >= min && value <= max ? value : NO_NUMBER;
}

/* Replaces what could begin another line in a log or in a reply. */
static inline void replace_unprintable(char *text) {
  for (; *text; ++text)
    if (*text < ' ' || *text > '~')
      *text = '?';
}

#endif
