import type { Hash } from 'node:crypto'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { LimitExceeded, mostContentsOf } from '../shared/limits.ts'
import { type Steps, Work, type WorkOptions } from '../shared/work.ts'

/** Contents of at most this many bytes are compared as they are. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** Contents of at most this many bytes are compared by a digest. Larger ones are not compared. */
const COMPARED_MAX = 1024 * 1024

/** The cost of a content besides its bytes, in units of work. */
const CONTENT_COST = 4096

/** The ways in which a content is opened, as bits: those of every file, and those that its header adds. */
const AS_FILE = 1
const AS_MESSAGE = 2
const AS_CALENDAR = 4
const AS_CONTAINER = 8

export interface ContentsOptions extends WorkOptions {
  readonly createHash: (algorithm: string) => Hash
  /** Called with each header of a part or a mail, as some reader sees it. */
  readonly onHeader?: (header: PartHeader) => void
  /**
   * The most messages or multiparts in one another (nested.ts); undefined if nobody wants to know
   * about more.
   */
  readonly maxDepth?: number
  /** Called with the place of each part of which all is in one content. */
  readonly onGiven?: (range: ByteRange) => void
  /** Called with the name of each file in uuencode, yEnc, a calendar or a card. */
  readonly onName?: (name: string) => void
}

/** Gives what stands in bytes that were decoded: the contents of a mail, or encoded data in a text. */
type ReadWithin = (bytes: Bytes, as: 'mail' | 'text', decoding: Decoding) => Steps

/** What is known about the leaf that is decoded now. */
interface DecodedLeaf {
  /**
   * Whether S/MIME or OpenPGP was read to its end in it. Then it need not be readable in the other ways of
   * decoding the leaf.
   */
  hasOpened: boolean
  header: PartHeader
  /** Whether it is a message, whatever its first lines are: by its type, its name, or in a digest. */
  readonly isMessage: boolean
  /** How many messages stand around it (nesting.ts). */
  messages: number
}

/** The state that all readings for the contents of one message share. */
export class Decoding extends Work {
  readonly readWithin: ReadWithin
  readonly options: ContentsOptions
  leaf: DecodedLeaf = { hasOpened: false, header: NO_HEADER, isMessage: false, messages: 0 }
  /** How many encoded mails and containers stand around what is decoded now. */
  depth = 0
  /** Whether the message was found to be nested deeper than `maxDepth`. */
  isTooDeep = false
  /** The most contents of the plain reading, and again of odd ones. */
  readonly #most: number
  /**
   * The digests of the contents that were given, and the ways in which each was opened. Small contents
   * stand there as they are.
   */
  readonly #given = new Map<string, number>()

  constructor(message: Bytes, options: ContentsOptions, readWithin: ReadWithin) {
    super(message, options)
    this.options = options
    this.readWithin = readWithin
    this.#most = mostContentsOf(message.size)
  }

  /**
   * Gives a content, unless it is empty or was given before. Returns whether it was given, or is to be
   * opened: `opens` says that the caller opens what is new, which may have been shown as a text before, or
   * stood below a header that says less. `isCounted` says that its bytes were counted when they were
   * decoded.
   */
  *give(source: Bytes, { isMail = false, isCounted = false, opens = false } = {}): Steps<boolean> {
    if (source.size === 0) return false
    const ways = opens ? this.#ways : 0
    const before = this.#noteGiven(source, isMail, ways)
    if (before !== undefined) return (ways & ~before) !== 0
    if (--this.budget.contents < 0) throw new LimitExceeded(`more than ${this.#most} contents`)
    if (!isCounted) this.countBytes(source.size)
    yield { kind: 'content', bytes: source, isMail }
    yield* this.countUnits(CONTENT_COST + source.size)
    return true
  }

  get #ways(): number {
    const { isCalendar, isContainer } = this.leaf.header
    return (
      AS_FILE |
      (this.leaf.isMessage ? AS_MESSAGE : 0) |
      (isCalendar ? AS_CALENDAR : 0) |
      (isContainer ? AS_CONTAINER : 0)
    )
  }

  /** Returns the ways in which a content was opened when it was given before; undefined if it was not. */
  #noteGiven(source: Bytes, isMail: boolean, ways: number): number | undefined {
    if (source.size > COMPARED_MAX) return undefined
    const isSmall = source.size <= COMPARED_WHOLE_MAX
    const bytes = isSmall ? textOf(source) : source.digest(this.options.createHash('sha256'))
    const key = isMail ? `mail ${bytes}` : bytes
    const before = this.#given.get(key)
    this.#given.set(key, (before ?? 0) | ways)
    return before
  }
}

function textOf(source: Bytes): string {
  let text = '='
  for (const chunk of source.chunks()) text += chunk.toString('latin1')
  return text
}
