import { CR, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { ARMOUR_END } from '../decoders/armour.ts'
import { isEndLine } from '../decoders/uuencode.ts'
import { isLineEnd } from '../shared/lines.ts'

/** The mode, and the name behind it. */
const ENCODED_NAME = /^begin-\S+\s+[0-7]+\s(.*)/s

/**
 * The encodings that readers know by their looks, wherever they stand in a text. Their data reaches to the
 * line that ends it, or to the end of the text (coded-blocks.ts). `begins` is asked about a line without its
 * end; `name` finds the file name in it; `common` matches lines that all readers know.
 */
const decodable = [
  /**
   * `begin 644 name`, or `begin` with a blank and anything after it. In capitals it needs the mode, and
   * nothing begins at the word alone: programs are full of it.
   */
  {
    kind: 'uuencode',
    begins: /^(?:begin[\s\0]|[Bb][Ee][Gg][Ii][Nn][ \t\v\0]+[0-7])/,
    common: /^begin [0-7]{3} \S/,
    name: /^begin\s+[0-7]+\s(.*)/is,
  },
  /** As uuencode(1) of GNU sharutils writes it, with a name in base64 or without. */
  { kind: 'uuencode', begins: /^begin-encoded /, common: undefined, name: ENCODED_NAME },
  {
    kind: 'base64',
    begins: /^begin-base64(?:-encoded)? /,
    common: /^begin-base64 [0-7]{3} /,
    name: ENCODED_NAME,
  },
  { kind: 'yenc', begins: /^=ybegin /i, common: /^=ybegin line=/, name: /name=(.*)/is },
  /**
   * The armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468). What is between the marks of a signed text
   * stands as it is. rnp and Sequoia, but not GnuPG, open it behind blanks, too.
   */
  {
    kind: 'armour',
    begins: /^[ \t]*-----begin (?!pgp signed message)/i,
    common: /^-----BEGIN PGP /,
    name: undefined,
  },
  /**
   * A field that stands in a text. What follows the next empty line is a part to munpack, ripmime and
   * Email::MIME, each in other texts.
   */
  {
    kind: 'mime-quoted-printable',
    begins: /^content-transfer-encoding[ \t]*:[ \t]*quoted-printable[ \t]*$/i,
    common: undefined,
    name: undefined,
  },
  {
    kind: 'mime-base64',
    begins: /^content-transfer-encoding[ \t]*:(?![ \t]*(?:[78]bit|binary)[ \t]*$)/i,
    common: undefined,
    name: undefined,
  },
] as const

export type CodedKind = (typeof decodable)[number]['kind']
export const codedKinds: ReadonlySet<CodedKind> = new Set(decodable.map(({ kind }) => kind))

/** Those that fields announce: the data begins after the next line that is empty or blank. */
export const fieldKinds: readonly CodedKind[] = ['mime-base64', 'mime-quoted-printable']

/** Those that are looked for in files, where fields are most often those of whole mails. */
export const kindsInFiles: ReadonlySet<CodedKind> = new Set(
  [...codedKinds].filter((kind) => !fieldKinds.includes(kind)),
)

/** The most characters of a line that begins data. */
const LINE_MAX = 64 * 1024

/** What begins at a line. */
export interface CodedStart {
  readonly kind: CodedKind
  /** The name of the file, '' if it has none. */
  readonly name: string
  /**
   * In what the line differs from the form that all readers know, in a word or in signs: `no mode` if nothing
   * but the word begins uuencode; `in a line` if the word is not the first on its line.
   */
  readonly form: 'common' | 'no mode' | 'in a line' | 'behind blanks' | `signs${string}`
}

/**
 * Returns what begins at a line, given without its line end; undefined if nothing begins. Of a line of which
 * only the rest is given, `isWhole` is false.
 */
export function codedStart(line: string, isWhole = true): CodedStart | undefined {
  if (line.length > LINE_MAX || !/^[bc= \t-]/i.test(line)) return undefined
  const found = decodable.find(({ begins }) => begins.test(line))
  if (found === undefined) return undefined
  const { kind, common, name } = found
  const form = isWhole ? (common?.test(line) ? 'common' : formOf(kind, line)) : 'in a line'
  const isEncoded = /^begin-\S*encoded /.test(line)
  const bytes = Buffer.from(name?.exec(line)?.[1]?.trim() ?? '', isEncoded ? 'base64' : 'latin1')
  return { kind, form, name: bytes.toString('latin1') }
}

function formOf(kind: CodedKind, line: string): CodedStart['form'] {
  if (fieldKinds.includes(kind)) return 'common'
  if (kind === 'armour') return line.startsWith('-') ? 'signs' : 'behind blanks'
  if (kind !== 'uuencode' || line.startsWith('begin-')) return 'signs'
  const [, word = '', blanks = '', mode = '', rest = ''] = /^(\w+)([\s\0]+)([0-7]*)(.*)/s.exec(
    line,
  )!
  if (mode === '') return 'no mode'
  const digits = Math.abs(mode.length - 3.5) < 1 ? mode.length : 'other'
  return `signs ${word === WORD} ${blanks === ' '} ${digits} ${/^ \S/.test(rest)}`
}

/** Returns the kinds of data that end at a line, given without its line end. */
export function codedEnds(bytes: Buffer, from: number, end: number): readonly CodedKind[] {
  if (!ENDS_BEGIN.includes(bytes[from]! | 32)) return []
  if (isEndLine(bytes, from, end)) return ['uuencode']
  const line = bytes.toString('latin1', from, Math.min(end, from + END_MAX))
  if (line.startsWith('=')) return /^=yend/i.test(line) ? ['base64', 'yenc'] : ['base64']
  const ending: readonly CodedKind[] = line.startsWith('--') ? fieldKinds : []
  return line.trimStart().startsWith(ARMOUR_END) ? [...ending, 'armour'] : ending
}

/** The first bytes of lines that end data, as they are with the bit of small letters. */
const ENDS_BEGIN = [...'e=- \t'].map((character) => character.charCodeAt(0) | 32)
/** The most bytes of a line that ends data that are looked at. */
const END_MAX = 1024

/** The words by which lines that begin data are found, and the bytes that may stand after each. */
const WORD = 'begin'
const words = [
  { letters: WORD, after: '\t\v\f \xa0\0-' },
  /** Within `content-transfer-encoding`. */
  { letters: 't-tra', after: 'nN' },
] as const
/**
 * The search looks at two bytes in a row, and then at two that are this much further on. No word can be
 * missed: one of its pairs of letters stands at a place that is looked at.
 */
export const SEARCH_STRIDE = WORD.length - 1

const NO_PAIR = 255
/**
 * Two bytes, as one number, to the place in a word at which they stand, plus SEARCH_STRIDE for each word before
 * that one. No two places are the same.
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

/** The units of work of a word besides its bytes: its line is held against all that begins data. */
const WORD_COST = 24

/** The most bytes that stand before such a word. */
const FRONT_MAX = 'conten'.length

/** Searches a block of bytes for the lines at which data begins. */
export class CodedSearch {
  readonly #bytes: Buffer
  readonly #midLine: boolean
  readonly #kinds: ReadonlySet<CodedKind>
  #word = -1
  /** The units of work so far, besides those of bytes. */
  units = 0

  /** `midLine` means that the block begins inside of a line; `kinds`, what is looked for. */
  constructor(bytes: Buffer, { midLine = false, kinds = codedKinds } = {}) {
    this.#bytes = bytes
    this.#midLine = midLine
    this.#kinds = kinds
  }

  /**
   * Returns where the next line begins at which data begins, or the word does if it stands in the
   * middle of a line; the block's length if there is none. `from` must be the start of a line, and
   * never goes back.
   */
  next(from: number): number {
    const { length } = this.#bytes
    for (let least = from; least < length; ) {
      if (this.#word < least) {
        this.#word = this.#nextWord(least)
        this.units += WORD_COST
      }
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
    for (let at = from; at < last; at += SEARCH_STRIDE) {
      const place = placeOfPair[bytes[at]! * 256 + bytes[at + 1]!]!
      if (place === NO_PAIR) continue
      const start = at - (place % SEARCH_STRIDE)
      const word = words[Math.floor(place / SEARCH_STRIDE)]!
      if (start >= from && isWordAt(word, bytes, start)) return start
    }
    return bytes.length
  }

  #lineOfWord(at: number, from: number): number | undefined {
    // In the middle of a text the word counts only with a file mode after it. Otherwise each
    // sentence with the word would count.
    if (/^begin[ \t\v]+[0-7]{1,8}[ \t\v]/i.test(this.#bytes.toString('latin1', at, at + 20)))
      return at
    const line = startOfLine(this.#bytes, at, from, FRONT_MAX)
    const start = line !== undefined && codedStart(this.#lineFrom(line))
    return start && this.#kinds.has(start.kind) ? line : undefined
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
 * Returns whether a word begins at `start`, in any case of letters, and one of the bytes that may stand
 * after it, or no more, comes after it.
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
 * Returns where the line of `at` begins, at the earliest at `from`; undefined if more than `most`
 * bytes other than blanks stand before `at` on the line.
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
