import { bytes } from './case.ts'

/** Ordinary mail, 8-bit in header and body. */
export const plain = bytes(
  'From: a@example.org\nTo: b@example.org\nSubject: gr\xfc\xdfe\nMessage-ID: <1@example.org>\n\nHello, w\xf6rld\n',
)

/** The same with a line that the counting scanner takes for a virus. */
export const infected = bytes(`${plain.toString('latin1')}VIRUS\n`)

/** The same with a line that makes the counting scanner fail. */
export const troublesome = bytes(`${plain.toString('latin1')}TROUBLE\n`)

/** Messages that no program should change: each by name. */
export const odd: Readonly<Record<string, Buffer>> = {
  'an empty message': bytes(''),
  'a header without a body': bytes('Subject: only\n'),
  'a header without a body and final newline': bytes('Subject: only'),
  'a body without a header': bytes('\nbody\n'),
  'text that is neither header nor body': bytes('just some text\nof two lines\n'),
  'a body without a final newline': bytes('Subject: x\n\nno end'),
  'NUL and 8-bit bytes': bytes('Subject: \0\xff\x80\n\n\0\x01\xfe\n'),
  'CRLF line endings': bytes('Subject: x\r\nTo: y\r\n\r\nbody\r\n'),
  'mixed line endings': bytes('Subject: x\r\nTo: y\n\r\nbody\nmore\r\n'),
  'a bare CR in header and body': bytes('Subject: x\rTo: y\n\nbo\rdy\n'),
  'a header line of 300 KB': bytes(`Subject: ${'x'.repeat(300_000)}\n\nbody\n`),
  'a header block of 1 MiB': bytes(`Subject: ${'x'.repeat(1024 * 1024 - 11)}\n\nbody\n`),
  'a line without a colon': bytes('Subject: x\nno colon here\n\nbody\n'),
  'only newlines': bytes('\n\n\n'),
}
