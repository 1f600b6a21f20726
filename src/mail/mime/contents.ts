import type { Bytes } from '../message/bytes.ts'
import type { KnownHeader } from '../message/message.ts'
import { LimitExceeded } from './budget/limits.ts'
import type { GivenMail, Steps } from './budget/work.ts'
import { readNames } from './headers/names.ts'
import type { PartHeader } from './headers/part-header.ts'
import { type CodedLines, findCodedLines } from './leaves/coded-blocks.ts'
import { giveCoded } from './leaves/coded-contents.ts'
import { codedKinds, kindsInFiles } from './leaves/coded-data.ts'
import { isKnownAsMail, splitLineEnd } from './leaves/content-checks.ts'
import { type ContentsOptions, Decoding } from './leaves/decoding.ts'
import { giveInFile } from './leaves/file-contents.ts'
import { giveLeaf } from './leaves/leaf-contents.ts'
import { isOrdinary, mailAround } from './leaves/ordinary.ts'
import { DepthSearch } from './nested.ts'
import { aroundMail } from './reader/depth.ts'
import type { Leaf, SeenHeader } from './reader/found.ts'
import type { Reading } from './reader/reading.ts'
import { MailReadings } from './reader/readings.ts'
import { NAMELESS, type PartNames } from './traits/part-names.ts'

export type { ContentsOptions } from './leaves/decoding.ts'

/**
 * Yields each content once that any mail program might extract from a message. All work is charged to one
 * budget. If the budget is exceeded, the last step is `unread`, as is the rest. A caller that stops
 * early must call `return`, which frees memory and files.
 *
 * The message is read once for each kind of mail program (habits/). Each leaf part is decoded by the standards,
 * and in each other way in which some program decodes it. The text of the message itself is omitted if it
 * appears unchanged in the message (saved-forms.ts). The readings come first, so that the depth of the mail and
 * the oddities of its structure are known before the first content.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const decoding = Decoding.of(message, options, { mail: readMail, file: giveInFile })
  try {
    yield* readMail(message, decoding, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    decoding.leaveUnread(error.message)
  }
  if (decoding.unread !== undefined) yield { kind: 'unread', why: decoding.unread }
}

function readMail(source: Bytes, decoding: Decoding, header?: KnownHeader): Steps {
  return new MailContents(source, decoding, header).give()
}

/** The contents of one mail, as all readings of it find them. */
class MailContents {
  readonly #source: Bytes
  readonly #decoding: Decoding
  readonly #readings: MailReadings
  readonly #known: KnownHeader | undefined
  /** The leaf parts that readings have found, each once. */
  readonly #leaves: Leaf[] = []
  /** The keys of leaf parts: their positions, with all their relevant properties. */
  readonly #seen = new Set<string>()
  readonly #headerIds = new Map<PartHeader, number>()
  /** The names in these headers; empty without a listener. */
  readonly #parts = new Map<PartHeader, PartNames>()

  constructor(source: Bytes, decoding: Decoding, known: KnownHeader | undefined) {
    this.#source = source
    this.#decoding = decoding
    this.#known = known
    this.#readings = new MailReadings(
      source,
      aroundMail(decoding.scope.messages),
      decoding.budget,
      {
        known,
      },
    )
  }

  *give(): Steps {
    const source = this.#source
    const decoding = this.#decoding
    try {
      yield* this.#readStructure()
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error
      decoding.leaveUnread(error.message) // but what was found up to there is given
    }
    const lines = yield* findCodedLines(source, codedKinds, decoding)
    const hasForm = yield* this.#isOrdinary(lines)
    for (const leaf of this.#leaves) {
      const part = this.#partOf(leaf.header)
      const around = hasForm ? this.#mailAround(leaf) : undefined
      yield* giveLeaf(leaf, source, decoding.at({ hasForm, around, part }))
    }
    const text = { text: source, lines, kinds: codedKinds }
    const given = new Set<string>()
    const ranges = new Map(this.#leaves.map(({ from, to }) => [`${from} ${to}`, { from, to }]))
    for (const range of ranges.values()) yield* giveCoded({ ...text, range }, decoding, given)
    // Data may go on past delimiters, and begin at a line among fields.
    const bodyFrom = this.#leaves.reduce((least, { from }) => Math.min(least, from), source.size)
    const range = { from: 0, to: source.size, bodyFrom }
    yield* giveCoded({ ...text, range, kinds: kindsInFiles }, decoding, given)
  }

  /** Whether nothing in the structure of the message is odd, if the forms of its parts are needed. */
  *#isOrdinary(lines: CodedLines): Steps<boolean> {
    const decoding = this.#decoding
    if (!decoding.options.seeksForms || decoding.depth > 0 || !this.#readings.isOne) return false
    const above = this.#known?.above ?? 0
    const headers = [...this.#headerIds.keys()]
    const mail = { source: this.#source, lines, above, headers }
    return yield* isOrdinary(this.#leaves, mail, decoding)
  }

  /** Returns the attached mail in which a leaf is, as it is yielded. */
  #mailAround(leaf: Leaf): GivenMail | undefined {
    const attached = mailAround(leaf, this.#leaves)
    if (attached === undefined) return undefined
    const { bare: bytes } = splitLineEnd(this.#source.slice(attached.from, attached.to))
    return { bytes, isMail: !isKnownAsMail(bytes) }
  }

  /** Reads the mail in all ways, which determines its nesting depth. */
  *#readStructure(): Steps {
    for (let reading = this.#readings.next(); reading; reading = this.#readings.next()) {
      const before = this.#leaves.length
      for (const units of reading.read()) {
        yield* this.#decoding.countUnits(units)
        yield* this.#reportDepth(reading.deepest)
        yield* this.#takeFound(reading)
      }
      // A message comes before its contents.
      const fresh = this.#leaves.splice(before).sort((one, other) => one.from - other.from)
      for (const leaf of fresh) this.#leaves.push(leaf)
      if (reading.habits.isCommon) this.#reportOddities(reading)
    }
    if (this.#readings.unread !== undefined) this.#decoding.leaveUnread(this.#readings.unread)
    yield* this.#measureEncoded()
  }

  /** Passes the oddities in the structure of the message to the listener. */
  #reportOddities({ habits }: Reading): void {
    const { onOdd, depth } = this.#decoding
    if (depth === 0) for (const oddity of habits.oddities) onOdd?.(oddity)
  }

  *#reportDepth(deepest: number): Steps {
    const { maxDepth } = this.#decoding.options
    if (maxDepth !== undefined && deepest > maxDepth) yield* this.#decoding.giveDeeper()
  }

  /** Measures the nesting depth of the messages that are encoded in the message's parts. */
  *#measureEncoded(): Steps {
    const decoding = this.#decoding
    const { maxDepth, createHash } = decoding.options
    if (maxDepth === undefined || decoding.depth > 0) return
    const search = new DepthSearch(maxDepth, decoding, createHash)
    for (const leaf of this.#leaves) {
      const { multipart, message } = leaf.header
      if (multipart !== 'no' || message !== 'no') yield* search.readEncoded(leaf, this.#source)
    }
    if (search.isDeeper) yield* this.#reportDepth(Number.POSITIVE_INFINITY)
  }

  *#takeFound(reading: Reading): Steps {
    for (const found of reading.takeFound()) {
      if ('seen' in found) yield* this.#reportHeader(found)
      else this.#keep(found, reading.habits.isCommon)
    }
  }

  /** Passes the names and oddities of a header to the listeners. */
  *#reportHeader({ seen, seenBy }: SeenHeader): Steps {
    const decoding = this.#decoding
    if (!this.#headerIds.has(seen)) {
      this.#idOf(seen)
      yield* this.#readNames(seen)
    }
    if (seenBy === 'some' || decoding.depth > 0) return
    for (const oddity of seen.oddities) decoding.onOdd?.(oddity)
  }

  /** Reads the names in a header for the listener, if there is one. */
  *#readNames(header: PartHeader): Steps {
    const decoding = this.#decoding
    const { onPart } = decoding.options
    if (onPart === undefined) return
    const reading = readNames(header.fields, decoding.scope.part.containers)
    let step = reading.next()
    for (; !step.done; step = reading.next()) yield* decoding.countUnits(step.value)
    this.#parts.set(header, step.value)
    decoding.postpone(onPart(step.value))
    yield* decoding.doPostponed()
  }

  #partOf(header: PartHeader): PartNames {
    const { containers } = this.#decoding.scope.part
    return this.#parts.get(header) ?? { ...NAMELESS, containers }
  }

  /**
   * Keeps a leaf part that no reading has found before. Each reading finds a part once, and ordinary mail has
   * one reading.
   */
  #keep(leaf: Leaf, isCommon: boolean): void {
    if (!isCommon) {
      if (this.#seen.size === 0)
        for (const known of this.#leaves) this.#seen.add(this.#keyOf(known))
      const key = this.#keyOf(leaf)
      if (this.#seen.has(key)) return
      this.#seen.add(key)
    }
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
