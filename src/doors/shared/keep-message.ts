import { hostname } from 'node:os'
import { recipientsOf } from '../../envelope/envelope.ts'
import type { Quarantined } from '../../judge/decision.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { keepMessage } from '../../quarantine/keep.ts'
import { makeId } from '../../quarantine/names.ts'
import { Fault } from '../../runtime/fault.ts'
import { type Circumstances, decisionLines } from './log-lines.ts'

/**
 * Keeps the message of such a decision: when this resolves it is on the disk, and the decision has
 * the name under which it is kept. Rejects with a Fault if it is not: then it must not be
 * accepted. `code` and `about` are what its line in the log will tell, which is kept beside it.
 */
export async function keepInQuarantine(
  decision: Quarantined,
  { message, envelope, client }: Transaction,
  code: number | undefined,
  about: Circumstances,
): Promise<Quarantined> {
  const { place, grounds, findings } = decision
  if (place.kind === 'hold') {
    throw new Fault('config', 'QUARANTINE hold: only a milter can do that; set a directory')
  }
  const now = Date.now()
  const id = makeId(now, Buffer.from(crypto.getRandomValues(new Uint8Array(8))))
  const kept = { ...decision, id }
  const [log] = decisionLines(kept, code, { ...about, told: undefined })
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
