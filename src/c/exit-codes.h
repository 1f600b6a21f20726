/*
 * The exit codes of qmail-queue(8) that the programs in C choose themselves. qmail-smtpd decides by
 * the number alone. src/doors/shared/replies/exit-codes.ts has all codes, and a test compares the
 * two.
 */
#ifndef ONESCAN_EXIT_CODES_H
#define ONESCAN_EXIT_CODES_H

enum exit_code {
  EXIT_TOO_LONG = 11,      /* an address in the envelope is too long: the only permanent one here */
  EXIT_NO_MEMORY = 51,     /* out of memory */
  EXIT_WRITE = 53,         /* write error, or the disk is full */
  EXIT_READ = 54,          /* read error, or the input ended early */
  EXIT_CONFIG = 55,        /* a setting cannot be used */
  EXIT_NO_FILE = 64,       /* a temporary file cannot be made */
  EXIT_DEFERRED = 71,      /* refused for now */
  EXIT_BUG = 81,           /* internal bug */
  EXIT_TEXT = 82,          /* the reply is on the error descriptor: notqmail, sagredo's qmail */
  EXIT_TEXT_INDIMAIL = 88, /* the same: IndiMail */
  EXIT_ENVELOPE = 91,      /* the envelope is malformed */
  EXIT_CHAIN = 120         /* a program cannot be executed */
};

#endif
