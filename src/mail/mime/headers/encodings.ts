import { base64 } from '../decoders/base64.ts'
import type { Decoder } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { uuencode } from '../decoders/uuencode.ts'
import type { QuirkName } from '../quirks/way.ts'
import { type Field, readingsOf } from './fields.ts'

/** A transfer encoding: how fields declare it, and how a part is decoded and saved. */
interface TransferEncoding {
  /** The words of RFC 2045: a field with one of them alone selects the encoding, to all programs. */
  readonly words?: readonly string[]
  /** Words that programs that do not know them ignore: they do not decode the content. */
  readonly optional?: readonly string[]
  /** What some programs look for anywhere in a line about the encoding, among letters and digits alone. */
  readonly mentions?: RegExp
  /** A word of one program: GNU mailutils accepts the letters of RFC 2047, and Email::MIME accepts `qp`. */
  readonly short?: readonly string[]
  /**
   * What a body in it has, whatever its header declares. A body may have a line of many megabytes: V8 throws for an expression
   * that may have to give millions of characters back.
   */
  readonly looks?: RegExp
  /** Whether only the beginning of a body shows that. */
  readonly hasLookAtBeginning?: true
  readonly decoder?: Decoder
  /**
   * What is encoded. Lines, as in a part that is not encoded, have the line ends of the mail, which programs change, and
   * the last one may belong to the delimiter below it. Bytes are saved as they are.
   */
  readonly encodes: 'nothing' | 'lines' | 'bytes'
  /** Whether nearly all programs decode it, and thus in a common way. */
  readonly isCommon: boolean
  /** The quirks in spite of which all programs, libclamav among them, display the same text. */
  readonly plainInTexts?: readonly QuirkName[]
}

/** The encodings of content. `identity` is content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

export const transferEncodings: Readonly<Record<Encoding, TransferEncoding>> = {
  identity: { words: ['7bit', '8bit', 'binary'], encodes: 'nothing', isCommon: true },
  base64: {
    words: ['base64'],
    mentions: /b64|base64/,
    short: ['b'],
    looks:
      /^\s*(?:[A-Za-z0-9+/]{1000}|(?=[a-z]*[^\sa-z])[A-Za-z0-9+/]{8,999}={0,2}[ \t]{0,999}(?:[\r\n]|$))/,
    hasLookAtBeginning: true,
    decoder: base64,
    encodes: 'bytes',
    isCommon: true,
  },
  'quoted-printable': {
    words: ['quoted-printable'],
    mentions: /quoted|printable/,
    short: ['q', 'qp'],
    looks: /=[0-9A-F]{2}|=[ \t]{0,65535}\r?\n/i,
    decoder: quotedPrintable,
    encodes: 'lines',
    isCommon: true,
    plainInTexts: ['quoted-printable blanks'],
  },
  // Without the `x-`, the words are unknown to uudeview, which then tries base64 as well.
  uuencode: {
    optional: ['x-uuencode', 'x-uue'],
    mentions: /uu(?:e|code)|xuu/,
    decoder: uuencode,
    encodes: 'bytes',
    isCommon: false,
  },
}

const rows = Object.entries(transferEncodings) as [Encoding, TransferEncoding][]

/** Returns the encodings whose row passes a test. */
function encodingsWith(test: (row: TransferEncoding) => boolean | undefined): Encoding[] {
  return rows.flatMap(([encoding, row]) => (test(row) ? [encoding] : []))
}

/** Returns the encodings that a body looks like, of which this is the beginning or a later piece. */
export function encodingsLike(piece: string, isBeginning = true): readonly Encoding[] {
  return encodingsWith(
    ({ looks, hasLookAtBeginning = false }) =>
      (isBeginning || !hasLookAtBeginning) && looks?.test(piece),
  )
}

/** Matches what may be the front of an escape or of a soft line break, at the end of a piece. */
export const OPEN_ESCAPE = /=(?:[0-9a-f]|[ \t]{0,65535}\r?)?$/i

/** Returns whether each value is a word of RFC 2045, possibly with blanks around it. */
export function areAllStandard(values: readonly string[]): boolean {
  return values.every((value) => encodingOfWord(value.trim().toLowerCase()) !== undefined)
}

function encodingOfWord(word: string): Encoding | undefined {
  return encodingsWith(({ words }) => words?.includes(word))[0]
}

/**
 * Returns the encodings that some program may decode the content with. `values` are those of all encoding
 * fields; `areAgreed` means that programs agree about the fields. If one such field contains a word of RFC 2045 alone,
 * that word selects the encodings. Otherwise `identity` and all encodings are returned that lines mention
 * which may be about them.
 */
export function encodingsIn(
  fields: readonly Field[],
  values: readonly string[],
  areAgreed: boolean,
): readonly Encoding[] {
  const [first] = values
  if (areAgreed && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some programs.
  const word = values.length === 1 && areAgreed ? first!.toLowerCase() : ''
  const only = encodingOfWord(word)
  if (only) return [only]
  const [optional] = encodingsWith((row) => row.optional?.includes(word))
  if (optional) return ['identity', optional]
  const about = fields.filter(({ name }) => name === '' || /content|encod/.test(name))
  const lines = about.map(({ name, value }) => `${name}:${value}`).join('\n')
  const text = lettersOf(readingsOf(lines).join('\n'))
  const letters = values.map(lettersOf)
  const mentioned = encodingsWith(
    ({ mentions, short }) => mentions?.test(text) || short?.some((form) => letters.includes(form)),
  )
  return ['identity', ...mentioned]
}

/** Returns the letters and digits of a text. Some programs skip all other characters. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '')
}
