import { Fault } from '../../base/errors/fault.ts'
import type { LogContext } from '../log/message-lines.ts'
import type { MailReporter } from '../observe/live/process-report.ts'
import type { Deadline } from '../scan/judge/context/deadline.ts'
import type { JudgeContext } from '../scan/judge/context/judge-context.ts'
import type { Transaction } from '../scan/judge/context/transaction.ts'
import type {
  Decision,
  QuarantineDecision,
  SplitDecision,
} from '../scan/judge/decision/decision.ts'
import type { AnswerMode } from '../scan/judge/decision/divide.ts'
import { judge } from '../scan/judge/judge.ts'

/**
 * The functions that handleMail() needs from a door: how it answers, and how it carries a decision out.
 */
export interface DoorAdapter<Answer> {
  /** How the door answers for several recipients. */
  readonly answers: AnswerMode
  /** Shows operators that the message is being judged. */
  readonly showBegun?: MailReporter['begin'] | undefined
  /** Whether the MTA holds mail in its own queue (QUARANTINE hold). */
  readonly isHeldByMta?: boolean
  /** Returns what the log line of a quarantined message has in addition to the decision, at the time of the call. */
  logContext(): LogContext
  /**
   * Carries the decision out and logs it. For quarantined messages the decision contains their ids. If it throws,
   * the client sends the message again.
   */
  carryOut(decision: Decision): Promise<Answer> | Answer
  /**
   * Returns whether this recipient's acceptance has not been sent yet. Without this function, no acceptance
   * was sent if `carryOut` throws.
   */
  isUnsent?(recipient: number): boolean
}

/**
 * Handles a complete message for every door. Resolves to the answer.
 *
 * 1. It judges the message.
 * 2. It keeps the message in quarantine for the recipients for whom the decision requires that.
 * 3. The door carries the decision out.
 *
 * Rejects with the errors of the door, and with a Fault if no client waits for the answer any longer, or the
 * message cannot be quarantined. Quarantined copies are then removed, because each attempt of the client would
 * add one.
 */
export async function handleMail<Answer>(
  transaction: Transaction,
  context: JudgeContext,
  deadline: Deadline,
  adapter: DoorAdapter<Answer>,
): Promise<Answer> {
  const decision = await decideFor(adapter, transaction, context, deadline)
  if (!needsQuarantine(decision, adapter.isHeldByMta)) return adapter.carryOut(decision)
  const { quarantineAsDecided, errorAfterWithdrawal } = await import('./quarantine-as-decided.ts') // little mail needs it
  const decided = await quarantineAsDecided(decision, transaction, adapter.logContext())
  try {
    failIfGone(deadline)
    return await adapter.carryOut(decided)
  } catch (error) {
    const mayGo = (recipient: number) => adapter.isUnsent?.(recipient) ?? true
    throw await errorAfterWithdrawal(error, decided, transaction, mayGo)
  }
}

async function decideFor(
  { answers, showBegun }: DoorAdapter<unknown>,
  transaction: Transaction,
  context: JudgeContext,
  deadline: Deadline,
): Promise<Decision> {
  const { message, envelope, client } = transaction
  const shown = client.origin && {
    interfaceName: client.origin.interface,
    remote: client.origin.clientAddress,
    from: envelope.sender.text,
    size: message.size,
  }
  const endShowing = shown && showBegun?.(shown)
  const endJudging = context.tools.verdicts?.beginJudging()
  try {
    const judged = await judgeWithRules(transaction, context, deadline, answers)
    failIfGone(deadline)
    return judged
  } finally {
    endJudging?.()
    endShowing?.()
  }
}

function failIfGone({ gone }: Deadline): void {
  if (gone?.aborted) throw new Fault('read', 'the connection ended before the answer')
}

function needsQuarantine(
  decision: Decision,
  isHeldByMta = false,
): decision is QuarantineDecision | SplitDecision {
  if (decision.kind === 'quarantine') return decision.quarantine.kind !== 'hold' || !isHeldByMta
  return decision.kind === 'split'
}

/** Judges a message by the rules of onescan.policy, if there are any. */
async function judgeWithRules(
  transaction: Transaction,
  context: JudgeContext,
  deadline: Deadline,
  answers: AnswerMode,
): Promise<Decision> {
  const { rules } = context
  if (rules === undefined) return judge(transaction, context, deadline)
  const { judgeByRules } = await import('../scan/judge/judge-by-rules.ts') // few sites have rules
  return judgeByRules(transaction, { ...context, rules }, deadline, answers)
}
