/*
 * Where lines of a program in the slot go: to descriptor 2 if that is a log, else to the system's
 * log. Below qmail-local descriptor 2 is the report of a delivery, which goes into a bounce to a
 * stranger. bin/is-log.cjs has the same rule, in words, too.
 */
#ifndef ONESCAN_LOG_PLACE_H
#define ONESCAN_LOG_PLACE_H

#include <stddef.h>

int fd_2_is_a_log(void);

/*
 * Sends a line as one datagram, as syslog(3) would: facility mail, level info. Nobody waits for
 * that log: if it takes nothing now, the line is dropped. An end of the line that is too long is
 * cut off.
 */
void to_syslog(const char *line, size_t length);

#endif
