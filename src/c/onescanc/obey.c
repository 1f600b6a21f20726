/*
 * Obeys the answer. onescand has answered, and the answer is valid (answer.c). From here on there
 * is no way back to the standalone program, since the first step may overwrite the header block in
 * the spool. So a step that fails ends in a temporary failure, and the sender keeps the mail.
 *
 * The file before:   [ gap, 16 KiB      ][ header block as it came ][ body ]
 * and after:         [ rest of the gap ][ new header block         ][ body ]
 *
 * The new block ends where the old one did, so that not a byte of the body is moved.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include <unistd.h>

static void write_log_lines(const struct answer *answer) {
  const byte *at = answer->fields;
  size_t length;
  for (const byte *line; (line = next_log_line(&at, &length));)
    log_line(line, length);
}

/* Hands the mail on by becoming the next program, whose exit code accepts the mail or not. */
static _Noreturn void hand_on(struct mail *mail, const struct answer *answer) {
  check_program("next program", mail->next_program[0],
                QUEUECHAIN_REMEDY); /* while a fault can still be logged */
  count_handing_on();
  size_t message_at = HEADER_GAP + answer->body_at - answer->header_size;
  if (write_at(mail->spool, answer->header, answer->header_size, message_at))
    fail_spool("write the spool file");
  if (answer->envelope) {
    mail->envelope = memory_file();
    if (write_at(mail->envelope, answer->envelope, answer->envelope_size, 0))
      fail_spool("write the envelope");
  }
  write_log_lines(answer);
  become(mail, "next program", mail->next_program, hidden_from_next_program, message_at);
}

/*
 * Ends without passing the mail on. If a code promises a text and that cannot be written, the code
 * becomes "not now".
 */
static _Noreturn void end_with(const struct mail *mail, const struct answer *answer) {
  int code = answer->code;
  if (answer->reply) {
    ssize_t written = write(mail->error_fd, answer->reply, answer->reply_size);
    if (written != (ssize_t) answer->reply_size)
      code = EXIT_DEFERRED;
  }
  write_log_lines(answer);
  end_as_answered(code);
}

_Noreturn void obey(struct mail *mail, const struct answer *answer) {
  if (answer->kind == FRAME_ACCEPT)
    hand_on(mail, answer);
  end_with(mail, answer);
}
