import { errorText } from '../../../base/errors/fault.ts'
import { parseIpAddress } from '../../../base/net/ip-address.ts'
import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import { type MailAddress, mailboxOf, readAddress } from '../../../base/text/address.ts'
import type { Origin } from '../../../mail/message/envelope.ts'
import {
  type AnnouncedRecipient,
  notPlainLine,
  quotaLine,
  ruleLine,
} from '../../log/recipient-lines.ts'
import { asDeferral, bareAddress, type SmtpReply } from '../../protocol/smtp/smtp-syntax.ts'
import { refusalByRule } from '../../scan/judge/decision/own-text.ts'
import { isQuotaChecked } from '../../scan/judge/over-quota.ts'
import type { QuotaLookup } from '../../scan/quota/quota-lookup.ts'
import { mailReply } from '../../scan/replies/mail-replies.ts'
import { ownReply } from '../../scan/replies/own-replies.ts'
import type { Rules } from '../../scan/rules/match.ts'
import type { MailServices } from '../mail-services.ts'
import { replyOf } from '../smtp-reply.ts'

/** The client that sends mail, as far as the door knows it. */
export interface SendingClient {
  readonly origin: Origin
  /** Whether the client may relay or has authenticated. */
  readonly mayRelay: boolean
}

/** The sender and size that the client announced for the message of this recipient. */
interface MailToCome {
  readonly sender: MailAddress
  /** Bytes that the client announced. */
  readonly size: number | undefined
}

type Log = (line: Buffer) => void

/**
 * Returns the reply that refuses a recipient, or a promise of it: a line of onescan.policy(5) refuses it, or
 * its mailbox is over quota. Returns undefined if it may pass. `path` must not change during the quota check.
 */
export function refuseRecipient(
  path: Buffer,
  mail: MailToCome,
  { rules, quota, log }: Pick<MailServices, 'rules' | 'quota' | 'log'>,
  client: SendingClient,
): SmtpReply | undefined | Promise<SmtpReply | undefined> {
  if (rules === undefined && quota === undefined) return undefined
  const recipient = readAddress(bareAddress(path))
  const byRule = rules && refuseByRule(recipient, mail, rules, client, log)
  if (byRule !== undefined) return byRule
  const { mayRelay, origin } = client
  if (!quota || !isQuotaChecked({ mayRelay, isBounceInjector: false }, quota)) return undefined
  return deferIfFull(recipient, mail, { quota, log }, origin, mailboxOf(recipient))
}

/**
 * Returns the reply that refuses this one recipient by a line of onescan.policy(5), and logs that.
 * Returns undefined if no line refuses it, or only a line that depends on the size of the message.
 */
function refuseByRule(
  recipient: MailAddress,
  { sender, size }: MailToCome,
  rules: Rules,
  { origin, mayRelay }: SendingClient,
  log: Log,
): SmtpReply | undefined {
  const { clientAddress, queueId } = origin
  const client = clientAddress === undefined ? undefined : parseIpAddress(clientAddress)
  const found = rules.findRefusal({ sender, recipient, client, mayRelay })
  if (found?.action.kind !== 'refuse') return undefined
  const reply = replyOf(refusalByRule(found.action.text, queueId))
  log(ruleLine(found.line, reply.code, { origin, sender, size, to: `<${recipient.text}>` }))
  return reply
}

/**
 * Resolves to the reply that defers this recipient, if its mailbox is over quota. Resolves to undefined if it
 * has room, or if its quota is unknown. Logs any answer except "room". Never rejects.
 */
export async function deferIfFull(
  recipient: MailAddress,
  { sender, size }: MailToCome,
  { quota, log }: { readonly quota: Pick<QuotaLookup, 'ask'>; readonly log: Log },
  origin: AnnouncedRecipient['origin'],
  mailbox = recipient,
): Promise<SmtpReply | undefined> {
  const answer = await quota
    .ask(mailbox, size)
    .catch((error): QuotaAnswer => ({ status: 'unknown', reason: errorText(error) }))
  if (answer.status === 'room') return undefined
  const reply = answer.status === 'full' ? replyOf(mailReply.overQuota(recipient)) : undefined
  log(quotaLine(answer, reply?.code, { origin, sender, size, to: `<${recipient.text}>` }))
  return reply
}

/**
 * Refuses a recipient that servers could interpret as different mailboxes, and logs that: a policy line about
 * one of them would apply to mail for another one. The refusal is temporary if the mail is in a queue.
 */
export function refuseNotPlain(
  path: Buffer,
  { sender }: Pick<MailToCome, 'sender'>,
  origin: Origin,
  log: Log,
  isQueued = false,
): SmtpReply {
  const reply = isQueued ? asDeferral(ownReply.notPlain) : ownReply.notPlain
  const decision = isQueued ? 'defer' : 'reject'
  log(notPlainLine(decision, reply.code, { origin, sender, to: path.toString('latin1') }))
  return reply
}
