import { errorText } from '../../lib/errors/fault.ts'
import { type ByteRange, Bytes } from '../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../mail/message/envelope/envelope.ts'
import type { Header } from '../../mail/message/header-block.ts'
import type { MessageKind } from '../../mail/message/mail-or-file.ts'
import { type Message, TOP_LINE } from '../../mail/message/message.ts'
import { withNamedCopy } from '../../mail/message/named-copy.ts'
import { openAnonymousFile } from '../../mail/message/spool.ts'
import { isNestedDeeper } from '../../mail/mime/nested.ts'
import type { Oddity } from '../../mail/mime/shared/oddities.ts'
import { inTurn, ScannerAnswers, type ScanRun } from './run/ask-scanners.ts'
import type { PartListBuilder } from './run/part-list.ts'
import { causeOf, type ScanResult, unknown, unseen, worse } from './shared/scan-result.ts'
import {
  abortLate,
  type LocalScanner,
  type MailSearch,
  type Sample,
  type Scanner,
  type ScanTask,
} from './shared/scanner.ts'

/** The sample of a message, of which runScanners() makes the file. */
interface MessageSample extends Omit<Sample, 'file'> {
  /** By default it is a mail. */
  readonly kind?: MessageKind
  /** The bytes as they came, if scanners are asked about them, too: the message may be a file. */
  readonly asFile?: Bytes
}

/**
 * Makes the sample that scanners get of a message: TOP_LINE, the header block, the body; of a file its
 * bytes alone. `leaving` is the header block as it will leave, so that scanners see what will be queued.
 */
export function sampleOf(
  message: Message,
  leaving: Header,
  envelope: Envelope,
  origin?: Origin,
): MessageSample {
  const { sealed, header, body, kind, isHeaderTooLarge } = message
  const top = kind === 'file' ? [] : [TOP_LINE]
  const knows = kind !== 'file' && !isHeaderTooLarge
  const bytes = Bytes.of(Buffer.concat([...top, leaving.bytes]), body)
  const isUnchanged = leaving === header || leaving.bytes.equals(header.bytes)
  return {
    kind,
    bytes,
    ...(knows && { header: { header: leaving, above: TOP_LINE.length } }),
    ...(kind === 'mail or file' && { asFile: Bytes.of(header.bytes, body) }),
    ...(sealed !== undefined && isUnchanged && { sealedFile: () => sealed }),
    envelope,
    origin,
  }
}

/**
 * Asks the scanners in their order until one of them finds something that is not allowed, or cannot
 * tell: about each content that any reader of mail might see in the message, and then about the whole
 * message. In this order clamd looks at most of it once: it remembers what it has called clean, and
 * skips a part of a message that it has seen as a file by itself. It does not skip a file that it has
 * seen inside a message.
 *
 * The message is read once. That tells its contents, which scanners get while it is read; how deep it
 * is nested; and what is odd about it. A message that is nested deeper than scanners look is not given
 * to them as a whole: they would call it clean.
 *
 * About a file scanners are asked once, as it is. What may be either is judged as both.
 */
export async function runScanners(message: MessageSample, run: ScanRun): Promise<ScanResult> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  // (AbortSignal.any() would keep track of all signals for as long as they live, which takes 10 µs.)
  const leave = () => abort.abort()
  const { gone } = run
  gone?.addEventListener('abort', leave)
  if (gone?.aborted) leave()
  try {
    const task: ScanTask = {
      signal: abort.signal,
      timeLeft: () => Math.max(0, deadline - run.uptime()),
      note: run.note,
      isAllowed: run.isAllowed,
      signatures: run.signatures,
    }
    const result = await inTurn(message.bytes.size, run, task, () =>
      withNamedCopy(message.bytes, run.spool, (file) => findIn({ ...message, file }, run, task)),
    )
    const isUnfinished = gone?.aborted && result.answer === 'unknown'
    return isUnfinished ? { ...result, unfinished: true } : result
  } finally {
    clearTimeout(timer)
    gone?.removeEventListener('abort', leave)
  }
}

/** Judges a message, or a file, or what may be either as both. */
async function findIn(
  message: MessageSample & Sample,
  run: ScanRun,
  task: ScanTask,
): Promise<ScanResult> {
  const { kind, asFile, envelope, origin } = message
  const scan = new MessageScan(message, run, task)
  if (kind === 'file') return scan.findInFile()
  const result = await scan.find()
  if (asFile === undefined || result.answer === 'infected') return result
  return withNamedCopy(asFile, run.spool, async (file) => {
    const sample = { bytes: asFile, envelope, origin, file }
    return worse(result, await new MessageScan(sample, run, task).findInFile())
  })
}

/** Who is told headers and names. */
type Listener = Pick<MailSearch, 'header' | 'name'>

class MessageScan {
  readonly #message: Sample
  readonly #run: ScanRun
  readonly #task: ScanTask
  /** Whether scanners are there that are asked about contents. */
  readonly #hasContentScanners: boolean
  readonly #batch: Batch
  readonly #searches = new Map<LocalScanner, MailSearch>()
  /** Where the contents lie that scanners were asked about, if there is an exception. */
  readonly #asked: ByteRange[] = []
  readonly #answers: ScannerAnswers
  /** Set if a scanner is told what mail programs see of each part. */
  #names: PartListBuilder | undefined
  /** Whether each content was given to the scanners, and nothing in the message exceeds a limit of ours. */
  #isReadToEnd = false

  constructor(message: Sample, run: ScanRun, task: ScanTask) {
    this.#message = message
    this.#run = run
    this.#task = task
    this.#answers = new ScannerAnswers(run, task, this.#searches)
    const contentScanners = run.scanners.filter(({ local }) => !local)
    this.#hasContentScanners = contentScanners.length > 0
    this.#batch = new Batch(contentScanners)
  }

  /** Asks about all bytes as they are. */
  async findInFile(): Promise<ScanResult> {
    return (await this.#answers.ask([this.#message])) ?? this.#answers.tolerated
  }

  async find(): Promise<ScanResult> {
    const { keepsOut, settings } = this.#run
    const asksContents = settings.SECONDLOOK === 'always' && this.#hasContentScanners
    await this.#openSearches()
    const judgesForm = keepsOut.has('form') || keepsOut.has('encrypted')
    const mustRead = asksContents || this.#searches.size > 0 || judgesForm
    const byReading = mustRead ? await this.#readMail(asksContents) : await this.#measureDepth()
    // That it holds more than is read is the result only if nothing else is found.
    const holdsMore = byReading?.answer === 'unseen' && byReading.what === 'contents'
    const result =
      (holdsMore ? undefined : byReading) ??
      (await this.#askAboutWhole(asksContents)) ??
      byReading ??
      this.#weighLimit() ??
      this.#answers.tolerated
    const isUnread = asksContents && !this.#isReadToEnd
    return result.answer === 'clean' && isUnread ? { ...result, unread: true } : result
  }

  /**
   * Returns the result by a limit that a scanner has named, although it calls the same bytes clean as a
   * text (ask-scanners.ts). The limit does not decide if nothing can lie behind it: the message was read
   * to its end, no deeper than scanners look, and each of its contents was clean by itself. What was left
   * to the scan of the whole stands there as it is, so the scan of the same bytes as a text has seen it.
   */
  #weighLimit(): ScanResult | undefined {
    const { limit, tolerated } = this.#answers
    if (limit?.answer !== 'unseen') return undefined
    const isAllClean = this.#isReadToEnd && tolerated.answer === 'clean'
    if (!isAllClean) return this.#answers.unlessEnding(limit)
    this.#task.note(`${limit.why}, but each content is clean by itself`)
    return undefined
  }

  async #askAboutWhole(hasAskedContents: boolean): Promise<ScanResult | undefined> {
    const partList = this.#names?.all
    if (partList?.isCut) this.#task.note('plugins are told a part of the names')
    const message = partList ? { ...this.#message, partList } : this.#message
    for (const samples of this.#batch.endWith(message)) {
      const result = await this.#answers.ask(samples)
      if (result !== undefined) return result
    }
    if (this.#answers.tolerated.answer !== 'infected') return undefined
    // What was found in the whole and is allowed may hide something else.
    if (!hasAskedContents && this.#hasContentScanners) {
      const result = (await this.#readMail(true)) ?? (await this.#answers.ask(this.#batch.end()))
      if (result !== undefined) return result
    }
    return this.#askAboutRest()
  }

  /**
   * Asks about what lies in no content: header, preamble and epilogue. A scanner names one thing in a
   * whole message, and what is allowed may have hidden something there.
   */
  async #askAboutRest(): Promise<ScanResult | undefined> {
    if (this.#asked.length === 0) return undefined
    const { envelope, origin, bytes: whole } = this.#message
    const bytes = whole.without(this.#asked)
    const { spool } = this.#run
    return withNamedCopy(bytes, spool, (file) =>
      this.#answers.ask([{ bytes, envelope, origin, file }]),
    )
  }

  /**
   * Reads the message; if `asksContents`, asks about each content. Returns the result that ends
   * the scan.
   */
  async #readMail(asksContents: boolean): Promise<ScanResult | undefined> {
    const { spool, odd, settings, keepsOut } = this.#run
    const mayAllow = asksContents && this.#run.isAllowed !== undefined
    const oddities = new Set<Oddity>()
    let isCut = !asksContents
    const { readContents } = await import('./run/read-contents.ts')
    await this.#hearNames()
    const reading = readContents(this.#message, {
      spool,
      signal: this.#task.signal,
      maxDepth: settings.MAXNESTING,
      ...(mayAllow && { onGiven: (range) => this.#asked.push(range) }),
      ...((this.#searches.size > 0 || this.#names) && {
        onHeader: ({ fields }) => this.#ask((search) => search.header(fields)),
        onName: (name) => this.#ask((search) => search.name(name)),
      }),
      onOdd: (oddity) => oddities.add(oddity),
    })
    try {
      for await (const step of reading) {
        let result: ScanResult | undefined
        if (step.kind !== 'content') isCut = true
        if (step.kind === 'late') result = this.#tooLate()
        else if (step.kind === 'deeper') result = this.#tooDeep()
        else if (step.kind === 'over') {
          this.#tell((search) => search.over(step.why))
          result = this.#tooMuch(`second look: ${step.why}`, step.why)
        } else {
          this.#tell((search) => search.content(step.content.bytes))
          const partList = this.#names?.of(step.metadata)
          const content = partList ? { ...step.content, partList } : step.content
          if (asksContents) result = await this.#answers.ask(this.#batch.add(content))
        }
        if (result !== undefined) return result
        if (this.#keepingOut(oddities).length > 0) break
      }
    } finally {
      odd?.(oddities)
    }
    this.#isReadToEnd = !isCut && !oddities.has('unread')
    const keepingOut = this.#keepingOut(oddities)
    if (keepingOut.length > 0) return unseen('form', keepingOut.join(', '))
    const isKeptOut = keepsOut.has('encrypted') && oddities.has('encrypted')
    return isKeptOut ? this.#answers.unlessEnding(unseen('encrypted', 'encrypted')) : undefined
  }

  /** Returns the oddities for which a message is kept out, whatever else is in it. */
  #keepingOut(oddities: ReadonlySet<Oddity>): readonly Oddity[] {
    if (!this.#run.keepsOut.has('form')) return []
    return [...oddities].filter((oddity) => oddity !== 'encrypted')
  }

  /** Reads of the message what tells how deep it is nested. Returns the result that ends the scan. */
  async #measureDepth(): Promise<ScanResult | undefined> {
    const { signal } = this.#task
    const { settings, spool } = this.#run
    const { bytes, header } = this.#message
    const openFile = () => openAnonymousFile(spool.directory)
    const steps = isNestedDeeper(bytes, settings.MAXNESTING, { openFile, header })
    let over: string | undefined
    let step = steps.next()
    for (; !step.done; step = steps.next()) {
      if (step.value.kind === 'over') over = step.value.why
      await new Promise(setImmediate)
      if (signal.aborted) {
        steps.return(false)
        return this.#tooLate()
      }
    }
    if (step.value) return this.#tooDeep()
    return over === undefined ? undefined : this.#tooMuch(over, over)
  }

  /** Listens for names if a scanner is told them. For them alone no message is read. */
  async #hearNames(): Promise<void> {
    if (!this.#run.scanners.some((scanner) => !scanner.local && scanner.takesNames)) return
    const { PartListBuilder } = await import('./run/part-list.ts')
    this.#names = new PartListBuilder()
  }

  /** Begins the searches of local policy. A content has been searched in its message. */
  async #openSearches(): Promise<void> {
    if (this.#message.message !== undefined) return
    for (const scanner of this.#run.scanners) {
      if (!scanner.local) continue
      try {
        this.#searches.set(scanner, await scanner.search(this.#task))
      } catch (error) {
        this.#searches.set(scanner, failedSearch(error))
      }
    }
  }

  /** Has all who listen do something, and yields the units of work that they do. */
  *#ask(what: (listener: Listener) => Iterable<number>): Generator<number> {
    if (this.#names) yield* what(this.#names)
    for (const [scanner, search] of this.#searches) {
      try {
        yield* what(search)
      } catch (error) {
        this.#searches.set(scanner, failedSearch(error))
      }
    }
  }

  /** Tells all searches something. */
  #tell(what: (search: MailSearch) => void): void {
    for (const [scanner, search] of this.#searches) {
      try {
        what(search)
      } catch (error) {
        this.#searches.set(scanner, failedSearch(error))
      }
    }
  }

  #tooLate(): ScanResult {
    return unknown('second look: no answer in time (SCANTIMEOUT)', 'timeout')
  }

  #tooDeep(): ScanResult | undefined {
    const { MAXNESTING } = this.#run.settings
    const why = `more than ${MAXNESTING} messages or multiparts inside one another (MAXNESTING)`
    return this.#answers.unlessEnding(unseen('depth', why))
  }

  /** The message holds more than is read; `limit` says so to the sender. */
  #tooMuch(why: string, limit: string): ScanResult | undefined {
    return this.#answers.unlessEnding({ answer: 'unseen', what: 'contents', why, limit })
  }
}

/** A search of which nothing is known but that it could not tell. */
function failedSearch(error: unknown): MailSearch {
  const ignore = () => {}
  const noWork = () => []
  const answer = () => unknown(errorText(error), causeOf(error))
  return { header: noWork, name: noWork, content: ignore, over: ignore, answer }
}

/** Most small contents that scanners are asked about in one go, and most bytes of all of them. */
const SAMPLES_MAX = 8
const BYTES_MAX = 96 * 1024

/** Gathers small samples, so that scanners which can take several are asked about them together. */
class Batch {
  readonly #gathers: boolean
  #waiting: Sample[] = []
  #bytes = 0

  constructor(scanners: readonly Scanner[]) {
    this.#gathers = scanners.every(({ takesBatch }) => takesBatch)
  }

  /**
   * Adds a content. Returns the samples that scanners are to be asked about now: a large content by
   * itself, and the small ones that wait once another one has no room beside them.
   */
  add(content: Sample): readonly Sample[] {
    if (!this.#gathers || content.bytes.size > BYTES_MAX / 2) return [content]
    const ready = this.#hasRoomFor(content) ? [] : this.end()
    this.#waiting.push(inMemory(content))
    this.#bytes += content.bytes.size
    return ready
  }

  /** Returns the samples that wait, with the whole message after them if there is room for it. */
  endWith(message: Sample): readonly (readonly Sample[])[] {
    const isTogether = this.#gathers && this.#hasRoomFor(message)
    const waiting = this.end()
    return isTogether ? [[...waiting, message]] : [waiting, [message]]
  }

  /** Returns the samples that wait. */
  end(): readonly Sample[] {
    this.#bytes = 0
    return this.#waiting.splice(0)
  }

  #hasRoomFor({ bytes: { size } }: Sample): boolean {
    return this.#waiting.length < SAMPLES_MAX && this.#bytes + size <= BYTES_MAX
  }
}

/** A copy that lasts: the chunks of a content are valid only until the next content is asked for. */
function inMemory(content: Sample): Sample {
  return { ...content, bytes: Bytes.of(content.bytes.gather()) }
}
