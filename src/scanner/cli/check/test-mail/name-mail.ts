import { randomUUID } from 'node:crypto'
import { OF_CHECK } from '../../../log/message-lines.ts'

/** A message with names of its own, by which it is found again. */
export interface NamedMail {
  /** Its Message-ID, without brackets. */
  readonly id: string
  readonly subject: string
  readonly message: Buffer
}

/**
 * Returns whether mail can be sent to the address: it is not an option of sendmail(8), and only one word of
 * SMTP.
 */
export const isAddress = (address: string): boolean =>
  /^[!-,./-;=?-~][!-;=?A-~]*@[!-;=?-~]+$/.test(address)

/** Gives a message to `address` an id, a subject and a date of its own. */
export function nameMail(message: Buffer, address: string): NamedMail {
  const name = randomUUID()
  const [subject, id] = [`onescan check ${name.slice(0, 8)}`, `${name}${OF_CHECK}`]
  const text = message
    .toString('latin1')
    // Sendmail puts the host's name for localhost, which breaks a stamp: that of a release, too.
    .replace(/^From: .*$/m, `From: onescan check <postmaster${OF_CHECK}>`)
    .replace(/^To: .*$/m, () => `To: ${address}`)
    .replace(/^Subject: .*$/m, `Subject: ${subject}`)
    .replace(/^Message-ID: .*$/m, `Message-ID: <${id}>`)
    .replace(/^Date: .*$/m, `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`)
  return { id, subject, message: Buffer.from(text, 'latin1') }
}
