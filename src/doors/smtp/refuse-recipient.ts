import { isAskedAbout } from '../../judge/over-quota.ts'
import { readAddress } from '../../message/envelope/address.ts'
import { refuseByRule } from '../shared/refuse-by-rule.ts'
import { refuseFull } from '../shared/refuse-full.ts'
import { bareAddress } from '../shared/wire/smtp-path.ts'
import type { SendingClient } from './sending-client.ts'
import type { SmtpServer } from './server.ts'
import type { SmtpTransaction } from './transaction.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

/**
 * Resolves to the reply that refuses a recipient before the next server hears of it: a line of
 * onescan.policy(5) refuses it, or its mailbox is over quota. Resolves to undefined if it may pass.
 */
export async function refuseRecipient(
  path: Buffer,
  { sender, size }: Pick<SmtpTransaction, 'sender' | 'size'>,
  { origin, relay }: SendingClient,
  { rules, quota, log }: Pick<SmtpServer, 'rules' | 'quota' | 'log'>,
): Promise<RawReply | undefined> {
  if (rules === undefined && quota === undefined) return undefined
  const about = { recipient: readAddress(bareAddress(path)), sender, size }
  const byRule = rules && refuseByRule(about, rules, { origin, relay, log })
  if (byRule !== undefined) return rawReply(byRule)
  if (!quota || !isAskedAbout({ relay, bounceInjector: false }, quota)) return undefined
  const question = { ...about, remote: origin.clientAddress }
  const full = await refuseFull(question, quota, { door: 'smtp', log })
  return full && rawReply(full)
}
