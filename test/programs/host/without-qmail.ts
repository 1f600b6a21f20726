import { readFileSync, writeFileSync } from 'node:fs'
import { makeOwnDirectories, ownDirectoriesMissing } from './own-directories.ts'
import type { Ending } from './server.ts'

/**
 * A host without the account qmails. If there is one, an onescand that cannot see who asks has to leave mail to
 * the standalone program: it may be a bounce of qmail-send.
 */

const PASSWD = '/etc/passwd'
const passwd = readFileSync(PASSWD, 'latin1')
const isOfQmail = /^qmails:/m.test(passwd)

/** Why there can be no such host here, or false. */
export const withoutQmailMissing: string | false = isOfQmail && ownDirectoriesMissing

/** The words that run a program there. */
export function withoutQmail(t: Ending, program: readonly string[]): string[] {
  if (!isOfQmail) return [...program]
  const own = makeOwnDirectories(t, { '/etc': ['passwd'] })
  writeFileSync(own.at(PASSWD), passwd.replace(/^qmails:.*\n/gm, ''))
  return own.around(program)
}
