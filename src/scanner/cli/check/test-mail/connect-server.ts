import { existsSync } from 'node:fs'
import { isExims, isQmails } from '../../../protocol/smtp/sendmail-program.ts'
import { findMailServers, type MailServer } from '../mail-server-config/mail-servers.ts'
import type { SendingWay } from './send-mail.ts'
import type { TestedMail } from './tested-way.ts'

/** How the mail server that took a message comes to use onescan. */

const SCANS_LOCAL_MAIL =
  'set acl_not_smtp to an ACL with "deny malware = *" and "accept", as doc/exim.md shows, to scan mail of local programs'
const OTHER_SERVERS =
  'connect the mail server to onescan as doc/other-servers.md shows, and restart it'
const HOW_TO_CONNECT: Readonly<Record<MailServer, string>> = {
  qmail: 'connect the mail server to onescan as doc/qmail.md shows',
  Exim: 'put "deny malware = *" at the top of the ACL that exim4 -bP acl_smtp_data prints, or without av_scanner run the script of doc/exim.md (again), and restart Exim',
  Postfix:
    "add onescan's milter to smtpd_milters as README.md shows, also where a service has its own (postconf -P); a proxy has smtpd_proxy_filter instead, as doc/postfix.md shows",
  Sendmail: OTHER_SERVERS,
  OpenSMTPD: OTHER_SERVERS,
}

/** Returns how the server that accepted the mail comes to use onescan. */
export function howToConnect({ way, sent }: TestedMail): string {
  const [only, other] = findMailServers(existsSync)
  const server = serverThatTook(way, sent.text) ?? (other === undefined ? only : undefined)
  if (server === 'Exim' && 'program' in way)
    return `${SCANS_LOCAL_MAIL}, or without av_scanner run the script of doc/exim.md (again)`
  return server === undefined
    ? `${HOW_TO_CONNECT.Postfix}, if this is Postfix`
    : HOW_TO_CONNECT[server]
}

/** Returns the server whose reply or program this is, if that shows it. */
function serverThatTook(way: SendingWay, reply: string): MailServer | undefined {
  const program = 'program' in way ? way.program : undefined
  // qmail's replies to content end with the number of qmail-queue's process.
  if (program === undefined ? / qp \d+$/.test(reply) : isQmails(program)) return 'qmail'
  if (program === undefined ? / OK id=\S+$/.test(reply) : isExims(program)) return 'Exim'
  if (/ Ok: queued as \S+$/.test(reply)) return 'Postfix'
  return / Message accepted for delivery$/.test(reply) ? 'Sendmail' : undefined
}

/** Returns the remedy if this is mail of a local program, which is not scanned in the way in which the host uses onescan. */
export function howToScanLocalMail({ way, run: { log } }: TestedMail): string | undefined {
  if (!('program' in way)) return undefined
  const hasClamd = log.hasSeen('clamd') || log.complaint?.defers !== undefined
  if (isExims(way.program) && hasClamd) return SCANS_LOCAL_MAIL
  if (log.hasProxy && !log.hasSeen('milter'))
    return 'connect Postfix to onescan as a milter instead of a proxy, as doc/postfix.md shows, to scan mail of local programs'
  return undefined
}
