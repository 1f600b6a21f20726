/*
 * onescan-rcptquota(8), a plugin of qmail-spp for RCPT. It prints one command if the
 * recipient's mailbox is full, and nothing if it has room or the answer is unknown. It exits
 * with 0 whatever the answer is, because mail must not wait for a quota, and with 1 if it was
 * called wrongly.
 */
#define _GNU_SOURCE
#include "rcptquota.h"

#include "../../c/common.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static enum answer ask(const char *recipient);
static void refuse(const char *recipient);
static int answer_option(const char *word);

int main(int argc, char **argv) {
  if (asks_about(argc, argv))
    return answer_option(argv[1]);
  const char *recipient = setting("SMTPRCPTTO", "");
  signal(SIGPIPE, SIG_IGN);
  if (ask(recipient) == FULL)
    refuse(recipient);
  return 0;
}

static int answer_option(const char *word) {
  static const char usage[] =
      "usage: onescan-rcptquota [--help | --version]\n"
      "\n"
      "A qmail-spp plugin for RCPT: prints one command if the mailbox of SMTPRCPTTO is full.\n"
      "See onescan-rcptquota(8).\n";
  return !print_usage_or_version(word, usage, "onescan-rcptquota " VERSION "\n");
}

/* Returns whether this can be the name of a mailbox, like mayNameMailbox() of quota-answer.ts. */
static int is_name(const char *name) {
  size_t length = strlen(name);
  if (!length || length > MAILBOX_NAME_MAX || *name == '@' || strstr(name, ".."))
    return 0;
  for (const char *at = name; *at; ++at)
    if ((unsigned char) *at <= ' ' || *at == '/' || *at == 0x7f)
      return 0;
  return 1;
}

/*
 * Makes the name of a mailbox: with QUOTANAME=local the part of the recipient before the last @,
 * else all of it. The domain is put in lower case.
 */
static void mailbox_name(const char *recipient, char name[MAILBOX_NAME_MAX + 1]) {
  const char *at = strrchr(recipient, '@');
  int is_local = at && is_word("QUOTANAME", "local", QUOTANAME_DEFAULT);
  int length = is_local ? (int) (at - recipient) : MAILBOX_NAME_MAX;
  snprintf(name, MAILBOX_NAME_MAX + 1, "%.*s", length, recipient);
  for (char *letter = strrchr(name, '@'); letter && *letter; ++letter)
    if (*letter >= 'A' && *letter <= 'Z')
      *letter = (char) (*letter - 'A' + 'a');
}

/* Returns whether to query. Mailboxes of other hosts and recipients of relay clients are exempt. */
static int is_asked_about(struct question question) {
  char file[SWITCH_PATH_MAX];
  if (!is_name(question.recipient) || strcmp(setting("SMTPRCPTHOSTSOK", "1"), "0") == 0)
    return 0;
  if (question.is_relay_client && !is_word("QUOTARELAY", "ask", QUOTARELAY_DEFAULT))
    return 0;
  return !is_switched_off(file);
}

static enum answer ask(const char *recipient) {
  const char *onescand = setting("QUOTASOCKET", NULL);
  const char *service = setting("QUOTAD", NULL);
  struct question question = {recipient, getenv("RELAYCLIENT") || setting("SMTPAUTHUSER", NULL)};
  long timeout = number("QUOTATIMEOUT", QUOTATIMEOUT_DEFAULT, QUOTATIMEOUT_MIN, QUOTATIMEOUT_MAX);
  if (!is_asked_about(question))
    return ROOM;
  if (onescand) {
    int is_there;
    /* onescand waits so long for the service, and gets a little more time itself. */
    enum answer answer = ask_onescand(onescand, question, timeout + timeout / 2, &is_there);
    if (is_there || !service)
      return answer;
  }
  if (!service)
    return cannot_tell("neither QUOTASOCKET nor QUOTAD is set");
  char name[MAILBOX_NAME_MAX + 1];
  mailbox_name(recipient, name);
  return ask_service(service, name, timeout);
}

/* E: qmail-spp sends the rest of the line as the reply to RCPT, and continues. */
static void refuse(const char *recipient) {
  char command[MAILBOX_NAME_MAX + 64];
  snprintf(command, sizeof command - 1, "E" OVER_QUOTA_STATUS " " OVER_QUOTA_TEXT, recipient);
  replace_unprintable(command);
  size_t length = strlen(command);
  command[length++] = '\n';
  if (write(STDOUT_FILENO, command, length) != (ssize_t) length)
    cannot_tell("standard output: %m");
}
