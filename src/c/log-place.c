#define _GNU_SOURCE
#include "log-place.h"

#include "common.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/*
 * Returns whether the text is the two numbers with a colon between: JOURNAL_STREAM,
 * systemd.exec(5).
 */
static int names_stream(const char *text, dev_t device, ino_t inode) {
  char stream[64];
  snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t) device, (uintmax_t) inode);
  return strcmp(text, stream) == 0;
}

int fd_2_is_a_log(void) {
  struct stat status;
  if (fstat(STDERR_FILENO, &status) || strcmp(setting("ERROR_FD", ""), "2") == 0)
    return 0;
  if (S_ISCHR(status.st_mode) || S_ISREG(status.st_mode))
    return 1;
  if (names_stream(setting("JOURNAL_STREAM", ""), status.st_dev, status.st_ino))
    return 1;
  if (S_ISSOCK(status.st_mode) || getenv("DTLINE") || getenv("RPLINE") || getenv("UFLINE"))
    return 0;
  return setting("PROTO", NULL) || setting("TCPREMOTEIP", NULL) || setting("TCPLOCALIP", NULL);
}

void to_syslog(const char *line, size_t length) {
  static const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  static const char name[] = "onescan: ";
  const size_t name_length = sizeof name - 1;
  char when[32] = "", datagram[LOG_LINE_MAX + 64];
  time_t seconds = time(NULL);
  struct tm *local = localtime(&seconds);
  if (local && strftime(when, sizeof when, "%b %e %H:%M:%S ", local) == 0)
    when[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  if (length >= name_length && memcmp(line, name, name_length) == 0) {
    line += name_length; /* syslog adds the name itself */
    length -= name_length;
  }
  if (length && line[length - 1] == '\n')
    --length;
  snprintf(datagram, sizeof datagram, "<22>%sonescan[%ld]: %.*s", when, (long) getpid(),
           (int) length, line);
  sendto(fd, datagram, strlen(datagram), MSG_DONTWAIT | MSG_NOSIGNAL,
         (const struct sockaddr *) &address, sizeof address);
  close(fd);
}
