import { errorText, isFault } from '../fault.ts'
import { lend } from './lend.ts'
import { isNestedDeeper } from './nesting/nesting.ts'
import { abortLate, type Scanner, type ScanTask, type Specimen, type Verdict } from './scanner.ts'

/** What all scanners together said. */
export type ScanResult =
  | {
      readonly answer: 'clean'
      /** Those that ran, in their order. */
      readonly scanners: readonly Scanner[]
    }
  | {
      readonly answer: 'infected'
      readonly scanner: string
      readonly name: string
      readonly banned: boolean
    }
  | { readonly answer: 'unknown'; readonly scanner: string; readonly why: string }
  /** Nothing was found, but a limit left something unseen. */
  | { readonly answer: 'skipped'; readonly why: string }
  /** Nested deeper than scanners look, and not to be let in for that. */
  | { readonly answer: 'nested'; readonly why: string }

export interface ScanRun {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /** What a scanner's own size limit means. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: {
    /** As NestingPolicy. */
    readonly max: number
    /** Whether what is nested deeper, or so deep that a scanner says so, is let in. */
    readonly over: 'accept' | 'keep out'
  }
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  readonly note: (text: string) => void
}

/**
 * Asks the scanners in their order until one finds something or cannot tell. What is nested
 * deeper than they look is none of their affair: they would call it clean.
 */
export async function runScanners(specimen: Specimen, run: ScanRun): Promise<ScanResult> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  const timeLeft = () => Math.max(0, deadline - run.uptime())
  const task: ScanTask = { signal: abort.signal, timeLeft, note: run.note }
  let unseen: string | undefined
  const isKeptOut = run.nesting.over === 'keep out'
  try {
    if (await isNestedDeeper(specimen.chunks(), run.nesting.max)) {
      unseen = `more than ${run.nesting.max} messages or multiparts inside one another (MAXNESTING)`
      if (isKeptOut) return { answer: 'nested', why: unseen }
    }
    for (const scanner of run.scanners) {
      const verdict = await ask(scanner, specimen, task)
      if (verdict.answer === 'clean') continue
      if (verdict.answer === 'infected') {
        const { name, banned } = verdict
        return { answer: 'infected', scanner: scanner.name, name, banned: banned ?? false }
      }
      const why = named(scanner, verdict.why)
      if (verdict.overNested) {
        if (isKeptOut) return { answer: 'nested', why }
      } else if (!verdict.overLimit || run.oversize === 'defer') {
        return { answer: 'unknown', scanner: scanner.name, why }
      }
      unseen ??= why
    }
  } finally {
    clearTimeout(timer)
  }
  if (unseen !== undefined) return { answer: 'skipped', why: unseen }
  return { answer: 'clean', scanners: run.scanners }
}

function named({ name }: Scanner, why: string): string {
  return why.includes(name) ? why : `${name}: ${why}`
}

/** How long a scanner may take to end what it does once the deadline has passed. */
const GRACE = 1000

/**
 * A scanner that throws could not tell, nor one that outlives its deadline. Trouble
 * with our own spool is no answer of a scanner, and stays a fault.
 */
async function ask(scanner: Scanner, specimen: Specimen, task: ScanTask): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<Verdict>((resolve) => {
    const giveUp = () => {
      timer = setTimeout(() => resolve({ answer: 'unknown', why: 'no answer in time' }), GRACE)
    }
    if (task.signal.aborted) giveUp()
    else task.signal.addEventListener('abort', giveUp, { once: true })
  })
  const lent = lend(specimen)
  try {
    return await Promise.race([scanner.scan(lent.specimen, task), tooLate])
  } catch (error) {
    if (isFault(error) && (error.kind === 'temp-file' || error.kind === 'write')) throw error
    return { answer: 'unknown', why: errorText(error) }
  } finally {
    lent.takeBack()
    clearTimeout(timer)
  }
}
