/*
 * Log lines in the form of onescan-log(5). Only a full pipe as descriptor 2 delays mail: all
 * processes that use it share its flags, so it stays blocking if it was.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"
#include "../log-place.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds that mail waits for LOGFILE, and seconds after which its process ends. */
enum { FILE_TIMEOUT = 500, FILE_LIFE = 30 };
/* More descriptors than this process has: ERROR_FD is at most 255. */
enum { DESCRIPTORS = 1024 };

static double began; /* when this process did, by uptime() */

void log_begins(void) {
  began = uptime();
}

/*
 * Adds the time to a line, as its last field: in a file nothing else shows when it was written.
 * src/scanner/log/log-sink.ts does the same.
 */
static char *with_time(const char *line, size_t length) {
  struct timespec now;
  struct tm utc;
  char when[32] = "";
  if (clock_gettime(CLOCK_REALTIME, &now) || !gmtime_r(&now.tv_sec, &utc)
      || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
    return xasprintf("%.*s", (int) length, line);
  return xasprintf("%.*s time=%s.%03ldZ\n", (int) length - 1, line, when, now.tv_nsec / 1000000);
}

/*
 * Returns the file for lines, or NULL. As root this process opens none: a user with write
 * access to a directory on its path could redirect it. onescan-queue checks each component of
 * the path (src/base/path/open.ts, openToAppend).
 */
static const char *log_file(void) {
  return geteuid() == 0 ? NULL : setting("LOGFILE", NULL);
}

/*
 * Appends a line to LOGFILE in a process of its own, for its file system may hang, as that
 * of a dead NFS server. Mail waits for it once, and the caller, who reads ERROR_FD to its end, not
 * at all.
 */
static void append_aside(const char *file, const char *line, size_t length) {
  static int is_late;
  int ends[2];
  if (is_late || pipe2(ends, O_CLOEXEC))
    return;
  pid_t child = fork();
  if (child == 0) {
    if (fork()) /* init waits for the other one, and not the next program */
      end_child(0);
    dup2(ends[1], 0);
    for (int fd = 1; fd < DESCRIPTORS; ++fd)
      close(fd);
    signal(SIGALRM, SIG_DFL);
    alarm(FILE_LIFE);
    /* A FIFO without a reader is not waited for. */
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0640);
    end_child(write(fd, line, length) < 0);
  }
  close(ends[1]);
  if (child > 0)
    waitpid(child, NULL, 0);
  is_late = poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, FILE_TIMEOUT) == 0;
  close(ends[0]);
}

/*
 * Writes a line in one go, so that lines of two processes do not mix. A line that cannot be written
 * is dropped, and so is each one if LOGFILE cannot be opened.
 */
void log_line(const void *line, size_t length) {
  const char *file = log_file();
  if (!file && !fd_2_is_a_log()) {
    to_syslog(line, length);
    return;
  }
  if (file) {
    line = with_time(line, length);
    append_aside(file, line, strlen(line));
    return;
  }
  ssize_t written = write(LOG_FD, line, length);
  (void) written; /* no mail fails for its log */
}

/* Returns ` remote=ADDRESS` of the client, as tcpserver(1) sets it, or '' if it is not an address.
 */
static char *client_address(void) {
  const char *ip = setting("TCPREMOTEIP", "");
  const size_t length = strspn(ip, "0123456789abcdefABCDEF.:");
  return xasprintf("%s%s", *ip && !ip[length] ? " remote=" : "", ip[length] ? "" : ip);
}

void log_slot_line(const char *decision, char *reason, const char *more) {
  replace_unprintable(reason);
  for (char *at = reason; *at; ++at)
    if (*at == '"' || *at == '\\')
      *at = '?';
  char *line = xasprintf("onescan: decision=%s reason=\"%.*s\"%s%s total_ms=%.1f\n", decision,
                         LOG_VALUE_MAX, reason, more, client_address(), uptime() - began);
  log_line(line, strlen(line));
}
