import type { Bytes, MailBytes } from '../../message/bytes.ts'
import { EMPTY_LINES, emptyLineAt } from '../../message/field-line.ts'
import type { Header } from '../../message/header-block.ts'
import type { Oddity } from '../reports/oddities.ts'
import type { PartNames } from '../reports/part-names.ts'
import { MemoryPool } from '../storage/memory-pool.ts'
import type { Store } from '../storage/store.ts'
import { SEARCHED_PER_UNIT } from './costs.ts'
import { budgetOf, LimitExceeded, limits, type ReadingBudget } from './limits.ts'

/** The units of work between two turns of the event loop. A unit is about one byte inspected. */
export const WORK_PER_TURN = 192 * 1024
/** Upper limit for the bytes that are inspected, decoded or read before the next turn is considered. */
export const PIECE = 64 * 1024
/** The bytes that the runtime searches before more are counted: at first, and upper limit. */
const SEARCHED_FIRST = 128
const SEARCHED_PIECE = 512 * 1024
/** How an empty line follows another line of a message, whatever the other lines end in. */
const BELOW_LINES = EMPTY_LINES['\r\n'].map((end) => Buffer.from(end))
/** Upper limit for the bytes of lines that are read one by one before the next turn is considered, because some bytes cost hundreds of times as much as others. */
export const LINES_PIECE = 8 * 1024

/** An attached message, as it is yielded. */
export interface EmittedMail {
  readonly bytes: Bytes
  /** Whether scanners must treat the content as a message. */
  readonly isMail: boolean
}

/** Why a part is left unread: a limit is exceeded, or nothing here can read it. */
export interface LeftUnread {
  readonly reason: string
  readonly cause: 'limit' | 'unreadable'
}

type ContentStep =
  /** A content that some program might get out of a message. */
  | {
      readonly kind: 'content'
      /** The content, which is valid until the next step is requested. */
      readonly bytes: Bytes
      /** Whether scanners must treat the content as a message. */
      readonly isMail: boolean
      /** Without a listener its names are not read. */
      readonly part: PartNames
    }
  /** The caller should let the event loop take a turn now. */
  | { readonly kind: 'turn' }
  /** The message is nested deeper than is read. This step comes once. */
  | { readonly kind: 'deeper' }
  /** The mail exceeds a limit, however plainly it is read. This is the last step. */
  | ({ readonly kind: 'unread' } & LeftUnread)

/** Steps of the work on a message, with a result at their end. */
export type Steps<Result = void> = Generator<ContentStep, Result>

export interface WorkOptions {
  /** The header of the message itself. Without it the reading finds the fields by itself. */
  readonly header?: Header | undefined
  /**
   * Opens a file of its own for a content that does not fit into memory, for reading and writing.
   */
  readonly openFile: () => number
  /** Whether the bytes are hardly a message, so that less work is spent on them (limits.ts). */
  readonly mayBeFile?: boolean
  /** The budget, instead of that of a message of this size. */
  readonly budget?: Readonly<ReadingBudget>
  /** Upper limit for nested messages, and for multiparts in one (structure/leaf.ts). Without it, there is none. */
  readonly maxDepth?: number
  /** Called with the units of work that were done since the last call. */
  readonly onWork?: (units: number) => void
  /** Called with each oddity of the message itself, at least once; `encrypted` also for messages in it. */
  readonly onOdd?: (oddity: Oddity) => void
}

/** The work on one message: what it has spent, what it may still spend, and with what memory. */
export class Work {
  readonly onOdd: WorkOptions['onOdd']
  readonly pool: MemoryPool
  /** The remaining budget of the message. */
  readonly budget: ReadingBudget
  readonly #onWork: WorkOptions['onWork']
  /** Upper limit for the contents of the message. */
  #contents: number
  #unread: LeftUnread | undefined
  #unitsSinceTurn = 0
  readonly #maxDepth: number
  #depth: 'read' | 'deeper' | 'reported' = 'read'

  constructor(
    { size }: Bytes,
    { openFile, mayBeFile, onWork, onOdd, budget, maxDepth }: WorkOptions,
  ) {
    this.#maxDepth = maxDepth ?? Number.POSITIVE_INFINITY
    this.#onWork = onWork
    this.onOdd = onOdd
    this.pool = new MemoryPool(openFile, size)
    this.budget = { ...(budget ?? budgetOf(size, mayBeFile)) }
    this.#contents = this.budget.contents
  }

  /** Why a part is left unread, by the first limit that was exceeded, or undefined if all is read. */
  get unread(): LeftUnread | undefined {
    return this.#unread
  }

  /** Notes that a part is left unread. The rest of the message is read. */
  leaveUnread(reason: string, cause: LeftUnread['cause'] = 'limit'): void {
    this.#unread ??= { reason, cause }
    this.onOdd?.('unread')
  }

  /** Notes how deep a part of the message is. */
  noteDepth(depth: number): void {
    if (depth > this.#maxDepth && this.#depth === 'read') this.#depth = 'deeper'
  }

  /** Reports, once, that the message is nested deeper than is read. */
  *reportDepth(): Steps {
    if (this.#depth !== 'deeper') return
    this.#depth = 'reported'
    yield { kind: 'deeper' }
  }

  /**
   * Counts units of work, and yields a turn of the event loop if one is due. Throws LimitExceeded if there
   * are too many.
   */
  *countUnits(units: number): Steps {
    this.#onWork?.(units)
    this.budget.work -= units
    this.#check()
    this.#unitsSinceTurn += units
    if (this.#unitsSinceTurn < WORK_PER_TURN) return
    this.#unitsSinceTurn = 0
    yield { kind: 'turn' }
  }

  /**
   * Returns whether any chunk passes a test that the runtime runs without a loop in JavaScript, and whose
   * result does not depend on where chunks end.
   */
  *some(source: Bytes, test: (chunk: Buffer) => boolean): Steps<boolean> {
    for (const chunk of source.chunks()) {
      yield* this.countUnits(chunk.length / SEARCHED_PER_UNIT)
      if (test(chunk)) return true
    }
    return false
  }

  /** Counts bytes, and returns them for the runtime to search them once, or to make text of them. */
  *searched(bytes: MailBytes, from = 0, to = bytes.length): Steps<Buffer> {
    const range = bytes.subarray(from, to) as Buffer
    yield* this.countUnits(range.length / SEARCHED_PER_UNIT)
    return range
  }

  /** Returns bytes as a text, in which expressions search. They are counted. */
  *text(bytes: MailBytes, from = 0, to = bytes.length): Steps<string> {
    const range = bytes.subarray(from, to) as Buffer
    yield* this.countUnits(range.length)
    return range.toString('latin1')
  }

  /**
   * Returns the offset in a range at which the first of some words begins, or a byte, or undefined. Each piece is counted
   * before it is searched, and is hardly longer than those before it together.
   */
  *indexOf(
    bytes: MailBytes,
    words: readonly (string | number | Buffer)[],
    from = 0,
    to = bytes.length,
  ): Steps<number | undefined> {
    const longest = Math.max(...words.map((word) => (typeof word === 'number' ? 1 : word.length)))
    for (let at = from, length = SEARCHED_FIRST; at < to; ) {
      const end = Math.min(to, at + length + longest - 1)
      let found = end
      for (const word of words) {
        const piece = yield* this.searched(bytes, at, end)
        const offset = piece.indexOf(word, 0, 'latin1')
        if (offset >= 0) found = Math.min(found, at + offset)
      }
      // Behind the piece itself, a longer word may begin before it.
      if (found < Math.min(end, at + length)) return found
      at += length
      length = Math.min(2 * length, SEARCHED_PIECE)
    }
    return undefined
  }

  /** Returns whether some words, or a byte, are in a range. */
  *includes(bytes: MailBytes, words: readonly (string | number | Buffer)[]): Steps<boolean> {
    return (yield* this.indexOf(bytes, words)) !== undefined
  }

  /**
   * Returns the offset below the next empty line (field-line.ts), LF or CR LF, from the beginning of a line on, or undefined
   * if there is none up to `to`.
   */
  *belowEmptyLine(bytes: MailBytes, from: number, to: number): Steps<number | undefined> {
    const first = emptyLineAt(bytes, from)
    if (first > 0 && from + first <= to) return from + first
    const lf = yield* this.indexOf(bytes, BELOW_LINES, from, to)
    return lf === undefined ? undefined : lf + 1 + emptyLineAt(bytes, lf + 1)
  }

  /** Returns all bytes of a source in one buffer. If they have to be copied, that is counted. */
  *gather(source: Bytes): Steps<MailBytes> {
    const steps = source.gatherInSteps()
    let step = steps.next()
    for (; !step.done; step = steps.next()) yield* this.countUnits(step.value / SEARCHED_PER_UNIT)
    return step.value
  }

  /** Returns the first bytes of a source as a text. */
  *front(source: Bytes, length: number): Steps<string> {
    return yield* this.text(yield* this.gather(source.slice(0, Math.min(length, source.size))))
  }

  /** Copies bytes to a store, and counts them. */
  *copy(bytes: MailBytes, store: Store): Steps {
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE)
      this.countBytes(piece.length)
      yield* this.countUnits(piece.length)
      store.putAll(piece)
    }
  }

  /** Counts bytes that are decoded or yielded unchanged. Throws LimitExceeded if there are too many. */
  countBytes(bytes: number): void {
    this.budget.bytes -= bytes
    this.#check()
  }

  /** Permits more contents in a message in which all programs find others. */
  addMessages(messages: number): void {
    const { contentsOfMessage, contentsOfBundle } = limits
    const room = Math.max(0, contentsOfBundle - this.#contents)
    const more = Math.min(messages * contentsOfMessage, room)
    this.#contents += more
    this.budget.contents += more
  }

  /** Counts a content that is emitted. Throws LimitExceeded if they are too many. */
  countContent(): void {
    this.budget.contents--
    this.#check()
  }

  /** Throws LimitExceeded if more was done than may be. */
  #check(): void {
    const { bytes, contents, work } = this.budget
    if (work < 0) throw new LimitExceeded('too much work for its size')
    if (bytes < 0) throw new LimitExceeded('too many bytes of content')
    if (contents < 0) throw new LimitExceeded(`more than ${this.#contents} contents`)
  }
}
