import { logLine } from '../../ground/errors/log.ts'
import { isAskedAbout } from '../../judge/over-quota.ts'
import { type MailAddress, readAddress } from '../../message/envelope/address.ts'
import type { MailDoorServices } from './mail-door.ts'
import { type AskingClient, refuseByRule } from './refuse-by-rule.ts'
import { refuseFull } from './refuse-full.ts'
import type { SmtpReply } from './wire/reply-lines.ts'
import { bareAddress } from './wire/smtp-path.ts'

/** The message for which a recipient is named. */
interface MailToCome {
  readonly sender: MailAddress
  /** Bytes that the client announced. */
  readonly size: number | undefined
}

/**
 * Returns the reply that refuses a recipient, or a promise of it: a line of onescan.policy(5) refuses
 * it, or its mailbox is over quota. Returns undefined if it may pass. `path` must not change while
 * the quota is asked for.
 */
export function refuseRecipient(
  path: Buffer,
  { sender, size }: MailToCome,
  { rules, quota, log }: Pick<MailDoorServices, 'rules' | 'quota' | 'log'>,
  { origin, relay }: Omit<AskingClient, 'log'>,
): SmtpReply | undefined | Promise<SmtpReply | undefined> {
  if (rules === undefined && quota === undefined) return undefined
  const about = { recipient: readAddress(bareAddress(path)), sender, size }
  const byRule = rules && refuseByRule(about, rules, { origin, relay, log })
  if (byRule !== undefined) return byRule
  if (!quota || !isAskedAbout({ relay, bounceInjector: false }, quota)) return undefined
  const question = { ...about, remote: origin.clientAddress }
  return refuseFull(question, quota, { door: origin.door, log })
}

/**
 * The reply to a recipient that servers could take for different mailboxes: a line about one of them
 * would count for mail that goes to another one.
 */
const NOT_PLAIN: SmtpReply = {
  code: 501,
  enhanced: '5.1.3',
  lines: ['name the recipient as <user@domain>, without comments, routes and escapes'],
}

/** Refuses a recipient that is not plain, and logs that; for now only, if its mail is in a queue. */
export function refuseNotPlain(
  path: Buffer,
  { sender }: Pick<MailToCome, 'sender'>,
  { origin, log }: Pick<AskingClient, 'origin' | 'log'>,
  afterQueue = false,
): SmtpReply {
  const reply = afterQueue ? { ...NOT_PLAIN, code: 451, enhanced: '4.1.3' } : NOT_PLAIN
  log(
    logLine([
      ['decision', afterQueue ? 'defer' : 'reject'],
      ['reason', 'servers may take the recipient for different mailboxes'],
      ['reply', reply.code],
      ['door', origin.door],
      ['queue', origin.queueId],
      ['remote', origin.clientAddress],
      ['from', `<${sender.text}>`],
      ['to', path.toString('latin1')],
    ]),
  )
  return reply
}
