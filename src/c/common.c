#define _GNU_SOURCE
#include "common.h"

const char *setting(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value && *value ? value : fallback;
}

int begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int begins_with_one_of(const char *text, const char *const *prefixes) {
  for (; *prefixes; ++prefixes)
    if (begins(text, *prefixes))
      return 1;
  return 0;
}

void hide_variables(const char *const *prefixes) {
  char **kept = environ;
  for (char **variable = environ; *variable; ++variable)
    if (!begins_with_one_of(*variable, prefixes))
      *kept++ = *variable;
  *kept = NULL;
}

int is_switched_off(char file[SWITCH_PATH_MAX]) {
  const char *control = setting("CONTROLDIR", CONTROLDIR_DEFAULT);
  const char *home = *control == '/' ? "" : setting("QMAILHOME", QMAILHOME_DEFAULT);
  int length =
      snprintf(file, SWITCH_PATH_MAX, "%s%s%s/onescan.off", home, *home ? "/" : "", control);
  if (length < SWITCH_PATH_MAX && access(file, F_OK) == 0)
    return 1;
  snprintf(file, SWITCH_PATH_MAX, "%s", HOST_SWITCH_FILE);
  return access(file, F_OK) == 0;
}

int asks_about(int argc, char **argv) {
  static const char *const questions[] = {"--help", "-h", "--version"};
  for (size_t i = 0; argc == 2 && i < sizeof questions / sizeof *questions; ++i)
    if (strcmp(argv[1], questions[i]) == 0)
      return 1;
  return 0;
}

int print_usage_or_version(const char *word, const char *usage, const char *version) {
  const char *text = strcmp(word, "--version") ? usage : version;
  return write(STDOUT_FILENO, text, strlen(text)) == (ssize_t) strlen(text);
}

double uptime(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

long parse_number(const char *digits, long min, long max) {
  size_t length = strlen(digits);
  if (length == 0 || length > 9 || strspn(digits, "0123456789") != length)
    return NO_NUMBER;
  long value = atol(digits);
  return value >= min && value <= max ? value : NO_NUMBER;
}

void replace_unprintable(char *text) {
  for (; *text; ++text)
    if (*text < ' ' || *text > '~')
      *text = '?';
}
