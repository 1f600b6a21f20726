/*
 * The spool: the mail while onescand scans it. The message has room in front of it for a new header
 * block (obey.c). A small one is in memory. A larger one is in an unnamed file in TMPDIR.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { SMALL_MAX = 256 * KIB /* larger messages are not kept in memory */ };

byte buffer[64 * KIB];

/*
 * Creates an unnamed file, which disappears with its last descriptor in any case. Not all file
 * systems support O_TMPFILE. On others the file has a name for a moment. If this process is killed
 * in that moment, onescand sweeps the file (src/scanner/daemon/sweeps.ts).
 */
static int anonymous_file(void) {
  const char *directory = setting("TMPDIR", "/tmp");
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    return fd;
  char *path = xasprintf("%s/onescan-file-XXXXXX", directory);
  fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0 || unlink(path))
    fail_spool("create a spool file");
  return fd;
}

int memory_file(void) {
  int fd = memfd_create("onescan", MFD_CLOEXEC);
  return fd < 0 ? anonymous_file() : fd;
}

void open_spools(struct mail *mail) {
  mail->spool = memory_file();
  mail->envelope = memory_file();
}

/* Returns -1, with errno set, if not all bytes could be written. */
int write_at(int fd, const byte *bytes, size_t length, size_t offset) {
  while (length) {
    ssize_t count = pwrite(fd, bytes, length, (off_t) offset);
    if (count == 0)
      errno = EIO;
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
    if (count == 0)
      fail(EXIT_READ, "read", xasprintf("spool file: ended early"));
    if (count < 0)
      fail(EXIT_READ, "read", xasprintf("spool file: %m"));
    bytes += count;
    offset += (size_t) count;
    length -= (size_t) count;
  }
}

/*
 * Moves the first `size` bytes of a memory file to a file on disk, which gets the same descriptor.
 */
static void move_to_disk(int fd, size_t size) {
  int disk = anonymous_file();
  off_t at = 0;
  while ((size_t) at < size) {
    ssize_t count = sendfile(disk, fd, &at, size - (size_t) at);
    if (count == 0)
      errno = EIO; /* the file is shorter than it was */
    if (count <= 0)
      fail_spool("write the spool file");
  }
  if (dup3(disk, fd, O_CLOEXEC) < 0 || close(disk))
    fail_spool("write the spool file");
}

void write_spool(int fd, size_t length, size_t offset, const char *what) {
  if (offset <= SMALL_MAX && offset + length > SMALL_MAX)
    move_to_disk(fd, offset);
  if (write_at(fd, buffer, length, offset))
    fail_spool(what);
}

size_t read_input(int fd, const char *what) {
  for (;;) {
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count >= 0)
      return (size_t) count;
    /* An earlier user of the pipe may have left O_NONBLOCK on it. */
    if (errno == EAGAIN && poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) >= 0)
      continue;
    if (errno != EINTR)
      fail(EXIT_READ, "read",
           xasprintf("cannot read the %s on fd %d: %m%s", what, fd,
                     errno == EBADF ? "; to try it by hand, use onescan inject" : ""));
  }
}

void receive_message(struct mail *mail) {
  for (size_t count; (count = read_input(MESSAGE_FD, "message"));) {
    write_spool(mail->spool, count, HEADER_GAP + mail->message_size, "write the spool file");
    mail->message_size += count;
  }
}
