/*
 * onescan-rcptquota(8) is a plugin of qmail-spp for RCPT: it prints one command where the recipient's mailbox is
 * full, and nothing where it has room or nobody can tell. It asks onescand, which keeps answers, by the protocol of
 * Postfix's policy delegation on a unix socket (QUOTASOCKET); where that is not set or nobody is there, it sends a
 * datagram to the service itself (QUOTAD). It ends in 0, whatever happens: mail must not wait for a quota.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE_MAX = 255 /* src/quota/client/mailbox-name.ts */, REPLY_MAX = 1024, REQUEST_MAX = 4096 };
enum opinion { CANNOT_TELL, ROOM, FULL };
static const char *setting(const char *of, const char *unset) { of = getenv(of); return of && *of ? of : unset; }

static long now(void) { /* milliseconds */
  struct timespec time = {0};
  if (clock_gettime(CLOCK_MONOTONIC, &time)) return 0;
  return (long) time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* One line, one write; what a client sent cannot forge another. */
__attribute__((format(printf, 1, 2))) static enum opinion cannot_tell(const char *format, ...) {
  static const char name[] = "onescan-rcptquota: ";
  char line[512] = "onescan-rcptquota: ";
  va_list list;
  va_start(list, format), vsnprintf(line + sizeof name - 1, sizeof line - sizeof name, format, list), va_end(list);
  for (char *at = line; *at; ++at) if (*at < ' ' || *at > '~') *at = '?';
  strcat(line, "\n");
  if (write(2, line, strlen(line)) < 0) errno = 0;
  return CANNOT_TELL;
}

/* Of min to max, or as good as unset. */
static long number(const char *name, long unset, long min, long max) {
  const char *digits = setting(name, "");
  long value = strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 10 ? atol(digits) : -1;
  if (*digits && (value < min || value > max)) cannot_tell("%s %s: must be from %ld to %ld", name, digits, min, max);
  return value >= min && value <= max && *digits ? value : unset;
}

static int readable_before(int fd, long deadline) {
  for (;;) {
    long left = deadline - now();
    int ready = left > 0 ? poll(&(struct pollfd) {fd, POLLIN, 0}, 1, (int) left) : 0;
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

/* SMTPD_POLICY_README. Says whether anybody was there; then *answer has what onescand told. */
static int ask_onescand(const char *path, const char *recipient, int relay, long timeout, enum opinion *answer) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char request[REQUEST_MAX], reply[REPLY_MAX];
  const char *sender = setting("SMTPMAILFROM", ""), *remote = setting("TCPREMOTEIP", "");
  if (strpbrk(sender, "\r\n") || strpbrk(remote, "\r\n")) sender = remote = ""; /* no attribute of one line */
  int length = snprintf(request, sizeof request, "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=%s\n"
    "sender=%.1000s\nclient_address=%.100s\nsasl_username=%s\n\n", recipient, sender, remote, relay ? "relay" : "");
  if (strlen(path) >= sizeof address.sun_path) return cannot_tell("QUOTASOCKET %s: is too long", path), 0;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct timeval patience = {timeout / 1000, timeout % 1000 * 1000};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) /* for connect, too */
    || connect(fd, (struct sockaddr *) &address, sizeof address)
    || send(fd, request, (size_t) length, MSG_NOSIGNAL) != length) {
    cannot_tell("onescand at %s: %s", path, strerror(errno));
    return close(fd), 0;
  }
  long deadline = now() + timeout;
  size_t got = 0;
  for (char *end; got < sizeof reply - 1;) {
    ssize_t count = readable_before(fd, deadline) ? recv(fd, reply + got, sizeof reply - 1 - got, 0) : 0;
    if (count <= 0) break;
    reply[got += (size_t) count] = '\0';
    if (!(end = strstr(reply, "\n\n"))) continue;
    *end = '\0';
    close(fd);
    if (!strncmp(reply, "action=452 4.2.2 ", 17)) return *answer = FULL, 1;
    *answer = strcmp(reply, "action=DUNNO") ? cannot_tell("onescand says %.80s", reply) : ROOM;
    return 1;
  }
  cannot_tell("onescand at %s: no answer in %ld ms", path, timeout);
  return close(fd), 0;
}

/* Whether `at` is the word, with the end or a blank behind it. */
static const char *behind(const char *at, const char *word) {
  size_t length = strlen(word);
  return strncmp(at, word, length) || !strchr(" ", at[length]) ? NULL : at + length;
}

/* "QUOTA_OK [name [size quota]] [nonce]": the nonce last and, where a name is told, the right one; else -1. */
static int understand(char *reply, const char *name, const char *nonce) {
  static const struct { const char *word; enum opinion means; } words[] = {
    {"QUOTA_OK", ROOM}, {"QUOTA_FULL", FULL}, {"QUOTA_UNKNOWN", ROOM}, {"QUOTA_ERROR", CANNOT_TELL}};
  reply[strcspn(reply, "\r\n")] = '\0';
  char *last = strrchr(reply, ' ');
  if (nonce && (!last || strcmp(last + 1, nonce))) return -1;
  if (nonce) *last = '\0';
  for (size_t each = 0; each < sizeof words / sizeof *words; ++each) {
    const char *rest = behind(reply, words[each].word);
    if (rest && (!*rest || behind(rest + 1, name))) return (int) words[each].means;
  }
  return -1;
}

/* quotad:HOST:PORT or udp:HOST:PORT with a numeric address, [v6] in brackets; 0 where it is something else. */
static socklen_t read_service(const char *text, struct sockaddr_storage *to) {
  char host[64] = "";
  const char *port = strrchr(text, ':'), *from = strchr(text, ':');
  size_t length = from && port > from ? (size_t) (port - from) - 1 : 0;
  if (!length || length >= sizeof host || strlen(port) > 6 || port[1 + strspn(port + 1, "0123456789")]) return 0;
  struct sockaddr_in *v4 = (struct sockaddr_in *) to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) to;
  long number = atol(port + 1);
  if (number < 1 || number > 65535) return 0;
  memcpy(host, from + 1, length);
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
    return v4->sin_family = AF_INET, v4->sin_port = htons((unsigned short) number), sizeof *v4;
  if (*host != '[' || host[length - 1] != ']') return 0;
  host[length - 1] = '\0';
  if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1) return 0;
  return v6->sin6_family = AF_INET6, v6->sin6_port = htons((unsigned short) number), sizeof *v6;
}

/* Keeps the port until each packet has its answer: that of an older service is a word alone, and is not to reach the
 * next user of the port. */
static void hear_out(int fd, long unanswered, long deadline, const char *name) {
  char reply[REPLY_MAX];
  while (unanswered > 0 && readable_before(fd, deadline)) {
    ssize_t got = recv(fd, reply, sizeof reply - 1, 0);
    if (got < 0) return;
    reply[got] = '\0';
    if (understand(reply, name, NULL) >= 0) --unanswered;
  }
}

/* A socket of its own on a random port, connected: what others send does not reach it. */
static enum opinion ask_service(const char *text, const char *name, long timeout) {
  int extended = !strncmp(text, "quotad:", 7), said;
  struct sockaddr_storage to = {0};
  socklen_t size = extended || !strncmp(text, "udp:", 4) ? read_service(text, &to) : 0;
  unsigned char random[8];
  char nonce[2 * sizeof random + 1] = "", packet[NAME_SIZE_MAX + 64], reply[REPLY_MAX];
  if (!size) return cannot_tell("QUOTAD %s: cannot be asked from here; set QUOTASOCKET", text);
  if (extended && getrandom(random, sizeof random, 0) != sizeof random) return cannot_tell("getrandom: %m");
  for (size_t at = 0; at < sizeof random && extended; ++at) sprintf(nonce + 2 * at, "%02x", random[at]);
  int length = snprintf(packet, sizeof packet, extended ? "CHECK_QUOTA %s 0 %s" : "CHECK_QUOTA %s", name, nonce);
  int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *) &to, size)) return cannot_tell("%s: %m", text);
  long tries = number("QUOTARETRIES", 2, 0, 10) + 1, began = now();
  for (long sent = 1; sent <= tries; ++sent) {
    if (send(fd, packet, (size_t) length, 0) < 0) return cannot_tell("%s: %m", text);
    while (readable_before(fd, began + timeout * sent / tries)) {
      ssize_t got = recv(fd, reply, sizeof reply - 1, 0);
      if (got < 0) return cannot_tell("%s: %m", text);
      reply[got] = '\0';
      if ((said = understand(reply, name, extended ? nonce : NULL)) < 0) continue; /* the next may be the answer */
      if (!extended) hear_out(fd, sent - 1, began + timeout, name);
      return said == CANNOT_TELL ? cannot_tell("%s: cannot tell about <%s>", text, name) : (enum opinion) said;
    }
  }
  return cannot_tell("%s: no answer in %ld ms", text, timeout);
}

/* What can be a mailbox's name at all: one word, no path. */
static int is_name(const char *name) {
  size_t length = strlen(name);
  for (const char *at = name; *at; ++at) if ((unsigned char) *at <= ' ' || *at == '/' || *at == 0x7f) return 0;
  return length && length <= NAME_SIZE_MAX && *name != '@' && !strstr(name, "..");
}

static enum opinion ask(const char *recipient) {
  const char *path = setting("QUOTASOCKET", NULL), *service = setting("QUOTAD", NULL), *at = strrchr(recipient, '@');
  const char *control = setting("CONTROLDIR", "control"), *home = setting("QMAILHOME", "/var/qmail");
  int relay = getenv("RELAYCLIENT") || setting("SMTPAUTHUSER", NULL), known;
  long timeout = number("QUOTATIMEOUT", 500, 1, 60000);
  char off[REQUEST_MAX], name[NAME_SIZE_MAX + 1];
  enum opinion answer;
  if (!is_name(recipient) || !strcmp(setting("SMTPRCPTHOSTSOK", "1"), "0")) return ROOM; /* no mailbox of ours */
  snprintf(off, sizeof off, "%s%s%s/onescan.off", *control == '/' ? "" : home, *control == '/' ? "" : "/", control);
  if (!access(off, F_OK) || (relay && strcmp(setting("QUOTARELAY", "pass"), "ask"))) return ROOM;
  /* onescand waits as long for the service, so it has a little more. */
  if ((known = path != NULL) && ask_onescand(path, recipient, relay, timeout + timeout / 2, &answer)) return answer;
  if (!service) return known ? CANNOT_TELL : cannot_tell("neither QUOTASOCKET nor QUOTAD is set");
  int local = at && !strcmp(setting("QUOTANAME", "address"), "local");
  snprintf(name, sizeof name, "%.*s", local ? (int) (at - recipient) : NAME_SIZE_MAX, recipient);
  for (char *c = strrchr(name, '@'); c && *c; ++c) if (*c >= 'A' && *c <= 'Z') *c = (char) (*c + 'a' - 'A');
  return ask_service(service, name, timeout);
}

int main(void) {
  char command[NAME_SIZE_MAX + 64];
  const char *recipient = setting("SMTPRCPTTO", "");
  signal(SIGPIPE, SIG_IGN);
  if (ask(recipient) != FULL) return 0;
  int end = snprintf(command, sizeof command, "E452 4.2.2 Quota exceeded for <%s>, try again later", recipient);
  for (char *at = command; *at; ++at) if (*at < ' ' || *at > '~') *at = '?';
  command[end++] = '\n';
  if (write(1, command, (size_t) end) != end) cannot_tell("standard output: %m");
  return 0;
}
