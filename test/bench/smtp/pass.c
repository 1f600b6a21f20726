/*
 * The smallest filter before a queue: hands all bytes on, in both directions, and looks at none.
 * pass PORT NEXTPORT, on 127.0.0.1; a process for each connection.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in place(const char *port)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

static void without_delay(int fd)
{
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void pass(int client, const char *next)
{
  static char bytes[65536];
  struct sockaddr_in at = place(next);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(server, (struct sockaddr *)&at, sizeof at) != 0) return;
  without_delay(server);
  without_delay(client);
  struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  for (;;) {
    if (poll(ends, 2, -1) < 0) return;
    for (int from = 0; from < 2; from++) {
      if (ends[from].revents == 0) continue;
      ssize_t length = read(ends[from].fd, bytes, sizeof bytes);
      if (length <= 0) return;
      for (ssize_t done = 0; done < length;) {
        ssize_t written = write(ends[!from].fd, bytes + done, (size_t)(length - done));
        if (written < 0) return;
        done += written;
      }
    }
  }
}

int main(int argc, char **argv)
{
  if (argc != 3) return 100;
  struct sockaddr_in at = place(argv[1]);
  int on = 1;
  int door = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(door, (struct sockaddr *)&at, sizeof at) != 0 || listen(door, 511) != 0) return 111;
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0)
      continue; /* what they used is counted with this process */
    int client = accept(door, NULL, NULL);
    if (client < 0) continue;
    if (fork() == 0) {
      close(door);
      pass(client, argv[2]);
      _exit(0);
    }
    close(client);
  }
}
