import { COLON, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { isLineEnd } from '../../../base/bytes/lines.ts'
import { type MailBytes, shortText } from '../../message/bytes.ts'
import { type Decoder, inPieces } from './decoder.ts'

/** The word of the line above BinHex, "(This file must be converted with BinHex 4.0)". */
export const BINHEX_WORD = 'converted'
/** The word with what follows it, and what precedes it to MIME::Parser, which reads no further. */
const MARK = 'converted with BinHex'
const LINE_START = '(This file must be '

/** Returns whether the word at this offset is that of a line above BinHex. */
export function isBinHexWord(bytes: MailBytes, at: number): boolean {
  const text = shortText(bytes, at, MARK.length)
  if (!text.startsWith(BINHEX_WORD)) return false
  return text === MARK || shortText(bytes, at - LINE_START.length, LINE_START.length) === LINE_START
}

/** The characters of BinHex 4.0 (RFC 1741, Appendix A), by their six-bit values. */
const CHARACTERS = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'
const NONE = 255
const values = new Uint8Array(256).fill(NONE)
for (const [value, character] of [...CHARACTERS].entries()) values[character.charCodeAt(0)] = value

/** Precedes the number of repetitions of the byte before it, or a 0 for the byte itself. */
const REPEATED = 0x90

/**
 * Decodes BinHex 4.0 from its first line on: the text between a colon that begins a later line and the next one, with
 * its runs. Other characters are ignored.
 */
export const binHex: Decoder = (bytes, out) => {
  let isData = false
  /** Whether only blanks are in front of a byte in its line, which is below the first one. */
  let beginsLine = false
  let bits = 0
  let count = 0 // the number of bits that are left over
  let last = 0
  let isRepeated = false
  let at = 0
  const put = (byte: number) => {
    last = byte
    out.put(byte)
  }
  const takeRun = (byte: number) => {
    if (!isRepeated && byte !== REPEATED) put(byte)
    if (isRepeated && byte === 0) put(REPEATED)
    if (isRepeated) for (let times = 1; times < byte; times++) put(last)
    isRepeated = !isRepeated && byte === REPEATED
  }
  return inPieces(bytes, (end) => {
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (!isData) {
        isData = byte === COLON && beginsLine
        if (isLineEnd(byte)) beginsLine = true
        else if (byte !== SPACE && byte !== TAB) beginsLine = false
        continue
      }
      if (byte === COLON) at = bytes.length
      const value = values[byte]!
      if (value === NONE) continue
      bits = ((bits << 6) | value) & 0x3fff
      count += 6
      if (count < 8) continue
      count -= 8
      takeRun((bits >> count) & 255)
    }
  })
}

/** Minimum length of a header in bytes: a name of one letter, and a checksum. */
const HEADER_MIN = 24
/** A checksum follows the header, and each of the two forks. */
const FORK_CHECKSUM = 2

/**
 * A file in BinHex. `forks` are its data and its resources. If a length is wrong, the available bytes of
 * them. The last one is all that follows the header: MIME::Parser reads no lengths.
 */
interface BinHexFile {
  readonly name: string
  readonly forks: readonly MailBytes[]
}

/** Returns the file in decoded BinHex 4.0 (RFC 1741; decoders/binhex.ts). It is empty if the bytes are too few. */
export function binHexFile(source: MailBytes): BinHexFile {
  const nameLength = source[0] ?? 0
  const header = source.subarray(1, 1 + nameLength + HEADER_MIN - 2)
  if (source.length < nameLength + HEADER_MIN - 1) return { name: '', forks: [] }
  const name = shortText(header, 0, nameLength)
  // The name is followed by version, type, creator and flags.
  const lengths = nameLength + 1 + 4 + 4 + 2
  const data = 1 + lengths + 4 + 4 + FORK_CHECKSUM
  const dataEnd = Math.min(source.length, data + header.readUInt32BE(lengths))
  const resources = Math.min(source.length, dataEnd + FORK_CHECKSUM)
  const end = Math.min(source.length, resources + header.readUInt32BE(lengths + 4))
  const forks = [
    source.subarray(data, dataEnd),
    source.subarray(resources, end),
    source.subarray(data),
  ]
  return { name, forks }
}
