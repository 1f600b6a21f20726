/* The connection to onescand: made, and waited for. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/*
 * Milliseconds, as in slot-protocol.md. If onescand listens, this process waits for it this
 * long, even if onescand is busy or replaces a process. On such a host, a standalone program
 * would not start any sooner.
 */
enum { CONNECT_MAX = 10000, SILENCE_MAX = 10000, LONGER_THAN_SCANNERS = 2000 };

void connect_to_server(struct mail *mail) {
  const char *path = setting("ONESCAN_SOCKET", ONESCAN_SOCKET_DEFAULT);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* connect(2) uses this timeout: the queue of the server may be full. */
  const struct timeval longest = {CONNECT_MAX / 1000, 0};
  struct conversation *conversation = &mail->onescand;
  size_t length = strlen(path);
  conversation->deadline =
      uptime() + (double) time_for_scanners(conversation) + LONGER_THAN_SCANNERS;
  if (length >= sizeof address.sun_path)
    go_standalone(mail, xasprintf("ONESCAN_SOCKET %s: is too long", path));
  memcpy(address.sun_path, path, length);
  conversation->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (conversation->server < 0
      || setsockopt(conversation->server, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest)
      || connect(conversation->server, (struct sockaddr *) &address, sizeof address))
    go_standalone(mail, xasprintf("onescand at %s: %m", path));
}

void wait_for_server(struct mail *mail, short event) {
  const double left = mail->onescand.deadline - uptime();
  if (left <= 0)
    go_standalone(mail, xasprintf("onescand: takes too long"));
  const int longest = left < SILENCE_MAX ? (int) left + 1 : SILENCE_MAX;
  int ready = poll(&(struct pollfd){mail->onescand.server, event, 0}, 1, longest);
  if (ready < 0 && errno != EINTR)
    go_standalone(mail, xasprintf("poll: %m"));
  if (uptime() > mail->onescand.deadline)
    go_standalone(mail, xasprintf("onescand: takes too long"));
  if (ready == 0)
    go_standalone(mail, xasprintf("onescand: is silent for too long"));
}
