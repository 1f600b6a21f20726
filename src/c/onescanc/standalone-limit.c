/*
 * Limits the number of standalone programs that an account runs. Each of them starts a
 * runtime. If onescand does not run, a burst of mail would start one for each SMTP client.
 *
 * So each standalone program holds a lock on one byte of a file that only this account can
 * open. Any program that can open it could lock it, and so block others. The lock survives the
 * exec, is not inherited by children, and ends with the process (fcntl(2), F_SETLK).
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  FOR_EACH_PROCESSOR = 2,
  MAX_LEAST = 4,
  LOOK_EVERY = 50, /* milliseconds between two checks for a free lock */
  NAMES = 16,      /* that the file may have: another account may have taken some */
  KEPT_FROM = 100  /* the lowest descriptor of the file: above those of callers and runtimes */
};

/* Seconds to wait for a standalone program to end. The build for tests has fewer. */
#ifndef STANDALONE_WAIT
#define STANDALONE_WAIT 60
#endif

/* Returns the maximum number of concurrent standalone programs of an account. */
static long standalone_max(void) {
  long enough = sysconf(_SC_NPROCESSORS_ONLN) * FOR_EACH_PROCESSOR;
  return enough > MAX_LEAST ? enough : MAX_LEAST;
}

/* FNV-1a: the file has the same name for a program that an upgrade has replaced. */
static unsigned long long hash_of(const char *path) {
  unsigned long long hash = 0xcbf29ce484222325;
  for (; *path; ++path)
    hash = (hash ^ (unsigned char) *path) * 0x100000001b3;
  return hash;
}

/*
 * Moves a descriptor above those of callers and runtimes, as far as the limit of descriptors
 * permits (ulimit -n), and keeps it open through the exec.
 */
static int keep_open(int fd) {
  int kept = -1;
  for (int from = KEPT_FROM; kept < 0 && from > LOG_FD; from /= 2)
    kept = fcntl(fd, F_DUPFD, from);
  close(fd);
  return kept;
}

/* Opens a file of locks. Returns -1 if it cannot, or if another account could have made it. */
static int open_own(const char *path, int flags) {
  int fd = open(path, O_RDWR | flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  struct stat made;
  if (fd < 0)
    return -1;
  if (!fstat(fd, &made) && S_ISREG(made.st_mode) && made.st_uid == geteuid() && made.st_nlink == 1
      && !(made.st_mode & 077))
    return keep_open(fd);
  close(fd);
  return -1;
}

/*
 * Opens the file with the locks of this account for a program. Returns -1 if it cannot. Every user
 * may create files in that directory, so it is never listed. The file is the first of a few names
 * that belongs to this account. Otherwise, it is created under the first unused name.
 */
static int open_locks(const char *program) {
  const char *paths[NAMES];
  int fd = -1;
  for (int name = 0; name < NAMES && fd < 0; ++name) {
    paths[name] = xasprintf("/dev/shm/onescan-standalone-%lu-%016llx.%d", (unsigned long) geteuid(),
                            hash_of(program), name);
    fd = open_own(paths[name], 0);
  }
  for (int name = 0; name < NAMES && fd < 0; ++name) {
    fd = open_own(paths[name], O_CREAT | O_EXCL);
    if (fd < 0 && errno == EEXIST)
      fd = open_own(paths[name], 0); /* perhaps this account has made it at the same time */
  }
  return fd;
}

/* Takes a lock. Returns whether this process may continue. Without such locks there is no limit. */
static int take_lock(int fd, long max) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
  for (; lock.l_start < max; ++lock.l_start)
    if (!fcntl(fd, F_SETLK, &lock) || (errno != EAGAIN && errno != EACCES))
      return 1;
  return 0;
}

const char *wait_for_standalone_limit(const char *program) {
  int fd = open_locks(program);
  if (fd < 0)
    return xasprintf(
        "; standalone programs are not limited, since their lock file cannot be opened: %m");
  const long max = standalone_max();
  double until = uptime() + STANDALONE_WAIT * 1e3;
  while (!take_lock(fd, max)) {
    if (uptime() >= until)
      fail(EXIT_DEFERRED, "out-of-memory",
           xasprintf("%ld standalone programs are running, and none exited within %d seconds", max,
                     STANDALONE_WAIT));
    nanosleep(&(struct timespec){0, LOOK_EVERY * 1000000L}, NULL);
  }
  return "";
}
