import { writeSync } from 'node:fs'
import type { Decision } from '../../decision.ts'
import { type Envelope, redirect } from '../../envelope/envelope.ts'
import { openAnonymousFile, spoolFault } from '../../message/anonymous-file.ts'
import { editHeader } from '../../message/header-block.ts'
import type { Policy } from '../../policy/policy.ts'
import { type Input, replaceProcess } from '../../runtime/replace-process.ts'
import type { Transaction } from '../../transaction.ts'
import { type Chain, checkChain } from './chain.ts'
import { type ErrorReport, report } from './error-report.ts'
import { exit } from './exit-codes.ts'
import type { Journal } from './journal.ts'

/** What the slot has to carry a decision out with. */
export interface Outlet {
  readonly chain: Chain
  readonly environment: Readonly<Record<string, string>>
  readonly errorReport: ErrorReport
  /** This program's own file, which the chain must not be. */
  readonly self: string
}

/** Does what was decided; the exit code, unless this process became the next program. */
export async function carryOut(
  decision: Decision,
  transaction: Transaction,
  policy: Policy,
  outlet: Outlet,
  journal: Journal,
): Promise<number> {
  switch (decision.kind) {
    case 'accept':
      return handOn(decision, transaction, policy, outlet, journal)
    case 'reject':
    case 'defer':
      return say(report(decision.reply, outlet.errorReport), decision, journal)
    case 'discard':
      return say(exit.done, decision, journal)
  }
}

/** Nothing is looked at: the next program gets both descriptors as they came. */
export async function passThrough(
  { chain, environment, self }: Outlet,
  journal: Journal,
  why: string,
): Promise<number> {
  checkChain(chain, self)
  journal.passed(why)
  return replaceProcess({ ...chain, environment, inputs: undefined })
}

async function handOn(
  decision: Extract<Decision, { kind: 'accept' }>,
  { message, envelope }: Transaction,
  policy: Policy,
  { chain, environment, self }: Outlet,
  journal: Journal,
): Promise<number> {
  const { edits, recipients } = decision
  checkChain(chain, self)
  const edited = message.rewrite(editHeader(message.header, edits))
  const addressed = recipients ? redirect(envelope, recipients) : envelope
  const envelopeFile = spoolEnvelope(addressed, policy.spool.directory)
  message.removeNamedFile()
  journal.decided(decision, undefined)
  return replaceProcess({ ...chain, environment, inputs: [edited, envelopeFile] })
}

/** A file, not a pipe: nobody would be left to write into a pipe past its capacity. */
function spoolEnvelope({ wire }: Envelope, directory: string): Input {
  const fd = openAnonymousFile(directory)
  try {
    for (let done = 0; done < wire.length; ) done += writeSync(fd, wire, done)
  } catch (error) {
    throw spoolFault(`cannot write the envelope in ${directory}`, error)
  }
  return { fd, offset: 0 }
}

function say(code: number, decision: Decision, journal: Journal): number {
  journal.decided(decision, code)
  return code
}
