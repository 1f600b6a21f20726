/*
 * Queries the quota service itself, over UDP. onescan-quotad(8) and onescan-settings(5) describe
 * both forms.
 */
#define _GNU_SOURCE
#include "rcptquota.h"

#include "../../c/common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  NONCE_BYTES = 8,
  NONCE_SIZE = 2 * NONCE_BYTES + 1,
  QUESTION_SIZE_MAX = MAILBOX_NAME_MAX + 64
};

/*
 * A service: either one that accepts a size and a nonce, or an older one, which accepts a name
 * alone.
 */
struct service {
  int is_extended;
  struct sockaddr_storage address;
  socklen_t address_size;
};

/* Returns 0 if the text is not a port. */
static unsigned short read_port(const char *text) {
  long port = parse_number(text, 1, 65535);
  return port == NO_NUMBER ? 0 : (unsigned short) port;
}

/* HOST:PORT, with an IPv6 address in brackets. Returns 0 for anything else. */
static socklen_t read_address(const char *text, struct sockaddr_storage *to) {
  struct sockaddr_in *v4 = (struct sockaddr_in *) to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) to;
  char host[64] = "";
  const char *colon = strrchr(text, ':');
  size_t length = colon ? (size_t) (colon - text) : 0;
  unsigned short port = colon ? read_port(colon + 1) : 0;
  if (!port || !length || length >= sizeof host)
    return 0;
  memcpy(host, text, length);
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  if (host[0] != '[' || host[length - 1] != ']')
    return 0;
  host[length - 1] = '\0';
  if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
    return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  return sizeof *v6;
}

static int read_service(const char *text, struct service *service) {
  service->is_extended = begins(text, "quotad:");
  if (!service->is_extended && !begins(text, "udp:"))
    return 0;
  service->address_size = read_address(strchr(text, ':') + 1, &service->address);
  return service->address_size > 0;
}

/* Returns the text after `word` in `text`, or NULL if `text` does not begin with that word. */
static const char *behind_word(const char *text, const char *word) {
  if (!begins(text, word))
    return NULL;
  const char *end = text + strlen(word);
  return *end == '\0' || *end == ' ' ? end : NULL;
}

static const struct {
  const char *word;
  enum answer answer;
} words[] = {
    {QUOTA_WORD_ROOM, ROOM},
    {QUOTA_WORD_FULL, FULL},
    {QUOTA_WORD_NO_SUCH_USER, ROOM},
    {QUOTA_WORD_UNKNOWN, CANNOT_TELL},
};

/*
 * Parses WORD [name [size quota]] [nonce]. Returns whether the packet answers this request: a
 * name in it must be the right one, and a nonce that was sent must be last. The packet is
 * overwritten.
 */
static int understand(char *packet, const char *name, const char *nonce, enum answer *answer) {
  packet[strcspn(packet, "\r\n")] = '\0';
  if (*nonce) {
    char *last = strrchr(packet, ' ');
    if (!last || strcmp(last + 1, nonce) != 0)
      return 0;
    *last = '\0';
  }
  for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
    const char *rest = behind_word(packet, words[i].word);
    if (!rest)
      continue;
    *answer = words[i].answer;
    return *rest == '\0' || behind_word(rest + 1, name) != NULL;
  }
  return 0;
}

/* Receives a packet, and puts a NUL after it. Returns its length, or -1. */
static ssize_t receive_packet(int fd, char packet[QUOTA_REPLY_MAX]) {
  ssize_t length = recv(fd, packet, QUOTA_REPLY_MAX - 1, 0);
  if (length >= 0)
    packet[length] = '\0';
  return length;
}

/* Makes 64 random bits in hexadecimal. Returns -1 if the system has none. */
static int make_nonce(char nonce[NONCE_SIZE]) {
  unsigned char random[NONCE_BYTES];
  if (getrandom(random, sizeof random, 0) != sizeof random)
    return -1;
  for (size_t at = 0; at < sizeof random; ++at)
    snprintf(nonce + 2 * at, NONCE_SIZE - 2 * at, "%02x", random[at]);
  return 0;
}

/* Returns a connected socket, which packets of other senders do not reach. Its port is random. */
static int connect_to_service(const struct service *service) {
  int fd = socket(service->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  return connect(fd, (const struct sockaddr *) &service->address, service->address_size) ? -1 : fd;
}

/* Reads packets until one of them answers the query. */
static enum wait_result await_answer(int fd, const char *name, const char *nonce, double deadline,
                                     enum answer *answer) {
  char packet[QUOTA_REPLY_MAX];
  while (is_readable_before(fd, deadline)) {
    if (receive_packet(fd, packet) < 0)
      return BROKEN;
    if (understand(packet, name, nonce, answer))
      return ANSWERED;
  }
  return LATE;
}

/* The nonce is empty for an older service. */
static int write_question(char question[QUESTION_SIZE_MAX], const char *name, const char *nonce) {
  if (*nonce)
    return snprintf(question, QUESTION_SIZE_MAX, "CHECK_QUOTA %s 0 %s", name, nonce);
  return snprintf(question, QUESTION_SIZE_MAX, "CHECK_QUOTA %s", name);
}

enum answer ask_service(const char *text, const char *name, long timeout) {
  struct service service = {0};
  char nonce[NONCE_SIZE] = "";
  char question[QUESTION_SIZE_MAX];
  enum answer answer;
  if (!read_service(text, &service))
    return cannot_tell("QUOTAD %s: is not supported by this program; set QUOTASOCKET", text);
  if (service.is_extended && make_nonce(nonce))
    return cannot_tell("getrandom: %m");
  int length = write_question(question, name, nonce);
  int fd = connect_to_service(&service);
  if (fd < 0)
    return cannot_tell("%s: %m", text);

  const long tries = QUESTION_RETRIES + 1;
  const double began = uptime();
  enum wait_result result = LATE;
  long sent = 0;
  while (result == LATE && sent < tries) {
    if (send(fd, question, (size_t) length, 0) < 0)
      return cannot_tell("%s: %m", text);
    ++sent;
    result = await_answer(fd, name, nonce,
                          began + (double) timeout * (double) sent / (double) tries, &answer);
  }
  if (result == BROKEN)
    return cannot_tell("%s: %m", text);
  if (result == LATE)
    return cannot_tell("%s: no answer in %ld ms", text, timeout);
  return answer == CANNOT_TELL ? cannot_tell("%s: gave no answer about <%s>", text, name) : answer;
}
