/* The next program, normally the real qmail-queue: finds it, and becomes it. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_word_end(char at) {
  return at == ' ' || at == '\t' || at == '\n';
}

/*
 * Splits a line into words at blanks. Quotes keep blanks. There is no shell, so no other
 * character is special. The words overwrite the line.
 */
static char **split_words(char *line) {
  char **words = xmalloc((strlen(line) / 2 + 3) * sizeof *words);
  size_t count = 0;
  char *to = line;
  for (;;) {
    while (is_word_end(*line))
      ++line;
    if (!*line)
      break;
    words[count++] = to;
    char quote = '\0';
    for (; *line && (quote || !is_word_end(*line)); ++line) {
      if (quote && *line == quote)
        quote = '\0';
      else if (!quote && (*line == '"' || *line == '\''))
        quote = *line;
      else
        *to++ = *line;
    }
    if (quote)
      fail(EXIT_CONFIG, "config", xasprintf("QUEUECHAIN: a quote is not closed; close it"));
    if (*line)
      ++line; /* before the NUL overwrites it */
    *to++ = '\0';
  }
  words[count] = NULL;
  words[count + 1] = NULL; /* find_next_program() may put the default program there */
  return words;
}

/*
 * Looks for a program in PATH, as execvp(3) does. Returns a name that is not found as it is:
 * check_program() reports it.
 */
static char *look_up_in_path(char *name) {
  const char *path = getenv("PATH");
  if (strchr(name, '/') || !path)
    return name;
  for (const char *at = path;;) {
    int length = (int) strcspn(at, ":");
    char *found = length ? xasprintf("%.*s/%s", length, at, name) : xasprintf("./%s", name);
    struct stat status;
    if (!access(found, X_OK) && !stat(found, &status) && S_ISREG(status.st_mode))
      return found;
    if (!at[length])
      return name;
    at += length + 1;
  }
}

/* Returns how often programs of the slot have become the next one on the way here. */
static int depth(void) {
  return atoi(setting(DEPTH_VARIABLE, "0"));
}

/*
 * Returns the words of the next program: the arguments, if there are any, else QUEUECHAIN,
 * else the real qmail-queue. Fails if that leads back here, for example a script that calls
 * onescanc: the two would execute each other without end.
 */
char **find_next_program(char **argv) {
  char **next_program =
      argv[1] ? argv + 1 : split_words(xasprintf("%s", setting("QUEUECHAIN", "")));
  if (!next_program[0])
    next_program[0] = xasprintf("%s/bin/qmail-queue", setting("QMAILHOME", QMAILHOME_DEFAULT));
  if (*next_program[0] == '-')
    fail(EXIT_CONFIG, "config",
         xasprintf("%s: is not a program; onescanc takes no options", next_program[0]));
  if (depth() >= CHAIN_DEPTH_MAX)
    fail(EXIT_NEXT_PROGRAM, "next-hop",
         xasprintf("next program %s: leads back to onescan; " QUEUECHAIN_REMEDY, next_program[0]));
  next_program[0] = look_up_in_path(next_program[0]);
  return next_program;
}

/*
 * Checks the program before the exec: a fault can still be logged, and onescanc never runs
 * itself indefinitely. The remedy is that for a program that cannot be executed.
 */
void check_program(const char *what, const char *program, const char *remedy) {
  struct stat status, self;
  if (access(program, X_OK) || stat(program, &status))
    fail(EXIT_NEXT_PROGRAM, "next-hop", xasprintf("%s %s: %m; %s", what, program, remedy));
  if (!S_ISREG(status.st_mode))
    fail(EXIT_NEXT_PROGRAM, "next-hop",
         xasprintf("%s %s: is not a file; %s", what, program, remedy));
  if (stat("/proc/self/exe", &self))
    fail(EXIT_NEXT_PROGRAM, "next-hop", xasprintf("/proc/self/exe: %m; mount /proc"));
  if (status.st_dev == self.st_dev && status.st_ino == self.st_ino)
    fail(EXIT_NEXT_PROGRAM, "next-hop",
         xasprintf("%s %s: is onescanc itself; %s", what, program, remedy));
}

void count_handing_on(void) {
  if (setenv(DEPTH_VARIABLE, xasprintf("%d", depth() + 1), 1))
    fail(EXIT_DEFERRED, "out-of-memory", xasprintf(DEPTH_VARIABLE ": %m"));
}

/* The caller's handlers of these signals, for the next program. */
static void (*callers_sigpipe)(int), (*callers_sigxfsz)(int);

void ignore_signals(void) {
  callers_sigpipe = signal(SIGPIPE, SIG_IGN);
  callers_sigxfsz = signal(SIGXFSZ, SIG_IGN);
}

_Noreturn void become_untouched(const char *what, char **argv, const char *const *hidden) {
  hide_variables(hidden);
  if (signal(SIGPIPE, callers_sigpipe) == SIG_ERR || signal(SIGXFSZ, callers_sigxfsz) == SIG_ERR)
    fail(EXIT_INTERNAL_BUG, "bug", xasprintf("SIGPIPE or SIGXFSZ: %m"));
  execute(argv);
  fail(EXIT_NEXT_PROGRAM, "next-hop", xasprintf("%s %s: %m", what, argv[0]));
}

_Noreturn void become(const struct mail *mail, const char *what, char **argv,
                      const char *const *hidden, size_t at) {
  if (lseek(mail->spool, (off_t) at, SEEK_SET) < 0 || lseek(mail->envelope, 0, SEEK_SET) < 0)
    fail(EXIT_WRITE, "write", xasprintf("the mail could not be put in place: %m"));
  if (dup2(mail->spool, MESSAGE_FD) < 0 || dup2(mail->envelope, ENVELOPE_FD) < 0)
    fail(EXIT_WRITE, "write", xasprintf("the mail could not be put in place: %m"));
  become_untouched(what, argv, hidden);
}
