import { COLON, CR, EQUALS, LF, QUOTE, SEMICOLON, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { Bytes } from '../../message/bytes.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import { decoded, eachHabits } from '../decoders/decoder.ts'
import type { Habits, Words } from '../habits/habits.ts'
import type { MemoryPool } from '../storage/store.ts'
import type { Opening } from './container.ts'
import { PropertyHead, PropertyValue } from './content-line.ts'

/**
 * Yields each file in a value of a calendar (RFC 5545 3.1) or of cards (RFC 6350 3.2, vCard 2.1). Every
 * property that declares a file is read, and so are the properties defined for files. Where readers differ
 * about the lines, the other ways of reading them are tried as well.
 */
export function* openCalendar(source: Buffer, opening: Opening): Steps<boolean> {
  const { work, isDeclared } = opening
  if (!isDeclared && !beginsCalendar(source)) return false
  const charset = utf16Of(source)
  if (charset === undefined) yield* readInEachWay(source, opening)
  else {
    const read = (text: Bytes) => readInEachWay(text.gather(), opening)
    yield* decoded(Bytes.of(source), toUtf8(charset)[0]!, work, read)
  }
  return true
}

function* readInEachWay(source: Buffer, { work, emit }: Opening): Steps {
  for (const habits of eachHabits('reading a calendar', work)) {
    yield* readLines(source, habits, work, emit)
  }
}

/** The units of work of a value, in addition to its bytes. */
const VALUE_COST = 64

/** The bytes at the front in which the first line must begin. */
const FRONT = 512

const FIRST_LINE =
  /^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\0-\x20]*begin[ \t]*(?:;[^:]*)?:[ \t]*(?:vcalendar|vcard)/i

/** Returns whether the bytes begin as a calendar or a card, in UTF-8 or in UTF-16. */
export function beginsCalendar(source: Buffer): boolean {
  const text = source.toString('latin1', 0, FRONT).replaceAll('\0', '')
  return FIRST_LINE.test(text.replace(/(?:\r{0,3}\n|\r)[ \t]/g, ''))
}

/** Returns the plain name of the character set of a text by its first bytes, if it is UTF-16. */
function utf16Of(source: Buffer): 'utf16le' | 'utf16be' | undefined {
  const [first = 0, second = 0] = source
  if ((first === 0xff && second === 0xfe) || (first > 0 && second === 0)) return 'utf16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second > 0)) return 'utf16be'
  return undefined
}

function* readLines(source: Buffer, habits: Habits, work: Work, emit: Opening['emit']): Steps {
  const reader = new PropertyReader(habits, work.pool)
  try {
    for (let at = 0; at < source.length; at += LINES_PIECE) {
      const piece = source.subarray(at, at + LINES_PIECE)
      reader.push(piece)
      yield* work.countUnits(piece.length)
      yield* emitReady(reader, work, emit)
    }
    reader.end()
    yield* emitReady(reader, work, emit)
  } finally {
    reader.close()
  }
}

/** Emits the files in the values that have ended. */
function* emitReady({ ready }: PropertyReader, work: Work, emit: Opening['emit']): Steps {
  for (let value = ready.shift(); value; value = ready.shift()) {
    try {
      yield* work.countUnits(VALUE_COST)
      work.countBytes(value.store?.size ?? 0)
      for (const file of value.files()) yield* emit(file)
    } finally {
      value.store?.close()
    }
  }
}

const SOFT_BREAK = Buffer.from('\n')

/** Reads properties in pieces of any size, and collects the values that may be files. */
class PropertyReader {
  /** The complete values. A caller that takes one closes its store. */
  readonly ready: PropertyValue[] = []
  readonly #habits: Habits
  readonly #pool: MemoryPool
  /** The text before the value of this line, while it has no end. */
  #heads: PropertyHead[] = [new PropertyHead(true)]
  /** The values of this line, and those of lines before that may go on. */
  #values: PropertyValue[] = []
  #hasQuotesInWords = false
  /** Whether the value is in quoted-printable, and the last byte of the line so far. */
  #isQuotedPrintable = false
  #last = 0
  /** Whether a line begins with the next byte, after a CR, or after an empty line. */
  #isAtStart = true
  #isBehindCr = false
  /** What this reader does with a bare CR, once there was one. */
  #cr: Words<'calendar CR'> | undefined
  #isBehindEmpty = false
  /** Whether blanks at the beginning of this line are skipped. */
  #skipsBlanks = false

  constructor(habits: Habits, pool: MemoryPool) {
    this.#habits = habits
    this.#pool = pool
  }

  push(bytes: Buffer): void {
    let lf = -1
    let cr = -1
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at]!
      if (byte === CR) {
        this.#isBehindCr = true
        at++
        continue
      }
      if (this.#isBehindCr && byte !== LF) {
        this.#cr ??= this.#habits.does('calendar CR')
        if (this.#cr === 'ends a line') this.#endLine()
      }
      this.#isBehindCr = false
      if (byte === LF) {
        this.#endLine()
        at++
      } else if (this.#isAtStart) {
        if (this.#beginLine(byte)) at++
      } else {
        if (lf < at) lf = indexOrEnd(bytes, LF, at)
        if (cr < at) cr = indexOrEnd(bytes, CR, at)
        const end = Math.min(lf, cr)
        this.#take(bytes, at, end)
        at = end
      }
    }
  }

  end(): void {
    for (const value of this.#values) value.endLine()
    this.#finish(() => true)
  }

  /** Closes the stores that were not taken. */
  close(): void {
    for (const { store } of [...this.ready, ...this.#values]) store?.close()
  }

  #endLine(): void {
    if (this.#isAtStart) {
      this.#isBehindEmpty = true
      for (const value of this.#values) value.endAtEmptyLine()
    }
    this.#isAtStart = true
  }

  /** Reads the first byte of a line. Returns whether that byte only continues the previous line. */
  #beginLine(byte: number): boolean {
    const isFold = byte === SPACE || byte === TAB
    const isBehindEmpty = this.#isBehindEmpty
    const isSoftBreak = this.#isQuotedPrintable && this.#last === EQUALS && !isBehindEmpty
    this.#isAtStart = false
    this.#isBehindEmpty = false
    const isFolded =
      isFold &&
      (!isBehindEmpty || this.#habits.does('calendar fold') === 'goes on with the line above')
    if (isSoftBreak && this.#habits.does('calendar soft break') === 'goes on in the next line') {
      for (const value of this.#values) value.append(SOFT_BREAK, 0, 1)
    } else if (!isFolded) this.#beginProperty()
    this.#skipsBlanks =
      isFold && this.#heads.length === 0 && this.#values.some(({ mayGoOn }) => mayGoOn)
    return isFold
  }

  #beginProperty(): void {
    for (const value of this.#values) value.endLine()
    this.#finish(({ mayGoOn }) => !mayGoOn)
    this.#heads = [new PropertyHead(true)]
    this.#hasQuotesInWords = false
    this.#isQuotedPrintable = false
  }

  /** Reads bytes of one line, but its end. */
  #take(bytes: Buffer, from: number, to: number): void {
    let at = from
    if (this.#skipsBlanks) {
      while (at < to && (bytes[at] === SPACE || bytes[at] === TAB)) at++
      this.#skipsBlanks = at === to
    }
    let taken = at // the values have the bytes up to here
    for (; at < to && this.#heads.length > 0; at++) {
      const byte = bytes[at]!
      if ((byte === COLON || byte === SEMICOLON) && this.#values.length > 0) {
        this.#append(bytes, taken, at)
        taken = at
        this.#finishLinesBefore()
      }
      this.#takeInHeads(byte)
      if (byte !== COLON) continue
      this.#append(bytes, taken, at + 1)
      taken = at + 1
      for (const head of this.#heads) if (head.isOver) this.#beginValue(head)
      this.#heads = this.#heads.filter(({ isOver }) => !isOver)
    }
    this.#append(bytes, taken, to)
    if (to > from) this.#last = bytes[to - 1]!
  }

  #takeInHeads(byte: number): void {
    if (byte === QUOTE && !this.#hasQuotesInWords && this.#heads[0]!.isInWord) {
      this.#hasQuotesInWords = true
      this.#heads.push(this.#heads[0]!.withoutQuotesInWords())
    }
    for (const head of this.#heads) head.take(byte)
  }

  #beginValue(head: PropertyHead): void {
    if (!head.isShown) this.#values.push(new PropertyValue(head, this.#pool))
    this.#isQuotedPrintable ||= head.isQuotedPrintable
  }

  /** Ends the values of lines before this one, which is that of a property. */
  #finishLinesBefore(): void {
    this.#finish(({ isBehindLine }) => isBehindLine)
  }

  /**
   * Removes the completed values. An empty one is not a file, and is skipped: there may be one at every second
   * byte.
   */
  #finish(isOver: (value: PropertyValue) => boolean): void {
    const over = this.#values.filter(isOver)
    if (over.length === 0) return
    this.#values = this.#values.filter((value) => !isOver(value))
    for (const value of over) if (value.store !== undefined) this.ready.push(value)
  }

  #append(bytes: Buffer, from: number, to: number): void {
    if (from === to || this.#values.length === 0) return
    for (const value of this.#values) value.append(bytes, from, to)
    this.#values = this.#values.filter(({ mayMatter }) => mayMatter)
  }
}
