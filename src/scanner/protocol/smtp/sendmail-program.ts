import { realpathSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'

/** sendmail(8), by which programs of a host send mail. Every mail server has one. */
export const SENDMAIL = '/usr/sbin/sendmail'

/** The environment of programs of a mail server, and not that of the caller. */
export const mailProgramEnv = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } as const

/**
 * Returns the options with which such a program accepts a message of any lines from a sender, '' for a
 * bounce.
 */
export function sendmailOptions(program: string, sender: string): string[] {
  // qmail's program uses the text after -f unchanged as an address.
  return ['-i', '-f', sender || (isQmails(program) ? '' : '<>')]
}

export const isExims = (program: string): boolean =>
  /\/exim4?$/.test(attempt(() => realpathSync(program)) ?? '')

export const isQmails = (program: string): boolean =>
  /qmail/.test(attempt(() => realpathSync(program)) ?? '')
