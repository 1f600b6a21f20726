/* The question: what onescand is told about a mail. doc/slot-protocol.md describes the frames. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Milliseconds, as in doc/slot-protocol.md. An onescand that listens is waited for so long even if
 * it is busy or replaces one of its processes: on such a host, a cold program would not have
 * started any sooner.
 */
enum {
  CONNECT_MAX = 10000,
  SILENCE_MAX = 10000,
  LONGER_THAN_SCANNERS = 2000,
  ASK_AGAIN_FROM = 2000 /* that must be left for scanners */
};

/* The variables of onescan-queue(8) that onescand may want to know. */
static const char *const known[] = {"QHPSI",
                                    "QHPSIRC",
                                    "QHPSIRN",
                                    "QHPSIMINSIZE",
                                    "QHPSIMAXSIZE",
                                    "SCANTIMEOUT",
                                    "PLUGINDIR",
                                    "QUEUE_PLUGIN",
                                    "QUEUE_PLUGIN_SYMB",
                                    "REJECTVIRUS",
                                    "VIRUSTAGONLY",
                                    "VIRUSFORWARD",
                                    "SCANFAIL",
                                    "SCANFAIL_RELAY",
                                    "OVERSIZE",
                                    "MAXNESTING",
                                    "OVERNESTING",
                                    "SECONDLOOK",
                                    "STRICTMIME",
                                    "CLAMD",
                                    "CLAMDMAXSIZE",
                                    "CLAMSCAN",
                                    "CLAMSCANPROGRAM",
                                    "CLAMDBDIR",
                                    "CLAMDCONF",
                                    "BADATTACHMENTS",
                                    "BADMIME",
                                    "CLUSTERKEYS",
                                    "CLUSTERMAXAGE",
                                    "CLUSTERPEERS",
                                    "CLUSTERPEER",
                                    "ERROR_FD",
                                    "ERROR_EXIT",
                                    "QUEUECHAIN",
                                    "QMAILHOME",
                                    "CONTROLDIR",
                                    "RELAYCLIENT",
                                    "TCPREMOTEIP",
                                    "TCPREMOTEHOST",
                                    "BOUNCEUSER",
                                    "QUOTAD",
                                    "QUOTACACHE",
                                    "QUOTADELIMITER",
                                    "QUOTANAME",
                                    "QUOTARELAY",
                                    "QUOTARETRIES",
                                    "QUOTASOFT",
                                    "QUOTATIMEOUT",
                                    "QUARANTINE",
                                    "REFUSALTEXT",
                                    "REFUSALTEXT_BANNED",
                                    "REFUSALTEXT_UNREADABLE",
                                    NULL};

static int has_begun; /* its first bytes were sent */
static size_t unsent; /* how many bytes of `buffer` flush() has yet to send */
int is_passed;

void wait_for_server(short event) {
  int ready = poll(&(struct pollfd){server, event, 0}, 1, SILENCE_MAX);
  if (ready < 0 && errno != EINTR)
    go_cold(text("poll: %m"));
  if (ready == 0)
    go_cold(text("onescand: is silent for too long"));
  if (now() > deadline)
    go_cold(text("onescand: takes too long"));
}

/* With the first bytes of a question goes the descriptor of the message: unix(7), SCM_RIGHTS. */
static ssize_t send_first(byte *bytes, size_t length) {
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof mail.spool)];
  } control = {.head = {.cmsg_len = CMSG_LEN(sizeof mail.spool),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS}};
  struct iovec part = {bytes, length};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memcpy(CMSG_DATA(&control.head), &mail.spool, sizeof mail.spool);
  ssize_t count = sendmsg(server, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  /*
   * If that is forbidden, or too many descriptors are in flight, onescand asks for the message
   * itself.
   */
  return count < 0 && errno != EAGAIN && errno != EINTR
             ? send(server, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT)
             : count;
}

static void flush(void) {
  size_t at = 0;
  while (at < unsent) {
    byte *from = buffer + at;
    ssize_t count = has_begun ? send(server, from, unsent - at, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : send_first(from, unsent - at);
    has_begun = has_begun || count > 0;
    if (count >= 0)
      at += (size_t) count;
    else if (errno == EAGAIN)
      wait_for_server(POLLOUT);
    else if (errno != EINTR)
      break; /* onescand hung up, perhaps after a reason, which is read next */
  }
  unsent = 0;
}

/* Makes room for at least one byte in `buffer`, behind what waits there. */
static size_t room_to_send(void) {
  if (unsent == sizeof buffer)
    flush();
  return sizeof buffer - unsent;
}

static void send_bytes(const void *bytes, size_t length) {
  const byte *from = bytes;
  while (length) {
    size_t room = room_to_send();
    size_t part = length < room ? length : room;
    memcpy(buffer + unsent, from, part);
    unsent += part;
    from += part;
    length -= part;
  }
}

static void send_spooled(int fd, size_t length, size_t offset) {
  while (length) {
    size_t room = room_to_send();
    size_t part = length < room ? length : room;
    read_at(fd, buffer + unsent, part, offset);
    unsent += part;
    offset += part;
    length -= part;
  }
}

static void send_head(char tag, size_t length) {
  const byte head[] = {(byte) tag, (byte) (length >> 24), (byte) (length >> 16),
                       (byte) (length >> 8), (byte) length};
  send_bytes(head, sizeof head);
}

static void send_frame(char tag, const void *bytes, size_t length) {
  send_head(tag, length);
  send_bytes(bytes, length);
}

/* Sends a number of `size` bytes, the most significant byte first. */
static void send_number(char tag, size_t value, size_t size) {
  byte bytes[8];
  for (size_t at = size; at--; value >>= 8)
    bytes[at] = (byte) value;
  send_frame(tag, bytes, size);
}

static void connect_to_onescand(void) {
  const char *path = setting("ONESCAN_SOCKET", "/run/onescan/slot.sock");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* connect(2) takes its timeout from this: the queue of the server may be full. */
  const struct timeval longest = {CONNECT_MAX / 1000, 0};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path)
    go_cold(text("ONESCAN_SOCKET %s: is too long", path));
  memcpy(address.sun_path, path, length);
  server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0 || setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest)
      || connect(server, (struct sockaddr *) &address, sizeof address))
    go_cold(text("onescand at %s: %m", path));
}

static void send_variables(void) {
  for (const char *const *name = known; *name; ++name) {
    const char *value = getenv(*name);
    if (!value)
      continue;
    char *variable = text("%s=%s", *name, value);
    size_t length = strlen(variable);
    if (length > VARIABLE_MAX)
      go_cold(text("%s: is too long", *name));
    send_frame('V', variable, length);
  }
}

void send_message(void) {
  is_passed = 0;
  for (size_t at = 0; at < mail.message_size;) {
    size_t left = mail.message_size - at;
    size_t part = left < FRAME_MAX ? left : FRAME_MAX;
    send_head('M', part);
    send_spooled(mail.spool, part, mail.message_at + at);
    at += part;
  }
  send_frame('.', "", 0);
  flush();
  question_is_sent();
}

static size_t time_for_scanners(void) {
  long seconds = caller.timeout < 0 ? SCANTIMEOUT_DEFAULT : caller.timeout;
  double left = (double) seconds * 1e3 - time_used();
  return left < 1 ? 1 : (size_t) left;
}

/* Only once per mail: it may be this mail that ended the process of onescand. */
int may_ask_again(void) {
  static int has_asked_again;
  break_off();
  return !has_asked_again++ && time_for_scanners() >= ASK_AGAIN_FROM;
}

void ask(void) {
  size_t time_left = time_for_scanners();
  deadline = now() + (double) time_left + LONGER_THAN_SCANNERS;
  connect_to_onescand();
  has_begun = 0;
  is_passed = 1;

  send_frame('1', "osc1", 4);
  send_variables();
  send_number('R', caller.error_fd >= 0, 1);
  send_number('D', time_left, 4);
  send_head('E', mail.envelope_size);
  send_spooled(mail.envelope, mail.envelope_size, 0);
  send_number('F', mail.message_at, 8);
  send_number('S', mail.message_size, 8);
  send_frame('.', "", 0);
  flush();
  question_is_sent();
}
