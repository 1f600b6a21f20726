/*
 * Sends one message again and again by SMTP, over several sessions at a time, as
 * smtp-source of Postfix does with text that it makes up itself. In C, and small, so
 * that the benchmark does not measure itself.
 *
 *     send [-s 10] [-m 100] port message
 *
 * -s sessions at a time, each with a connection for every message; -m messages in
 * all; the port is one of 127.0.0.1. The file holds the message as it stands between
 * DATA and its reply: CRLF, dots doubled, ended by a line with a dot.
 *
 * Exit codes: 0 every message was answered by 250, 1 one was not (its reply is on
 * stderr), 100 wrong usage, 111 it could not be run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct letter {
  const char *bytes;
  size_t size;
};

_Noreturn static void cannot(const char *what)
{
  perror(what);
  exit(111);
}

_Noreturn static void usage(void)
{
  fputs("usage: send [-s sessions] [-m messages] port message\n", stderr);
  exit(100);
}

static long whole_number(const char *text, long max)
{
  char *end;
  long number = strtol(text, &end, 10);
  if (*end || end == text || number < 1 || number > max) usage();
  return number;
}

static struct letter read_letter(const char *path)
{
  struct stat status;
  int fd = open(path, O_RDONLY);
  if (fd == -1 || fstat(fd, &status) == -1) cannot(path);
  void *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) cannot(path);
  close(fd);
  return (struct letter){bytes, status.st_size};
}

static int connect_to(long port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof address) == -1) {
    cannot("connect");
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
  while (size > 0) {
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent == -1 && errno != EINTR) cannot("send");
    if (sent > 0) bytes += sent, size -= sent;
  }
}

/* Whether the last line of a whole reply is in the buffer: "250 ok", not "250-ok". */
static int is_whole(const char *reply, size_t size)
{
  const char *line = reply;
  if (size < 2 || reply[size - 1] != '\n') return 0;
  for (const char *at = reply; at < reply + size - 1; at++) {
    if (*at == '\n') line = at + 1;
  }
  return reply + size - line < 4 || line[3] != '-';
}

/* 1 where the MTA answers with this class of code, else 0 with the reply on stderr. */
static int hears(int fd, char class)
{
  char reply[4096];
  size_t size = 0;
  while (!is_whole(reply, size)) {
    ssize_t got = recv(fd, reply + size, sizeof reply - size, 0);
    if (got == -1 && errno == EINTR) continue;
    if (got <= 0) cannot("recv");
    size += got;
  }
  if (reply[0] == class) return 1;
  fprintf(stderr, "%.*s", (int)size, reply);
  return 0;
}

static int says(int fd, const char *line, char class)
{
  say(fd, line, strlen(line));
  return hears(fd, class);
}

static int deliver(long port, struct letter letter)
{
  int fd = connect_to(port);
  int taken = hears(fd, '2') && says(fd, "EHLO client.example.net\r\n", '2') &&
              says(fd, "MAIL FROM:<sender@example.net>\r\n", '2') &&
              says(fd, "RCPT TO:<postmaster@example.org>\r\n", '2') && says(fd, "DATA\r\n", '3');
  if (taken) {
    say(fd, letter.bytes, letter.size);
    taken = hears(fd, '2');
  }
  says(fd, "QUIT\r\n", '2');
  close(fd);
  return taken;
}

/* One session: messages until there are none left. */
static int work(atomic_long *left, long port, struct letter letter)
{
  int refused = 0;
  while (atomic_fetch_sub(left, 1) > 0) refused |= !deliver(port, letter);
  return refused;
}

int main(int argc, char **argv)
{
  long sessions = 10, messages = 100;
  int option, status, code = 0;
  while ((option = getopt(argc, argv, "s:m:")) != -1) {
    if (option == 's') sessions = whole_number(optarg, 1000);
    else if (option == 'm') messages = whole_number(optarg, 10000000);
    else usage();
  }
  if (argc - optind != 2) usage();
  long port = whole_number(argv[optind], 65535);
  struct letter letter = read_letter(argv[optind + 1]);
  atomic_long *left =
      mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (left == MAP_FAILED) cannot("mmap");
  atomic_init(left, messages);
  for (long each = 0; each < sessions; each++) {
    pid_t child = fork();
    if (child == -1) cannot("fork");
    if (child == 0) _exit(work(left, port, letter));
  }
  while (wait(&status) > 0) {
    int end = WIFEXITED(status) ? WEXITSTATUS(status) : 111;
    if (end > code) code = end;
  }
  return code;
}
