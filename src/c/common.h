/*
 * Shared by the programs in C: reading a setting, hiding variables from the next program, and
 * the switch of `onescan disable`. Also the clock, and text that is safe in a log line.
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

/* A setting of the environment. An empty one counts as unset. */
const char *setting(const char *name, const char *fallback);

int begins(const char *text, const char *prefix);

/* Takes the variables that begin so out of the environment. The list ends in NULL. */
void hide_variables(const char *const *prefixes);

enum { SWITCH_PATH_MAX = 4096 };

/*
 * Returns whether a file of `onescan disable` exists: in the control directory for qmail, or
 * for all interfaces of the host (src/base/settings/off-switch.ts). `file` becomes its path.
 */
int is_switched_off(char file[SWITCH_PATH_MAX]);

/*
 * Returns whether a command line only requests information about the program (--help, --version).
 */
int asks_about(int argc, char **argv);

/* Writes the usage or the version, as requested. Returns whether all was written. */
int print_usage_or_version(const char *word, const char *usage, const char *version);

/* Returns the milliseconds of the monotonic clock. Linux always has it: no call fails. */
double uptime(void);

/* The result of parse_number() for text that is not a number from `min` to `max`. */
enum { NO_NUMBER = -1 };

/* The text must be one to nine digits. `min` is not negative. */
long parse_number(const char *digits, long min, long max);

/*
 * Replaces all characters that are not printable ASCII: they could begin another line of a log or
 * reply.
 */
void replace_unprintable(char *text);

#endif
