/*
 * A stand-in for qmail-queue that keeps its contract to the byte and delivers
 * into a Maildir; qmail-queue.mjs beside it explains it and does the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
  HOME = 61,
  QUEUE_DIRECTORY = 62,
  MESSAGE_FILE = 63,
  ENVELOPE_FILE = 65,
  LINK = 66,
  ENVELOPE_FORMAT = 91
};

extern char **environ;

static char held[PATH_MAX], beside[PATH_MAX], final[PATH_MAX];
static int made_held, made_beside;

static void die(int code)
{
  if (made_held) unlink(held);
  if (made_beside) unlink(beside);
  _exit(code);
}

static size_t get(int fd, char *buffer, size_t size)
{
  ssize_t count;
  do count = read(fd, buffer, size); while (count == -1 && errno == EINTR);
  if (count == -1) die(READ);
  return count;
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

static void settle(int fd)
{
  if (fsync(fd) == -1 || close(fd) == -1) die(WRITE);
}

/* The envelope, byte by byte; what was read is copied to `copy` unless that is -1. */
static int copy = -1;
static char in[65536], out[65536];
static size_t in_at, in_size, out_size;

static void flush(void)
{
  if (copy != -1) put(copy, out, out_size);
  out_size = 0;
}

static char next(void)
{
  if (in_at == in_size) {
    in_at = 0;
    in_size = get(1, in, sizeof in);
    if (!in_size) die(READ);
  }
  if (out_size == sizeof out) flush();
  return out[out_size++] = in[in_at++];
}

static void address(void)
{
  int length;
  for (length = 0; length < ADDR; ++length)
    if (!next()) return;
  die(ADDRESS_TOO_LONG);
}

/* Up to the last NUL; never asks for a byte behind it. */
static void read_envelope(void)
{
  char letter;
  if (next() != 'F') die(ENVELOPE_FORMAT);
  address();
  while ((letter = next())) {
    if (letter != 'T') die(ENVELOPE_FORMAT);
    address();
  }
  flush();
}

static void put_json(FILE *file, const char *text, size_t length)
{
  putc('"', file);
  for (; length; --length, ++text) {
    unsigned char byte = *text;
    if (byte == '"' || byte == '\\') fprintf(file, "\\%c", byte);
    else if (byte < 32) fprintf(file, "\\u%04x", byte);
    else putc(byte, file);
  }
  putc('"', file);
}

static void record(const char *path, int argc, char **argv)
{
  char directory[PATH_MAX];
  FILE *file = fopen(path, "a");
  int index;
  char **variable;
  if (!file || !getcwd(directory, sizeof directory)) die(WRITE);
  fprintf(file, "{\"pid\":%ld,\"uid\":%ld,\"directory\":", (long) getpid(), (long) getuid());
  put_json(file, directory, strlen(directory));
  fputs(",\"arguments\":[", file);
  for (index = 1; index < argc; ++index) {
    if (index > 1) putc(',', file);
    put_json(file, argv[index], strlen(argv[index]));
  }
  fputs("],\"environment\":{", file);
  for (variable = environ; *variable; ++variable) {
    size_t name = strcspn(*variable, "=");
    if (variable != environ) putc(',', file);
    put_json(file, *variable, name);
    putc(':', file);
    name += (*variable)[name] == '=';
    put_json(file, *variable + name, strlen(*variable + name));
  }
  fputs("}}\n", file);
  if (fclose(file)) die(WRITE);
}

/* An empty name is the directory itself. */
static void place(char *path, const char *maildir, const char *part, const char *name)
{
  const char *slash = *name ? "/" : "";
  if (snprintf(path, PATH_MAX, "%s/%s%s%s", maildir, part, slash, name) >= PATH_MAX) die(HOME);
}

static int create(const char *path, int *made, int failure)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd == -1) die(failure);
  *made = 1;
  return fd;
}

/* "Received: (qmail 123 invoked by uid 7); 26 Sep 1995 04:46:54 -0000\n" */
static void put_received(int fd, time_t now)
{
  static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char line[200];
  struct tm *t = gmtime(&now);
  put(fd, line, snprintf(line, sizeof line,
    "Received: (qmail %ld invoked by uid %ld); %d %s %d %02d:%02d:%02d -0000\n",
    (long) getpid(), (long) getuid(), t->tm_mday, months[t->tm_mon], t->tm_year + 1900,
    t->tm_hour, t->tm_min, t->tm_sec));
}

int main(int argc, char **argv)
{
  static const char *const parts[] = {"tmp", "new", "cur", "envelopes"};
  static char buffer[65536];
  const char *maildir = getenv("MAILDIR");
  const char *wanted = getenv("STANDIN_EXIT");
  const char *recorded = getenv("STANDIN_RECORD");
  struct timespec now;
  struct stat found;
  char name[100];
  size_t count;
  int message, index;

  if (recorded && *recorded) record(recorded, argc, argv);
  if (wanted && *wanted) {
    while (get(0, buffer, sizeof buffer));
    read_envelope();
    return atoi(wanted);
  }

  if (!maildir || !*maildir || stat(maildir, &found) == -1) die(HOME);
  for (index = 0; index < 4; ++index) {
    place(held, maildir, parts[index], "");
    if (stat(held, &found) == -1) die(QUEUE_DIRECTORY);
  }

  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(name, sizeof name, "%ld.%09ldP%ld.stand-in",
    (long) now.tv_sec, (long) now.tv_nsec, (long) getpid());
  place(held, maildir, "tmp", name);
  place(beside, maildir, "envelopes", name);
  place(final, maildir, "new", name);

  message = create(held, &made_held, MESSAGE_FILE);
  put_received(message, now.tv_sec);
  while ((count = get(0, buffer, sizeof buffer))) put(message, buffer, count);
  settle(message);

  copy = create(beside, &made_beside, ENVELOPE_FILE);
  read_envelope();
  settle(copy);

  if (link(held, final) == -1) die(LINK);
  unlink(held);
  return 0;
}
