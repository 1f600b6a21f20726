import { errorText, isFault } from '../ground/errors/fault.ts'
import { openAnonymousFile } from '../message/anonymous-file.ts'
import type { SpoolPolicy } from '../message/spool-policy.ts'
import { sourceOf } from '../mime/source.ts'
import { lend } from './lend.ts'
import { type FirstLook, lookFirst } from './second-look/first-look.ts'
import { isStrange, type Trait } from './second-look/trait-names.ts'
import { type Cause, causeOf } from './shared/cause.ts'
import type { Limit } from './shared/exceeded-limit.ts'
import {
  abortLate,
  harmed,
  type Sample,
  type Scanner,
  type ScanTask,
  unknown,
  type Verdict,
} from './shared/scanner.ts'

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
  | {
      readonly answer: 'unknown'
      readonly scanner: string
      readonly why: string
      /** Both as of a Verdict. */
      readonly cause: Cause
      readonly harmful?: true
      /** Nobody waited for it any more, or it was not looked at: it says nothing of a copy. */
      readonly unfinished?: true
    }
  /** Nothing was found, but a limit left something unseen. */
  | { readonly answer: 'skipped'; readonly why: string }
  /** Nested deeper than scanners look, and not to be let in for that. */
  | { readonly answer: 'nested'; readonly why: string }
  /** More is in it than a scanner or a second look looks at, and it is not to be let in for that. */
  | {
      readonly answer: 'crowded'
      readonly why: string
      /** For the sender, who chose none of these words. */
      readonly limit: string
    }
  /** Nothing was found, but it has a trait that ordinary mail never has, and STRICTMIME keeps that out. */
  | { readonly answer: 'strange'; readonly why: string }

export interface ScanRun {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /** What a scanner's own size limit means. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: {
    /** As NestingPolicy. */
    readonly max: number
    /** Whether what is nested deeper, so deep that a scanner says so, or full of contents is let in. */
    readonly over: 'accept' | 'keep out'
  }
  readonly secondLook: {
    /** Whether what readers of mail may see in the message is scanned besides: SECONDLOOK. */
    readonly when: 'odd' | 'always' | 'never'
    /** Whether traits that ordinary mail never has are enough to keep it out: STRICTMIME. */
    readonly strict: boolean
    readonly spool: SpoolPolicy
    /** Told once, where they were looked for: before scanners are asked. */
    readonly traits: (found: ReadonlySet<Trait>) => void
  }
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  readonly note: (text: string) => void
  /** As that of a ScanTask. */
  readonly signatures?: ScanTask['signatures'] | undefined
}

/**
 * Asks the scanners in their order until one finds something or cannot tell: about each content
 * that any reader of mail might see (with `odd`, only where readers may differ about the
 * message), and about the message. What is nested deeper than they look is none of their affair:
 * they would call it clean.
 */
export async function runScanners(sample: Sample, run: ScanRun): Promise<ScanResult> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  const timeLeft = () => Math.max(0, deadline - run.uptime())
  const task: ScanTask = {
    signal: abort.signal,
    timeLeft,
    openFile: () => openAnonymousFile(run.secondLook.spool.directory),
    note: run.note,
    ...(run.signatures && { signatures: run.signatures }),
  }
  try {
    return await scanAll(sample, run, task)
  } finally {
    clearTimeout(timer)
  }
}

async function scanAll(sample: Sample, run: ScanRun, task: ScanTask): Promise<ScanResult> {
  const { max } = run.nesting
  const look = await lookFirst(sample, { ...task, max, wantsTraits: wantsTraits(run) })
  if (look === undefined) return tooLate(run)
  const depth = judgeDepth(look, run)
  if (depth.result !== undefined) return depth.result
  if (wantsTraits(run)) run.secondLook.traits(look.traits)
  const looked =
    run.secondLook.when === 'always'
      ? await scanEveryPart(sample, look, run, task)
      : await scanWhole(sample, look, run, task)
  if (looked.result !== undefined) return looked.result
  const unseen = depth.unseen ?? looked.unseen
  if (unseen !== undefined) return { answer: 'skipped', why: unseen }
  return { answer: 'clean', scanners: run.scanners }
}

/** Whether it is nested deeper than scanners look. */
function judgeDepth({ isDeeper, over }: FirstLook, run: ScanRun): Asked {
  if (over !== undefined) return tooMuch(over, over, run)
  if (!isDeeper) return {}
  const why = `more than ${run.nesting.max} messages or multiparts inside one another (MAXNESTING)`
  return run.nesting.over === 'accept' ? { unseen: why } : { result: { answer: 'nested', why } }
}

function wantsTraits(run: ScanRun): boolean {
  const { when, strict } = run.secondLook
  return strict || when === 'always' || (when === 'odd' && forContents(run).length > 0)
}

/** The whole message, and while scanners look at it, whether a second look is wanted. */
async function scanWhole(
  sample: Sample,
  look: FirstLook,
  run: ScanRun,
  task: ScanTask,
): Promise<Asked> {
  const second = secondLook(sample, look, run, task)
  try {
    const whole = await askAll(run.scanners, [sample], run, task, second.begin)
    if (whole.result !== undefined) return whole
    second.begin() // where a stamp vouches for all scanners, none was asked
    const { result, unseen } = await second.asked()
    return { result, unseen: whole.unseen ?? unseen }
  } finally {
    await second.end() // nobody reads the message once it is over
  }
}

/**
 * Every part, and then the whole message. clamd remembers what it has called clean: it skips a part
 * inside a mail that it has seen as a file by itself, but not the reverse.
 */
async function scanEveryPart(
  sample: Sample,
  { traits }: FirstLook,
  run: ScanRun,
  task: ScanTask,
): Promise<Asked> {
  const strange = strangeOf(traits, run)
  if (strange !== undefined) return { result: strange }
  const together = new Together(sample, run, task)
  const parts = await scanParts(sample, run, task, (part) => together.ask(part))
  // That more is in it than is looked at is said only if nothing is found.
  if (parts.result !== undefined && parts.result.answer !== 'crowded') return parts
  const whole = await together.end()
  return { result: whole.result ?? parts.result, unseen: parts.unseen ?? whole.unseen }
}

/** What ends the scan, and otherwise what a limit left unseen. */
export interface Asked {
  readonly result?: ScanResult | undefined
  readonly unseen?: string | undefined
}

/** Small contents wait, up to so many and so many bytes of them, to be asked about together. */
const TOGETHER_MAX = 8
const TOGETHER_BYTES_MAX = 96 * 1024

/** Asks scanners about small contents together, and about the message after all of them. */
class Together {
  readonly #message: Sample
  readonly #run: ScanRun
  readonly #task: ScanTask
  readonly #takesBeside: boolean
  #waiting: Sample[] = []
  #bytes = 0

  constructor(message: Sample, run: ScanRun, task: ScanTask) {
    this.#message = message
    this.#run = run
    this.#task = task
    this.#takesBeside = forContents(run).every(({ takesBeside }) => takesBeside)
  }

  async ask(part: Sample): Promise<Asked> {
    const isSmall = part.size <= TOGETHER_BYTES_MAX / 2
    if (!this.#takesBeside || !isSmall) return this.#askAbout([part])
    const isFull =
      this.#waiting.length === TOGETHER_MAX || this.#bytes + part.size > TOGETHER_BYTES_MAX
    const asked = isFull ? await this.#askAbout(this.#taken()) : {}
    this.#waiting.push(inMemory(part))
    this.#bytes += part.size
    return asked
  }

  /** What waits, and then the message. */
  async end(): Promise<Asked> {
    const waited = await this.#askAbout(this.#taken())
    if (waited.result !== undefined) return waited
    const whole = await this.#askAbout([this.#message])
    return { result: whole.result, unseen: waited.unseen ?? whole.unseen }
  }

  #taken(): Sample[] {
    this.#bytes = 0
    return this.#waiting.splice(0)
  }

  #askAbout(samples: readonly Sample[]): Promise<Asked> {
    return askAll(this.#run.scanners, samples, this.#run, this.#task)
  }
}

/** A copy that lasts: what a content gives is valid only until the next one is asked for. */
function inMemory(part: Sample): Sample {
  const bytes = Buffer.concat([...part.chunks()].map((chunk) => Buffer.from(chunk)))
  return { ...part, ...sourceOf(bytes) }
}

/** Asks all scanners about the last one, and about the others with it; local ones about messages alone. */
async function askAll(
  scanners: readonly Scanner[],
  samples: readonly Sample[],
  run: ScanRun,
  task: ScanTask,
  meanwhile: () => void = () => {},
): Promise<Asked> {
  let unseen: string | undefined
  for (const scanner of scanners) {
    const own = scanner.local ? samples.filter(({ whole }) => !whole) : samples
    const last = own.at(-1)
    if (last === undefined) continue
    const beside = own.slice(0, -1)
    const sample = beside.length > 0 ? { ...last, beside } : last
    const asking = ask(scanner, sample, task)
    meanwhile()
    const verdict = await asking
    if (verdict.answer === 'clean') continue
    if (verdict.answer === 'infected') {
      const { name, banned } = verdict
      const found = { scanner: scanner.name, name, banned: banned ?? false }
      return { result: { answer: 'infected', ...found } }
    }
    const why = named(scanner, verdict.why)
    if (!isLetIn(verdict.over, run)) {
      if (verdict.over === 'depth') return { result: { answer: 'nested', why } }
      const limit = `the limits of ${scanner.name}`
      if (verdict.over === 'contents') return { result: { answer: 'crowded', why, limit } }
      const { cause, harmful, unfinished } = verdict
      const more = { cause, ...(harmful && { harmful }), ...(unfinished && { unfinished }) }
      return { result: { answer: 'unknown', scanner: scanner.name, why, ...more } }
    }
    unseen ??= why
  }
  return { unseen }
}

/** Whether what a scanner did not see to the end may pass for all that. */
function isLetIn(over: Limit | undefined, { oversize, nesting }: ScanRun): boolean {
  if (over === undefined) return false
  return over === 'size' ? oversize === 'accept' : nesting.over === 'accept'
}

/** Scanners whose own affair is the whole message are not asked about contents. */
function forContents({ scanners }: ScanRun): readonly Scanner[] {
  return scanners.filter(({ local }) => !local)
}

/** An error made once: each of its kind tells where it was made, and that takes time. */
const OVER = new Error('the scan is over')

/**
 * Looks at the contents of mail that has traits, while the scanners look at the whole: they have
 * another process, mostly. It begins once the first of them has its message.
 */
function secondLook(sample: Sample, { traits }: FirstLook, run: ScanRun, task: ScanTask) {
  const strange = strangeOf(traits, run)
  const isWanted = run.secondLook.when === 'odd' && traits.size > 0 && strange === undefined
  const abort = new AbortController()
  const leave = () => abort.abort(task.signal.reason)
  let looking: Promise<Asked> | undefined
  let isDone = false

  function look(): Promise<Asked> {
    const sooner = { ...task, signal: abort.signal }
    return scanParts(sample, run, sooner, (part) => askAll(run.scanners, [part], run, sooner))
  }

  return {
    begin() {
      if (!isWanted || looking) return
      task.signal.addEventListener('abort', leave)
      if (task.signal.aborted) leave()
      looking = look()
      const done = () => {
        isDone = true
      }
      looking.then(done, done) // who asks for it hears of what was thrown
    },
    asked: async (): Promise<Asked> => looking ?? { result: strange },
    async end() {
      if (looking && !isDone) abort.abort(OVER)
      await Promise.allSettled([looking])
      task.signal.removeEventListener('abort', leave)
    },
  }
}

function tooLate({ scanners }: ScanRun): ScanResult {
  const why = 'second look: no answer in time (SCANTIMEOUT)'
  return { answer: 'unknown', scanner: scanners[0]?.name ?? '', why, cause: 'timeout' }
}

function strangeOf(traits: ReadonlySet<Trait>, { secondLook }: ScanRun): ScanResult | undefined {
  const strange = secondLook.strict ? [...traits].filter(isStrange) : []
  return strange.length > 0 ? { answer: 'strange', why: strange.join(', ') } : undefined
}

/** Each content that a reader of mail may see, one after another, until something is found. */
async function scanParts(
  sample: Sample,
  run: ScanRun,
  { signal }: ScanTask,
  askAbout: (part: Sample) => Promise<Asked>,
): Promise<Asked> {
  if (forContents(run).length === 0) return {}
  const { spool } = run.secondLook
  const { lookAtContents } = await import('./second-look/look.ts')
  let unseen: string | undefined
  const look = await lookAtContents(sample, { spool, signal }, async (part) => {
    const asked = await askAbout(part)
    unseen ??= asked.unseen
    return asked.result
  })
  switch (look.kind) {
    case 'found':
      return { result: look.found }
    case 'nothing':
      return { unseen }
    case 'late':
      return { result: tooLate(run) }
    case 'over':
      return tooMuch(`second look: ${look.why}`, look.why, run)
  }
}

/** There is more in it than is read. */
function tooMuch(why: string, limit: string, { nesting }: ScanRun): Asked {
  if (nesting.over === 'accept') return { unseen: why }
  return { result: { answer: 'crowded', why, limit } }
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
async function ask(scanner: Scanner, sample: Sample, task: ScanTask): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<Verdict>((resolve) => {
    const giveUp = () => {
      timer = setTimeout(() => resolve(harmed('no answer in time', 'timeout')), GRACE)
    }
    if (task.signal.aborted) giveUp()
    else task.signal.addEventListener('abort', giveUp, { once: true })
  })
  const lent = lend(sample)
  try {
    return await Promise.race([scanner.scan(lent.sample, task), tooLate])
  } catch (error) {
    if (isFault(error) && (error.kind === 'temp-file' || error.kind === 'write')) throw error
    return unknown(errorText(error), causeOf(error))
  } finally {
    lent.takeBack()
    clearTimeout(timer)
  }
}
