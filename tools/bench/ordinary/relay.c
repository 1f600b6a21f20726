/*
 * Stands between onescand and clamd, so that questions can be counted: what one sends the other
 * gets, descriptors included, and for each scan that clamd answers a line goes to standard output,
 * the time by CLOCK_MONOTONIC in milliseconds. It is written before the answer is passed on.
 *
 *     relay SOCKET CLAMD
 *
 * Both are Unix sockets. Answers end in NUL (the `z` commands of clamd(8)); what ends in OK, FOUND
 * or ERROR answers a scan, PONG and a version do not. It ends with the process that started it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* More than one packet of onescand bears. */
#define DESCRIPTORS_MAX 16
#define QUEUE 200

_Noreturn static void cannot(const char *what)
{
  fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
  exit(111);
}

static int unix_socket(const char *path, struct sockaddr_un *address)
{
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (fd == -1) cannot("socket");
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    cannot(path);
  }
  strcpy(address->sun_path, path);
  return fd;
}

static void put(int fd, const char *bytes, size_t size)
{
  while (size) {
    ssize_t count = write(fd, bytes, size);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) exit(0); /* its reader has gone */
    bytes += count;
    size -= count;
  }
}

/* The last bytes of the answer that is being passed on, blanks in front. */
static char end[] = "      ";
enum { END = sizeof end - 1 };

static void count_answer(void)
{
  struct timespec now;
  char line[40];
  if (strcmp(end + END - 3, " OK") && strcmp(end, " FOUND") && strcmp(end, " ERROR")) return;
  clock_gettime(CLOCK_MONOTONIC, &now);
  put(1, line, snprintf(line, sizeof line, "%.3f\n", now.tv_sec * 1e3 + now.tv_nsec / 1e6));
}

static void pass_answers(int clamd, int client)
{
  static char piece[65536];
  ssize_t size = read(clamd, piece, sizeof piece);
  if (size == -1 && errno == EINTR) return;
  if (size < 1) exit(0);
  for (ssize_t at = 0; at < size; ++at) {
    if (piece[at]) {
      memmove(end, end + 1, END - 1);
      end[END - 1] = piece[at];
    } else {
      count_answer();
      memset(end, ' ', END);
    }
  }
  put(client, piece, size);
}

static void pass_questions(int client, int clamd)
{
  static char piece[65536];
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
  } rights;
  struct iovec bytes = {.iov_base = piece, .iov_len = sizeof piece};
  struct msghdr message = {
    .msg_iov = &bytes, .msg_iovlen = 1,
    .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes
  };
  ssize_t size = recvmsg(client, &message, 0);
  if (size == -1 && errno == EINTR) return;
  if (size < 1) exit(0);
  if (message.msg_flags & MSG_CTRUNC) cannot("more descriptors than expected");
  bytes.iov_len = size;
  ssize_t sent = sendmsg(clamd, &message, 0);
  if (sent == -1) exit(0);
  put(clamd, piece + sent, size - sent);
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  if (!control) return;
  int *fd = (int *) CMSG_DATA(control);
  for (size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof *fd; count; --count) close(*fd++);
}

/* Until one of them closes: then both are. */
_Noreturn static void converse(int client, const char *path)
{
  struct sockaddr_un address;
  int clamd = unix_socket(path, &address);
  if (connect(clamd, (struct sockaddr *) &address, sizeof address)) cannot(path);
  struct pollfd sides[] = {{.fd = client, .events = POLLIN}, {.fd = clamd, .events = POLLIN}};
  for (;;) {
    if (poll(sides, 2, -1) == -1) cannot("poll");
    if (sides[1].revents) pass_answers(clamd, client);
    if (sides[0].revents) pass_questions(client, clamd);
  }
}

int main(int argc, char **argv)
{
  struct sockaddr_un address;
  if (argc != 3) return 100;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);
  int door = unix_socket(argv[1], &address);
  if (bind(door, (struct sockaddr *) &address, sizeof address) || listen(door, QUEUE)) cannot(argv[1]);
  for (;;) {
    int client = accept(door, NULL, NULL);
    if (client == -1 && errno != EINTR && errno != ECONNABORTED) cannot("accept");
    if (client == -1) continue;
    pid_t child = fork();
    if (child == -1) cannot("fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      converse(client, argv[2]);
    }
    close(client);
  }
}
