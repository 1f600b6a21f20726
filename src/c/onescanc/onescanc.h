/*
 * onescanc(8): the thin client that replaces qmail-queue(8). One process handles one message.
 *
 * There are no circular dependencies between the files. A function marked _Noreturn ends the
 * process, or executes another program.
 *
 *   main.c           the steps, in order
 *   spool.c          spools the message unchanged
 *   envelope.c       spools the envelope, and checks its form
 *   server.c         connects to onescand, and waits for it
 *   conversation.c   the time limit of scanners, and the end of that connection
 *   ask.c            sends onescand the mail (slot-protocol.md)
 *   answer.c         waits for the answer and reads it: an answer with any fault is ignored
 *   obey.c           carries out the answer
 *   standalone.c     falls back to onescan-queue(8), which needs no onescand
 *   standalone-limit.c  limits how many of these an account runs
 *   next-program.c   finds the next program and executes it
 *   log.c            writes a line to the log
 *   fail.c           ends with a line in the log
 *   ends.c           all ends of the process, and why none of them loses mail
 *   memory.c         memory for all of these
 */
#ifndef ONESCANC_H
#define ONESCANC_H

#include "../tables.h"

#include <stddef.h>
#include <sys/types.h>

enum { KIB = 1024, MIB = 1024 * KIB };

/* Bytes that are free before the message in its spool, for a longer header. */
enum { HEADER_GAP = NEW_FIELDS_MAX };

typedef unsigned char byte;

/* Descriptors as qmail-queue(8) has them. */
enum { MESSAGE_FD = 0, ENVELOPE_FD = 1, LOG_FD = 2 };

/* The conversation with onescand. Times are those of uptime(). */
struct conversation {
  long timeout; /* SCANTIMEOUT in seconds, or NO_NUMBER if it is invalid, which onescand will report
                 */
  int server;   /* the connection; -1 is none */
  int acknowledged;   /* onescand reported that it is at work */
  int has_begun_anew; /* this is the second conversation */
  double deadline;
  double asked; /* when the whole request was sent */
  double used;  /* milliseconds of conversations that broke off */
};

/* The mail of this process. There is one, which main() creates. */
struct mail {
  char **argv;         /* the arguments, which the standalone program receives */
  char **next_program; /* the next program and its arguments */
  int error_fd;        /* receives the text of a reply; -1 is none */
  int spool;           /* HEADER_GAP empty bytes, then the unchanged message */
  int envelope;        /* the envelope from its first byte */
  size_t message_size;
  size_t envelope_size; /* through its last NUL */
  struct conversation onescand;
};

/* spool.c: input of the caller, then output to onescand, never both at a time. */
extern byte buffer[64 * KIB];
void open_spools(struct mail *mail);
void receive_message(struct mail *mail);
/* Reads the next bytes of the caller into `buffer`. Returns 0 at the end. `what` is for the log. */
size_t read_input(int fd, const char *what);
/* Writes the first `length` bytes of `buffer` into a spool. */
void write_spool(int fd, size_t length, size_t offset, const char *what);
int memory_file(void);
int write_at(int fd, const byte *bytes, size_t length, size_t offset);
void read_at(int fd, byte *bytes, size_t length, size_t offset);

/* envelope.c: how far an envelope was read. */
struct envelope_reader {
  char letter; /* the letter that must come next: F, then T */
  int in_address;
  size_t length; /* of that address */
  int done;      /* its last NUL was received */
  int wrong;     /* the exit code for what is wrong with it */
};
struct envelope_reader envelope_start(void);
/*
 * Returns how many bytes belong to the envelope. It stops at the end of the envelope and at an
 * error.
 */
size_t envelope_read(struct envelope_reader *reader, const byte *bytes, size_t length);
void receive_envelope(struct mail *mail);

/* next-program.c */
char **find_next_program(char **argv);
/* Ends the process, with the remedy in the log, if `program` cannot be executed or is this one. */
void check_program(const char *what, const char *program, const char *remedy);
/*
 * Notes in the environment that this program executes the next one. The standalone program does so
 * itself.
 */
void count_handing_on(void);
/*
 * Becomes another program, with the mail on its descriptors: the message is what its spool holds
 * from `at` on.
 */
_Noreturn void become(const struct mail *mail, const char *what, char **argv,
                      const char *const *hidden, size_t at);
/* Becomes it with the caller's own descriptors, from which nothing was read. */
_Noreturn void become_untouched(const char *what, char **argv, const char *const *hidden);
/*
 * From now on a write without a reader is an error, and so is one beyond RLIMIT_FSIZE. Another
 * program gets the caller's disposition of these signals.
 */
void ignore_signals(void);

/* conversation.c */
void question_is_sent(struct conversation *conversation);
/* The milliseconds that scanners may have used, and those that they may still use. */
double time_used(const struct conversation *conversation);
size_t time_for_scanners(const struct conversation *conversation);
/* Ends the conversation: no answer is needed now. */
void hang_up(struct conversation *conversation);
/*
 * Ends a conversation in which onescand hung up. Returns whether there may be another one, in which
 * scanners have what is left of their time.
 */
int begin_anew(struct conversation *conversation);

/* server.c: both scan standalone if onescand cannot be reached, or is silent for too long. */
void connect_to_server(struct mail *mail);
/* Waits until onescand can be written to or read from. */
void wait_for_server(struct mail *mail, short event);

/* ask.c */
void ask(struct mail *mail);

/* answer.c: a valid answer. */
struct answer {
  enum frame_type kind; /* FRAME_ACCEPT: pass the message on; FRAME_EXIT: end with `code` */
  int code;
  byte *header;         /* the new header block … */
  size_t header_size;   /* … which replaces … */
  size_t body_at;       /* … the first bytes of the message */
  const byte *envelope; /* another envelope, or NULL */
  size_t envelope_size;
  const byte *reply; /* text for the error descriptor, or NULL */
  size_t reply_size;
  const byte *fields; /* all, with the lines for the log, which next_log_line() finds */
};
/* Returns 0 if onescand closed the connection and the request must be sent again. */
int await_answer(struct mail *mail, struct answer *answer);
/* The next line for the log, or NULL. Begin with `*at` = answer.fields. */
const byte *next_log_line(const byte **at, size_t *length);

/* obey.c */
_Noreturn void obey(struct mail *mail, const struct answer *answer);

/* standalone.c: `why` is for the log. */
_Noreturn void go_standalone(struct mail *mail, char *why);

/* standalone-limit.c */
/*
 * Returns when this process may execute `program`, with a remark for the log: why there is no
 * limit, or "". Ends the process if too many standalone programs run for too long.
 */
const char *wait_for_standalone_limit(const char *program);

/* log.c */
/* Log lines contain the time since then. */
void log_begins(void);
void log_line(const void *line, size_t length);
/* Writes a line in the form of onescan-log(5). `more` contains further fields. */
void log_slot_line(const char *decision, char *reason, const char *more);

/* fail.c */
_Noreturn void fail(int code, const char *fault, char *reason);
_Noreturn void fail_spool(const char *what);

/* ends.c: the file has the promise of each. */
/* Returns whether an answer may name this exit code. */
int may_end_with(int code);
_Noreturn void end_as_answered(int code);
_Noreturn void end_with_failure(int code);
_Noreturn void end_without_mail(void);
_Noreturn void end_child(int code);
/* Executes a program by its path. Returns only if that failed; errno is set. */
void execute(char **argv);

/* memory.c: both end the process if there is none. */
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);
void *xmalloc(size_t size);

#endif
