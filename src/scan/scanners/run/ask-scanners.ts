import { errorText, isFault } from '../../../lib/errors/fault.ts'
import { ABORTED, TIMED_OUT, unlessAborted, withTimeout } from '../../../lib/flow/timeout.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import { withNamedCopy } from '../../../mail/message/named-copy.ts'
import type { SpoolSettings } from '../../../mail/message/spool.ts'
import type { Oddity } from '../../../mail/mime/shared/oddities.ts'
import {
  causeOf,
  clean,
  type ScanResult,
  type Unseen,
  unknown,
  worse,
} from '../shared/scan-result.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'
import type { TurnOrResult } from '../shared/scan-turns.ts'
import {
  type ContentScanner,
  isLate,
  type LocalScanner,
  type MailSearch,
  type Sample,
  type SampleFile,
  type Scanner,
  type ScanTask,
} from '../shared/scanner.ts'

/** The scanners for one message, the settings that they run by, and what is in the task of each. */
export interface ScanRun extends Omit<ScanTask, 'signal' | 'timeLeft'> {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /**
   * MAXNESTING counts messages inside one another, and multiparts inside one another in one of them;
   * SECONDLOOK says whether each content is scanned besides the whole.
   */
  readonly settings: Pick<ScanSettings, 'MAXNESTING' | 'SECONDLOOK'>
  readonly spool: SpoolSettings
  /**
   * What ends the scan if it was not seen in a message; whatever else was not seen is passed over.
   */
  readonly keepsOut: ReadonlySet<Unseen>
  /**
   * How strictly a message is treated for what does not end the scan: of several results the strictest
   * counts. Without it, all are equal.
   */
  readonly strictness?: (result: ScanResult) => number
  /** Called with the oddities of the message, if it was read for them. */
  readonly odd?: (found: ReadonlySet<Oddity>) => void
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  /** Aborted when nobody waits for the result any more: the scan ends then. */
  readonly gone?: AbortSignal | undefined
  /** Whether scanners have begun with the message. All of its scans share one, and set it. */
  readonly progress?: { hasBegun: boolean }
  /** Called when the message has its turn, before it is read; what it resolves to is as of a turn. */
  readonly onTurn?: ((signal: AbortSignal) => Promise<TurnOrResult>) | undefined
}

/** Milliseconds that a scanner has for ending its work once the signal has come. */
const GRACE = 1000

/**
 * MAXNESTING up to which the limit of a scanner may be put aside: clamd with its own MaxRecursion looks
 * into so many messages that are attached to one another.
 */
const DEPTH_OF_SCANNERS = 15

/**
 * Scans a message of so many bytes when it has its turn at each scanner that has turns: they last until the
 * scan is over. Resolves to *could not tell* without a scan if a turn would come too late.
 */
export async function inTurn(
  size: number,
  { scanners, progress = { hasBegun: false }, onTurn }: ScanRun,
  { signal, timeLeft }: ScanTask,
  scan: () => Promise<ScanResult>,
): Promise<ScanResult> {
  const ends: (() => void)[] = []
  try {
    const inTheirTurns = scanners.filter(({ turns }) => turns)
    const others = inTheirTurns.filter(({ local }) => !local)
    for (const scanner of others.length > 0 ? others : inTheirTurns) {
      const { hasBegun } = progress
      const turn = await scanner.turns!.take({ size, signal, timeLeft, hasBegun })
      if (typeof turn !== 'function') return saidBy(scanner, turn)
      ends.push(turn)
    }
    const begun = await onTurn?.(signal)
    if (typeof begun === 'object') return begun
    if (begun !== undefined) ends.push(begun)
    progress.hasBegun = true
    return await scan()
  } finally {
    for (const end of ends) end()
  }
}

/**
 * What scanners have answered about a message. What does not end the scan is passed over, since something
 * worse may be found.
 */
export class ScannerAnswers {
  /** The worst of what was passed over: what is allowed, or was not seen and may pass. */
  tolerated: ScanResult = clean
  /**
   * The first limit of depth or of contents that a scanner has named, about bytes that it calls clean as
   * a text. It decides unless all that they hold was given to the scanner by itself.
   */
  limit: ScanResult | undefined
  readonly #run: ScanRun
  readonly #task: ScanTask
  readonly #searches: ReadonlyMap<LocalScanner, MailSearch>

  constructor(run: ScanRun, task: ScanTask, searches: ReadonlyMap<LocalScanner, MailSearch>) {
    this.#run = run
    this.#task = task
    this.#searches = searches
  }

  /**
   * Asks each scanner about the last sample, and passes the other samples along with it. Local policy
   * answers by its search when a whole message is asked about. Returns the result that ends the scan, of
   * the first scanner that gives one.
   */
  async ask(samples: readonly Sample[]): Promise<ScanResult | undefined> {
    const sample = together(samples)
    if (sample === undefined) return undefined
    for (const scanner of this.#run.scanners) {
      const result = scanner.local
        ? this.#askLocal(scanner, sample)
        : await this.#askTogether(scanner, sample, samples)
      if (result !== undefined) return result
    }
    return undefined
  }

  /** Returns the result if it ends the scan; else it is passed over. */
  unlessEnding(result: ScanResult): ScanResult | undefined {
    const { isAllowed, keepsOut } = this.#run
    if (result.answer === 'clean') return undefined
    if (result.answer === 'unknown') return result
    if (result.answer === 'infected' && !isAllowed?.(result)) return result
    // A virus may lie beside what is encrypted.
    const isProperty = result.answer === 'unseen' && result.what === 'encrypted'
    if (result.answer === 'unseen' && !isProperty && keepsOut.has(result.what)) {
      // OVERSIZE says that no scanner could tell: SCANFAIL decides then.
      return result.what === 'size' ? unknown(result.why, 'limit') : result
    }
    this.#passOver(result)
    return undefined
  }

  #passOver(result: ScanResult): void {
    const { strictness = () => 0 } = this.#run
    const difference = strictness(result) - strictness(this.tolerated)
    if (difference > 0) this.tolerated = result
    else if (difference === 0) this.tolerated = worse(this.tolerated, result)
  }

  #askLocal(scanner: LocalScanner, { message }: Sample): ScanResult | undefined {
    const answer = message ? undefined : this.#searches.get(scanner)?.answer()
    return answer && this.unlessEnding(saidBy(scanner, answer))
  }

  /**
   * Asks about the samples together, as `sample`, and about each by itself if the answer about all of
   * them does not decide.
   */
  async #askTogether(
    scanner: ContentScanner,
    sample: Sample,
    samples: readonly Sample[],
  ): Promise<ScanResult | undefined> {
    const ofAll = await askScanner(scanner, sample, this.#task)
    if (sample.batch === undefined) return this.#conclude(ofAll, sample, scanner)
    if (!this.#mayPutAside(ofAll) && !isAboutUnpacked(ofAll)) {
      const result = await this.#conclude(ofAll, sample, scanner)
      // A scanner says of several samples what it found first, and that may hide the rest.
      if (result !== undefined || ofAll.answer !== 'infected') return result
    }
    for (const single of samples) {
      const alone = await askScanner(scanner, single, this.#task)
      const result = await this.#conclude(alone, single, scanner)
      if (result !== undefined) return result
    }
    return undefined
  }

  /**
   * The result of a scan that the answer about one sample ends. A limit ends it only if the scanner does
   * not call the bytes clean as a text. It may have counted as mails what is text to all readers; and each
   * content that some reader sees there is given by itself. If the limit is the size of what is packed in
   * the bytes, the scanner is asked about that.
   */
  async #conclude(
    result: ScanResult,
    sample: Sample,
    scanner: ContentScanner,
  ): Promise<ScanResult | undefined> {
    if (isAboutUnpacked(result)) {
      if (await this.#isTooLargeByItself(sample, scanner)) {
        return this.unlessEnding({ ...result, what: 'size' })
      }
      if (sample.message) return this.#askAboutInside(result, sample, scanner)
    }
    if (!this.#mayPutAside(result)) return this.unlessEnding(result)
    const task = this.#task
    const { asPlainText } = await import('./as-plain-text.ts')
    const ask = (text: Sample) => askScanner(scanner, text, task)
    const asText = await asPlainText(sample, this.#run.spool, task, ask)
    if (asText?.answer === 'clean') {
      this.limit ??= result
      return undefined
    }
    const found = asText?.answer === 'infected' && this.unlessEnding(asText)
    return found || this.unlessEnding(result)
  }

  /**
   * Whether the scanner's limit of size is about as many bytes as the sample has, whatever they are. Then
   * we have counted them ourselves; else the sample says that it becomes so many.
   */
  async #isTooLargeByItself(sample: Sample, scanner: ContentScanner): Promise<boolean> {
    const { Zeros } = await import('./look-inside.ts')
    const bytes = new Zeros(sample.bytes.size)
    const { envelope, origin } = sample
    const { spool } = this.#run
    const result = await withNamedCopy(bytes, spool, (file) =>
      askScanner(scanner, { bytes, envelope, origin, file }, this.#task),
    )
    return result.answer === 'unseen'
  }

  /** Asks about what is packed in a content of which the scanner has not read all. */
  async #askAboutInside(
    limited: UnseenResult,
    sample: Sample,
    scanner: ContentScanner,
  ): Promise<ScanResult | undefined> {
    const { lookInside } = await import('./look-inside.ts')
    const task = this.#task
    const result = await lookInside(sample, {
      ask: (inside) => askScanner(scanner, inside, task),
      conclude: (found) => this.unlessEnding(found),
      spool: this.#run.spool,
      task,
    })
    if (result === 'unread') return this.unlessEnding(limited)
    if (result !== 'all') return result
    task.note(`${limited.why}, but each file in it is clean by itself`)
    return undefined
  }

  /** Whether this is a limit other than of size, which what our own reading gives may make up for. */
  #mayPutAside(result: ScanResult): boolean {
    if (result.answer !== 'unseen' || result.what === 'size') return false
    const { SECONDLOOK, MAXNESTING } = this.#run.settings
    return SECONDLOOK === 'always' && MAXNESTING <= DEPTH_OF_SCANNERS
  }
}

type UnseenResult = Extract<ScanResult, { answer: 'unseen' }>

function isAboutUnpacked(result: ScanResult): result is UnseenResult {
  return result.answer === 'unseen' && result.what === 'unpacked'
}

/** The last of the samples, with the others as its batch. */
function together(samples: readonly Sample[]): Sample | undefined {
  const last = samples.at(-1)
  return last && samples.length > 1 ? { ...last, batch: samples.slice(0, -1) } : last
}

/**
 * Asks one scanner. Rejects with a Fault if our own spool fails, or if the scanner may have opened another
 * file than it was given and finds nothing that counts: that is not an answer of a scanner.
 */
async function askScanner(
  scanner: ContentScanner,
  sample: Sample,
  task: ScanTask,
): Promise<ScanResult> {
  const loan = new Loan()
  const lent = loan.of(sample)
  const result = await answerOf(scanner, lent, task).finally(() => loan.takeBack())
  const said = saidBy(scanner, result)
  if (result.answer === 'unknown') return said
  try {
    loan.confirmFiles()
    return said
  } catch (error) {
    if (said.answer !== 'infected' || task.isAllowed?.(said)) throw error
    return { ...said, unconfirmed: true }
  }
}

/** What it answers. If it throws, or outlives its deadline, that is *could not tell*. */
async function answerOf(
  scanner: ContentScanner,
  sample: Sample,
  task: ScanTask,
): Promise<ScanResult> {
  const { signal } = task
  try {
    const scanning = scanner.scan(sample, task)
    const inTime = await unlessAborted(scanning, signal)
    if (inTime !== ABORTED) return inTime
    const result = await withTimeout(scanning, GRACE)
    if (result !== TIMED_OUT) return result
    return unknown(isLate(signal) ? 'no answer in time' : 'nobody waits for the answer', 'timeout')
  } catch (error) {
    if (isFault(error) && (error.kind === 'temp-file' || error.kind === 'write')) throw error
    return unknown(errorText(error), causeOf(error))
  }
}

/** The result of this scanner, which the log and a reply name. */
function saidBy({ name }: Scanner, result: ScanResult): ScanResult {
  if (result.answer === 'clean') return result
  if (result.answer === 'infected') return { ...result, scanner: name }
  const why = result.why.includes(name) ? result.why : `${name}: ${result.why}`
  if (result.answer === 'unknown') return { ...result, why }
  return { ...result, why, limit: `the limits of ${name}` }
}

/**
 * What a scanner gets while it is asked. A scanner that outlives its deadline goes on working when the
 * message is over, and its descriptor or memory may be another message's by then. So each call that reads
 * what was lent throws once it was taken back.
 */
class Loan {
  #isOver = false
  readonly #files: SampleFile[] = []

  /** Lends a sample, and those in it. */
  of(sample: Sample): Sample {
    const { message, batch, sealedFile } = sample
    return {
      ...sample,
      ...(message && { message: this.of(message) }),
      ...(batch && { batch: batch.map((other) => this.of(other)) }),
      bytes: new LentBytes(sample.bytes, this),
      ...(sealedFile && {
        sealedFile: () => {
          this.check()
          return sealedFile()
        },
      }),
      file: async () => {
        this.check()
        const file = await sample.file()
        this.check()
        this.#files.push(file)
        return file
      },
    }
  }

  takeBack(): void {
    this.#isOver = true
  }

  check(): void {
    if (this.#isOver) throw new Error('the message is over')
  }

  /** Throws a Fault of kind `read` if the scanner may have opened another file than those that it got. */
  confirmFiles(): void {
    for (const file of this.#files) file.confirm()
  }
}

class LentBytes extends Bytes {
  readonly #bytes: Bytes
  readonly #loan: Loan

  constructor(bytes: Bytes, loan: Loan) {
    super()
    this.#bytes = bytes
    this.#loan = loan
  }

  get size(): number {
    return this.#bytes.size
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    this.#loan.check()
    for (const chunk of this.#bytes.chunks(from, to)) {
      yield chunk
      this.#loan.check()
    }
  }
}
