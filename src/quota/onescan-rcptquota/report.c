/* Shared by the other files: log lines, settings, and waiting. */
#define _GNU_SOURCE
#include "rcptquota.h"

#include "../../c/common.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LOG_FD = 2 };

/* One line, one write. */
enum answer cannot_tell(const char *format, ...) {
  char reason[400];
  va_list list;
  va_start(list, format);
  vsnprintf(reason, sizeof reason, format, list);
  va_end(list);
  replace_unprintable(reason);
  char line[sizeof reason + 32];
  int length = snprintf(line, sizeof line, "onescan-rcptquota: %s\n", reason);
  ssize_t written = write(LOG_FD, line, (size_t) length);
  (void) written; /* mail does not wait for a log */
  return CANNOT_TELL;
}

long number(const char *name, long fallback, long min, long max) {
  const char *digits = setting(name, NULL);
  if (!digits)
    return fallback;
  long value = parse_number(digits, min, max);
  if (value != NO_NUMBER)
    return value;
  cannot_tell("%s=\"%s\": must be from %ld to %ld", name, digits, min, max);
  return fallback;
}

int is_word(const char *name, const char *word, const char *fallback) {
  const char *value = setting(name, fallback);
  if (strcmp(value, word) == 0)
    return 1;
  if (strcmp(value, fallback) != 0)
    cannot_tell("%s=\"%s\": must be %s or %s", name, value, fallback, word);
  return 0;
}

int is_readable_before(int fd, double deadline) {
  for (;;) {
    double left = deadline - uptime();
    if (left <= 0)
      return 0;
    int ready = poll(&(struct pollfd){fd, POLLIN, 0}, 1, (int) left + 1);
    if (ready >= 0 || errno != EINTR)
      return ready > 0;
  }
}
