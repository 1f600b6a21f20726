/*
 * onescan-rcptquota(8): is a recipient's mailbox full? A plugin of qmail-spp.
 *
 *   main.c       the recipients to check, and the command for qmail-spp
 *   onescand.c   asks onescand, which caches answers
 *   service.c    asks the quota service itself, by UDP
 *   report.c     log lines, settings, and waiting
 */
#ifndef RCPTQUOTA_H
#define RCPTQUOTA_H

#include "../../c/tables.h"

enum answer { CANNOT_TELL, ROOM, FULL };

/* Writes a line to the log, and returns CANNOT_TELL. */
__attribute__((format(printf, 1, 2))) enum answer cannot_tell(const char *format, ...);
/* A setting from `min` to `max`. Any other value counts as unset, and is logged. */
long number(const char *name, long fallback, long min, long max);
/* Returns whether a setting is `word`. Any value but that and `fallback` counts as that, and is
 * logged. */
int is_word(const char *name, const char *word, const char *fallback);
/* Returns whether `fd` can be read before `deadline`, a time of uptime(). */
int is_readable_before(int fd, double deadline);

/* How the wait for an answer ended. BROKEN sets errno. */
enum wait_result { ANSWERED, LATE, CLOSED, TOO_LONG, BROKEN };

/* A recipient and the attributes of the request to onescand. */
struct question {
  const char *recipient;
  int is_relay_client;
};

/* `*is_there` becomes whether onescand answered at all within the given milliseconds. */
enum answer ask_onescand(const char *path, struct question question, long timeout, int *is_there);
/* `service` is quotad:HOST:PORT or udp:HOST:PORT with a numeric address. */
enum answer ask_service(const char *service, const char *name, long timeout);

#endif
