/* Ends with a line in the log, and leaves the mail with the sender. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>

_Noreturn void fail(int code, const char *fault, char *reason) {
  const char *decision = code == EXIT_ADDRESS_TOO_LONG ? "reject" : "defer";
  log_slot_line(xasprintf("%s fault=%s", decision, fault), reason, xasprintf(" exit=%d", code));
  end_with_failure(code);
}

_Noreturn void fail_spool(const char *what) {
  int is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO;
  const char *remedy = errno == ENOSPC ? "; free space or inodes there" : "";
  char *reason =
      xasprintf("cannot %s in %s (TMPDIR): %m%s", what, setting("TMPDIR", "/tmp"), remedy);
  if (is_full)
    fail(EXIT_WRITE, "write", reason);
  fail(EXIT_TEMP_FILE, "temp-file", reason);
}
