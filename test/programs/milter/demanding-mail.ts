import { bytes } from '../../cases/case.ts'

/** What a hop may change of a message if a host limits, folds or converts: all of it is in this one. */

const header = [
  'From: Ann <ann@example.com>',
  'To: ben@example.org',
  'Date: Mon, 23 Nov 2026 10:00:00 +0000',
  'Message-ID: <as-it-is@example.com>',
  'Subject: x',
]
/** Longer than any limit, 8-bit, and with dots. */
const text = `a text of ${'long '.repeat(3000)}lines\n.\n..two\ngr\xfc\xdfe\n`

/** A message from ann@example.com to ben@example.org. */
export const demandingMail = bytes(`${header.join('\n')}\n\n${text}`)

/** The message with a last line that makes it just this long as SMTP counts it, with CRLF. */
export function filled(message: Buffer, length: number): Buffer {
  const sent = message.toString('latin1').replaceAll('\n', '\r\n').length
  return Buffer.concat([message, Buffer.alloc(length - sent - 2, 'x'), bytes('\n')])
}
