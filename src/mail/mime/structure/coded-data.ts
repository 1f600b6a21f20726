import { CR, LF, SPACE, TAB } from '../../../ground/net/ascii.ts'
import { isLineEnd } from '../shared/lines.ts'

/** The mode, and the name behind it. */
const ENCODED_NAME = /^begin-\S+\s+[0-7]+\s(.*)/s

/**
 * The encodings that readers know by their looks, wherever they stand in a text. Their data reaches to the
 * end of the text. `begins` is asked about a line without its end; `name` finds the file name in it.
 */
const decodable = [
  /**
   * `begin 644 name`, or `begin` with a blank and anything after it. In capitals it needs the mode, and
   * nothing begins at the word alone: programs are full of it.
   */
  {
    kind: 'uuencode',
    begins: (line: string) => /^begin[\s\0]/.test(line) || /^begin[ \t\v\0]+[0-7]/i.test(line),
    name: /^begin\s+[0-7]+\s(.*)/is,
  },
  /** As uuencode(1) of GNU sharutils writes it, with a name in base64 or without. */
  { kind: 'uuencode', begins: (line: string) => /^begin-encoded /.test(line), name: ENCODED_NAME },
  {
    kind: 'base64',
    begins: (line: string) => /^begin-base64(?:-encoded)? /.test(line),
    name: ENCODED_NAME,
  },
  { kind: 'yenc', begins: (line: string) => /^=ybegin /i.test(line), name: /name=(.*)/is },
  /**
   * The armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468), which ends before the end of the text if
   * there is an ARMOUR_END. What is between the marks of a signed text stands as it is.
   */
  { kind: 'armour', begins: (line: string) => /^-----begin (?!pgp signed message)/i.test(line) },
  /** Armour that rnp and Sequoia open, but not GnuPG. It may end behind blanks, too. */
  {
    kind: 'armour behind blanks',
    begins: (line: string) => /^[ \t]+-----begin (?!pgp signed message)/i.test(line),
  },
] as const

export type CodedKind = (typeof decodable)[number]['kind']

/** The most characters of a line that begins data. */
const LINE_MAX = 64 * 1024

/**
 * Returns what begins at a line, given without its line end, with the name of the file, '' if it has none;
 * undefined if nothing begins.
 */
export function codedStart(
  line: string,
): { readonly kind: CodedKind; readonly name: string } | undefined {
  if (line.length > LINE_MAX || !/^[b= \t-]/i.test(line)) return undefined
  const found = decodable.find(({ begins }) => begins(line))
  if (found === undefined) return undefined
  const name = 'name' in found ? found.name.exec(line)?.[1]?.trim() : undefined
  const isEncoded = /^begin-\S*encoded /.test(line)
  const bytes = Buffer.from(name ?? '', isEncoded ? 'base64' : 'latin1')
  return { kind: found.kind, name: bytes.toString('latin1') }
}

/** The word by which most lines that begin data are found, and the bytes that may stand after it. */
const WORD = 'begin'
const AFTER_WORD = '\t\v\f \xa0\0-'
/**
 * The search looks at two bytes in a row, and then at two that are this much further on. The word cannot
 * be missed: one of its pairs of letters stands at a place that is looked at.
 */
const STRIDE = WORD.length - 1

const NO_PAIR = 255
/** Two bytes, as one number, to the place in the word at which they stand. No two places are the same. */
const placeOfPair = new Uint8Array(256 * 256).fill(NO_PAIR)
for (let place = 0; place < STRIDE; place++) {
  for (const first of inBothCases(WORD.charCodeAt(place))) {
    for (const second of inBothCases(WORD.charCodeAt(place + 1))) {
      placeOfPair[first * 256 + second] = place
    }
  }
}

function inBothCases(letter: number): readonly number[] {
  return [letter, letter - 32]
}

/** The most bytes that stand before such a word. */
const FRONT_MAX = '-----'.length

/** Searches a block of bytes for the lines at which data begins. */
export class CodedSearch {
  readonly #bytes: Buffer
  readonly #midLine: boolean
  #word = -1

  /** `midLine` says that the block begins inside of a line. */
  constructor(bytes: Buffer, midLine = false) {
    this.#bytes = bytes
    this.#midLine = midLine
  }

  /**
   * Returns where the next line begins at which data begins, or the word does if it stands in the
   * middle of a line; the block's length if there is none. `from` must be the start of a line, and
   * never goes back.
   */
  next(from: number): number {
    const { length } = this.#bytes
    for (let least = from; least < length; ) {
      if (this.#word < least) this.#word = this.#nextWord(least)
      const found = this.#word
      if (found === length) return length
      const line = this.#lineOfWord(found, from)
      if (line !== undefined && !(line === 0 && this.#midLine)) return line
      least = found + 1
    }
    return length
  }

  #nextWord(from: number): number {
    const bytes = this.#bytes
    const last = bytes.length - 1
    for (let at = from; at < last; at += STRIDE) {
      const place = placeOfPair[bytes[at]! * 256 + bytes[at + 1]!]!
      if (place === NO_PAIR) continue
      const start = at - place
      if (start >= from && isWordAt(bytes, start)) return start
    }
    return bytes.length
  }

  #lineOfWord(at: number, from: number): number | undefined {
    // In the middle of a text the word counts only with a file mode after it. Otherwise each
    // sentence with the word would count.
    if (/^begin[ \t\v]+[0-7]{1,8}[ \t\v]/i.test(this.#bytes.toString('latin1', at, at + 20)))
      return at
    const line = startOfLine(this.#bytes, at, from, FRONT_MAX)
    return line !== undefined && codedStart(this.#lineFrom(line)) ? line : undefined
  }

  /** Returns the text of a line, as far as it may matter. */
  #lineFrom(start: number): string {
    const bytes = this.#bytes
    const most = Math.min(bytes.length, start + LINE_MAX)
    let end = start
    while (end < most && bytes[end] !== LF && bytes[end] !== CR) end++
    return bytes.toString('latin1', start, end)
  }
}

/**
 * Returns whether WORD begins at `start`, in any case of letters, and one of the bytes that may stand
 * after it, or no more, comes after it.
 */
function isWordAt(bytes: Buffer, start: number): boolean {
  for (let index = 0; index < WORD.length; index++) {
    if ((bytes[start + index]! | 32) !== WORD.charCodeAt(index)) return false
  }
  const next = bytes[start + WORD.length]
  return next === undefined || AFTER_WORD.includes(String.fromCharCode(next))
}

/**
 * Returns where the line of `at` begins, at the earliest at `from`; undefined if more than `most`
 * bytes other than blanks stand before `at` on the line.
 */
export function startOfLine(
  bytes: Buffer,
  at: number,
  from: number,
  most: number,
): number | undefined {
  let others = 0
  for (let back = at; back > from; back--) {
    const byte = bytes[back - 1]!
    if (isLineEnd(byte)) return back
    if (byte !== SPACE && byte !== TAB && ++others > most) return undefined
  }
  return from
}
