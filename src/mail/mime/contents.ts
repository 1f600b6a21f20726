import type { ByteRange, Bytes } from '../message/bytes.ts'
import type { KnownHeader } from '../message/message.ts'
import { LimitExceeded, limits } from './budget/limits.ts'
import type { EmittedMail, Steps } from './budget/work.ts'
import { formOfLeaf } from './forms/leaf-form.ts'
import { mailAround, plainTextOf } from './forms/plain-message.ts'
import { readNames } from './headers/names.ts'
import type { PartHeader } from './headers/part-header.ts'
import { decodeLeaf } from './leaves/decode-leaf.ts'
import { EmbeddedData } from './leaves/embedded-data.ts'
import { kindsInFiles, kindsInTexts } from './leaves/embedded-formats.ts'
import { type ContentsOptions, Extraction } from './leaves/extraction.ts'
import { isKnownAsMail } from './leaves/mail-starts.ts'
import { openContainers, openContent, openEmbedded, openEmbeddedIn } from './leaves/open-content.ts'
import { splitLineEnd } from './leaves/text-properties.ts'
import { DepthSearch } from './nested.ts'
import { readStructure } from './read-structure.ts'
import { aroundMail } from './reader/depth.ts'
import { inDispute, type Leaf, type SeenHeader, TOO_MANY_PARTS } from './reader/found.ts'
import type { Reading } from './reader/reading.ts'
import { MailReadings } from './reader/readings.ts'
import { NAMELESS, type PartNames } from './traits/part-names.ts'

export type { ContentsOptions } from './leaves/extraction.ts'

/**
 * Yields each content once that any mail program might extract from a message. All work is charged to one
 * budget. If the budget is exceeded, the last step is `unread`, as is the rest. A caller that stops
 * early must call `return`, which frees memory and files.
 *
 * The message is read once for each kind of mail program (habits/). Each leaf part is decoded by the standards,
 * and in each other way in which some program decodes it. The text of the message itself is omitted if it
 * appears unchanged in the message (saved-variants.ts). The readings come first, so that the depth of the mail and
 * the oddities of its structure are known before the first content.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const extraction = Extraction.of(message, options, { mail: openMail, file: openContent })
  try {
    yield* options.isFile
      ? openFile(message, extraction)
      : openMail(message, extraction, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    extraction.work.leaveUnread(error.message)
  }
  if (extraction.work.unread !== undefined) yield { kind: 'unread', reason: extraction.work.unread }
}

function openMail(source: Bytes, extraction: Extraction, header?: KnownHeader): Steps {
  return new MailContents(source, extraction, header).emit()
}

/** Opens a file that was not sent in a message. Its own bytes are not emitted. */
function* openFile(file: Bytes, extraction: Extraction): Steps {
  yield* openContainers(file, extraction)
  yield* openEmbedded(file, extraction)
}

/** The contents of one mail, as all readings of it find them. */
class MailContents {
  readonly #source: Bytes
  readonly #extraction: Extraction
  readonly #readings: MailReadings
  readonly #known: KnownHeader | undefined
  /** The leaf parts that readings have found, each once. */
  readonly #leaves: Leaf[] = []
  /** Texts of a carved mail that scanners see unchanged in it. */
  #texts: readonly ByteRange[] = []
  /** The keys of leaf parts: their positions, with all their relevant properties. */
  readonly #seen = new Set<string>()
  readonly #headerIds = new Map<PartHeader, number>()
  /** The names in these headers; empty without a listener. */
  readonly #parts = new Map<PartHeader, PartNames>()

  constructor(source: Bytes, extraction: Extraction, known: KnownHeader | undefined) {
    this.#source = source
    this.#extraction = extraction
    this.#known = known
    this.#readings = new MailReadings(
      source,
      aroundMail(extraction.scope.messages),
      extraction.work.budget,
      {
        known,
      },
    )
  }

  *emit(): Steps {
    const source = this.#source
    const extraction = this.#extraction
    try {
      yield* this.#readStructure()
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error
      extraction.work.leaveUnread(error.message) // but what was found up to there is emitted
    }
    const isAgreed = this.#readings.isOne || extraction.options.carves
    const leaves = isAgreed ? this.#leaves : this.#leaves.map(inDispute)
    const embedded = yield* EmbeddedData.of(source, kindsInTexts, extraction.work)
    const text = yield* this.#plainText()
    for (const leaf of leaves) {
      const part = this.#partOf(leaf.header)
      const form = text === undefined ? undefined : formOfLeaf(leaf, text.slice(leaf.from, leaf.to))
      const around = form && this.#mailAround(leaf)
      yield* decodeLeaf(leaf, source, extraction.at({ form, around, part }))
    }
    const known = new Set<string>()
    const ranges = new Map(
      [...this.#leaves, ...this.#texts].map(({ from, to }) => [`${from} ${to}`, { from, to }]),
    )
    for (const range of ranges.values())
      yield* openEmbeddedIn(range, embedded, kindsInTexts, extraction, known)
    // Data may go on past delimiters, and begin at a line among fields.
    const bodyFrom = [...this.#leaves, ...this.#texts].reduce(
      (least, { from }) => Math.min(least, from),
      source.size,
    )
    const range = { from: 0, to: source.size, bodyFrom }
    yield* openEmbeddedIn(range, embedded, kindsInFiles, extraction, known)
  }

  /** Returns the text of the message if the forms of its parts are needed, and nothing in its structure is odd. */
  *#plainText(): Steps<string | undefined> {
    const extraction = this.#extraction
    if (!extraction.options.seeksForms || extraction.scope.depth > 0 || !this.#readings.isOne)
      return undefined
    return yield* plainTextOf(this.#source.gather(), this.#known, extraction.work)
  }

  /** Returns the attached mail in which a leaf is, as it is yielded. */
  #mailAround(leaf: Leaf): EmittedMail | undefined {
    const attached = mailAround(leaf, this.#leaves)
    if (attached === undefined) return undefined
    const { bare: bytes } = splitLineEnd(this.#source.slice(attached.from, attached.to))
    return { bytes, isMail: !isKnownAsMail(bytes) }
  }

  /** Reads the mail in all ways, which determines its nesting depth. */
  *#readStructure(): Steps {
    yield* this.#extraction.work.gather(this.#source)
    if (this.#extraction.options.carves) {
      yield* this.#carve()
      return
    }
    for (let reading = this.#readings.next(); reading; reading = this.#readings.next()) {
      const before = this.#leaves.length
      for (const units of reading.read()) {
        yield* this.#extraction.work.countUnits(units)
        yield* this.#reportDepth(reading.deepest)
        yield* this.#takeFound(reading)
      }
      // A message comes before its contents.
      const fresh = this.#leaves.splice(before).sort((one, other) => one.from - other.from)
      for (const leaf of fresh) this.#leaves.push(leaf)
      if (reading.habits.isCommon) this.#reportOddities(reading)
    }
    if (this.#readings.unread !== undefined)
      this.#extraction.work.leaveUnread(this.#readings.unread)
    yield* this.#measureEncoded()
  }

  /** Reads ordinary mail by the grammar, and carves other mail. */
  *#carve(): Steps {
    const { scope, work } = this.#extraction
    const reading = readStructure(this.#source.gather(), scope.messages, this.#known)
    let step = reading.next()
    for (; !step.done; step = reading.next()) yield* work.countUnits(step.value)
    const { leaves, texts, headers, deepest, oddities } = step.value
    this.#texts = texts
    yield* this.#reportDepth(deepest)
    for (const seen of headers) yield* this.#reportHeader({ seen, seenBy: 'some' })
    if (scope.depth === 0) for (const oddity of oddities) work.onOdd?.(oddity)
    for (const leaf of leaves) this.#addLeaf(leaf, true)
    yield* this.#measureEncoded()
  }

  /** Passes the oddities in the structure of the message to the listener. */
  #reportOddities({ habits }: Reading): void {
    const { work, scope } = this.#extraction
    if (scope.depth > 0) return
    for (const oddity of habits.oddities) work.onOdd?.(oddity)
  }

  *#reportDepth(deepest: number): Steps {
    const { maxDepth } = this.#extraction.options
    if (maxDepth !== undefined && deepest > maxDepth) yield* this.#extraction.emitDeeper()
  }

  /** Measures the nesting depth of the messages that are encoded in the message's parts. */
  *#measureEncoded(): Steps {
    const extraction = this.#extraction
    const { maxDepth, createHash } = extraction.options
    if (maxDepth === undefined || extraction.scope.depth > 0) return
    const search = new DepthSearch(maxDepth, extraction.work, createHash)
    for (const leaf of this.#leaves) {
      const { multipart, message } = leaf.header
      if (multipart !== 'no' || message !== 'no') yield* search.readEncoded(leaf, this.#source)
    }
    if (search.isDeeper) yield* this.#reportDepth(Number.POSITIVE_INFINITY)
  }

  *#takeFound(reading: Reading): Steps {
    for (const found of reading.takeFound()) {
      if ('seen' in found) yield* this.#reportHeader(found)
      else this.#addLeaf(found, reading.habits.isCommon)
    }
  }

  /** Passes the names and oddities of a header to the listeners. */
  *#reportHeader({ seen, seenBy }: SeenHeader): Steps {
    const extraction = this.#extraction
    if (!this.#headerIds.has(seen)) {
      this.#idOf(seen)
      yield* this.#readNames(seen)
    }
    if (seenBy === 'some' || extraction.scope.depth > 0) return
    for (const oddity of seen.oddities) extraction.work.onOdd?.(oddity)
  }

  /** Reads the names in a header for the listener, if there is one. */
  *#readNames(header: PartHeader): Steps {
    const extraction = this.#extraction
    const { onPart } = extraction.options
    if (onPart === undefined) return
    const reading = readNames(header.fields, extraction.scope.part.containers)
    let step = reading.next()
    for (; !step.done; step = reading.next()) yield* extraction.work.countUnits(step.value)
    this.#parts.set(header, step.value)
    yield* extraction.reportNames(step.value)
  }

  #partOf(header: PartHeader): PartNames {
    const { containers } = this.#extraction.scope.part
    return this.#parts.get(header) ?? { ...NAMELESS, containers }
  }

  /**
   * Adds a leaf part that no reading has found before. Each reading finds a part once, and ordinary mail has
   * one reading. Throws LimitExceeded if all readings together find too many.
   */
  #addLeaf(leaf: Leaf, isCommon: boolean): void {
    if (!isCommon) {
      if (this.#seen.size === 0)
        for (const known of this.#leaves) this.#seen.add(this.#keyOf(known))
      const key = this.#keyOf(leaf)
      if (this.#seen.has(key)) return
      this.#seen.add(key)
    }
    if (this.#leaves.length === limits.parts) throw new LimitExceeded(TOO_MANY_PARTS)
    this.#leaves.push(leaf)
  }

  #keyOf({ from, to, header, encodings, isInHeader, isPreamble }: Leaf): string {
    return `${from} ${to} ${this.#idOf(header)} ${isInHeader} ${isPreamble} ${encodings}`
  }

  #idOf(header: PartHeader): number {
    const known = this.#headerIds.get(header)
    if (known !== undefined) return known
    this.#headerIds.set(header, this.#headerIds.size)
    return this.#headerIds.size - 1
  }
}
