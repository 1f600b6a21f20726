/*
 * What onescanc and onescan-rcptquota share: how a setting is read, what time it is, what may
 * stand in a line of the log.
 */
#ifndef ONESCAN_COMMON_H
#define ONESCAN_COMMON_H

#include <stdlib.h>
#include <string.h>

/* A setting of the environment; one that is empty counts as unset. */
static inline const char *setting(const char *name, const char *unset) {
  const char *value = getenv(name);
  return value && *value ? value : unset;
}

/* `onescan disable` makes it, for all doors of the host; src/judge/policy.ts. */
#define HOST_SWITCH "/etc/onescan/onescan.off"

/* Whether these are the words of somebody who wants to know about a program, not to run it. */
static inline int asks_about(int count, char **words) {
  static const char *const questions[] = {"--help", "-h", "--version"};
  for (size_t each = 0; count == 2 && each < sizeof questions / sizeof *questions; ++each)
    if (strcmp(words[1], questions[each]) == 0)
      return 1;
  return 0;
}

/* What parse_number() says of text that is not a number from `min` to `max`. */
enum { NO_NUMBER = -1 };

/* Digits alone, at most nine of them; `min` is not negative. */
static inline long parse_number(const char *digits, long min, long max) {
  size_t length = strlen(digits);
  if (length == 0 || length > 9 || strspn(digits, "0123456789") != length)
    return NO_NUMBER;
  long value = atol(digits);
  return value >= min && value <= max ? value : NO_NUMBER;
}

/* Nothing that a client sent may begin another line of a log or of a reply. */
static inline void replace_unprintable(char *text) {
  for (; *text; ++text)
    if (*text < ' ' || *text > '~')
      *text = '?';
}

#endif
