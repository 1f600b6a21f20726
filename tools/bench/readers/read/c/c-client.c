/* Reader: c-client, of Alpine and of PHP's imap functions. */
#include "serve.h"

#include <c-client/c-client.h>
#include <stdlib.h>
#include <string.h>

/* As its drivers give mail: in lines that end in CR LF. */
static char *with_crlf(const char *message, size_t length, size_t *total)
{
  char *text = malloc(2 * length + 1);
  if (!text) abort();
  char *end = text;
  for (size_t at = 0; at < length; at++) {
    if (message[at] == '\n' && (at == 0 || message[at - 1] != '\r')) *end++ = '\r';
    *end++ = message[at];
  }
  *end = '\0';
  *total = (size_t) (end - text);
  return text;
}

static bool opens_leaf(const BODY *body, char *text)
{
  unsigned char *encoded = (unsigned char *) text + body->contents.offset;
  unsigned long length = body->contents.text.size;
  unsigned long decoded;
  void *content;
  switch (body->encoding) {
  case ENCBASE64:
    content = rfc822_base64(encoded, length, &decoded);
    break;
  case ENCQUOTEDPRINTABLE:
    content = rfc822_qprint(encoded, length, &decoded);
    break;
  default:
    return holds((char *) encoded, length);
  }
  bool found = content && holds(content, decoded);
  if (content) fs_give(&content);
  return found;
}

static bool opens_body(const BODY *body, char *text)
{
  if (body->type == TYPEMULTIPART) {
    for (const PART *part = body->nested.part; part; part = part->next)
      if (opens_body(&part->body, text)) return true;
    return false;
  }
  if (body->type == TYPEMESSAGE && body->nested.msg && body->nested.msg->body)
    return opens_body(body->nested.msg->body, text);
  return opens_leaf(body, text);
}

bool opens(const char *message, size_t length)
{
  size_t total;
  char *mail = with_crlf(message, length, &total);
  char *end = strstr(mail, "\r\n\r\n");
  size_t header = end ? (size_t) (end + 4 - mail) : total;
  ENVELOPE *envelope = NULL;
  BODY *body = NULL;
  STRING text;
  INIT(&text, mail_string, mail + header, total - header);
  /* It writes into the header. */
  char *fields = malloc(header + 1);
  if (!fields) abort();
  memcpy(fields, mail, header);
  fields[header] = '\0';
  rfc822_parse_msg(&envelope, &body, fields, header, &text, "example.org", 0);
  bool found = body && opens_body(body, mail + header);
  mail_free_envelope(&envelope);
  mail_free_body(&body);
  free(fields);
  free(mail);
  return found;
}

/* Its messages, which nothing reads. */

void mm_searched(MAILSTREAM *stream, unsigned long number) {}
void mm_exists(MAILSTREAM *stream, unsigned long number) {}
void mm_expunged(MAILSTREAM *stream, unsigned long number) {}
void mm_flags(MAILSTREAM *stream, unsigned long number) {}
void mm_notify(MAILSTREAM *stream, char *text, long kind) {}
void mm_list(MAILSTREAM *stream, int delimiter, char *name, long attributes) {}
void mm_lsub(MAILSTREAM *stream, int delimiter, char *name, long attributes) {}
void mm_status(MAILSTREAM *stream, char *mailbox, MAILSTATUS *status) {}
void mm_log(char *text, long kind) {}
void mm_dlog(char *text) {}
void mm_critical(MAILSTREAM *stream) {}
void mm_nocritical(MAILSTREAM *stream) {}
void mm_fatal(char *text) {}

long mm_diskerror(MAILSTREAM *stream, long code, long serious)
{
  return NIL;
}

void mm_login(NETMBX *box, char *user, char *password, long trial)
{
  *user = *password = '\0';
}
