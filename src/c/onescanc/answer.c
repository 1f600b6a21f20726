/*
 * The answer of onescand. It is read to its end before any of it is obeyed. If
 * slot-protocol.md does not permit one byte of it, the whole answer is ignored: the mail is
 * still unchanged, and onescan-queue scans it standalone.
 */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { FIELD_HEAD = 5 /* a type and a length of four bytes */ };

static byte received[ANSWER_MAX];

static _Noreturn void reject_answer(struct mail *mail) {
  go_standalone(mail, xasprintf("onescand: sent an invalid answer"));
}

static size_t big_endian(const byte *at) {
  return ((size_t) at[0] << 24) | ((size_t) at[1] << 16) | ((size_t) at[2] << 8) | at[3];
}

/* Receives `length` bytes. Returns 0 if onescand hung up before the last one. */
static int receive(struct mail *mail, byte *bytes, size_t length) {
  while (length) {
    wait_for_server(mail, POLLIN);
    ssize_t count = recv(mail->onescand.server, bytes, length, MSG_DONTWAIT);
    if (count > 0) {
      bytes += count;
      length -= (size_t) count;
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      return 0;
    }
  }
  return 1;
}

/*
 * Handles the end of the onescand process that had this mail. Begins another conversation or,
 * if none may follow, scans standalone.
 */
static void begin_anew_or_go_standalone(struct mail *mail) {
  if (!begin_anew(&mail->onescand))
    go_standalone(mail, xasprintf("onescand: closed the connection"));
}

static int is_printable(const byte *bytes, size_t length) {
  for (size_t at = 0; at < length; ++at)
    if (bytes[at] < ' ' || bytes[at] > '~')
      return 0;
  return 1;
}

/* A field of an answer, and where the next one begins. */
struct field {
  byte type;
  const byte *bytes;
  size_t length;
};

/* Reads the field at `at`. All its bytes must be before `end`. */
static struct field field_at(struct mail *mail, const byte *at, const byte *end) {
  if (end - at < FIELD_HEAD)
    reject_answer(mail);
  struct field field = {at[0], at + FIELD_HEAD, big_endian(at + 1)};
  if (field.length > (size_t) (end - field.bytes))
    reject_answer(mail);
  return field;
}

/*
 * B: where the body begins. The new header block may be longer than the old one by NEW_FIELDS_MAX
 * at most.
 */
static void read_body_offset(struct mail *mail, struct answer *answer, struct field field) {
  if (field.length != 8 || big_endian(field.bytes) != 0)
    reject_answer(mail);
  size_t offset = big_endian(field.bytes + 4);
  if (offset > mail->message_size || offset > HEADER_MAX)
    reject_answer(mail);
  answer->body_at = offset;
  answer->header = xmalloc(NEW_FIELDS_MAX + offset);
}

/*
 * Makes room for the next `length` bytes of the new header block, and returns their address.
 * read_answer() has ensured that the offset came first.
 */
static byte *add_to_header(struct mail *mail, struct answer *answer, size_t length) {
  if (length > NEW_FIELDS_MAX + answer->body_at - answer->header_size)
    reject_answer(mail);
  byte *at = answer->header + answer->header_size;
  answer->header_size += length;
  return at;
}

/* k: a span of the old header block that stays. */
static void read_kept_span(struct mail *mail, struct answer *answer, struct field field) {
  if (field.length != 8)
    reject_answer(mail);
  size_t from = big_endian(field.bytes);
  size_t length = big_endian(field.bytes + 4);
  if (from > answer->body_at || length > answer->body_at - from)
    reject_answer(mail);
  read_at(mail->spool, add_to_header(mail, answer, length), length, HEADER_GAP + from);
}

/* e: another envelope, in the same form as the first. */
static void read_envelope(struct mail *mail, struct answer *answer, struct field field) {
  struct envelope_reader reader = envelope_start();
  if (answer->envelope)
    reject_answer(mail);
  if (envelope_read(&reader, field.bytes, field.length) != field.length || !reader.done)
    reject_answer(mail);
  answer->envelope = field.bytes;
  answer->envelope_size = field.length;
}

/* t: D or Z, followed by one line of text. */
static void read_reply(struct mail *mail, struct answer *answer, struct field field) {
  if (answer->reply || field.length < 3 || field.length > REPORT_MAX)
    reject_answer(mail);
  if (field.bytes[0] != 'D' && field.bytes[0] != 'Z')
    reject_answer(mail);
  if (!is_printable(field.bytes, field.length))
    reject_answer(mail);
  answer->reply = field.bytes;
  answer->reply_size = field.length;
}

/* l: one line with its line end, which next_log_line() finds again. */
static void check_log_line(struct mail *mail, struct field field) {
  if (field.length == 0 || field.length > LOG_LINE_MAX)
    reject_answer(mail);
  if (field.bytes[field.length - 1] != '\n' || !is_printable(field.bytes, field.length - 1))
    reject_answer(mail);
}

static void read_field(struct mail *mail, struct answer *answer, struct field field) {
  switch (field.type) {
  case FIELD_BODY_OFFSET:
    read_body_offset(mail, answer, field);
    break;
  case FIELD_EXIT_CODE:
    if (field.length != 1)
      reject_answer(mail);
    answer->code = field.bytes[0];
    break;
  case FIELD_KEPT:
    read_kept_span(mail, answer, field);
    break;
  case FIELD_INSERTED:
    memcpy(add_to_header(mail, answer, field.length), field.bytes, field.length);
    break;
  case FIELD_ENVELOPE:
    read_envelope(mail, answer, field);
    break;
  case FIELD_REPLY:
    read_reply(mail, answer, field);
    break;
  case FIELD_LOG_LINE:
    check_log_line(mail, field);
    break;
  default:
    reject_answer(mail);
  }
}

/* Checks that the fields are consistent. */
static void check_ending(struct mail *mail, const struct answer *answer) {
  int has_text_code = answer->code == EXIT_CUSTOM_TEXT || answer->code == EXIT_CUSTOM_TEXT_INDIMAIL;
  if (has_text_code != (answer->reply != NULL))
    reject_answer(mail);
  if (answer->reply && mail->error_fd < 0)
    reject_answer(mail);
  if (answer->kind == FRAME_ACCEPT)
    return;
  if (!may_end_with(answer->code))
    reject_answer(mail);
}

/*
 * Reads the fields of an answer: the one that must come first, those that may follow, and the end
 * mark.
 */
static struct answer read_answer(struct mail *mail, enum frame_type kind, size_t length) {
  const char *types = kind == FRAME_ACCEPT ? FIELDS_OF_ACCEPT : FIELDS_OF_EXIT;
  const byte first_type = (byte) types[0];
  const byte *end = received + length;
  struct answer answer = {.kind = kind, .code = EXIT_INTERNAL_BUG, .fields = received};
  for (const byte *at = received;;) {
    struct field field = field_at(mail, at, end);
    if (at == received ? field.type != first_type : field.type == first_type)
      reject_answer(mail);
    if (field.type == FIELD_END) {
      if (field.length || field.bytes != end)
        reject_answer(mail);
      check_ending(mail, &answer);
      return answer;
    }
    if (field.type != first_type && (!field.type || !strchr(types + 1, field.type)))
      reject_answer(mail);
    read_field(mail, &answer, field);
    at = field.bytes + field.length;
  }
}

const byte *next_log_line(const byte **at, size_t *length) {
  while ((*at)[0] != FIELD_END) {
    const byte *bytes = *at + FIELD_HEAD;
    byte type = (*at)[0];
    *length = big_endian(*at + 1);
    *at = bytes + *length;
    if (type == FIELD_LOG_LINE)
      return bytes;
  }
  return NULL;
}

/* Waits for an acknowledgement, heartbeats, and then the answer or a reason to scan standalone. */
int await_answer(struct mail *mail, struct answer *answer) {
  byte head[FIELD_HEAD];
  for (;;) {
    if (!receive(mail, head, sizeof head)) {
      begin_anew_or_go_standalone(mail);
      return 0;
    }
    if (big_endian(head + 1) != 0)
      break;
    if (head[0] != (mail->onescand.acknowledged ? FRAME_WORKING : FRAME_ACKNOWLEDGED))
      break;
    mail->onescand.acknowledged = 1;
  }
  byte kind = head[0];
  size_t length = big_endian(head + 1);
  size_t longest = 0;
  if (kind == FRAME_STANDALONE)
    longest = STANDALONE_LINE_MAX;
  else if (mail->onescand.acknowledged)
    longest = ANSWER_MAX;
  if (length > longest)
    reject_answer(mail);
  if (!receive(mail, received, length)) {
    begin_anew_or_go_standalone(mail);
    return 0;
  }
  if (kind == FRAME_STANDALONE)
    go_standalone(mail, xasprintf("onescand: %.*s", (int) length, (char *) received));
  if (kind != FRAME_ACCEPT && kind != FRAME_EXIT)
    reject_answer(mail);
  if (recv(mail->onescand.server, head, 1, MSG_DONTWAIT) > 0)
    reject_answer(mail); /* nothing follows an answer */
  *answer = read_answer(mail, kind, length);
  return 1;
}
