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

/** What a scan has passed over: it goes on, since something else may be found. */
export interface PassedOver {
  /** What was found first and is excused. */
  excused?: ScanResult
  /** What a limit left unscanned. */
  unscanned?: string
}

/**
 * Asks each scanner about the last sample, and passes the other samples along with it. Local policy
 * answers by its search when a whole message is asked about. Returns the result that ends the scan, of
 * the first scanner that gives one; notes in `passed` what does not end it.
 */
export async function askScanners(
  samples: readonly Sample[],
  run: ScanRun,
  task: ScanTask,
  searches: ReadonlyMap<PolicyScanner, MailSearch>,
  passed: PassedOver,
): Promise<ScanResult | undefined> {
  const sample = together(samples)
  if (sample === undefined) return undefined
  for (const scanner of run.scanners) {
    let result: ScanResult | undefined
    if (scanner.local) {
      const answer = sample.whole ? undefined : searches.get(scanner)?.answer()
      result = answer && resultOf(answer, scanner, run, passed)
    } else {
      const answer = await askScanner(scanner, sample, task)
      result = resultOf(answer, scanner, run, passed)
      // A scanner says of several samples what it found first, and that may hide the rest.
      const mayHide = result === undefined && answer.answer === 'infected' && sample.beside
      for (const single of mayHide ? samples : []) {
        result = resultOf(await askScanner(scanner, single, task), scanner, run, passed)
        if (result !== undefined) break
      }
    }
    if (result !== undefined) return result
  }
  return undefined
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

/** The result of a scan that the answer of one scanner ends. */
function resultOf(
  answer: ScannerAnswer,
  scanner: Scanner,
  run: ScanRun,
  passed: PassedOver,
): ScanResult | undefined {
  if (answer.answer === 'clean') return undefined
  if (answer.answer === 'infected') {
    const { name, banned = false } = answer
    const found = { answer: 'infected', scanner: scanner.name, name, banned } as const
    if (!run.isExcused?.(found)) return found
    passed.excused ??= found
    return undefined
  }
  const why = withName(scanner, answer.why)
  const { over } = answer
  if (over !== undefined && mayPass(over, run)) {
    passed.unscanned ??= why
    return undefined
  }
  if (over === 'depth') return { answer: 'nested', why }
  if (over === 'contents') {
    return { answer: 'crowded', why, limit: `the limits of ${scanner.name}` }
  }
  const { cause, harmful } = answer
  return { answer: 'unknown', scanner: scanner.name, why, cause, ...(harmful && { harmful }) }
}

/** Whether policy accepts a message of which this limit left something unscanned. */
function mayPass(over: Limit, { oversize, nesting }: ScanRun): boolean {
  return over === 'size' ? oversize === 'accept' : nesting.action === 'accept'
}

function withName({ name }: Scanner, why: string): string {
  return why.includes(name) ? why : `${name}: ${why}`
}
