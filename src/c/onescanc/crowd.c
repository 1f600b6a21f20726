/*
 * Limits how many cold programs an account runs. Each of them starts a runtime; if onescand is
 * away, a burst of mail would start as many as there are SMTP clients. So each cold program holds a
 * place: a read lock on one byte of a file that this account alone can open, since whoever can open
 * a file can lock it, and then keep others from a place. The lock survives the exec and ends with
 * the process, however that ends. Places are taken one at a time, under flock(2), which is another
 * lock of the same file.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  PLACES_MAX = 10000,
  PLACES_LEAST = 4,
  PLACES_FOR_EACH_PROCESSOR = 2,
  WAIT_DEFAULT = 60, /* seconds */
  WAIT_MAX = 600,
  LOOK_EVERY = 50, /* milliseconds between two looks for a free place */
  FREE_FROM = 100  /* the lowest descriptor for the lock: above those of callers and runtimes */
};

static long number_setting(const struct mail *mail, const char *name, long unset, long max) {
  const char *value = setting(name, NULL);
  long number = value ? parse_number(value, 0, max) : unset;
  if (number == NO_NUMBER)
    fail(mail, EXIT_CONFIG, "config",
         text("%s %s: must be a number from 0 to %ld", name, value, max));
  return number;
}

void read_cold_settings(struct mail *mail) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  long enough = processors * PLACES_FOR_EACH_PROCESSOR;
  long unset = enough > PLACES_LEAST ? enough : PLACES_LEAST;
  mail->places = number_setting(mail, "ONESCAN_COLD_MAX", unset, PLACES_MAX);
  mail->longest_wait = number_setting(mail, "ONESCAN_COLD_WAIT", WAIT_DEFAULT, WAIT_MAX);
}

/* Returns the first byte of all places that nobody has locked; `places` if there is none. */
static off_t free_place(const struct mail *mail, int fd) {
  for (off_t at = 0; at < mail->places;) {
    struct flock other = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = mail->places - at};
    if (fcntl(fd, F_OFD_GETLK, &other))
      return 0;
    if (other.l_type == F_UNLCK || other.l_start > at)
      return at;
    at = other.l_start + other.l_len;
  }
  return mail->places;
}

/*
 * Opens the file with the places of this account for a program; -1 if there is none, or if another
 * account has made a file of that name.
 */
static int open_places(const char *program) {
  struct stat of_program, made;
  if (stat(program, &of_program))
    return -1;
  const char *path = text("/dev/shm/onescan-places-%lu-%lu-%lu", (unsigned long) geteuid(),
                          (unsigned long) of_program.st_dev, (unsigned long) of_program.st_ino);
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (fd < 0)
    return -1;
  if (!fstat(fd, &made) && S_ISREG(made.st_mode) && made.st_uid == geteuid() && made.st_nlink == 1
      && !(made.st_mode & 077))
    return fd;
  close(fd);
  return -1;
}

/*
 * Takes a place; returns whether this process has one. A file system without such locks sets no
 * limit.
 */
static int take_place(const struct mail *mail, int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB))
    return errno != EWOULDBLOCK;
  off_t at = free_place(mail, fd);
  struct flock own = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
  int is_taken = at < mail->places;
  if (is_taken)
    fcntl(fd, F_OFD_SETLK, &own);
  flock(fd, LOCK_UN);
  return is_taken;
}

void wait_for_place(const struct mail *mail, const char *program) {
  if (mail->places == 0)
    return;
  int opened = open_places(program);
  int fd = opened < 0 ? -1 : fcntl(opened, F_DUPFD, FREE_FROM); /* stays open through the exec */
  if (fd < 0)
    return; /* a host without /dev/shm, or one where others took the name: there is no limit */
  close(opened);
  double until = uptime() + (double) mail->longest_wait * 1e3;
  while (!take_place(mail, fd)) {
    if (uptime() >= until)
      fail(mail, EXIT_DEFERRED, "out-of-memory",
           text("%ld cold programs run, and none ended in %ld seconds (ONESCAN_COLD_MAX, "
                "ONESCAN_COLD_WAIT)",
                mail->places, mail->longest_wait));
    nanosleep(&(struct timespec){0, LOOK_EVERY * 1000000L}, NULL);
  }
}
