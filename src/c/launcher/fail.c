/* The ways out of the launcher: a line for the log, and an exit code that leaves mail unqueued. */
#include "kernel.h"
#include "launcher.h"
#include "text.h"

/* The environment, if the launcher was called as the slot; otherwise 0. */
static char *const *slot_environment;

void fail_as_slot(char *const *environment) {
  slot_environment = environment;
}

/* The value of a variable, or 0 if it is unset. */
static const char *value_of(char *const *environment, const char *name) {
  for (; *environment; environment++)
    if (begins(*environment, name) && (*environment)[length(name)] == '=')
      return *environment + length(name) + 1;
  return 0;
}

/* Whether a variable is set, and not empty. */
static int has_value(char *const *environment, const char *name) {
  const char *value = value_of(environment, name);

  return value && *value;
}

/*
 * Whether descriptor 2 of the slot leads to a log. Below qmail-local it leads to a report that goes
 * into a bounce to a stranger. The rule is that of src/doors/shared/log/log-place.ts, but for a
 * socket that is the journal (JOURNAL_STREAM): the journal gets the line by syslog.
 */
static int descriptor_2_is_a_log(char *const *environment) {
  const char *error_fd = value_of(environment, "ERROR_FD");
  struct stat status;

  if (call(__NR_newfstatat, 2, (long) "", (long) &status, AT_EMPTY_PATH) < 0
      || (error_fd && is(error_fd, "2")))
    return 0;
  if (S_ISCHR(status.st_mode) || S_ISREG(status.st_mode))
    return 1;
  if (S_ISSOCK(status.st_mode) || value_of(environment, "DTLINE") || value_of(environment, "RPLINE")
      || value_of(environment, "UFLINE"))
    return 0;
  return has_value(environment, "PROTO") || has_value(environment, "TCPREMOTEIP")
         || has_value(environment, "TCPLOCALIP");
}

/*
 * Sends a line to the system's log, as mail.info and without its LF. The system's log adds the time
 * (RFC 3164, 4.3.2).
 */
static void to_syslog(const char *line) {
  enum { AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_NONBLOCK = 04000 };
  struct {
    unsigned short family;
    char path[sizeof "/dev/log"];
  } address = {AF_UNIX, "/dev/log"};
  static const char priority[] = "<22>";
  char message[512];
  const unsigned long priority_length = sizeof priority - 1;
  unsigned long line_length = length(line);
  long fd = call(__NR_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, 0);

  if (fd < 0 || priority_length + line_length + 1 > sizeof message
      || call(__NR_connect, fd, (long) &address, sizeof address, 0) < 0)
    return;
  copy(message, priority);
  copy(message + priority_length, line);
  write_all(fd, message, priority_length + line_length - 1);
}

_Noreturn void fail(int code, const char *line) {
  if (!slot_environment || descriptor_2_is_a_log(slot_environment))
    write_all(2, line, length(line));
  else
    to_syslog(line);
  end(code);
}
