/*
 * The spool: where the mail lies while onescand looks at it. The message lies in a memory file,
 * below a line for scanners, and is sealed when it is complete. Then nobody can change it, so
 * onescand and clamd read it where it lies. Meanwhile a copy for the next program is made, with
 * room for a new header at its front. A message that is too large for memory lies in a file without
 * a name in TMPDIR, with that room, and onescand makes its own copy.
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

enum {
  SMALL_MAX = 256 * KIB, /* a larger message lies in memory only if few of them do on this host */
  SEALED_MAX = 8 * MIB,  /* a larger message never lies in memory */
  TOP_LINE = 1024        /* bytes of the line above the message, with its LF */
};
/* What scanners read there, filled up with blanks: src/message/top-line.ts says why. */
static const char top_line[] = "Received: by onescan, for scanners alone";
static const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

byte buffer[64 * KIB];

/*
 * Makes a file without a name, which vanishes with its last descriptor, whatever happens. Not all
 * file systems support O_TMPFILE; onescand sweeps the name if this process is killed before it has
 * gone (src/message/sweep.ts).
 */
static int anonymous_file(void) {
  const char *directory = setting("TMPDIR", "/tmp");
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    return fd;
  char *path = text("%s/onescan-file-XXXXXX", directory);
  fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0 || unlink(path))
    fail_spool("make a spool file");
  return fd;
}

int memory_file(void) {
  int fd = memfd_create("onescan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd < 0 ? anonymous_file() : fd;
}

void open_spools(void) {
  mail.spool = memory_file();
  mail.message_at = TOP_LINE;
  if (dprintf(mail.spool, "%-*s\n", TOP_LINE - 1, top_line) != TOP_LINE)
    fail_spool("write the spool file");
  mail.envelope = memory_file();
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
      fail(EXIT_READ, "read", text("spool file: ended early"));
    if (count < 0)
      fail(EXIT_READ, "read", text("spool file: %m"));
    bytes += count;
    offset += (size_t) count;
    length -= (size_t) count;
  }
}

/* Copies `size` bytes of one file into another, each from its own offset on. */
static void copy_file(int to, size_t to_at, int from, size_t from_at, size_t size) {
  off_t at = (off_t) from_at;
  if (lseek(to, (off_t) to_at, SEEK_SET) < 0)
    fail_spool("write the spool file");
  while ((size_t) at < from_at + size) {
    ssize_t count = sendfile(to, from, &at, from_at + size - (size_t) at);
    if (count == 0)
      errno = EIO; /* the file is shorter than it was */
    if (count <= 0)
      fail_spool("write the spool file");
  }
}

/* Replaces a memory file by a file on disk. The descriptor stays the same. */
static void move_to_disk(int fd, size_t to_at, size_t from_at, size_t size) {
  int disk = anonymous_file();
  copy_file(disk, to_at, fd, from_at, size);
  if (dup3(disk, fd, O_CLOEXEC) < 0 || close(disk))
    fail_spool("write the spool file");
}

void keep(int fd, size_t length, size_t offset, const char *what) {
  if (offset <= SMALL_MAX && offset + length > SMALL_MAX)
    move_to_disk(fd, 0, 0, offset);
  if (write_at(fd, buffer, length, offset))
    fail_spool(what);
}

static int is_in_memory(void) {
  return mail.message_at == TOP_LINE;
}

static void move_message_to_disk(void) {
  move_to_disk(mail.spool, HEADER_GAP, TOP_LINE, mail.message_size);
  mail.message_at = HEADER_GAP;
}

/* Whether a message of `size` bytes may lie in memory. */
static int has_room_in_memory(size_t size) {
  static int has_place;
  if (size <= SMALL_MAX)
    return 1;
  if (size <= SEALED_MAX && !has_place)
    has_place = take_memory_place();
  return size <= SEALED_MAX && has_place;
}

/* Keeps the next `length` bytes of the message, which are in `buffer`. */
static void keep_message(size_t length) {
  if (is_in_memory() && !has_room_in_memory(mail.message_size + length))
    move_message_to_disk();
  if (write_at(mail.spool, buffer, length, mail.message_at + mail.message_size)) {
    if (!is_in_memory())
      fail_spool("write the spool file");
    move_message_to_disk(); /* memory is used up */
    if (write_at(mail.spool, buffer, length, mail.message_at + mail.message_size))
      fail_spool("write the spool file");
  }
  mail.message_size += length;
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
      fail(EXIT_READ, "read", text("cannot read the %s on fd %d: %m", what, fd));
  }
}

void receive_message(void) {
  for (size_t count; (count = read_input(MESSAGE_FD, "message"));)
    keep_message(count);
  if (is_in_memory())
    fcntl(mail.spool, F_ADD_SEALS, seals); /* unsealed, onescand copies it as a file on disk */
}

void prepare_outgoing(void) {
  if (mail.outgoing >= 0)
    return; /* it was made before: this process asks onescand a second time */
  if (!is_in_memory()) {
    mail.outgoing = mail.spool;
    return;
  }
  mail.outgoing = mail.message_size <= SMALL_MAX ? memory_file() : anonymous_file();
  copy_file(mail.outgoing, HEADER_GAP, mail.spool, mail.message_at, mail.message_size);
}
