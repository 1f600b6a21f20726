import { DEFAULT_QMAIL_HOME } from '../../../judge/policy.ts'
import { SENDMAIL_CF } from './sendmail.ts'

/** A mail server that onescan stands in or beside. */
export type MailServer = 'qmail' | 'Postfix' | 'Sendmail'

export const POSTFIX_CF = '/etc/postfix/main.cf'
const POSTCONF = '/usr/sbin/postconf'
/** Where systems put Sendmail's own, since each mail server brings a program of that name. */
const SENDMAILS = [
  '/usr/libexec/sendmail/sendmail',
  '/usr/lib/sm.bin/sendmail',
  '/usr/sbin/sendmail.sendmail',
]

/**
 * Those on this host, by their files; none: the slot is looked at by itself. What a mail
 * server that was removed has left in /etc is none.
 */
export function mailServersHere(exists: (path: string) => boolean): MailServer[] {
  const hasPostfix = exists(POSTCONF)
  const hasSendmail = SENDMAILS.some(exists) || (exists('/usr/sbin/sendmail') && !hasPostfix)
  const here: MailServer[] = []
  if (exists(DEFAULT_QMAIL_HOME)) here.push('qmail')
  if (hasPostfix && exists(POSTFIX_CF)) here.push('Postfix')
  if (hasSendmail && exists(SENDMAIL_CF)) here.push('Sendmail')
  return here.length > 0 ? here : ['qmail']
}
