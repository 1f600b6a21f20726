import { isAscii } from 'node:buffer'
import iconv from 'iconv-lite'
import { LF } from '../../../base/bytes/ascii.ts'
import type { Store } from '../storage/store.ts'
import { type Decoder, inPieces } from './decoder.ts'

/** In these sets bytes of ASCII may be other text than ASCII. */
const OTHER_BYTES = /^(?:cs)?(?:utf(?:7|16|32)|unicode(?!.*utf8)|ucs|iso10646ucs|iso2022|hz)/

/**
 * In EBCDIC every text of ASCII is another text. It has the numbers of these code pages, by which iconv, Python and
 * mutt know it. Numbers alone are names to glibc, as are those of the registry of the OSF, in hex.
 */
const EBCDIC_PAGES =
  /^(?:37|256|27[34578]|28[01245]|29[07]|38|42[034]|500|803|838|87[015]|880|905|918|924|93[03579]|102[56]|1047|10[78]0|108[14]|1079|1097|1112|112[23]|113[0279]|114\d|115[3-8]|116[046]|1364|1371|138[08]|1390|1399|4517|4899|4971|9030|12712|16804)$/
const PAGE_NAME = /^(?:(?:cs)?(?:ibm|cp|ccsid)(\d+)|(500|1026|1047)(?:v1)?|osf1002([\da-f]{4}))$/

function isEbcdic(charset: string): boolean {
  const [, numbered, alone, hex = ''] = PAGE_NAME.exec(charset) ?? []
  const page = Number(numbered ?? alone ?? Number.parseInt(hex, 16))
  return charset.includes('ebcdic') || EBCDIC_PAGES.test(`${page}`)
}

/** The names of ASCII and UTF-8, and names that programs use for an unknown set. */
const SAME_BYTES = /^(?:utf8|usascii|ascii|ansix3419\d\d|iso646us|unknown8bit|xunknown|unknown)$/

/** Returns the name of a character set as programs compare it: in lower case, and without punctuation. */
export function normalizedCharset(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/**
 * Returns whether bytes of ASCII and UTF-8 are the same text in this character set, given by its normalized name.
 */
export function isAsciiOrUtf8(charset: string): boolean {
  return SAME_BYTES.test(charset)
}

/**
 * Sets in which a few further bytes are ASCII characters: the bytes and their characters, in hex. In other
 * sets ASCII characters may be missing, as in ISO 646 and Shift_JIS. A program that knows such a set reads no
 * more of them than one that does not. mutt shows them by the iconv of glibc, and mailparser ARMSCII-8.
 */
const fewSigns: readonly (readonly [RegExp, string])[] = [
  [/^armscii8$/, 'a429a528a92eab2cac2d'],
  [/^(?:t618?(?:bit)?|(?:ansix3110|csat500)(?:1983)?|iso69372(?:1983)?|naplps)$/, 'a424a623'],
  [/^(?:isoir(?:90|99|103)|csiso(?:90|99naplps|103t618bit))$/, 'a424a623'],
  [/^(?:csiso139)?csn369103$|^isoir139$/, 'a424'],
  [/^(?:csiso151)?cuba$|^iso646cu$|^isoir151$|^ncnc0010(?:81)?$/, '7d5b'],
  [/^(?:csiso18)?greek7old$|^isoir18$/, '5e7e'],
  [/^iso5428(?:1980)?$|^csiso5428greek$|^isoir55$/, '3f3b'],
  [/^(?:iso646)?no2$|^csiso61norwegian2$|^isoir61$|^ns45512$/, '7e7c'],
  [/^(?:cs)?(?:cp|ibm)1133$/, 'df6b'],
  [/^isiri3342$/, 'a020a321a62ea828a929ab2bad2daf2fba3abc3cbd3dbe3ee25de35be47de57be82aea7ceb5c'],
]

/** Returns whether bytes may be another text in this character set than in ASCII; given by its normalized name. */
export function changesAscii(charset: string): boolean {
  return OTHER_BYTES.test(charset) || isEbcdic(charset) || signsOf(charset) !== undefined
}

/**
 * Returns whether bytes of ASCII may be another text in this character set, given by its normalized name, which cannot be
 * converted here. Programs that know the set show what was not read.
 */
export function isUnreadable(charset: string): boolean {
  return changesAscii(charset) && textDecoders(charset).length === 0
}

function signsOf(charset: string): string | undefined {
  return fewSigns.find(([name]) => name.test(charset))?.[1]
}

/**
 * Returns converters to UTF-8 from a character set, one for each way in which programs convert it. The set is
 * given by its normalized name. The list is empty if it cannot be converted here.
 */
export function toUtf8(charset: string): readonly Decoder[] {
  return textDecoders(charset).map(
    (make): Decoder =>
      (bytes, out) =>
        recode(bytes, out, make(), 'utf8'),
  )
}

/** Returns the short text in these bytes, as `toUtf8` does. */
export function textsIn(charset: string, bytes: Buffer): readonly string[] {
  return textDecoders(charset).map((make) => {
    const text = make()
    return text.write(bytes) + (text.end() || '')
  })
}

/**
 * Replaces UTF-8 characters above U+00FF by their lowest byte, like programs that keep text in single bytes:
 * latin1 does this with each UTF-16 code unit.
 */
export const lowBytes: Decoder = (bytes, out) => {
  const decoder = new TextDecoder()
  const text = {
    write: (piece: Buffer) => decoder.decode(piece, { stream: true }),
    end: () => decoder.decode(),
  }
  return recode(bytes, out, text, 'latin1')
}

/** Decodes text in pieces. */
interface TextPieces {
  write(bytes: Buffer): string
  end(): string | undefined
}

/** Without a byte order mark, programs differ about the byte order. */
const ordersOfBytes: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(?:cs)?(?:utf16|unicode|(?:iso10646)?ucs2)$/, ['utf16le', 'utf16be']],
  [/^(?:cs)?(?:utf32|(?:iso10646)?ucs4)$/, ['utf32le', 'utf32be']],
  [/^ucs2be|^unicode(?:fffe|big)/, ['utf16be']],
  [/^ucs2le|^unicodelittle/, ['utf16le']],
]

/** The set of two bytes that an encoding in seven bits switches to, as it is with eight. */
const inSevenBits: readonly (readonly [RegExp, 'iso2022' | 'hz', string])[] = [
  [/^(?:cs)?iso2022jp/, 'iso2022', 'eucjp'],
  [/^(?:cs)?iso2022kr/, 'iso2022', 'euckr'],
  [/^(?:cs)?iso2022cn/, 'iso2022', 'gbk'],
  [/^(?:cs)?hz(?:gb2312)?$/, 'hz', 'gbk'],
]

/** Returns what decodes text in a character set, by its normalized name, in each way in which programs do. */
function textDecoders(charset: string): readonly (() => TextPieces)[] {
  const [, names = [charset]] = ordersOfBytes.find(([name]) => name.test(charset)) ?? []
  const makers = names.flatMap((name) => (canDecode(name) ? [() => byIconv(name)] : []))
  if (makers.length > 0) return makers
  const [, encoding, wide] = inSevenBits.find(([name]) => name.test(charset)) ?? []
  if (encoding !== undefined) {
    const make = (roman: RomanAs) => () => withoutEscapes(encoding, wide!, roman)
    // To many programs, two signs of JIS X 0201 are others than those of ASCII.
    return charset.includes('jp') ? [make('itself'), make('ascii')] : [make('ascii')]
  }
  const signs = signsOf(charset)
  if (signs === undefined) return []
  const table = withSigns(signs)
  return [() => byTable(table)]
}

/** By iconv-lite, whose latin1 is that of RFC 1345. */
function byIconv(charset: string): TextPieces {
  const decoder = iconv.getDecoder(charset)
  return charset.startsWith('utf7') ? new InWords(decoder) : decoder
}

/** How JIS X 0201 is read: its yen sign and overline, or the backslash and tilde of ASCII in their places. */
type RomanAs = 'itself' | 'ascii'

function withoutEscapes(encoding: 'iso2022' | 'hz', wide: string, roman: RomanAs): TextPieces {
  const narrow = new WithoutEscapes(encoding)
  const decoder = iconv.getDecoder(wide)
  // iconv-lite loses a byte if a byte of no character waits for it. No character extends to the next run.
  const decodedWhole = (run: Buffer) =>
    isAscii(run) ? run.toString('latin1') : decoder.write(run) + (decoder.end() ?? '')
  return {
    write(bytes) {
      let text = ''
      for (const { bytes: run, isRoman } of narrow.take(bytes)) {
        const ascii = decodedWhole(run)
        const isOther = isRoman && roman === 'itself'
        text += isOther ? ascii.replaceAll('\\', '¥').replaceAll('~', '‾') : ascii
      }
      return text
    },
    end: () => decodedWhole(narrow.end()),
  }
}

/** Returns latin1 with these bytes as these signs. */
function withSigns(signs: string): Buffer {
  const table = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const pairs = Buffer.from(signs, 'hex')
  for (let at = 0; at < pairs.length; at += 2) table[pairs[at]!] = pairs[at + 1]!
  return table
}

function byTable(table: Buffer): TextPieces {
  return {
    write: (bytes) => Buffer.from(bytes.map((byte) => table[byte]!)).toString('latin1'),
    end: () => undefined,
  }
}

/** Returns whether iconv-lite has a decoder. Requesting a missing one is slow, because it throws. */
function canDecode(charset: string): boolean {
  iconv.encodingExists('utf8') // which fills the table
  return Object.hasOwn(iconv.encodings!, charset)
}

/** Upper limit for the bytes that wait for a blank. */
const WORD_MAX = 64 * 1024

/**
 * Splits pieces only after blanks: iconv-lite misinterprets the `-` that ends base64 in UTF-7 if a piece
 * begins with it.
 */
class InWords implements TextPieces {
  readonly #inner: TextPieces
  #held: Buffer = Buffer.alloc(0)

  constructor(inner: TextPieces) {
    this.#inner = inner
  }

  write(bytes: Buffer): string {
    const all = Buffer.concat([this.#held, bytes])
    const behindBlank = Math.max(all.lastIndexOf(0x20), all.lastIndexOf(0x0a)) + 1
    const end = all.length - behindBlank > WORD_MAX ? all.length : behindBlank
    this.#held = all.subarray(end)
    return this.#inner.write(all.subarray(0, end))
  }

  end(): string {
    return this.#inner.write(this.#held) + (this.#inner.end() ?? '')
  }
}

/** The bytes that are decoded at a time: they become at most three times as many. */
const DECODE_STEP = 4096

function* recode(
  bytes: Buffer,
  out: Store,
  text: TextPieces,
  to: 'utf8' | 'latin1',
): Generator<number> {
  let at = 0
  yield* inPieces(bytes, (end) => {
    for (; at < end; at += DECODE_STEP) {
      const piece = bytes.subarray(at, Math.min(end, at + DECODE_STEP))
      out.putAll(Buffer.from(text.write(piece), to))
    }
  })
  out.putAll(Buffer.from(text.end() || '', to)) // the decoder of CESU-8 may return 0
}

const ESC = 0x1b
const SO = 0x0e
const SI = 0x0f
const TILDE = 0x7e
/** In EUC-JP, the next byte is a letter of the half-width katakana (JIS X 0201). */
const OF_KANA = 0x8e

/** The set of the bytes that are one character each: ASCII, or one of the two sets of JIS X 0201. */
type SingleSet = 'ascii' | 'roman' | 'kana'

/** A part of a text, in EUC. */
interface EucRun {
  readonly bytes: Buffer
  /** Whether bytes of ASCII are those of JIS X 0201, in which two signs differ. */
  readonly isRoman: boolean
}

/**
 * Removes the escapes from a seven-bit text that switches between ASCII and a two-byte set: as in ISO-2022
 * (RFC 1468, 1557, 1922) or HZ (RFC 1843). Bytes of the other set get their highest bit, as in EUC. Text in
 * ASCII stays unchanged, whatever national form of ASCII an escape names.
 */
class WithoutEscapes {
  readonly #encoding: 'iso2022' | 'hz'
  #isWide = false
  #single: SingleSet = 'ascii'
  /** The bytes of an escape that has begun. */
  #escape = ''
  /** The first byte of a character of two bytes. They are never separated. */
  #first = -1

  constructor(encoding: 'iso2022' | 'hz') {
    this.#encoding = encoding
  }

  /** Returns what the bytes become, in any split. */
  take(bytes: Buffer): readonly EucRun[] {
    const runs: EucRun[] = []
    const out = Buffer.allocUnsafe(2 * bytes.length + 1) // a byte waits, and kana are two
    let from = 0
    let length = 0
    for (const byte of bytes) {
      const isRoman = this.#single === 'roman'
      const kept = this.#encoding === 'hz' ? this.#inHz(byte) : this.#inIso2022(byte)
      if (isRoman !== (this.#single === 'roman')) {
        if (length > from) runs.push({ bytes: out.subarray(from, length), isRoman })
        from = length
      }
      if (kept < 0) continue
      const isOfTwo = kept >= 0x80 || (kept > 0x20 && this.#isWide)
      const isKana = !isOfTwo && kept > 0x20 && this.#single === 'kana'
      const euc = isOfTwo || isKana ? kept | 0x80 : kept
      if (isOfTwo && this.#first < 0) {
        this.#first = euc
        continue
      }
      if (this.#first >= 0) out[length++] = this.#first
      this.#first = -1
      if (isKana) out[length++] = OF_KANA
      out[length++] = euc
    }
    runs.push({ bytes: out.subarray(from, length), isRoman: this.#single === 'roman' })
    return runs
  }

  /** Returns what is left of a character or an escape that has not ended. */
  end(): Buffer {
    const first = this.#first < 0 ? [] : [this.#first]
    return Buffer.concat([Buffer.from(first), Buffer.from(this.#escape.slice(1), 'latin1')])
  }

  /** Returns the byte, or -1 if it belongs to an escape. */
  #inIso2022(byte: number): number {
    if (byte === ESC) this.#escape = '\x1b'
    else if (byte === SO || byte === SI) {
      this.#isWide = byte === SO
      this.#escape = ''
    } else if (this.#escape === '') return byte
    else this.#escape = this.#inEscape(byte)
    return -1
  }

  /** Returns the escape with this byte, or '' if the escape is complete (ISO/IEC 2022 13). */
  #inEscape(byte: number): string {
    const begun = this.#escape + String.fromCharCode(byte)
    if (byte >= 0x20 && byte < 0x30) return begun.slice(0, 4)
    // The sets G1 to G3 apply only after a shift.
    if (/^\x1b\$(?:\(?[@-~])$/.test(begun)) this.#isWide = true
    else if (/^\x1b\([@-~]$/.test(begun)) {
      this.#isWide = false
      this.#single = begun.endsWith('J') ? 'roman' : begun.endsWith('I') ? 'kana' : 'ascii'
    }
    return ''
  }

  #inHz(byte: number): number {
    if (byte === LF) this.#isWide = false
    if (this.#escape === '') {
      if (byte !== TILDE) return byte
      this.#escape = '~'
      return -1
    }
    this.#escape = ''
    if (byte === TILDE) return byte
    if (byte === 0x7b || byte === 0x7d) this.#isWide = byte === 0x7b
    else if (byte !== LF) return byte
    return -1
  }
}
