import { hostname } from 'node:os'
import { Fault } from '../../ground/errors/fault.ts'
import type { Decision, QuarantineDecision, Share } from '../../judge/decision.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { recipientsOf } from '../../message/envelope/envelope.ts'
import { keepMessage } from '../../quarantine/keep.ts'
import { makeId, RANDOM_BYTES } from '../../quarantine/names.ts'
import { decisionLines, type LogContext } from './log/log-lines.ts'

/**
 * The decision, once the message is on the disk for whom it is to be kept; others are as they
 * were. Rejects as below.
 */
export async function keepAsDecided<Kind extends Decision>(
  decision: Kind,
  transaction: Transaction,
  code: number | undefined,
  about: LogContext,
): Promise<Kind>
export async function keepAsDecided(
  decision: Decision,
  transaction: Transaction,
  code: number | undefined,
  about: LogContext,
): Promise<Decision> {
  if (decision.kind === 'quarantine') return keepInQuarantine(decision, transaction, code, about)
  if (decision.kind !== 'split') return decision
  const shares: Share[] = []
  for (const { decision: own, envelope } of decision.shares) {
    const those = { ...transaction, envelope }
    const told = { ...about, transaction: those }
    const kept = own.kind === 'quarantine' ? await keepInQuarantine(own, those, code, told) : own
    shares.push({ decision: kept, envelope })
  }
  return { ...decision, shares }
}

/**
 * Keeps the message of such a decision: when this resolves it is on the disk, and the decision has
 * the name under which it is kept. Rejects with a Fault if it is not: then it must not be
 * accepted. `code` and `about` are what its line in the log will tell, which is kept beside it.
 */
export async function keepInQuarantine(
  decision: QuarantineDecision,
  { message, envelope, client }: Transaction,
  code: number | undefined,
  about: LogContext,
): Promise<QuarantineDecision> {
  const { place, grounds, findings } = decision
  if (place.kind === 'hold') {
    throw new Fault('config', 'QUARANTINE hold: only a milter can do that; set a directory')
  }
  const now = Date.now()
  const id = makeId(now, Buffer.from(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))))
  const kept = { ...decision, id }
  const [log] = decisionLines(kept, code, { ...about, onLine: undefined })
  await keepMessage(
    place.directory,
    {
      id,
      time: new Date(now).toISOString(),
      host: hostname(),
      door: client.origin?.door ?? 'slot',
      grounds,
      found: findings.virus ?? findings.banned,
      remote: client.origin?.clientAddress,
      queue: client.origin?.queueId,
      sender: envelope.sender.text,
      recipients: Array.from(recipientsOf(envelope), ({ text }) => text),
      log: log!.toString('latin1').trimEnd(),
    },
    message,
  )
  return kept
}
