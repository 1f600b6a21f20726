/* The envelope of qmail-queue(8): F sender NUL, T recipient NUL any number of times, NUL. */
#include "onescanc.h"

struct envelope_reader envelope_start(void) {
  return (struct envelope_reader){.letter = 'F'};
}

static void read_byte(struct envelope_reader *reader, byte next) {
  if (reader->in_address && next) {
    if (++reader->length > ADDRESS_MAX)
      reader->wrong = EXIT_ADDRESS_TOO_LONG;
  } else if (reader->in_address) {
    reader->in_address = 0;
    reader->letter = 'T';
  } else if (next == (byte) reader->letter) {
    reader->in_address = 1;
    reader->length = 0;
  } else if (!next && reader->letter == 'T') {
    reader->done = 1;
  } else {
    reader->wrong = EXIT_ENVELOPE;
  }
}

size_t envelope_read(struct envelope_reader *reader, const byte *bytes, size_t length) {
  size_t used = 0;
  while (used < length && !reader->done && !reader->wrong)
    read_byte(reader, bytes[used++]);
  return used;
}

/*
 * Reads up to the last NUL and not beyond, because the caller may keep the pipe open. If the
 * caller closes it before that NUL, it gave up (the client hung up, the message is too large),
 * and nothing may be queued.
 */
void receive_envelope(struct mail *mail) {
  struct envelope_reader reader = envelope_start();
  while (!reader.done) {
    size_t count = read_input(ENVELOPE_FD, "envelope");
    if (count == 0)
      fail(EXIT_READ, "read",
           xasprintf("envelope: ended before its last NUL; the client disconnected"));
    size_t used = envelope_read(&reader, buffer, count);
    if (reader.wrong == EXIT_ADDRESS_TOO_LONG)
      fail(EXIT_ADDRESS_TOO_LONG, "address-too-long",
           xasprintf("envelope: an address is longer than %d bytes", ADDRESS_MAX));
    if (reader.wrong)
      fail(EXIT_ENVELOPE, "envelope", xasprintf("envelope: expected F, T or the last NUL"));
    if (mail->envelope_size + used > ENVELOPE_MAX)
      fail(EXIT_OUT_OF_MEMORY, "out-of-memory",
           xasprintf("envelope: is larger than %d MiB", ENVELOPE_MAX / MIB));
    write_spool(mail->envelope, used, mail->envelope_size, "write the envelope");
    mail->envelope_size += used;
  }
}
