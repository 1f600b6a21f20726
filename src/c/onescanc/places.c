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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/random.h>
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

#define DIRECTORY "/dev/shm"
#define PREFIX "onescan-places-"

static long places;       /* how many cold programs may run; 0: no limit */
static long longest_wait; /* seconds to wait for one of these places */

static long number_setting(const char *name, long unset, long max) {
  const char *value = setting(name, NULL);
  long number = value ? parse_number(value, 0, max) : unset;
  if (number == NO_NUMBER)
    fail(EXIT_CONFIG, "config", text("%s %s: must be a number from 0 to %ld", name, value, max));
  return number;
}

void read_cold_settings(void) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  long enough = processors * PLACES_FOR_EACH_PROCESSOR;
  long unset = enough > PLACES_LEAST ? enough : PLACES_LEAST;
  places = number_setting("ONESCAN_COLD_MAX", unset, PLACES_MAX);
  longest_wait = number_setting("ONESCAN_COLD_WAIT", WAIT_DEFAULT, WAIT_MAX);
}

/* Returns the first byte of all places that nobody has locked; `places` if there is none. */
static off_t free_place(int fd) {
  for (off_t at = 0; at < places;) {
    struct flock other = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = places - at};
    if (fcntl(fd, F_OFD_GETLK, &other))
      return 0;
    if (other.l_type == F_UNLCK || other.l_start > at)
      return at;
    at = other.l_start + other.l_len;
  }
  return places;
}

/*
 * Opens a file of places above the descriptors of callers and runtimes; -1 if there is none, or if
 * another account could have made it. The descriptor stays open through the exec.
 */
static int open_own(int directory, const char *name, int flags) {
  int fd = openat(directory, name, O_RDWR | flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (fd < 0)
    return -1;
  struct stat made;
  int is_own = !fstat(fd, &made) && S_ISREG(made.st_mode) && made.st_uid == geteuid()
               && made.st_nlink <= 1 && !(made.st_mode & 077);
  int above = is_own ? fcntl(fd, F_DUPFD, FREE_FROM) : -1;
  close(fd);
  return above;
}

/*
 * Removes this account's files of places for programs that nobody runs, such as those that an
 * upgrade has replaced. A process that has opened such a file, and holds no place yet, finds that
 * the file has no name any more.
 */
static void remove_unused(void) {
  const char *prefix = text(PREFIX "%lu-", (unsigned long) geteuid());
  DIR *directory = opendir(DIRECTORY);
  if (!directory)
    return;
  for (const struct dirent *entry; (entry = readdir(directory));) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
      continue;
    int fd = open_own(dirfd(directory), entry->d_name, 0);
    if (fd < 0)
      continue;
    struct flock any = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (!flock(fd, LOCK_EX | LOCK_NB) && !fcntl(fd, F_OFD_GETLK, &any) && any.l_type == F_UNLCK)
      unlinkat(dirfd(directory), entry->d_name, 0);
    close(fd);
  }
  closedir(directory);
}

/*
 * Opens the first file, in the order of their names, that this account has made under a name that
 * begins so; -1 if there is none.
 */
static int open_first(int directory, const char *beginning) {
  char first[NAME_MAX + 1] = "";
  DIR *names = fdopendir(dup(directory));
  if (!names)
    return -1;
  rewinddir(names);
  for (const struct dirent *entry; (entry = readdir(names));) {
    struct stat made;
    if (!strncmp(entry->d_name, beginning, strlen(beginning))
        && (!*first || strcmp(entry->d_name, first) < 0)
        && !fstatat(directory, entry->d_name, &made, AT_SYMLINK_NOFOLLOW)
        && made.st_uid == geteuid())
      strcpy(first, entry->d_name);
  }
  closedir(names);
  return *first ? open_own(directory, first, 0) : -1;
}

/*
 * Opens the file with the places of this account for a program; -1 if it cannot. If another
 * account has taken the usual name, the file gets a name that nobody can foresee.
 */
static int open_places(const char *program) {
  struct stat of_program;
  if (stat(program, &of_program))
    return -1;
  int directory = open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return -1;
  const char *name = text(PREFIX "%lu-%lu-%lu", (unsigned long) geteuid(),
                          (unsigned long) of_program.st_dev, (unsigned long) of_program.st_ino);
  if (faccessat(directory, name, F_OK, 0))
    remove_unused(); /* before there is one file more */
  int fd = open_own(directory, name, O_CREAT);
  const char *beginning = text("%s.", name);
  if (fd < 0)
    fd = open_first(directory, beginning);
  unsigned long random;
  if (fd < 0 && getrandom(&random, sizeof random, 0) == sizeof random) {
    close(open_own(directory, text("%s%016lx", beginning, random), O_CREAT | O_EXCL));
    fd = open_first(directory, beginning); /* another one may have been made at the same time */
  }
  close(directory);
  return fd;
}

/* Whether others still find this file by its name. */
static int has_name(int fd) {
  struct stat found;
  return !fstat(fd, &found) && found.st_nlink > 0;
}

/*
 * Takes a place; returns whether this process has one. A file system without such locks sets no
 * limit.
 */
static int take_place(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB))
    return errno != EWOULDBLOCK;
  off_t at = free_place(fd);
  struct flock own = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
  int is_taken = at < places && has_name(fd);
  if (is_taken)
    fcntl(fd, F_OFD_SETLK, &own);
  flock(fd, LOCK_UN);
  return is_taken;
}

void wait_for_place(const char *program) {
  if (places == 0)
    return;
  double until = uptime() + (double) longest_wait * 1e3;
  for (int fd = open_places(program); fd >= 0 && !take_place(fd);) {
    if (!has_name(fd)) {
      close(fd);
      fd = open_places(program);
      continue;
    }
    if (uptime() >= until)
      fail(EXIT_DEFERRED, "out-of-memory",
           text("%ld cold programs run, and none ended in %ld seconds (ONESCAN_COLD_MAX, "
                "ONESCAN_COLD_WAIT)",
                places, longest_wait));
    nanosleep(&(struct timespec){0, LOOK_EVERY * 1000000L}, NULL);
  } /* no file: a host without /dev/shm; there is no limit */
}
