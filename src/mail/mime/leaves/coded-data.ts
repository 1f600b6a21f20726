import { CR, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { isLineEnd } from '../../../lib/bytes/lines.ts'
import { ARMOUR_END } from '../decoders/armour.ts'
import { BINHEX_MARK } from '../decoders/binhex.ts'
import { isEndLine } from '../decoders/uuencode.ts'

/** The mode, and the name after it. */
const ENCODED_NAME = /^begin-\S+\s+[0-7]+\s(.*)/s

/**
 * The encodings that readers recognize by their form anywhere in a text. Their data extends to the line that
 * ends it, or to the end of the text (coded-blocks.ts). `begins` is tested on a line without its end. `name`
 * finds the file name in it; `common` matches lines that all readers know.
 */
const decodable = [
  /**
   * `begin 644 name`, or `begin` with a blank and anything after it. In capitals the mode is required, and
   * the word alone begins nothing: programs contain it often.
   */
  {
    kind: 'uuencode',
    begins: /^(?:begin[\s\0]|[Bb][Ee][Gg][Ii][Nn][ \t\v\0]+[0-7])/,
    common: /^begin [0-7]{3} \S/,
    name: /^begin\s+[0-7]+\s(.*)/is,
  },
  /** As written by uuencode(1) of GNU sharutils, with a name in base64 or without. */
  { kind: 'uuencode', begins: /^begin-encoded /, common: undefined, name: ENCODED_NAME },
  {
    kind: 'base64',
    begins: /^begin-base64(?:-encoded)? /,
    common: /^begin-base64 [0-7]{3} /,
    name: ENCODED_NAME,
  },
  { kind: 'yenc', begins: /^=ybegin /i, common: /^=ybegin line=/, name: /name=(.*)/is },
  /**
   * The armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468). Text between the marks of a signed text is not
   * encoded. rnp and Sequoia, but not GnuPG, also open it after blanks.
   */
  {
    kind: 'armour',
    begins: /^[ \t]*-----begin (?!pgp signed message)/i,
    common: /^-----BEGIN PGP /,
    name: undefined,
  },
  /**
   * A field inside a text. The lines after the next empty line are a part for munpack, ripmime and
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

/** BinHex 4.0 (RFC 1741) has a mark anywhere in a line, and data after the next colon. */
export type CodedKind = (typeof decodable)[number]['kind'] | 'binhex'
export const codedKinds: ReadonlySet<CodedKind> = new Set([
  ...decodable.map(({ kind }) => kind),
  'binhex',
])

/** The kinds announced by header fields: the data begins after the next empty or blank line. */
export const fieldKinds: readonly CodedKind[] = ['mime-base64', 'mime-quoted-printable']

/** The kinds that are searched for in files. Header fields there mostly belong to whole messages. */
export const kindsInFiles: ReadonlySet<CodedKind> = new Set(
  [...codedKinds].filter((kind) => !fieldKinds.includes(kind)),
)

/** Upper limit for the characters of a line that begins data. */
const LINE_MAX = 64 * 1024

/** The data that begins at a line. */
export interface CodedStart {
  readonly kind: CodedKind
  /** The name of the file, '' if it has none. */
  readonly name: string
  /**
   * The difference between the line and the form that all readers know, as a word or as signs. `no mode`:
   * only the word begins uuencode. `in a line`: the word is not the first on its line.
   */
  readonly form: 'common' | 'no mode' | 'in a line' | 'behind blanks' | `signs${string}`
}

/**
 * Returns the data that begins at a line, given without its line end, or undefined if none begins. `isWhole`
 * is false if only the rest of the line is given.
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
/** Upper limit for the bytes examined of a line that ends data. */
const END_MAX = 1024

/** The words by which lines that begin data are found, and the bytes that may follow each. */
const WORD = 'begin'
const words = [
  { letters: WORD, after: '\t\v\f \xa0\0-' },
  /** Within `content-transfer-encoding`. */
  { letters: 't-tra', after: 'nN' },
  /** Within BINHEX_MARK. */
  { letters: 'th bi', after: 'nN' },
] as const
/**
 * The search examines two consecutive bytes, and then the two that are this much further on. No word can be
 * missed: one of its pairs of letters is at an examined offset.
 */
export const SEARCH_STRIDE = WORD.length - 1

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

const MARK_FRONT = BINHEX_MARK.toLowerCase().indexOf('th bi')

/** Searches a block of bytes for the lines at which data begins. */
export class CodedSearch {
  readonly #bytes: Buffer
  readonly #midLine: boolean
  #word = -1
  /** The units of work until now, in addition to those of bytes. */
  units = 0

  /** `midLine` means that the block begins inside a line. */
  constructor(bytes: Buffer, midLine = false) {
    this.#bytes = bytes
    this.#midLine = midLine
  }

  /**
   * Returns the data that begins next, with the offset of its line, or of the word if that is in the middle of a
   * line. `from` is the start of a line, and no line above begins data but BinHex.
   */
  next(from: number): (CodedStart & { readonly at: number }) | undefined {
    const bytes = this.#bytes
    for (;;) {
      this.#word = this.#nextWord(this.#word + 1)
      if (this.#word === bytes.length) return undefined
      this.units += WORD_COST
      const mark = this.#word - MARK_FRONT
      if (bytes.toString('latin1', mark, mark + BINHEX_MARK.length) === BINHEX_MARK)
        return { kind: 'binhex', name: '', form: 'common', at: mark }
      const at = this.#word < from ? undefined : this.#beginningAt(this.#word, from)
      if (at === undefined) continue
      const isWhole = at === 0 ? !this.#midLine : isLineEnd(bytes[at - 1]!)
      const start = codedStart(this.#lineFrom(at), isWhole)
      if (start) return { ...start, at }
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

  /** Returns the text of a line, as far as it may matter. */
  #lineFrom(start: number): string {
    const bytes = this.#bytes
    const most = Math.min(bytes.length, start + LINE_MAX + 1)
    let end = start
    while (end < most && bytes[end] !== LF && bytes[end] !== CR) end++
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
