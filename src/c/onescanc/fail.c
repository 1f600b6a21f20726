/* The ways out that leave the mail with the sender. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

_Noreturn void end_without_memory(void) {
  _exit(EXIT_NO_MEMORY);
}

/* Never freed: the process lives for one message, and none of its loops makes text. */
char *text(const char *format, ...) {
  char *made = NULL;
  va_list list;
  va_start(list, format);
  int length = vasprintf(&made, format, list);
  va_end(list);
  if (length < 0)
    end_without_memory();
  return made;
}

void *memory(size_t size) {
  void *got = malloc(size);
  if (!got)
    end_without_memory();
  return got;
}

_Noreturn void fail(int code, const char *fault, char *reason) {
  const char *decision = code == EXIT_TOO_LONG ? "reject" : "defer";
  journal(text("%s fault=%s", decision, fault), reason, text(" exit=%d", code));
  _exit(code);
}

_Noreturn void fail_spool(const char *what) {
  int is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO;
  char *reason = text("cannot %s in %s (TMPDIR): %m", what, setting("TMPDIR", "/tmp"));
  if (is_full)
    fail(EXIT_WRITE, "write", reason);
  fail(EXIT_NO_FILE, "temp-file", reason);
}
