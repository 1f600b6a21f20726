/* One message through one wrapper, as qmail-smtpd would pass it on. */
#ifndef CALL_H
#define CALL_H

#include <stddef.h>

/* What notqmail's qmail-smtpd reads from the error pipe. */
#define TEXT_MAX_BYTES 255

struct call {
  char **program;        /* argv; no search in PATH */
  const char *message;   /* the file whose bytes go to fd 0 */
  long serial;           /* in the sender's address */
};

struct outcome {
  double started;      /* by CLOCK_MONOTONIC */
  double milliseconds; /* from before the pipes to behind the last wait */
  int code;            /* exit code, or -1 */
  int signal;          /* or 0 */
  int handed_over;     /* 0 where the wrapper stopped reading */
  double cpu;          /* milliseconds of its tree, system calls included */
  char text[TEXT_MAX_BYTES];
  size_t text_size;
};

/* Whether qmail-smtpd would answer 250. */
int was_accepted(const struct outcome *);

/* Dies with 111 where this system has no pipes or processes left. */
struct outcome call_wrapper(const struct call *);

_Noreturn void cannot(const char *what);

double milliseconds_now(void);

#endif
