import type { Delivery } from '../../test/stand-in/stand-in.ts'

/**
 * A delivered message as it arrives in the next host's slot: notqmail's qmail-remote
 * ends each line in CRLF, whatever ended it before, its qmail-smtpd makes LF of that
 * and writes a Received field on top.
 */
export function relay(
  { received, message }: Delivery,
  from: string,
  to: string,
  now: Date,
): Buffer {
  const stored = Buffer.concat([received, message]).toString('latin1')
  const [, day, month, year, time] = now.toUTCString().split(' ')
  const trace = `Received: from ${from}.example.org (192.0.2.1)
  by ${to}.example.org with SMTP; ${Number(day)} ${month} ${year} ${time} -0000
`
  return Buffer.from(trace + stored.replace(/\r\n?/g, '\n'), 'latin1')
}
