import { openAnonymousFile } from '../message/anonymous-file.ts'
import { isNestedDeeper } from '../mime/nested.ts'
import type { Oddity } from '../mime/shared/oddities.ts'
import type { ByteRange } from '../mime/shared/work.ts'
import { askScanners } from './run/ask-scanners.ts'
import { Batch } from './run/batch.ts'
import { innermost, withRest } from './run/rest.ts'
import { joined, type PartialResult, type ScanRun } from './run/scan-run.ts'
import type { ScanResult } from './shared/scan-result.ts'
import {
  abortLate,
  type MailSearch,
  type Sample,
  type Scanner,
  type ScanTask,
} from './shared/scanner.ts'

/**
 * Asks the scanners in their order until one of them finds something that is not excused, or cannot
 * tell: about each content that any reader of mail might see in the message, and then about the whole
 * message. In this order clamd looks at most of it once: it remembers what it has called clean, and
 * skips a part of a message that it has seen as a file by itself. It does not skip a file that it has
 * seen inside a message.
 *
 * The message is read once. That tells its contents, which scanners get while it is read; how deep it
 * is nested; and what is odd about it. A message that is nested deeper than scanners look is not given
 * to them as a whole: they would call it clean.
 */
export async function runScanners(sample: Sample, run: ScanRun): Promise<ScanResult> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  // (AbortSignal.any() would keep track of all signals for as long as they live, which takes 10 µs.)
  const leave = () => abort.abort()
  const { gone } = run
  gone?.addEventListener('abort', leave)
  if (gone?.aborted) leave()
  try {
    const scan = new MessageScan(sample, run, {
      signal: abort.signal,
      timeLeft: () => Math.max(0, deadline - run.uptime()),
      openFile: () => openAnonymousFile(run.secondLook.spool.directory),
      note: run.note,
      isExcused: run.isExcused,
      signatures: run.signatures,
      suspects: run.suspects,
    })
    const verdict = await scan.verdict()
    const isUnfinished = gone?.aborted && verdict.answer === 'unknown'
    return isUnfinished ? { ...verdict, unfinished: true } : verdict
  } finally {
    clearTimeout(timer)
    gone?.removeEventListener('abort', leave)
  }
}

class MessageScan {
  readonly #message: Sample
  readonly #run: ScanRun
  readonly #task: ScanTask
  readonly #contentScanners: readonly Scanner[]
  readonly #batch: Batch
  readonly #searches = new Map<Scanner, MailSearch>()
  /** Where the contents lie that scanners were asked about, if policy excuses anything. */
  readonly #asked: ByteRange[] = []

  constructor(message: Sample, run: ScanRun, task: ScanTask) {
    this.#message = message
    this.#run = run
    this.#task = task
    this.#contentScanners = run.scanners.filter(({ local }) => !local)
    this.#batch = new Batch(this.#contentScanners)
  }

  async verdict(): Promise<ScanResult> {
    const { result, excused, unscanned } = await this.#scanAll()
    const found = result ?? excused
    if (found !== undefined) return found
    if (unscanned !== undefined) return { answer: 'skipped', why: unscanned }
    return { answer: 'clean', scanners: this.#run.scanners }
  }

  async #scanAll(): Promise<PartialResult> {
    const { when, strict, refusesEncrypted } = this.#run.secondLook
    const asksContents = when === 'always'
    const isRead = strict || refusesEncrypted || (asksContents && this.#run.scanners.length > 0)
    const read = isRead ? await this.#readMail(asksContents) : await this.#measureDepth()
    // `crowded` (it holds more than is read) is the result only if nothing else is found.
    if (read.result !== undefined && read.result.answer !== 'crowded') return read
    let outcome = read
    for (const samples of this.#batch.endWith(this.#message)) {
      outcome = joined(outcome, await this.#ask(samples))
      if (outcome.result !== undefined) return outcome
    }
    // What was found in the whole and is excused may hide something else.
    if (outcome.excused !== undefined && !asksContents) {
      outcome = joined(outcome, await this.#readMail(true))
      if (outcome.result === undefined) {
        outcome = joined(outcome, await this.#ask(this.#batch.end()))
      }
    }
    if (outcome.excused !== undefined && outcome.result === undefined) {
      outcome = joined(outcome, await this.#askAboutRest())
    }
    return { ...outcome, result: outcome.result ?? read.result }
  }

  /**
   * Asks about what lies in no content: header, preamble and epilogue. A scanner names one thing in a
   * whole message, and what is excused may have hidden something there.
   */
  async #askAboutRest(): Promise<PartialResult> {
    if (this.#asked.length === 0) return {}
    const { spool } = this.#run.secondLook
    return withRest(this.#message, innermost(this.#asked), spool, (rest) => this.#ask([rest]))
  }

  /** Reads the message, and asks about each content if it shall. */
  async #readMail(asksContents: boolean): Promise<PartialResult> {
    const { spool, odd } = this.#run.secondLook
    const isAsked = asksContents && this.#contentScanners.length > 0
    const mayExcuse = isAsked && this.#run.isExcused !== undefined
    await this.#openSearches()
    const oddities = new Set<Oddity>()
    let outcome: PartialResult = {}
    const { readContents } = await import('./run/read-contents.ts')
    const reading = readContents(this.#message, {
      spool,
      signal: this.#task.signal,
      maxDepth: this.#run.nesting.max,
      ...(mayExcuse && { onCopy: ({ range }) => range && this.#asked.push(range) }),
      onHeader: ({ fields }) => this.#tell((search) => search.header(fields)),
      onName: (name) => this.#tell((search) => search.name(name)),
      onOdd: (oddity) => oddities.add(oddity),
    })
    try {
      for await (const step of reading) {
        let then: PartialResult = {}
        if (step.kind === 'late') return { result: this.#tooLate() }
        if (step.kind === 'deeper') then = this.#tooDeep()
        else if (step.kind === 'over') {
          this.#tell((search) => search.over(step.why))
          then = this.#tooMuch(`second look: ${step.why}`, step.why)
        } else {
          this.#tell((search) => search.content(step.content))
          if (isAsked) then = await this.#ask(this.#batch.add(step.content))
          if (mayExcuse && step.range !== undefined) this.#asked.push(step.range)
        }
        outcome = joined(outcome, then)
        if (outcome.result !== undefined) return outcome
        if (this.#keepingOut(oddities).length > 0) break
      }
    } finally {
      odd?.(oddities)
    }
    const keepingOut = this.#keepingOut(oddities)
    if (keepingOut.length === 0) return outcome
    return { result: { answer: 'strange', why: keepingOut.join(', ') } }
  }

  /** Returns the oddities that keep a message out. */
  #keepingOut(oddities: ReadonlySet<Oddity>): readonly Oddity[] {
    const { strict, refusesEncrypted } = this.#run.secondLook
    return [...oddities].filter((oddity) => (oddity === 'encrypted' ? refusesEncrypted : strict))
  }

  /** Reads of the message what tells how deep it is nested. */
  async #measureDepth(): Promise<PartialResult> {
    const { signal, openFile } = this.#task
    const steps = isNestedDeeper(this.#message, this.#run.nesting.max, { openFile })
    let outcome: PartialResult = {}
    let step = steps.next()
    for (; !step.done; step = steps.next()) {
      if (step.value.kind === 'over') outcome = this.#tooMuch(step.value.why, step.value.why)
      await new Promise(setImmediate)
      if (signal.aborted) {
        steps.return(false)
        return { result: this.#tooLate() }
      }
    }
    return step.value ? this.#tooDeep() : outcome
  }

  async #openSearches(): Promise<void> {
    for (const scanner of this.#run.scanners) {
      try {
        if (scanner.search) this.#searches.set(scanner, await scanner.search(this.#task))
      } catch {
        // Its `scan` is asked instead, and says what is wrong.
      }
    }
  }

  /** Tells all searches something. One that fails is over: the scanner's `scan` is asked instead. */
  #tell(what: (search: MailSearch) => void): void {
    for (const [scanner, search] of this.#searches) {
      try {
        what(search)
      } catch {
        this.#searches.delete(scanner)
      }
    }
  }

  #ask(samples: readonly Sample[]): Promise<PartialResult> {
    return askScanners(samples, this.#run, this.#task, this.#searches)
  }

  #tooLate(): ScanResult {
    const [scanner] = this.#run.scanners
    const why = 'second look: no answer in time (SCANTIMEOUT)'
    return { answer: 'unknown', scanner: scanner?.name ?? '', why, cause: 'timeout' }
  }

  #tooDeep(): PartialResult {
    const { max, action } = this.#run.nesting
    const why = `more than ${max} messages or multiparts inside one another (MAXNESTING)`
    return action === 'accept' ? { unscanned: why } : { result: { answer: 'nested', why } }
  }

  /** The message holds more than is read; `limit` says so to the sender. */
  #tooMuch(why: string, limit: string): PartialResult {
    if (this.#run.nesting.action === 'accept') return { unscanned: why }
    return { result: { answer: 'crowded', why, limit } }
  }
}
