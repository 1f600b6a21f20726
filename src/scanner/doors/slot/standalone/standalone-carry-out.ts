import { putInPlace, replaceProcess } from '../../../../base/process/execute.ts'
import { type Envelope, redirect } from '../../../../mail/message/envelope.ts'
import { editHeader, type HeaderEdits } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { openAnonymousFile, writeAll } from '../../../../mail/message/spool.ts'
import type { Transaction } from '../../../scan/judge/context/transaction.ts'
import type { Acceptance, Decision } from '../../../scan/judge/decision/decision.ts'
import { acceptedShare } from '../../../scan/judge/decision/divide.ts'
import { type ErrorReport, report } from '../error-report.ts'
import { slotExit } from '../exit-codes.ts'
import { requireNextProgram, type SlotNextProgram } from '../next-program.ts'
import { requireMessage } from './receive.ts'
import type { SlotLog } from './slot-log.ts'

/**
 * The next program and its environment, and the file of this very program, which the next one must
 * not be.
 */
export interface NextProgramCall extends SlotNextProgram {
  readonly environment: Readonly<Record<string, string>>
  readonly self: string
}

/** The values needed to carry a decision out. */
export interface SlotContext {
  readonly nextProgram: NextProgramCall
  readonly errorReport: ErrorReport
  readonly slotLog: SlotLog
  /** The directory for the files that the next program reads. */
  readonly directory: string
}

/** The mail that the next program gets, and what is edited in its header. */
interface HandedOn {
  readonly message: Message
  readonly edits: HeaderEdits
  readonly envelope: Envelope
}

/** Carries the decision out. Returns the exit code, unless this process became the next program. */
export function carryOutStandalone(
  decision: Decision,
  transaction: Transaction,
  context: SlotContext,
): number {
  const { errorReport, slotLog } = context
  const answer = (code: number) => {
    slotLog.decided(decision, code)
    return code
  }
  const accept = ({ edits, recipients }: Acceptance, { message, envelope }: Transaction) => {
    const to = recipients ? redirect(envelope, recipients) : envelope
    return executeNext({ message, edits, envelope: to }, context, () => slotLog.decided(decision))
  }
  switch (decision.kind) {
    case 'accept':
      return accept(decision, transaction)
    case 'reject':
    case 'defer':
      return answer(report(decision.reply, errorReport))
    case 'discard':
    case 'quarantine':
      return answer(slotExit.done)
    case 'split': {
      // For the others the message is in quarantine by now.
      const share = acceptedShare(decision)!
      return accept(share.decision, { ...transaction, envelope: share.envelope })
    }
  }
}

/**
 * Executes the next program, which inherits both descriptors unread. Throws a Fault if there is no message.
 */
export function passThrough(
  { nextProgram, slotLog }: Pick<SlotContext, 'nextProgram' | 'slotLog'>,
  reason: string,
): never {
  requireNextProgram(nextProgram, nextProgram.self)
  requireMessage()
  slotLog.passed(reason)
  return replaceProcess(nextProgram)
}

/** Becomes the next program, with the edited message. Calls `log` when nothing but the exec is left. */
export function executeNext(
  { message, edits, envelope }: HandedOn,
  { nextProgram, directory }: SlotContext,
  log: () => void,
): never {
  requireNextProgram(nextProgram, nextProgram.self)
  const messageFile = fileOf(edited(message, edits), directory)
  const envelopeFile = fileOf([envelope.wire], directory)
  putInPlace(messageFile, envelopeFile)
  log()
  return replaceProcess(nextProgram)
}

function* edited(message: Message, edits: HeaderEdits): Generator<Buffer> {
  yield editHeader(message.header, edits)
  yield* message.body.chunks()
}

/**
 * Writes bytes into a file for the next program. It is not a pipe, because no process would be left to write
 * into a pipe what is beyond its capacity.
 */
function fileOf(chunks: Iterable<Buffer>, directory: string): number {
  const fd = openAnonymousFile(directory)
  let at = 0
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, `${directory} (TMPDIR)`)
    at += chunk.length
  }
  return fd
}
