/*
 * All ways in which this process ends. qmail-smtpd accepts mail as queued if the exit code is 0,
 * and leaves it with its client after any other code and after a signal. No other file ends a
 * process or executes a program (test/c/onescanc/ends.test.ts), so no mail is lost if each function
 * below is right:
 *
 *   execute()           The next program has the mail, and the exit code is that program's. The
 *                       standalone program is onescan-queue, which keeps the same promise.
 *   end_with_failure()  No code is 0: the sender keeps the mail.
 *   end_as_answered()   The codes of a list without 0 (tables.h). 0 itself means that mail was
 *                       dropped or quarantined: onescand must have answered so, and this process's
 *                       own settings must permit it.
 *   end_without_mail()  0, and reads no mail: answers --help and --version, and only if descriptor
 *                       1 could be written to. If it is an envelope, it cannot.
 *   end_child()         A child of fork() that writes to the log. qmail-smtpd waits for its own
 *                       child, and never receives this code.
 *
 * main() does not return: its last step is _Noreturn.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

int may_end_with(int code) {
  if (code)
    return memchr(allowed_codes, code, sizeof allowed_codes) != NULL;
  return strcmp(setting("REJECTVIRUS", ""), "2") == 0 || *setting("QUARANTINE", "");
}

_Noreturn void end_as_answered(int code) {
  _exit(may_end_with(code) ? code : EXIT_INTERNAL_BUG);
}

_Noreturn void end_with_failure(int code) {
  _exit(code ? code : EXIT_INTERNAL_BUG);
}

_Noreturn void end_without_mail(void) {
  _exit(0);
}

_Noreturn void end_child(int code) {
  _exit(code);
}

void execute(char **argv) {
  execv(argv[0], argv);
}
