import { hostname } from 'node:os'
import { errorText, Fault, faultKindOf } from '../../base/errors/fault.ts'
import type { Message } from '../../mail/message/message.ts'
import { decisionLines, type LogContext } from '../log/message-lines.ts'
import type { Transaction } from '../scan/judge/context/transaction.ts'
import type {
  Acceptance,
  Decision,
  QuarantineDecision,
  Share,
  SingleDecision,
  SplitDecision,
} from '../scan/judge/decision/decision.ts'
import { makeId } from '../scan/quarantine/entries.ts'
import { quarantineMessage, removeQuarantined } from '../scan/quarantine/quarantine-message.ts'

/**
 * Quarantines the message, for all recipients or for some. Resolves to the decision, with the id of
 * the quarantined message, when the message is on the disk. Rejects with a Fault if that fails, except for a bounce:
 * a bounce that cannot be quarantined is accepted with its tag, because qmail-send would inject it again for days.
 */
export async function quarantineAsDecided(
  decision: QuarantineDecision | SplitDecision,
  transaction: Transaction,
  logContext: LogContext,
): Promise<QuarantineDecision | Acceptance | SplitDecision> {
  if (decision.kind === 'quarantine') return quarantineOrTag(decision, transaction, logContext)
  const shares: Share[] = []
  try {
    for (const { decision: own, envelope } of decision.shares) {
      const part = { ...transaction, envelope }
      const done = own.kind === 'quarantine' ? await quarantineOrTag(own, part, logContext) : own
      shares.push({ decision: done, envelope })
    }
  } catch (error) {
    throw await errorAfterWithdrawal(error, { ...decision, shares }, transaction)
  }
  return { ...decision, shares }
}

async function quarantineOrTag(
  decision: QuarantineDecision,
  transaction: Transaction,
  logContext: LogContext,
): Promise<QuarantineDecision | Acceptance> {
  try {
    return await storeInQuarantine(decision, transaction, logContext)
  } catch (error) {
    if (!transaction.client.isBounceInjector) throw error
    const { edits, details } = decision
    const reason = [details.reason, `not quarantined: ${errorText(error)}`]
      .filter(Boolean)
      .join('; ')
    return { kind: 'accept', edits, details: { ...details, reason } }
  }
}

/**
 * Removes the quarantined copies after an error. Resolves to that error, which names the copies that could not be
 * removed. `mayGo` is that of withdrawQuarantined(). By default all copies are removed.
 */
export async function errorAfterWithdrawal(
  error: unknown,
  decision: Decision,
  transaction: Pick<Transaction, 'message'>,
  mayGo: (recipient: number) => boolean = () => true,
): Promise<unknown> {
  const trouble: string[] = []
  await withdrawQuarantined(decision, transaction, (line) => trouble.push(line), mayGo)
  if (trouble.length === 0) return error
  return new Fault(faultKindOf(error), [errorText(error), ...trouble].join('; '), error)
}

/**
 * Removes the quarantined copies because the client will send the message again: it was asked to, or received no
 * answer. If the message is split, a share stays in quarantine if `mayGo` is false for one of its recipients, whose
 * acceptance was sent. Resolves to the decision without the ids. Passes a line about a message that cannot be
 * removed to `complain`. Never rejects.
 */
export async function withdrawQuarantined(
  decision: Decision,
  { message }: Pick<Transaction, 'message'>,
  complain: (line: string) => void,
  mayGo: (recipient: number) => boolean,
): Promise<Decision> {
  if (decision.kind !== 'split') return withdraw(decision, message, complain)
  const { shareOf } = decision
  const shares: Share[] = []
  for (const [number, { decision: own, envelope }] of decision.shares.entries()) {
    const stays = shareOf.some((share, recipient) => share === number && !mayGo(recipient))
    const left = stays ? own : await withdraw(own, message, complain)
    shares.push({ decision: left, envelope })
  }
  return { ...decision, shares }
}

async function withdraw(
  whole: SingleDecision,
  { size }: Pick<Message, 'size'>,
  complain: (line: string) => void,
): Promise<SingleDecision> {
  if (whole.kind !== 'quarantine' || whole.id === undefined) return whole
  const { id, wasQuarantined, ...decision } = whole
  if (wasQuarantined) return decision
  const { quarantine, grounds } = decision
  try {
    if (quarantine.kind === 'directory')
      await removeQuarantined(quarantine.directory, { grounds, id, size })
  } catch (error) {
    complain(
      `${id} stays in quarantine, although its client will send it again: ${errorText(error)}`,
    )
  }
  return decision
}

/**
 * Quarantines a message. Resolves when it is on the disk, to the decision with the id of the quarantined
 * message. Rejects with a Fault if that fails: then it must not be accepted. `logContext` is for
 * its log line, which is stored with it.
 */
async function storeInQuarantine(
  decision: QuarantineDecision,
  transaction: Transaction,
  logContext: LogContext,
): Promise<QuarantineDecision> {
  const { message, envelope, client } = transaction
  const { quarantine, grounds, details } = decision
  if (quarantine.kind === 'hold') {
    throw new Fault('config', 'QUARANTINE hold: only the milter can hold mail; set a directory')
  }
  const now = Date.now()
  const id = makeId(now, (random) => crypto.getRandomValues(random))
  const [log] = decisionLines({ ...decision, id }, { ...logContext, transaction })
  const storedId = await quarantineMessage(
    quarantine.directory,
    {
      id,
      time: new Date(now).toISOString(),
      host: hostname(),
      door: client.origin?.interface ?? 'qmail',
      grounds,
      found: details.virus ?? details.banned,
      remote: client.origin?.clientAddress,
      queue: client.origin?.queueId,
      sender: envelope.sender.text,
      recipients: Array.from(envelope.recipients, ({ text }) => text),
      log: log!.toString('latin1').trimEnd(),
    },
    message,
  )
  return { ...decision, id: storedId, wasQuarantined: storedId !== id }
}
