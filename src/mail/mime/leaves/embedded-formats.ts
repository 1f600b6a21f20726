import { armour } from '../decoders/armour.ts'
import { base64 } from '../decoders/base64.ts'
import type { Codec } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { yenc } from '../decoders/yenc.ts'
import { Way } from '../quirks/way.ts'

/**
 * A format of encoded data that programs recognize anywhere in a text. Its lines are matched without their ends.
 */
interface EmbeddedFormat {
  /** The line above the data, as some program knows it, and as all do. BinHex has a word instead (decoders/binhex.ts). */
  readonly begins?: RegExp
  readonly common?: RegExp
  /** Finds the name of the file in that line. */
  readonly name?: RegExp
  /** That line is a field: the data begins below the next blank line. In files, such fields mostly belong to messages. */
  readonly isField?: boolean
  /** The line that ends the data, or the end of the text does. */
  readonly ends?: RegExp
  /** Its decoder knows the line that ends the data, and some programs go on after that line. */
  readonly continuesBehindEnd?: boolean
  /** How the data is decoded, unless that makes several files of it. */
  readonly codec?: Codec
}

/** The mode, and the name after it. */
const NAME_AFTER_MODE = /^begin(?:-\S+)?\s+[0-7]+\s(.*)/is

const table = {
  /**
   * `begin 644 name`, or `begin` with a blank and anything after it. In capitals the mode is required, and the word alone
   * begins nothing: programs contain it often. uuencode(1) of GNU sharutils also writes `begin-encoded`, with a name in
   * base64.
   */
  uuencode: {
    begins: /^(?:begin[\s\0]|[Bb][Ee][Gg][Ii][Nn][ \t\v\0]+[0-7]|begin-encoded )/,
    common: /^begin [0-7]{3} \S/,
    name: NAME_AFTER_MODE,
    ends: /^end$/i,
    continuesBehindEnd: true,
    codec: uuencode,
  },
  yenc: {
    begins: /^=ybegin /i,
    common: /^=ybegin line=/,
    name: /name=(.*)/is,
    ends: /^=yend/i,
    codec: yenc,
  },
  /**
   * The armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468). Text between the marks of a signed text is not
   * encoded. rnp and Sequoia, but not GnuPG, also open it after blanks.
   */
  armour: {
    begins: /^[ \t]*-----begin (?!pgp signed message)/i,
    common: /^-----BEGIN PGP /,
    ends: /^\s*-----END/,
    codec: armour,
  },
  /**
   * A field inside a text. The lines after the next empty line are a part for munpack, ripmime and Email::MIME, each in
   * other texts. They are decoded in the common way alone, so that mail that quotes such a field is cheap. A field that
   * contains more than a word of RFC 2045 may begin both kinds.
   */
  'mime-quoted-printable': {
    begins: /^content-transfer-encoding[ \t]*:.*(?:quoted|printable)/is,
    isField: true,
    ends: /^--/,
    codec: () => quotedPrintable(new Way()),
  },
  'mime-base64': {
    begins:
      /^content-transfer-encoding[ \t]*:(?![ \t]*(?:[78]bit|binary|quoted-printable)[ \t]*$)/i,
    isField: true,
    ends: /^--/,
    codec: () => base64(new Way()),
  },
  /** BinHex 4.0 (RFC 1741): a word anywhere in a line, and the data after a colon that begins a line. */
  binhex: {},
} as const satisfies Readonly<Record<string, EmbeddedFormat>>

export type EmbeddedKind = keyof typeof table
export const embeddedFormats: Readonly<Record<EmbeddedKind, EmbeddedFormat>> = table

const all = Object.keys(table) as EmbeddedKind[]
/** The kinds that are searched for in texts, and in files. */
export const kindsInTexts: ReadonlySet<EmbeddedKind> = new Set(all)
export const kindsInFiles: ReadonlySet<EmbeddedKind> = new Set(
  all.filter((kind) => !embeddedFormats[kind].isField),
)

/** What a line shows of the data that it begins. */
export interface EmbeddedStart {
  readonly kind: EmbeddedKind
  /** The name of the file, '' if it has none. */
  readonly name: string
  /**
   * The difference between the line and the one that all programs know, as a word or as signs. `no mode`:
   * only the word begins uuencode. `in a line`: the word is not the first on its line.
   */
  readonly spelling: 'common' | 'no mode' | 'in a line' | 'behind blanks' | `signs${string}`
}

/**
 * Returns all that a line begins, given without its line end. `isWhole` is false if only the rest of the line is given.
 */
export function embeddedStarts(line: string, isWhole = true): readonly EmbeddedStart[] {
  if (!/^[bc= \t-]/i.test(line)) return []
  const isEncoded = line.startsWith('begin-encoded ')
  return all
    .filter((kind) => embeddedFormats[kind].begins?.test(line))
    .map((kind) => {
      const name = embeddedFormats[kind].name?.exec(line)?.[1]?.trim() ?? ''
      return {
        kind,
        spelling: isWhole ? spellingOf(kind, line) : 'in a line',
        name: Buffer.from(name, isEncoded ? 'base64' : 'latin1').toString('latin1'),
      }
    })
}

function spellingOf(kind: EmbeddedKind, line: string): EmbeddedStart['spelling'] {
  const { common, isField } = embeddedFormats[kind]
  if (isField || common?.test(line)) return 'common'
  if (kind === 'armour') return line.startsWith('-') ? 'signs' : 'behind blanks'
  if (kind !== 'uuencode' || line.startsWith('begin-')) return 'signs'
  const [, word = '', blanks = '', mode = '', rest = ''] = /^(\w+)([\s\0]+)([0-7]*)(.*)/s.exec(
    line,
  )!
  if (mode === '') return 'no mode'
  const digits = Math.abs(mode.length - 3.5) < 1 ? mode.length : 'other'
  return `signs ${word === 'begin'} ${blanks === ' '} ${digits} ${/^ \S/.test(rest)}`
}
