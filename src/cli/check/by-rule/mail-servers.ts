import { table } from '../../../lib/settings/table.ts'
import { POSTCONF } from './postconf.ts'

/** The configuration of Sendmail since 8.10. */
const SENDMAIL_CF = '/etc/mail/sendmail.cf'

/** A mail server that onescan serves. */
export type MailServer = 'qmail' | 'Postfix' | 'Sendmail' | 'Exim' | 'OpenSMTPD'

const POSTFIX_CF = '/etc/postfix/main.cf'
/** The paths of the real Sendmail: other mail servers have a program of that name, too. */
const SENDMAILS = [
  '/usr/libexec/sendmail/sendmail',
  '/usr/lib/sm.bin/sendmail',
  '/usr/sbin/sendmail.sendmail',
]

/** Servers that know no slot and no milter, and hand their mail to onescand by SMTP. */
const BY_SMTP = [
  ['Exim', ['/usr/sbin/exim4', '/usr/sbin/exim']],
  ['OpenSMTPD', ['/usr/sbin/smtpctl']],
] as const

/**
 * Finds the mail servers on this host. A server counts only if its program is there: a server that was
 * removed may have left its files in /etc. If there is none, the slot of qmail is checked.
 */
export function findMailServers(exists: (path: string) => boolean): MailServer[] {
  const hasPostfix = exists(POSTCONF)
  const hasSendmail = SENDMAILS.some(exists) || (exists('/usr/sbin/sendmail') && !hasPostfix)
  const here: MailServer[] = []
  if (exists(table.QMAILHOME.default)) here.push('qmail')
  if (hasPostfix && exists(POSTFIX_CF)) here.push('Postfix')
  if (hasSendmail && exists(SENDMAIL_CF)) here.push('Sendmail')
  for (const [name, programs] of BY_SMTP) {
    if (programs.some(exists)) here.push(name)
  }
  return here.length > 0 ? here : ['qmail']
}
