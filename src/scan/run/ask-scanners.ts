import { errorText, isFault } from '../../ground/errors/fault.ts'
import { causeOf } from '../shared/cause.ts'
import type { Limit } from '../shared/exceeded-limit.ts'
import type { ScanResult } from '../shared/scan-result.ts'
import {
  type ContentScanner,
  harmed,
  isLate,
  type MailSearch,
  type PolicyScanner,
  type Sample,
  type Scanner,
  type ScannerAnswer,
  type ScanTask,
  unknown,
} from '../shared/scanner.ts'
import { lend } from './lend.ts'
import type { ScanRun } from './scan-run.ts'

/** Milliseconds that a scanner has for ending its work once the signal has come. */
const GRACE = 1000

/** What came of asking scanners. */
export interface PartialResult {
  /** The result that ends the scan. */
  readonly result?: ScanResult | undefined
  /** What was found and is excused, if the scan goes on all the same. */
  readonly excused?: ScanResult | undefined
  /** What a limit left unscanned, if the scan goes on all the same. */
  readonly unscanned?: string | undefined
}

/**
 * Asks each scanner about the last sample, and passes the other samples along with it. Local policy
 * answers by its search when a whole message is asked about. Ends at the first scanner whose answer
 * ends the scan; what is excused does not.
 */
export async function askScanners(
  samples: readonly Sample[],
  run: ScanRun,
  task: ScanTask,
  searches: ReadonlyMap<PolicyScanner, MailSearch>,
): Promise<PartialResult> {
  const sample = together(samples)
  if (sample === undefined) return {}
  let outcome: PartialResult = {}
  for (const scanner of run.scanners) {
    if (scanner.local) {
      const answer = sample.whole ? undefined : searches.get(scanner)?.answer()
      if (answer) outcome = joined(outcome, outcomeOf(answer, scanner, run))
    } else {
      const asked = outcomeOf(await askScanner(scanner, sample, task), scanner, run)
      outcome = joined(outcome, asked)
      // A scanner says of several samples what it found first, and that may hide the rest.
      for (const single of asked.excused && sample.beside ? samples : []) {
        const alone = outcomeOf(await askScanner(scanner, single, task), scanner, run)
        outcome = joined(outcome, alone)
        if (outcome.result !== undefined) break
      }
    }
    if (outcome.result !== undefined) return outcome
  }
  return outcome
}

/** What came of two answers, of which the first did not end the scan. */
function joined(first: PartialResult, then: PartialResult): PartialResult {
  return {
    result: then.result,
    excused: first.excused ?? then.excused,
    unscanned: first.unscanned ?? then.unscanned,
  }
}

/** The last of the samples, with the others beside it. */
function together(samples: readonly Sample[]): Sample | undefined {
  const last = samples.at(-1)
  return last && samples.length > 1 ? { ...last, beside: samples.slice(0, -1) } : last
}

/**
 * Asks one scanner. If it throws, or outlives its deadline, the answer is *could not tell*. Throws
 * a Fault if our own spool fails: that is not an answer of a scanner.
 */
async function askScanner(
  scanner: ContentScanner,
  sample: Sample,
  task: ScanTask,
): Promise<ScannerAnswer> {
  const { signal } = task
  let timer: NodeJS.Timeout | undefined
  let giveUp = () => {}
  const tooLate = new Promise<ScannerAnswer>((resolve) => {
    giveUp = () => {
      const answer = isLate(signal)
        ? harmed('no answer in time', 'timeout')
        : unknown('nobody waits for the answer', 'timeout')
      timer = setTimeout(() => resolve(answer), GRACE)
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
  })
  const lent = lend(sample)
  try {
    return await Promise.race([scanner.scan(lent.sample, task), tooLate])
  } catch (error) {
    if (isFault(error) && (error.kind === 'temp-file' || error.kind === 'write')) throw error
    return unknown(errorText(error), causeOf(error))
  } finally {
    lent.takeBack()
    signal.removeEventListener('abort', giveUp)
    clearTimeout(timer)
  }
}

/** What the answer of one scanner means for the scan. */
function outcomeOf(answer: ScannerAnswer, scanner: Scanner, run: ScanRun): PartialResult {
  if (answer.answer === 'clean') return {}
  if (answer.answer === 'infected') {
    const { name, banned = false } = answer
    const found = { answer: 'infected', scanner: scanner.name, name, banned } as const
    return run.isExcused?.(found) ? { excused: found } : { result: found }
  }
  const why = withName(scanner, answer.why)
  const { over } = answer
  if (over !== undefined && mayPass(over, run)) return { unscanned: why }
  if (over === 'depth') return { result: { answer: 'nested', why } }
  if (over === 'contents') {
    return { result: { answer: 'crowded', why, limit: `the limits of ${scanner.name}` } }
  }
  const { cause, harmful, unfinished } = answer
  const more = { cause, ...(harmful && { harmful }), ...(unfinished && { unfinished }) }
  return { result: { answer: 'unknown', scanner: scanner.name, why, ...more } }
}

/** Whether policy accepts a message of which this limit left something unscanned. */
function mayPass(over: Limit, { oversize, nesting }: ScanRun): boolean {
  return over === 'size' ? oversize === 'accept' : nesting.action === 'accept'
}

function withName({ name }: Scanner, why: string): string {
  return why.includes(name) ? why : `${name}: ${why}`
}
