import { Fault } from '../../ground/errors/fault.ts'
import type { Decision, QuarantineDecision, SplitDecision } from '../../scan/judge/decision.ts'
import type { AnswerMode } from '../../scan/judge/divide.ts'
import { judge } from '../../scan/judge/engine.ts'
import { adapt, type Site } from '../../scan/judge/site.ts'
import type { Transaction } from '../../scan/judge/transaction.ts'
import type { MailReporter } from '../observe/live/process-report.ts'
import type { LogContext } from './log/log-lines.ts'

/** What a door says about how a message is settled. */
export interface SettleOptions {
  /** How the door answers for several recipients. */
  readonly answers: AnswerMode
  /**
   * Aborted when nobody needs the answer any more. Scanners end their work then, and nothing is
   * kept.
   */
  readonly gone?: AbortSignal
  /** Shows operators that the message is being judged. */
  readonly begin?: MailReporter['begin'] | undefined
  /**
   * Returns the decision that counts at this door, before anything is kept. Throws if the door
   * cannot carry it out.
   */
  readonly check?: ((decision: Decision) => Decision) | undefined
  /** Whether the MTA holds mail in a queue of its own (QUARANTINE hold). */
  readonly mtaHolds?: boolean
  /** The exit code that the log line of a kept message tells. */
  readonly code?: number
  /** What that line says besides the decision, at the moment of the call. */
  readonly about: () => LogContext
}

/**
 * Judges a message, and keeps it in quarantine for those recipients for whom that is decided.
 * Resolves with the decision, which the door logs and carries out; kept messages have their ids in
 * it. Rejects with a Fault if `gone` is aborted, or the message cannot be kept.
 */
export async function settle(
  transaction: Transaction,
  site: Site,
  options: SettleOptions,
): Promise<Decision> {
  const { message, envelope, client } = transaction
  const { answers, gone, begin, check = unchanged, mtaHolds, code, about } = options
  const shown = client.origin && {
    door: client.origin.door,
    remote: client.origin.clientAddress,
    from: envelope.sender.text,
    size: message.size,
  }
  const endShowing = shown && begin?.(shown)
  try {
    const judged = await judgeBy(transaction, site, answers, gone)
    if (gone?.aborted) throw new Fault('read', UNANSWERED)
    const decision = check(judged)
    if (!needsKeeping(decision, mtaHolds)) return decision
    const { keepAsDecided, withdrawKept } = await import('./keep-message.ts') // little mail needs it
    const kept = await keepAsDecided(decision, transaction, code, about())
    if (!gone?.aborted) return kept
    const trouble = [UNANSWERED]
    await withdrawKept(kept, transaction, (line) => trouble.push(line), () => true) // biome-ignore format: a line
    throw new Fault('read', trouble.join('; '))
  } finally {
    endShowing?.()
  }
}

const UNANSWERED = 'the connection ended before the answer'

const unchanged = (decision: Decision) => decision

function needsKeeping(
  decision: Decision,
  mtaHolds = false,
): decision is QuarantineDecision | SplitDecision {
  if (decision.kind === 'quarantine') return decision.quarantine.kind !== 'hold' || !mtaHolds
  return decision.kind === 'split'
}

/** Judges a message by the rules of onescan.policy, if there are any. */
export async function judgeBy(
  transaction: Transaction,
  site: Site,
  answers: AnswerMode,
  gone?: AbortSignal,
): Promise<Decision> {
  const own = adapt(site, ({ tools }) => ({ tools: { ...tools, gone } }))
  const { rules } = own
  if (rules === undefined) return judge(transaction, own)
  const { judgeByRules } = await import('../../scan/judge/by-rule.ts') // few sites have rules
  return judgeByRules(transaction, { ...own, rules }, answers)
}
