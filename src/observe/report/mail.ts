import { heading } from './format.ts'
import type { Summary } from './summary.ts'

/**
 * An address of RFC 5321, 4.5.3.1.3, but in printable ASCII only, so that it fits into a header
 * field.
 */
const ADDRESS = /^[!-;=?-~]{1,254}$/

/**
 * Formats the report as a message for sendmail(8) -t. Throws if `to` is no address for a header
 * field.
 */
export function formatMail(summary: Summary, text: string, to: string, now: Date): string {
  if (!ADDRESS.test(to) || !to.includes('@')) {
    throw new Error(`--mail ${to}: is not an address; use one such as postmaster@example.org`)
  }
  const isAscii = /^[\n -~]*$/.test(text)
  const header = [
    `To: ${to}`,
    `Subject: ${heading(summary)}`,
    `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: text/plain; charset=${isAscii ? 'us-ascii' : 'utf-8'}`,
    `Content-Transfer-Encoding: ${isAscii ? '7bit' : 'base64'}`,
  ]
  const encoded = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n')
  return `${header.join('\n')}\n\n${isAscii ? text : `${encoded}\n`}`
}
