import { errorText, isFault } from '../../ground/errors/fault.ts'
import { causeOf } from '../shared/cause.ts'
import type { Limit } from '../shared/exceeded-limit.ts'
import type { ScanResult } from '../shared/scan-result.ts'
import {
  harmed,
  isLate,
  type MailSearch,
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
 * Asks each scanner about the last sample, and passes the other samples along with it. Local
 * scanners are asked only about whole messages; those with a search have their answer from it. Ends
 * at the first scanner whose answer ends the scan; what is excused does not.
 */
export async function askScanners(
  samples: readonly Sample[],
  run: ScanRun,
  task: ScanTask,
  searches: ReadonlyMap<Scanner, MailSearch>,
): Promise<PartialResult> {
  let outcome: PartialResult = {}
  for (const scanner of run.scanners) {
    const sample = sampleFor(scanner, samples)
    if (sample === undefined) continue
    const search = searches.get(scanner)
    const answer = search ? search.answer() : await askScanner(scanner, sample, task)
    outcome = joined(outcome, outcomeOf(answer, scanner, run))
    // A scanner says of several samples what it found first, and that may hide the rest.
    for (const single of outcome.excused && sample.beside ? [...sample.beside, sample] : []) {
      const { beside, ...alone } = single
      outcome = joined(outcome, outcomeOf(await askScanner(scanner, alone, task), scanner, run))
      if (outcome.result !== undefined) return outcome
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

/** The last of the samples that the scanner is asked about, with the others beside it. */
function sampleFor({ local }: Scanner, samples: readonly Sample[]): Sample | undefined {
  const own = local ? samples.filter(({ whole }) => !whole) : samples
  const last = own.at(-1)
  const beside = own.slice(0, -1)
  return last && beside.length > 0 ? { ...last, beside } : last
}

/**
 * Asks one scanner. If it throws, or outlives its deadline, the answer is *could not tell*. Throws
 * a Fault if our own spool fails: that is not an answer of a scanner.
 */
async function askScanner(
  scanner: Scanner,
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
