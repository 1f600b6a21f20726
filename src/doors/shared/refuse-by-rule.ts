import { logLine } from '../../ground/errors/log.ts'
import { parseIpAddress } from '../../ground/net/ip-address.ts'
import { refusalByRule } from '../../judge/refusal-text.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import type { Rules } from '../../rules/match.ts'
import type { RecipientInQuestion } from './log/quota-line.ts'
import { replyOf } from './replies/smtp-reply.ts'
import type { SmtpReply } from './wire/reply-lines.ts'

/** What a door knows of who names a recipient. */
export interface AskingClient {
  readonly origin: Origin
  /** May relay, or has authenticated. */
  readonly relay: boolean
  readonly log: (line: Buffer) => void
}

/**
 * The reply that refuses this one recipient by a line of onescan.policy(5), which is logged, or
 * undefined if it may pass: none does, or it hangs on the size of the message.
 */
export function refuseByRule(
  about: Omit<RecipientInQuestion, 'remote'>,
  rules: Rules,
  { origin, relay, log }: AskingClient,
): SmtpReply | undefined {
  const { door, clientAddress, queueId } = origin
  const client = clientAddress === undefined ? undefined : parseIpAddress(clientAddress)
  const { sender, recipient } = about
  const found = rules.findRefusal({ sender, recipient, client, auth: relay })
  if (found?.action.kind !== 'refuse') return undefined
  const reply = replyOf(refusalByRule(found.action.text, queueId))
  log(
    logLine([
      ['decision', 'reject'],
      ['grounds', 'policy'],
      ['rule', found.line],
      ['reply', reply.code],
      ['door', door],
      ['queue', queueId],
      ['remote', clientAddress],
      ['size', about.size],
      ['from', `<${sender.text}>`],
      ['to', `<${recipient.text}>`],
    ]),
  )
  return reply
}
