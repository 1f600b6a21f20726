import { type Envelope, redirect } from '../../envelope/envelope.ts'
import type { Decision, Quarantined } from '../../judge/decision.ts'
import type { Policy } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { openAnonymousFile, spoolFault } from '../../message/anonymous-file.ts'
import { editHeader } from '../../message/header-block.ts'
import type { SpooledMessage } from '../../message/spool.ts'
import { type Input, replaceProcess } from '../../runtime/replace-process.ts'
import { writeWhole } from '../../runtime/write-whole.ts'
import { type ErrorReport, report } from '../shared/error-report.ts'
import { exit } from '../shared/exit-codes.ts'
import type { Journal } from '../shared/journal.ts'
import { type Chain, checkChain } from './chain.ts'

/** The next program, what it sees, and this program's own file, which it must not be. */
export interface NextInLine extends Chain {
  readonly environment: Readonly<Record<string, string>>
  readonly self: string
}

/** What the slot carries a decision out with. */
export interface Outlet {
  readonly policy: Policy
  readonly chain: NextInLine
  readonly errorReport: ErrorReport
  readonly journal: Journal
}

/** Carries the decision out; the exit code, unless this process became the next program. */
export async function carryOut(
  decision: Decision,
  transaction: Transaction<SpooledMessage>,
  outlet: Outlet,
): Promise<number> {
  switch (decision.kind) {
    case 'accept':
      return handOn(decision, transaction, outlet)
    case 'reject':
    case 'defer':
      return answer(report(decision.reply, outlet.errorReport), decision, outlet)
    case 'discard':
      return answer(exit.done, decision, outlet)
    case 'quarantine':
      return answer(exit.done, await keep(decision, transaction, outlet), outlet)
  }
}

/** Nothing is looked at: the next program gets both descriptors as they came. */
export async function passThrough(
  chain: NextInLine,
  journal: Journal,
  why: string,
): Promise<number> {
  checkChain(chain, chain.self)
  journal.passed(why)
  return replaceProcess({ ...chain, inputs: undefined })
}

async function handOn(
  decision: Extract<Decision, { kind: 'accept' }>,
  { message, envelope }: Transaction<SpooledMessage>,
  { policy, chain, journal }: Outlet,
): Promise<number> {
  checkChain(chain, chain.self)
  const { edits, recipients } = decision
  const edited = message.rewrite(editHeader(message.header, edits))
  const addressed = recipients ? redirect(envelope, recipients) : envelope
  const envelopeFile = spoolEnvelope(addressed, policy.spool.directory)
  message.removeNamedFile()
  journal.decided(decision, undefined)
  return replaceProcess({ ...chain, inputs: [edited, envelopeFile] })
}

async function keep(
  decision: Quarantined,
  transaction: Transaction,
  { journal }: Outlet,
): Promise<Quarantined> {
  const { keepInQuarantine } = await import('../shared/keep-message.ts')
  return keepInQuarantine(decision, transaction, exit.done, journal.about())
}

/** A file, not a pipe: no process would be left to write into a pipe past its capacity. */
export function spoolEnvelope({ wire }: Envelope, directory: string): Input {
  const fd = openAnonymousFile(directory)
  try {
    writeWhole(fd, wire)
  } catch (error) {
    throw spoolFault(`cannot write the envelope in ${directory}`, error)
  }
  return { fd, offset: 0 }
}

function answer(code: number, decision: Decision, { journal }: Outlet): number {
  journal.decided(decision, code)
  return code
}
