import { CR, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { isLineEnd } from '../../../lib/bytes/lines.ts'
import { BINHEX_WORD, isBinHexWord } from '../decoders/binhex.ts'
import { type EmbeddedStart, embeddedStarts } from './embedded-formats.ts'

/** The words by which lines that begin data are found, and the bytes that may follow each. */
const words = [
  { letters: 'begin', after: '\t\v\f \xa0\0-' },
  /** Within `content-transfer-encoding`. */
  { letters: 't-tra', after: 'nN' },
  /** Within BINHEX_WORD. */
  { letters: 'nvert', after: 'eE' },
] as const
/**
 * The search examines two consecutive bytes, and then the two that are this much further on. No word can be
 * missed: one of its pairs of letters is at an examined offset.
 */
const SEARCH_STRIDE = 'begin'.length - 1
const NO_PAIR = 255
/**
 * Maps two bytes, as one number, to their offset in a word, plus SEARCH_STRIDE for each word before that one.
 * No two offsets are the same.
 */
const placeOfPair = new Uint8Array(256 * 256).fill(NO_PAIR)
for (const [index, { letters }] of words.entries()) {
  for (let place = 0; place < SEARCH_STRIDE; place++) {
    for (const first of inBothCases(letters[place]!)) {
      for (const second of inBothCases(letters[place + 1]!)) {
        placeOfPair[first * 256 + second] = index * SEARCH_STRIDE + place
      }
    }
  }
}

function inBothCases(letter: string): readonly number[] {
  return [letter, letter.toUpperCase()].map((character) => character.charCodeAt(0))
}

/** The units of work of a word, in addition to its bytes: its line is compared with all that begins data. */
const WORD_COST = 24

/** Upper limit for the bytes before such a word, if data begins with its line. */
const FRONT_MAX = 'conten'.length

const WORD_FRONT = BINHEX_WORD.indexOf('nvert')

/** Searches a block of bytes (lib/bytes/line-blocks.ts) for the lines at which data begins. */
export class BeginSearch {
  readonly #bytes: Buffer
  readonly #midLine: boolean
  #word = -1
  /** The units of work until now. */
  units: number

  /** `midLine` means that the block begins inside a line. */
  constructor(bytes: Buffer, midLine = false) {
    this.#bytes = bytes
    this.#midLine = midLine
    this.units = bytes.length / SEARCH_STRIDE
  }

  /**
   * Returns the data that begins next, in each way in which its line begins some, with the offset of the line, or of the
   * word if that is in the middle of a line. `from` is the start of a line, and no line above begins data but BinHex.
   */
  next(
    from: number,
  ): { readonly starts: readonly EmbeddedStart[]; readonly at: number } | undefined {
    const bytes = this.#bytes
    for (;;) {
      this.#word = this.#nextWord(this.#word + 1)
      if (this.#word === bytes.length) return undefined
      this.units += WORD_COST
      const binHex = this.#word - WORD_FRONT
      if (isBinHexWord(bytes, binHex))
        return { starts: [{ kind: 'binhex', name: '', spelling: 'common' }], at: binHex }
      const at = this.#word < from ? undefined : this.#beginningAt(this.#word, from)
      if (at === undefined) continue
      const isWhole = at === 0 ? !this.#midLine : isLineEnd(bytes[at - 1]!)
      const starts = embeddedStarts(this.#lineFrom(at), isWhole)
      if (starts.length > 0) return { starts, at }
    }
  }

  #nextWord(from: number): number {
    const bytes = this.#bytes
    const last = bytes.length - 1
    for (let at = from; at < last; at += SEARCH_STRIDE) {
      const place = placeOfPair[bytes[at]! * 256 + bytes[at + 1]!]!
      if (place === NO_PAIR) continue
      const start = at - (place % SEARCH_STRIDE)
      const word = words[Math.floor(place / SEARCH_STRIDE)]!
      if (start >= from && isWordAt(word, bytes, start)) return start
    }
    return bytes.length
  }

  /** Returns where data would begin that a word announces. */
  #beginningAt(word: number, from: number): number | undefined {
    // In the middle of a text the word needs a file mode after it. Otherwise every sentence with the word
    // would match.
    if (/^begin[ \t\v]+[0-7]{1,8}[ \t\v]/i.test(this.#bytes.toString('latin1', word, word + 20)))
      return word
    const line = startOfLine(this.#bytes, word, from, FRONT_MAX)
    return line === 0 && this.#midLine ? undefined : line
  }

  #lineFrom(start: number): string {
    const bytes = this.#bytes
    let end = start
    while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++
    return bytes.toString('latin1', start, end)
  }
}

/**
 * Returns whether a word begins at `start`, in any case of letters, followed by one of the bytes that may
 * follow it, or by the end.
 */
function isWordAt(
  { letters, after }: (typeof words)[number],
  bytes: Buffer,
  start: number,
): boolean {
  for (let index = 0; index < letters.length; index++) {
    if ((bytes[start + index]! | 32) !== letters.charCodeAt(index)) return false
  }
  const next = bytes[start + letters.length]
  return next === undefined || after.includes(String.fromCharCode(next))
}

/**
 * Returns the offset at which the line of `at` begins, at the earliest `from`, or undefined if more than
 * `most` non-blank bytes precede `at` on the line.
 */
function startOfLine(bytes: Buffer, at: number, from: number, most: number): number | undefined {
  let others = 0
  for (let back = at; back > from; back--) {
    const byte = bytes[back - 1]!
    if (isLineEnd(byte)) return back
    if (byte !== SPACE && byte !== TAB && ++others > most) return undefined
  }
  return from
}
