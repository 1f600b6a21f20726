/*
 * Reads answers with the parser of onescanc and shows what it made of each:
 * thousands of them in one process. On descriptor 0 comes a message, then
 * answers: each behind its length in four bytes, the most significant first.
 * For each a line is printed:
 *
 *   standalone REASON                              none of it counts
 *   a OFFSET HEADER ENVELOPE REPLY LINES     pass the message on
 *   x CODE HEADER ENVELOPE REPLY LINES       end with that code
 *
 * HEADER and what follows it are hexadecimal digits with a dot behind them. The
 * files of onescanc that talk to onescand and end this process are not linked;
 * what they have stands here.
 */
#define _GNU_SOURCE
#include "../../../src/c/onescanc/onescanc.h"

#include "../../../src/c/common.h"

#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static jmp_buf next_answer;

_Noreturn void go_standalone(struct mail *mail, char *why) {
  (void)mail;
  printf("standalone %s\n", why);
  longjmp(next_answer, 1);
}

/* Nobody is asked again. */
int begin_anew(struct conversation *conversation) {
  (void)conversation;
  return 0;
}

/* All words are there before they are read. */
void wait_for_server(struct mail *mail, short event) {
  (void)mail;
  (void)event;
}

void hang_up(struct conversation *conversation) { close(conversation->server); }

static size_t read_number(void) {
  byte bytes[4];
  if (fread(bytes, 1, sizeof bytes, stdin) != sizeof bytes)
    return 0;
  return ((size_t)bytes[0] << 24) | ((size_t)bytes[1] << 16) |
         ((size_t)bytes[2] << 8) | bytes[3];
}

static byte *read_bytes(size_t length) {
  byte *bytes = xmalloc(length + 1);
  if (fread(bytes, 1, length, stdin) != length)
    _exit(EXIT_READ);
  return bytes;
}

static void print_bytes(const byte *bytes, size_t length) {
  putchar(' ');
  for (size_t at = 0; at < length; ++at)
    printf("%02x", bytes[at]);
  putchar('.');
}

static void print_answer(const struct answer *answer) {
  printf("%c %zu", answer->kind,
         answer->kind == 'a' ? answer->body_at : (size_t)answer->code);
  print_bytes(answer->header, answer->header_size);
  print_bytes(answer->envelope, answer->envelope_size);
  print_bytes(answer->reply, answer->reply_size);
  putchar(' ');
  const byte *at = answer->fields;
  size_t length;
  for (const byte *line; (line = next_log_line(&at, &length));)
    for (size_t n = 0; n < length; ++n)
      printf("%02x", line[n]);
  puts(".");
}

/* The words of onescand, as far as the socket takes them, and the end of the
 * connection. */
static void say(struct mail *mail, const byte *words, size_t length) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
    _exit(EXIT_INTERNAL_BUG);
  while (length) {
    ssize_t count = send(pair[1], words, length, MSG_DONTWAIT);
    if (count <= 0)
      break;
    words += count;
    length -= (size_t)count;
  }
  close(pair[1]);
  mail->onescand.server = pair[0];
  mail->onescand.acknowledged = 0;
}

int main(void) {
  static struct mail mail = {.error_fd = 2};
  mail.message_size = read_number();
  byte *message = read_bytes(mail.message_size);
  mail.spool = memory_file();
  if (write_at(mail.spool, message, mail.message_size, HEADER_GAP))
    return EXIT_WRITE;
  for (int head; (head = getchar()) != EOF;) {
    ungetc(head, stdin);
    size_t length = read_number();
    byte *words = read_bytes(length);
    say(&mail, words, length);
    free(words);
    struct answer answer;
    if (!setjmp(next_answer) && await_answer(&mail, &answer))
      print_answer(&answer);
    hang_up(&mail.onescand);
  }
  fflush(stdout);
  _exit(0); /* what the parser holds is never freed */
}
