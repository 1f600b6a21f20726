/* Postfix's policy delegation (SMTPD_POLICY_README) on a unix socket: onescand --policy. */
#define _GNU_SOURCE
#include "rcptquota.h"

#include "../../c/common.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_SIZE_MAX = 4096 };

/*
 * Returns the value of an attribute, or '' if it has a line end, which would begin another
 * attribute.
 */
static const char *attribute(const char *name) {
  const char *value = setting(name, "");
  return strpbrk(value, "\r\n") ? "" : value;
}

/* Returns the connection, or -1, with errno set: EAGAIN if it was not made within the timeout. */
static int connect_to(const char *path, long timeout) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const struct timeval longest = {timeout / 1000, timeout % 1000 * 1000};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  /* connect(2) has the timeout for sending, too. */
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest)
      || connect(fd, (struct sockaddr *) &address, sizeof address)) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

static int send_request(int fd, struct question question) {
  char request[REQUEST_SIZE_MAX];
  int length = snprintf(request, sizeof request,
                        "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=%s\n"
                        "sender=%.1000s\nclient_address=%.100s\nsasl_username=%s\n\n",
                        question.recipient, attribute("SMTPMAILFROM"), attribute("TCPREMOTEIP"),
                        question.is_relay_client ? "relay" : "");
  /* The first bytes on a connection: there is room for them. */
  return send(fd, request, (size_t) length, MSG_NOSIGNAL | MSG_DONTWAIT) == length ? 0 : -1;
}

/* Receives an answer, which an empty line ends. */
static enum wait_result receive_answer(int fd, char *answer, size_t size, double deadline) {
  size_t length = 0;
  while (length < size - 1) {
    if (!is_readable_before(fd, deadline))
      return LATE;
    ssize_t count = recv(fd, answer + length, size - 1 - length, 0);
    if (count <= 0)
      return count < 0 ? BROKEN : CLOSED;
    length += (size_t) count;
    answer[length] = '\0';
    char *end = strstr(answer, "\n\n");
    if (end) {
      *end = '\0';
      return ANSWERED;
    }
  }
  return TOO_LONG;
}

/* Sends `question` on a connection and reads the answer. Closes the connection. */
static enum wait_result converse(int fd, struct question question, char *answer, size_t size,
                                 double deadline) {
  enum wait_result result =
      send_request(fd, question) ? BROKEN : receive_answer(fd, answer, size, deadline);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

static enum answer understand(const char *answer) {
  static const char full[] = "action=" OVER_QUOTA_STATUS " ";
  if (strncmp(answer, full, sizeof full - 1) == 0)
    return FULL;
  if (strcmp(answer, "action=DUNNO") == 0)
    return ROOM;
  return cannot_tell("onescand answered %.80s", answer);
}

enum answer ask_onescand(const char *path, struct question question, long timeout, int *is_there) {
  char answer[QUOTA_REPLY_MAX];
  const double deadline = uptime() + (double) timeout;
  *is_there = 0;
  if (strlen(path) >= sizeof((struct sockaddr_un *) 0)->sun_path)
    return cannot_tell("QUOTASOCKET %s: is too long", path);
  int fd = connect_to(path, timeout);
  enum wait_result result;
  if (fd < 0)
    result = errno == EAGAIN ? LATE : BROKEN;
  else
    result = converse(fd, question, answer, sizeof answer, deadline);
  switch (result) {
  case ANSWERED:
    *is_there = 1;
    return understand(answer);
  case LATE:
    return cannot_tell("onescand at %s: no answer in %ld ms", path, timeout);
  case CLOSED:
    return cannot_tell("onescand at %s: closed the connection without an answer", path);
  case TOO_LONG:
    return cannot_tell("onescand at %s: the answer is too long", path);
  case BROKEN:
    break;
  }
  return cannot_tell("onescand at %s: %s", path, strerror(errno));
}
