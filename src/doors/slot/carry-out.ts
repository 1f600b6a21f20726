import { replaceProcess } from '../../ground/process/execute.ts'
import { redirect } from '../../mail/message/envelope/envelope.ts'
import { editHeader, type HeaderEdits } from '../../mail/message/header-block.ts'
import type { Message } from '../../mail/message/message.ts'
import { openAnonymousFile, writeAllOf } from '../../mail/message/spool.ts'
import type { Decision, SingleDecision, SplitDecision } from '../../scan/judge/decision.ts'
import { acceptedShare } from '../../scan/judge/divide.ts'
import type { Policy } from '../../scan/judge/policy.ts'
import type { Transaction } from '../../scan/judge/transaction.ts'
import { type ErrorReport, report } from '../shared/replies/error-report.ts'
import { exit } from '../shared/replies/exit-codes.ts'
import { type Chain, checkChain } from './chain.ts'
import type { SlotLog } from './log.ts'

/**
 * The next program and its environment, and the file of this very program, which the next one must
 * not be.
 */
export interface ChainCall extends Chain {
  readonly environment: Readonly<Record<string, string>>
  readonly self: string
}

/** What is needed to carry a decision out. */
export interface SlotContext {
  readonly policy: Policy
  readonly chain: ChainCall
  readonly errorReport: ErrorReport
  readonly slotLog: SlotLog
}

/**
 * Carries the decision out. Resolves with the exit code, unless this process became the next
 * program.
 */
export async function carryOut(
  decision: Decision,
  transaction: Transaction,
  context: SlotContext,
): Promise<number> {
  switch (decision.kind) {
    case 'accept':
      return handOn(decision, transaction, decision, context)
    case 'reject':
    case 'defer':
      return answer(report(decision.reply, context.errorReport), decision, context)
    case 'discard':
    case 'quarantine':
      return answer(exit.done, decision, context)
    case 'split':
      return handOnShare(decision, transaction, context)
  }
}

/**
 * Becomes the next program, which gets both descriptors as they came: nothing was read from them.
 */
export async function passThrough(
  chain: ChainCall,
  slotLog: SlotLog,
  why: string,
): Promise<number> {
  checkChain(chain, chain.self)
  slotLog.passed(why)
  return replaceProcess({ ...chain, inputs: undefined })
}

/**
 * Becomes the next program, with the edited message. `decided` is what the log says: it may be more
 * than this acceptance.
 */
async function handOn(
  { edits, recipients }: Extract<SingleDecision, { kind: 'accept' }>,
  { message, envelope }: Transaction,
  decided: Decision,
  { policy, chain, slotLog }: SlotContext,
): Promise<number> {
  checkChain(chain, chain.self)
  const { directory } = policy.spool
  const messageFile = fileOf(edited(message, edits), directory)
  const addressed = recipients ? redirect(envelope, recipients) : envelope
  const envelopeFile = fileOf([addressed.wire], directory)
  message.removeNamedFile()
  slotLog.decided(decided, undefined)
  return replaceProcess({ ...chain, inputs: [messageFile, envelopeFile] })
}

/**
 * Hands the message on to those recipients who get it. For the others it is in quarantine by now.
 */
async function handOnShare(
  split: SplitDecision,
  transaction: Transaction,
  context: SlotContext,
): Promise<number> {
  const { decision, envelope } = acceptedShare(split)!
  return handOn(decision, { ...transaction, envelope }, split, context)
}

/** Yields the message with its edited header. */
export function* edited(message: Message, edits: HeaderEdits): Generator<Buffer> {
  yield editHeader(message.header, edits)
  yield* message.body.chunks()
}

/**
 * Writes bytes into a file for the next program. It is not a pipe, because no process would be left to write
 * into a pipe what is beyond its capacity.
 */
export function fileOf(chunks: Iterable<Buffer>, directory: string): number {
  const fd = openAnonymousFile(directory)
  writeAllOf(fd, chunks, 0, directory)
  return fd
}

function answer(code: number, decision: Decision, { slotLog }: SlotContext): number {
  slotLog.decided(decision, code)
  return code
}
