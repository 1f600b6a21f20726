import { realpathSync } from 'node:fs'
import { attempt } from '../../lib/errors/fault.ts'

/** sendmail(8), by which programs of a host send mail. Every mail server has one. */
export const SENDMAIL = '/usr/sbin/sendmail'

/** The options with which such a program takes a message of any lines from a sender, '' for a bounce. */
export function sendmailOptions(program: string, sender: string): string[] {
  // That of qmail takes what follows -f for an address as it is.
  const isQmails = /qmail/.test(attempt(() => realpathSync(program)) ?? '')
  return ['-i', '-f', sender || (isQmails ? '' : '<>')]
}
