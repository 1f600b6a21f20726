/*
 * onescanc(8) spools message and envelope, sends them to onescand, carries out the answer, and
 * executes the next program. It decides nothing about mail, and reads no header field. ends.c
 * has all the ways in which it ends, and why none of them loses mail.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void answer_option(const char *word);
static void read_settings(struct mail *mail);
static void pass_if_there_is_nothing_to_ask(char **next_program);
static void check_descriptors(void);
static void open_log_descriptor(void);

int main(int argc, char **argv) {
  if (argc < 1)
    end_with_failure(EXIT_INTERNAL_BUG);
  log_begins();
  ignore_signals();
  if (asks_about(argc, argv))
    answer_option(argv[1]);
  struct mail *mail = &(struct mail){
      .argv = argv, .next_program = find_next_program(argv), .onescand = {.server = -1}};
  check_descriptors();
  pass_if_there_is_nothing_to_ask(mail->next_program);

  read_settings(mail);
  open_log_descriptor();
  open_spools(mail);
  receive_message(mail);
  receive_envelope(mail); /* second: qmail-smtpd writes it after the message, and would block */

  struct answer answer;
  do
    ask(mail);
  while (!await_answer(mail, &answer));
  obey(mail, &answer);
}

static const char usage[] =
    "usage: onescanc [PROGRAM [ARG...]]\n"
    "       onescanc --help | --version\n"
    "\n"
    "Replaces qmail-queue: reads a message from descriptor 0 and its envelope from\n"
    "descriptor 1, sends it to onescand, and executes PROGRAM, or the program in\n"
    "QUEUECHAIN, or the real qmail-queue. See onescanc(8); by hand, use onescan inject.\n";

/* If descriptor 1 cannot be written to, it is an envelope: this process was started for mail. */
static _Noreturn void answer_option(const char *word) {
  if (!print_usage_or_version(word, usage, "onescanc " VERSION "\n"))
    fail(EXIT_CONFIG, "config", xasprintf("%s: cannot be answered here: %m", word));
  end_without_mail();
}

/*
 * Executes the next program immediately if onescand is not needed. That program reads message
 * and envelope itself.
 */
static void pass_if_there_is_nothing_to_ask(char **next_program) {
  char file[SWITCH_PATH_MAX];
  int is_off = is_switched_off(file);
  if (!is_off && (setting("QHPSI", NULL) || setting("QUOTAD", NULL)))
    return;
  check_program("next program", next_program[0], QUEUECHAIN_REMEDY);
  count_handing_on();
  log_slot_line("pass", is_off ? xasprintf("%s exists", file) : xasprintf("QHPSI is not set"), "");
  become_untouched("next program", next_program, hidden_from_next_program);
}

/*
 * Returns ERROR_FD if it can only be the pipe for the text of a reply, and otherwise -1. It must be
 * a pipe that is open for writing alone, or a socket, and no other descriptor may refer to it.
 */
static int find_error_fd(void) {
  int fd = (int) parse_number(setting("ERROR_FD", ""), ERROR_FD_MIN, ERROR_FD_MAX);
  struct stat status, other;
  if (fd < 0 || fstat(fd, &status))
    return -1;
  int is_write_end = S_ISFIFO(status.st_mode) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
  if (!is_write_end && !S_ISSOCK(status.st_mode))
    return -1;
  for (int candidate = 0; candidate <= ERROR_FD_MAX; ++candidate) {
    if (candidate == fd || fstat(candidate, &other))
      continue;
    if (other.st_dev == status.st_dev && other.st_ino == status.st_ino)
      return -1;
  }
  return fd;
}

static void read_settings(struct mail *mail) {
  const char *timeout = setting("SCANTIMEOUT", NULL);
  mail->onescand.timeout =
      timeout ? parse_number(timeout, SCANTIMEOUT_MIN, SCANTIMEOUT_MAX) : SCANTIMEOUT_DEFAULT;
  mail->error_fd = find_error_fd(); /* before anything is opened that may get this number */
}

static void check_descriptors(void) {
  if (fcntl(MESSAGE_FD, F_GETFD) < 0 || fcntl(ENVELOPE_FD, F_GETFD) < 0)
    fail(EXIT_READ, "read", xasprintf("fd 0 or 1 is closed"));
}

/* Otherwise the next file that is opened would get its number. */
static void open_log_descriptor(void) {
  if (fcntl(LOG_FD, F_GETFD) < 0 && open("/dev/null", O_WRONLY | O_CLOEXEC) != LOG_FD)
    fail(EXIT_INTERNAL_BUG, "bug", xasprintf("fd 2: %m"));
}
