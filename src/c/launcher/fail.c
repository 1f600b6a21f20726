/* The ways out of the launcher: a line for the log, and an exit code that leaves mail unqueued. */
#include "../log-place.h"
#include "kernel.h"
#include "launcher.h"
#include "text.h"

/* The environment, if the launcher was called as the slot; otherwise 0. */
static char *const *slot_environment;

void fail_as_slot(char *const *environment) {
  slot_environment = environment;
}

/* The value of a variable of that environment, or 0 if it is unset. */
static const char *value_of(const char *name) {
  for (char *const *variable = slot_environment; *variable; variable++)
    if (begins(*variable, name) && (*variable)[length(name)] == '=')
      return *variable + length(name) + 1;
  return 0;
}

static int descriptor_2_is_a_log(void) {
  struct stat status;

  if (call(__NR_newfstatat, 2, (long) "", (long) &status, AT_EMPTY_PATH) < 0)
    return 0;
  const struct log_place place = {
      S_ISCHR(status.st_mode), S_ISREG(status.st_mode), S_ISSOCK(status.st_mode),
      status.st_dev,           status.st_ino,           value_of,
  };
  return is_log(&place);
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
  if (!slot_environment || descriptor_2_is_a_log())
    write_all(2, line, length(line));
  else
    to_syslog(line);
  end(code);
}
