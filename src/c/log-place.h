/*
 * The destination of log lines of a qmail-queue program: descriptor 2 if that is a log,
 * otherwise the system's log. Under qmail-local, descriptor 2 is the report of a delivery,
 * which goes into a bounce to a stranger. bin/is-log.cjs has and explains the same rule.
 */
#ifndef ONESCAN_LOG_PLACE_H
#define ONESCAN_LOG_PLACE_H

#include <stddef.h>

int fd_2_is_a_log(void);

/*
 * Sends a line as one datagram, as syslog(3) would: facility mail, level info. Never blocks:
 * if the log accepts nothing now, the line is dropped. The end of a line that is too long is
 * cut off.
 */
void to_syslog(const char *line, size_t length);

#endif
