import { armour } from '../decoders/armour.ts'
import { base64 } from '../decoders/base64.ts'
import type { Decoder } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { yenc } from '../decoders/yenc.ts'
import { Way } from '../quirks/way.ts'

/** Encoded data anywhere in a text, as some programs recognize it. Lines are matched without their ends. */
export interface EmbeddedFormat {
  /** The name of the encoding. */
  readonly kind: string
  /** The line above the data. BinHex has a word instead (decoders/binhex.ts). */
  readonly begins?: RegExp
  /** Finds the name of the file in the line above the data. */
  readonly name?: RegExp
  /** Whether the line above the data is a field: the data begins below the next blank line. In files, such fields mostly belong to messages. */
  readonly isField?: boolean
  /** Whether the line above the data is the rest of a line, and there is data only if another line ends it. */
  readonly isInLine?: boolean
  /** Whether the line above the data is often text, so that inside of data it begins no other data. */
  readonly isOftenText?: boolean
  /** The line that ends the data, or the end of the text does. */
  readonly ends?: RegExp
  /** Whether the decoder recognizes the line that ends the data, and some programs go on after that line. */
  readonly continuesBehindEnd?: boolean
  /** How the data is decoded, unless that makes several files of it. */
  readonly decoder?: Decoder
}

const uuencoded = {
  kind: 'uuencode',
  /** The mode, and the name after it. */
  name: /^begin(?:-\S+)?\s+[0-7]+\s(.*)/is,
  ends: /^end$/i,
  continuesBehindEnd: true,
  decoder: uuencode,
}
const yencoded = { kind: 'yenc', name: /name=(.*)/is, ends: /^=yend/i, decoder: yenc }
const armoured = { kind: 'armour', ends: /^-----END/, decoder: armour }
const announced = { isField: true, ends: /^--/ }

/**
 * All formats. One kind has several, because a line that only some programs know neither begins nor interrupts data for the
 * others.
 */
export const inTexts: readonly EmbeddedFormat[] = [
  // Lenient programs accept other letters, blanks and modes.
  { ...uuencoded, begins: /^begin [0-7]{3} \S/ },
  { ...uuencoded, begins: /^begin[\s\0]+[0-7]/i },
  // uuencode(1) of GNU sharutils writes a name in base64.
  { ...uuencoded, begins: /^begin(?: [0-7]{3} \S|-encoded )/ },
  // A blank with anything after it. In capitals, programs contain that often.
  { ...uuencoded, begins: /^begin(?:[\s\0]|-encoded )/, isOftenText: true },
  // Without a mode, every sentence with the word would match.
  { ...uuencoded, begins: /^begin[ \t\v]+[0-7]{1,8}[ \t\v]/i, isInLine: true, isOftenText: true },
  { ...yencoded, begins: /^=ybegin line=/ },
  { ...yencoded, begins: /^=ybegin /i },
  // OpenPGP (RFC 9580 6.2) or PEM (RFC 7468). Text between the marks of a signed text is not encoded.
  { ...armoured, begins: /^-----BEGIN PGP (?!SIGNED MESSAGE)/ },
  { ...armoured, begins: /^-----begin (?!pgp signed message)/i },
  // rnp and Sequoia, but not GnuPG, also open it after blanks.
  { ...armoured, begins: /^[ \t]*-----begin (?!pgp signed message)/i, ends: /^\s*-----END/ },
  // A field inside a text. The lines after the next empty line are a part for munpack, ripmime and Email::MIME, each in
  // other texts. They are decoded in the common way alone, so that mail that quotes such a field is cheap. A field that
  // contains more than a word of RFC 2045 may begin both kinds.
  {
    ...announced,
    kind: 'mime-quoted-printable',
    begins: /^content-transfer-encoding[ \t]*:.*(?:quoted|printable)/is,
    decoder: (bytes, out) => quotedPrintable(bytes, out, new Way()),
  },
  {
    ...announced,
    kind: 'mime-base64',
    begins:
      /^content-transfer-encoding[ \t]*:(?![ \t]*(?:[78]bit|binary|quoted-printable)[ \t]*$)/i,
    decoder: (bytes, out) => base64(bytes, out, new Way()),
  },
  // BinHex 4.0 (RFC 1741): a word anywhere in a line, and the data after a colon that begins a line.
  { kind: 'binhex' },
]
export const inFiles = inTexts.filter(({ isField }) => !isField)
export const binHexFormat = inTexts.at(-1)!

/** What a line begins, and the name of the file, '' if it has none. */
export interface EmbeddedStart {
  readonly formats: readonly EmbeddedFormat[]
  readonly name: string
}

/** Returns what a line begins, given without its line end, or the rest of one (`isWhole` is false). */
export function embeddedStart(line: string, isWhole = true): EmbeddedStart | undefined {
  if (!/^[bc= \t-]/i.test(line)) return undefined
  const formats = inTexts.filter(
    ({ begins, isInLine = false }) => isInLine === !isWhole && begins?.test(line),
  )
  const [first] = formats
  if (first === undefined) return undefined
  const name = first.name?.exec(line)?.[1]?.trim() ?? ''
  const isEncoded = line.startsWith('begin-encoded ')
  return { formats, name: Buffer.from(name, isEncoded ? 'base64' : 'latin1').toString('latin1') }
}
