/*
 * A qmail-queue that nobody delivers from: the chain of the benchmark where
 * there is no real one. It costs what qmail-queue costs, by the same steps in
 * the same order (qmail-queue.c, INTERNALS): a file in pid/, its link in
 * mess/, a Received line, the message in pieces of 2,048 bytes, fsync; the
 * envelope in intd/, fsync, its link in todo/. Only the trigger is left out.
 * Exit codes are qmail-queue's.
 *
 * SINK_QUEUE names the directory with pid, mess, intd and todo.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ADDR 1003 /* longest address with its NUL */

enum {
  ADDRESS_TOO_LONG = 11,
  WRITE = 53,
  READ = 54,
  QUEUE = 62,
  PID_FILE = 63,
  MESSAGE_LINK = 64,
  INTD_FILE = 65,
  TODO_LINK = 66,
  ENVELOPE_FORMAT = 91
};

static char in[2048], out[256];
static size_t in_at, in_size, out_size;
static char message_file[64], envelope_file[64];

static void die(int code)
{
  if (*envelope_file) unlink(envelope_file);
  if (*message_file) unlink(message_file);
  _exit(code);
}

static void put(int fd, const char *bytes, size_t size)
{
  while (size) {
    ssize_t count = write(fd, bytes, size);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) die(WRITE);
    bytes += count;
    size -= count;
  }
}

static size_t get(int fd)
{
  ssize_t count;
  do count = read(fd, in, sizeof in); while (count == -1 && errno == EINTR);
  if (count == -1) die(READ);
  return count;
}

static void flush(int fd)
{
  put(fd, out, out_size);
  out_size = 0;
}

static void put_byte(int fd, char byte)
{
  if (out_size == sizeof out) flush(fd);
  out[out_size++] = byte;
}

static char envelope_byte(void)
{
  if (in_at == in_size) {
    in_at = 0;
    in_size = get(1);
    if (!in_size) die(READ);
  }
  return in[in_at++];
}

static void copy_address(int fd)
{
  for (int length = 0; length < ADDR; ++length) {
    char byte = envelope_byte();
    put_byte(fd, byte);
    if (!byte) return;
  }
  die(ADDRESS_TOO_LONG);
}

static void copy_envelope(int fd)
{
  char letter = envelope_byte();
  if (letter != 'F') die(ENVELOPE_FORMAT);
  put_byte(fd, letter);
  copy_address(fd);
  while ((letter = envelope_byte())) {
    if (letter != 'T') die(ENVELOPE_FORMAT);
    put_byte(fd, letter);
    copy_address(fd);
  }
  flush(fd);
}

static void put_received(int fd)
{
  char line[200], date[80];
  time_t now = time(NULL);
  strftime(date, sizeof date, "%d %b %Y %H:%M:%S -0000", gmtime(&now));
  put(fd, line, snprintf(line, sizeof line, "Received: (qmail %ld invoked by uid %ld); %s\n",
    (long) getpid(), (long) getuid(), date));
}

int main(void)
{
  const char *queue = getenv("SINK_QUEUE");
  char pid_file[64], todo_file[64];
  struct stat made;
  size_t count;

  signal(SIGPIPE, SIG_IGN);
  umask(033);
  if (!queue || chdir(queue) == -1) die(QUEUE);

  snprintf(pid_file, sizeof pid_file, "pid/%ld.%ld", (long) getpid(), (long) time(NULL));
  int message = open(pid_file, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (message == -1 || fstat(message, &made) == -1) die(PID_FILE);
  snprintf(message_file, sizeof message_file, "mess/%lu", (unsigned long) made.st_ino);
  if (link(pid_file, message_file) == -1) {
    *message_file = 0; /* another message's */
    die(MESSAGE_LINK);
  }
  if (unlink(pid_file) == -1) die(PID_FILE);

  put_received(message);
  while ((count = get(0))) put(message, in, count);
  if (fsync(message) == -1) die(WRITE);

  snprintf(envelope_file, sizeof envelope_file, "intd/%lu", (unsigned long) made.st_ino);
  int envelope = open(envelope_file, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (envelope == -1) {
    *envelope_file = 0;
    die(INTD_FILE);
  }
  copy_envelope(envelope);
  if (fsync(envelope) == -1) die(WRITE);

  snprintf(todo_file, sizeof todo_file, "todo/%lu", (unsigned long) made.st_ino);
  if (link(envelope_file, todo_file) == -1) die(TODO_LINK);
  return 0;
}
