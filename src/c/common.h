/*
 * What the programs in C share: reading a setting, hiding variables from the next program, the
 * switch of `onescan disable`, the clock, and text that is safe in a line of the log.
 */
#ifndef ONESCAN_COMMON_H
#define ONESCAN_COMMON_H

#include "tables.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A setting of the environment; an empty one counts as unset. */
static inline const char *setting(const char *name, const char *unset) {
  const char *value = getenv(name);
  return value && *value ? value : unset;
}

static inline int begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline int begins_with_one_of(const char *text, const char *const *prefixes) {
  for (; *prefixes; ++prefixes)
    if (begins(text, *prefixes))
      return 1;
  return 0;
}

/* Takes the variables that begin so out of the environment. The list ends in NULL. */
static inline void hide_variables(const char *const *prefixes) {
  char **kept = environ;
  for (char **variable = environ; *variable; ++variable)
    if (!begins_with_one_of(*variable, prefixes))
      *kept++ = *variable;
  *kept = NULL;
}

enum { SWITCH_PATH_MAX = 4096 };

/*
 * Whether one of the files is there that `onescan disable` makes: in the control directory for
 * qmail, or for all doors of the host (src/scan/judge/config.ts). `file` becomes its path.
 */
static inline int is_switched_off(char file[SWITCH_PATH_MAX]) {
  const char *control = setting("CONTROLDIR", CONTROLDIR_DEFAULT);
  const char *home = *control == '/' ? "" : setting("QMAILHOME", QMAILHOME_DEFAULT);
  int length =
      snprintf(file, SWITCH_PATH_MAX, "%s%s%s/onescan.off", home, *home ? "/" : "", control);
  if (length < SWITCH_PATH_MAX && access(file, F_OK) == 0)
    return 1;
  snprintf(file, SWITCH_PATH_MAX, "%s", HOST_SWITCH_FILE);
  return access(file, F_OK) == 0;
}

/* Whether a command line only asks about the program (--help, --version). */
static inline int asks_about(int argc, char **argv) {
  static const char *const questions[] = {"--help", "-h", "--version"};
  for (size_t i = 0; argc == 2 && i < sizeof questions / sizeof *questions; ++i)
    if (strcmp(argv[1], questions[i]) == 0)
      return 1;
  return 0;
}

/* Writes the usage or the version, whichever was asked for. Returns whether all was written. */
static inline int tell_usage_or_version(const char *word, const char *usage, const char *version) {
  const char *text = strcmp(word, "--version") ? usage : version;
  return write(STDOUT_FILENO, text, strlen(text)) == (ssize_t) strlen(text);
}

/* Milliseconds of the monotonic clock, which nobody sets. Linux always has it: no call fails. */
static inline double uptime(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
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

/*
 * Replaces all characters that are not printable ASCII: they could begin another line of a log or
 * reply.
 */
static inline void replace_unprintable(char *text) {
  for (; *text; ++text)
    if (*text < ' ' || *text > '~')
      *text = '?';
}

#endif
