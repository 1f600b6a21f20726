/* Falling back to onescan-queue(8), which scans without onescand. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <sys/resource.h>
#include <unistd.h>

/*
 * Bytes of address space that onescan-queue needs to judge mail. To start, the compiled one needs
 * less: MEMORY_MIN of the launcher.
 */
enum { SPACE_MIN = 512 * MIB };

/* Returns the directory of this program, with links resolved and a slash at its end. */
static char *own_directory(void) {
  char path[4 * KIB];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  while (length > 0 && path[length - 1] != '/')
    --length;
  return xasprintf("%.*s", length > 0 ? (int) length : 0, path);
}

static char *standalone_program(void) {
  char *beside_us = xasprintf("%sonescan-queue", own_directory());
  char *above_us = xasprintf("%s../onescan-queue", own_directory()); /* as in the npm package */
  if (access(beside_us, X_OK) == 0)
    return beside_us;
  return access(above_us, X_OK) == 0 ? above_us : xasprintf("/usr/lib/onescan/onescan-queue");
}

/*
 * Returns the seconds that are left for scanners, so that a slow clamd has a message for no longer
 * than SCANTIMEOUT in all.
 */
static long time_left(const struct mail *mail) {
  double milliseconds = time_used(&mail->onescand);
  long used = milliseconds > 0 ? (long) (milliseconds / 1e3) + 1 : 0;
  return mail->onescand.timeout - used < 1 ? 1 : mail->onescand.timeout - used;
}

/*
 * Executes the standalone program. The mail must be unchanged: never call this once a new
 * header block is in the spool.
 */
_Noreturn void go_standalone(struct mail *mail, char *why) {
  struct rlimit space;
  if (getrlimit(RLIMIT_AS, &space) || space.rlim_cur < SPACE_MIN)
    fail(EXIT_DEFERRED, "out-of-memory",
         xasprintf("onescan-queue must scan this message (%s), but the address space is limited to "
                   "less than 512 MiB: use softlimit -a 4000000000",
                   why));
  char *program = standalone_program();
  check_program("standalone program", program,
                "reinstall onescan-runtime, or install onescan-queue beside onescanc");
  hang_up(&mail->onescand);
  const char *remark = wait_for_standalone_limit(program);
  log_slot_line("standalone", xasprintf("%s%s", why, remark), "");
  /* If SCANTIMEOUT is not a number, it stays unchanged, and the standalone program reports it. */
  if (mail->onescand.timeout > 0 && setenv("SCANTIMEOUT", xasprintf("%ld", time_left(mail)), 1))
    fail(EXIT_INTERNAL_BUG, "bug", xasprintf("setenv: %m"));
  mail->argv[0] = program;
  become(mail, "standalone program", mail->argv, hidden_from_standalone, HEADER_GAP);
}
