import { errorText, isFault } from '../../ground/errors/fault.ts'
import { causeOf } from '../shared/cause.ts'
import type { Limit } from '../shared/exceeded-limit.ts'
import type { ScanResult } from '../shared/scan-result.ts'
import {
  type ContentScanner,
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

/**
 * MAXNESTING up to which the limit of a scanner may be put aside: clamd with its own MaxRecursion looks
 * into so many messages that are attached to one another.
 */
const DEPTH_OF_SCANNERS = 15

/** What a scan has passed over: it goes on, since something else may be found. */
export interface PassedOver {
  /** What was found first and is excused. */
  excused?: ScanResult
  /** What a limit left unscanned. */
  unscanned?: string
  /**
   * The first answer that names a limit of depth or of contents, about bytes that the same scanner calls
   * clean as a text. It decides unless all that they hold was given to the scanner by itself.
   */
  named?: LimitAnswer & { readonly scanner: Scanner }
}

type LimitAnswer = Extract<ScannerAnswer, { answer: 'unknown' }>

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
      const conclude = (about: Sample, answer: ScannerAnswer) =>
        concludeFrom(answer, about, scanner, run, task, passed)
      const answer = await askScanner(scanner, sample, task)
      const isOfAll = sample.beside === undefined || !mayPutAside(answer, run)
      if (isOfAll) result = await conclude(sample, answer)
      // A scanner says of several samples what it found first, and that may hide the rest.
      const mayHide = sample.beside && result === undefined && answer.answer === 'infected'
      for (const single of mayHide || !isOfAll ? samples : []) {
        result = await conclude(single, await askScanner(scanner, single, task))
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
      const why = isLate(signal) ? 'no answer in time' : 'nobody waits for the answer'
      timer = setTimeout(() => resolve(unknown(why, 'timeout')), GRACE)
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

/**
 * The result of a scan that the answer about one sample ends. A limit of depth or of contents ends it
 * only if the scanner does not call the bytes clean as a text: it may have counted as mails what is
 * text to all readers, and each content that some reader sees there is given by itself.
 */
async function concludeFrom(
  answer: ScannerAnswer,
  sample: Sample,
  scanner: ContentScanner,
  run: ScanRun,
  task: ScanTask,
  passed: PassedOver,
): Promise<ScanResult | undefined> {
  if (!mayPutAside(answer, run)) return resultOf(answer, scanner, run, passed)
  const { spool } = run.secondLook
  const { asPlainText } = await import('./as-plain-text.ts')
  const asText = await asPlainText(sample, spool, task, (text) => askScanner(scanner, text, task))
  if (asText?.answer === 'clean') {
    passed.named ??= { ...answer, scanner }
    return undefined
  }
  const found = asText?.answer === 'infected' && resultOf(asText, scanner, run, passed)
  return found || resultOf(answer, scanner, run, passed)
}

/** Whether this is a limit of depth or of contents, which what our own reading gives may make up for. */
function mayPutAside(
  answer: ScannerAnswer,
  { secondLook, nesting }: ScanRun,
): answer is LimitAnswer {
  if (answer.answer !== 'unknown' || answer.over === undefined || answer.over === 'size')
    return false
  return secondLook.when === 'always' && nesting.max <= DEPTH_OF_SCANNERS
}

/** The result of a scan that the answer of one scanner ends. */
export function resultOf(
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
  const { cause, scannerDied } = answer
  return {
    answer: 'unknown',
    scanner: scanner.name,
    why,
    cause,
    ...(scannerDied && { scannerDied }),
  }
}

/** Whether policy accepts a message of which this limit left something unscanned. */
function mayPass(over: Limit, { oversize, nesting }: ScanRun): boolean {
  return over === 'size' ? oversize === 'accept' : nesting.action === 'accept'
}

function withName({ name }: Scanner, why: string): string {
  return why.includes(name) ? why : `${name}: ${why}`
}
