/* The request: describes a mail to onescand. slot-protocol.md describes the frames. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static size_t unsent; /* how many bytes of `buffer` flush() has yet to send */

static void flush(struct mail *mail) {
  size_t at = 0;
  while (at < unsent) {
    ssize_t count =
        send(mail->onescand.server, buffer + at, unsent - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0)
      at += (size_t) count;
    else if (errno == EAGAIN)
      wait_for_server(mail, POLLOUT);
    else if (errno != EINTR) {
      /* onescand hung up, perhaps after a reason, which is read next. Nothing more is sent. */
      shutdown(mail->onescand.server, SHUT_WR);
      break;
    }
  }
  unsent = 0;
}

/* Makes room for at least one byte in `buffer`, after those that wait there. Returns the room. */
static size_t room_to_send(struct mail *mail) {
  if (unsent == sizeof buffer)
    flush(mail);
  return sizeof buffer - unsent;
}

static void send_bytes(struct mail *mail, const void *bytes, size_t length) {
  const byte *from = bytes;
  while (length) {
    size_t room = room_to_send(mail);
    size_t part = length < room ? length : room;
    memcpy(buffer + unsent, from, part);
    unsent += part;
    from += part;
    length -= part;
  }
}

static void send_spooled(struct mail *mail, int fd, size_t length, size_t offset) {
  while (length) {
    size_t room = room_to_send(mail);
    size_t part = length < room ? length : room;
    read_at(fd, buffer + unsent, part, offset);
    unsent += part;
    offset += part;
    length -= part;
  }
}

static void send_head(struct mail *mail, enum frame_type type, size_t length) {
  const byte head[] = {(byte) type, (byte) (length >> 24), (byte) (length >> 16),
                       (byte) (length >> 8), (byte) length};
  send_bytes(mail, head, sizeof head);
}

static void send_frame(struct mail *mail, enum frame_type type, const void *bytes, size_t length) {
  send_head(mail, type, length);
  send_bytes(mail, bytes, length);
}

/* Sends a number of `size` bytes, the most significant byte first. */
static void send_number(struct mail *mail, enum frame_type type, size_t value, size_t size) {
  byte bytes[8];
  for (size_t at = size; at--; value >>= 8)
    bytes[at] = (byte) value;
  send_frame(mail, type, bytes, size);
}

static void send_variables(struct mail *mail) {
  for (const char *const *name = sent_to_onescand; *name; ++name) {
    const char *value = getenv(*name);
    if (!value)
      continue;
    char *variable = xasprintf("%s=%s", *name, value);
    size_t length = strlen(variable);
    if (length > VARIABLE_MAX)
      go_standalone(mail, xasprintf("%s: is too long", *name));
    send_frame(mail, FRAME_VARIABLE, variable, length);
  }
}

static void send_message(struct mail *mail) {
  for (size_t at = 0; at < mail->message_size;) {
    size_t left = mail->message_size - at;
    size_t part = left < FRAME_MAX ? left : FRAME_MAX;
    send_head(mail, FRAME_MESSAGE, part);
    send_spooled(mail, mail->spool, part, HEADER_GAP + at);
    at += part;
  }
}

void ask(struct mail *mail) {
  size_t time_left = time_for_scanners(&mail->onescand);
  connect_to_server(mail);

  send_frame(mail, FRAME_VERSION, PROTOCOL_VERSION, strlen(PROTOCOL_VERSION));
  send_variables(mail);
  send_number(mail, FRAME_TAKES_REPLY, mail->error_fd >= 0, 1);
  send_number(mail, FRAME_TIME_LEFT, time_left, 4);
  send_head(mail, FRAME_ENVELOPE, mail->envelope_size);
  send_spooled(mail, mail->envelope, mail->envelope_size, 0);
  send_number(mail, FRAME_SIZE, mail->message_size, 8);
  send_message(mail);
  send_frame(mail, FRAME_END, "", 0);
  flush(mail);
  question_is_sent(&mail->onescand);
}
