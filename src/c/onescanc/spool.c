/*
 * The spool: where the mail is while onescand looks at it. Small mail stays in memory, since file
 * systems take their time for many short-lived files; larger mail goes to a file without a name in
 * TMPDIR. A large message is written a second time, to a file in SPOOLDIR, if scanners can open it
 * there by its path: then it need not travel through a socket.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  IN_MEMORY_MAX = 256 * KIB, /* a larger spool moves to TMPDIR */
  NAMED_FROM = 64 * KIB,     /* a message of this size gets a file in SPOOLDIR */
  TOP_LINE = 1024            /* bytes of the line above a message in SPOOLDIR, with its LF */
};
/* What scanners find there, filled with blanks: src/message/top-line.ts says why. */
static const char top_line[] = "Received: by onescan, for scanners alone";

byte buffer[64 * KIB];
static int named_fd;
static char *volatile named_path; /* volatile: a signal handler reads it */

const char *message_path(void) {
  return named_path;
}

/* Allowed in a signal handler. A file that stays is swept by age (src/message/named-file.ts). */
void remove_named_file(void) {
  if (named_path && unlink(named_path) && errno != ENOENT)
    return;
  named_path = NULL;
}

/* Gone with its last descriptor, whatever happens. Not all file systems know O_TMPFILE. */
static int anonymous_file(void) {
  const char *directory = setting("TMPDIR", "/tmp");
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    return fd;
  char *path = text("%s/onescan-XXXXXX", directory);
  fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0 || unlink(path))
    fail_spool("make a spool file");
  return fd;
}

int memory_file(void) {
  int fd = memfd_create("onescan", MFD_CLOEXEC);
  return fd < 0 ? anonymous_file() : fd;
}

void open_spools(void) {
  mail.spool = memory_file();
  mail.envelope = memory_file();
}

/* Returns -1, and errno, if not all of it could be written. */
int write_at(int fd, const byte *bytes, size_t length, size_t offset) {
  while (length) {
    ssize_t count = pwrite(fd, bytes, length, (off_t) offset);
    if (count <= 0)
      return -1;
    bytes += count;
    offset += (size_t) count;
    length -= (size_t) count;
  }
  return 0;
}

void read_at(int fd, byte *bytes, size_t length, size_t offset) {
  while (length) {
    ssize_t count = pread(fd, bytes, length, (off_t) offset);
    if (count <= 0)
      fail(EXIT_READ, "read", text("spool file: %m"));
    bytes += count;
    offset += (size_t) count;
    length -= (size_t) count;
  }
}

/* The spool keeps its descriptor, and its bytes up to `size`. */
static void move_to_disk(int fd, size_t size, const char *what) {
  int disk = anonymous_file();
  for (off_t from = 0; from < (off_t) size;)
    if (sendfile(disk, fd, &from, size - (size_t) from) <= 0)
      fail_spool(what);
  if (dup3(disk, fd, O_CLOEXEC) < 0 || close(disk))
    fail_spool(what);
}

void keep(int fd, size_t length, size_t offset, const char *what) {
  if (offset <= IN_MEMORY_MAX && offset + length > IN_MEMORY_MAX)
    move_to_disk(fd, offset, what);
  if (write_at(fd, buffer, length, offset))
    fail_spool(what);
}

size_t read_input(int fd, const char *what) {
  for (;;) {
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count >= 0)
      return (size_t) count;
    /* Whoever had the pipe before us may have left O_NONBLOCK on it. */
    if (errno == EAGAIN && poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) >= 0)
      continue;
    if (errno != EINTR)
      fail(EXIT_READ, "read", text("cannot read the %s on fd %d: %m", what, fd));
  }
}

/* Whether a file there stays ours: in a directory that others may write to, the sticky bit does it.
 */
static int is_safe_directory(const char *path) {
  struct stat it;
  if (*path != '/' || stat(path, &it))
    return 0;
  return !(it.st_mode & (S_IWGRP | S_IWOTH)) || (it.st_mode & S_ISVTX);
}

/* HUP, INT and TERM remove the file, unless the caller has them ignored. */
static void remove_named_file_on_signals(void) {
  static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
  for (size_t each = 0; each < sizeof signals / sizeof *signals; ++each)
    if (signal(signals[each], end_by_signal) == SIG_IGN
        && signal(signals[each], SIG_IGN) == SIG_ERR)
      fail(EXIT_BUG, "bug", text("signal: %m"));
}

/* What was received so far, below the line for scanners. */
static int fill_named_file(void) {
  off_t from = HEADER_GAP;
  if (fchmod(named_fd, 0640))
    return -1;
  if (dprintf(named_fd, "%-*s\n", TOP_LINE - 1, top_line) != TOP_LINE)
    return -1;
  if (sendfile(named_fd, mail.spool, &from, mail.message_size) != (ssize_t) mail.message_size)
    return -1;
  return 0;
}

/* If there is no such file to be had, the message is sent through the socket: that is slower only.
 */
static void name_message(void) {
  const char *directory = setting("SPOOLDIR", "");
  unsigned long long random[2]; /* whoever may write to SPOOLDIR must not guess the name */
  if (!is_safe_directory(directory))
    return;
  if (getrandom(random, sizeof random, 0) != sizeof random)
    return;
  named_path =
      text("%s/onescan-%ld-%016llx%016llx.msg", directory, (long) getpid(), random[0], random[1]);
  remove_named_file_on_signals();
  named_fd = open(named_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (named_fd < 0 || fill_named_file())
    remove_named_file();
}

void receive_message(void) {
  int tried_to_name = 0;
  for (;;) {
    size_t count = read_input(MESSAGE_FD, "message");
    if (count == 0)
      return;
    if (mail.message_size >= NAMED_FROM && !tried_to_name) {
      tried_to_name = 1;
      name_message();
    }
    keep(mail.spool, count, HEADER_GAP + mail.message_size, "write the spool file");
    if (named_path && write_at(named_fd, buffer, count, TOP_LINE + mail.message_size))
      remove_named_file(); /* SPOOLDIR is full */
    mail.message_size += count;
  }
}
