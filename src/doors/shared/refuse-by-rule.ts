import { logLine } from '../../ground/errors/log.ts'
import { parseIpAddress } from '../../ground/net/ip-address.ts'
import { refusalByRule } from '../../judge/refusal-text.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import type { Rules } from '../../rules/match.ts'
import type { RecipientInQuestion } from './log/quota-line.ts'
import { replyOf } from './replies/smtp-reply.ts'
import type { SmtpReply } from './wire/reply-lines.ts'

/** What a door knows about the client that names a recipient. */
export interface AskingClient {
  readonly origin: Origin
  /** Whether the client may relay or has authenticated. */
  readonly relay: boolean
  readonly log: (line: Buffer) => void
}

/**
 * Returns the reply that refuses this one recipient by a line of onescan.policy(5), and logs that.
 * Returns undefined if no line refuses it, or only a line that depends on the size of the message.
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
