import { CR, LF } from '../../../base/bytes/ascii.ts'
import { LineSearch, withoutLineEnd } from '../../../base/bytes/lines.ts'
import { costs } from '../budget/costs.ts'
import type { ChoiceOf } from '../quirks/way.ts'
import type { Store } from '../storage/store.ts'
import { chained, type Decoder, inPieces } from './decoder.ts'

const OTHER = -1

/** Decodes uuencode as a program does. A line may end in a bare CR. Lines that are not data are skipped. */
const decodeUuencode: Decoder = (bytes, out, way) => {
  const lines = new LineSearch(bytes)
  const reads = way.peek('uuencode line')
  const size = out.size
  let hasEnded = false
  let isBehindCr = false
  /** Whether KMime reads no more, since there was an `end` in small letters. */
  let hasEndedForKMime = false
  let at = 0
  return inPieces(bytes, (pieceEnd) => {
    let more = 0
    while (at < pieceEnd) {
      more += costs.line
      const from = at
      at = lines.any(from)
      const end = withoutLineEnd(bytes, from, at)
      // What programs make differently of a line, KMime mostly, which knows neither a bare CR nor `END`.
      if (isBehindCr) way.note('uuencode line')
      isBehindCr = bytes[at - 1] === CR
      const hasData = out.size > size
      const isLast = isEndLine(bytes, from, end)
      const isZero = isZeroLine(bytes, from, end)
      if (isLast) {
        const isSmallEnd = bytes.toString('latin1', from, end) === 'end'
        if (!isSmallEnd || !hasData) way.note('uuencode line')
        hasEndedForKMime ||= isSmallEnd
      }
      if (hasEnded && end > from && !isLast) {
        if (!isZero && !hasEndedForKMime) way.note('uuencode line')
        if (way.does('uuencode end') === 'is none') {
          at = bytes.length
          return more
        }
      }
      const endsHere = hasData && (isLast || isZero)
      hasEnded ||= endsHere
      if (end === from || isLast) continue
      if (!endsHere && !isRegular(bytes, from, end)) way.note('uuencode line')
      const length = lengthOf(bytes, from, end, reads)
      if (length !== OTHER) decodeLine(bytes, from + 1, end, length, out)
    }
    return more
  })
}

/** Decodes this many bytes. Characters that are missing at the end of the line count as zero. */
function decodeLine(bytes: Buffer, from: number, end: number, length: number, out: Store): void {
  const six = (at: number) => (at < end ? (bytes[at]! - 32) & 63 : 0)
  for (let at = from, left = length; left > 0; at += 4, left -= 3) {
    out.put((six(at) << 2) | (six(at + 1) >> 4))
    if (left > 1) out.put((six(at + 1) << 4) | (six(at + 2) >> 2))
    if (left > 2) out.put((six(at + 2) << 6) | six(at + 3))
  }
}

/** Returns the number of bytes in a line, which must not be empty, or OTHER if the line is not data. */
function lengthOf(
  bytes: Buffer,
  from: number,
  end: number,
  reads: ChoiceOf<'uuencode line'>,
): number {
  const first = bytes[from]!
  const length = (first - 32) & 63
  const characters = end - from - 1
  const needed = Math.ceil(length / 3) * 4
  const isAbout = first >= 32 && first <= 96 && characters <= needed + 4
  switch (reads) {
    case 'is data as far as it has whole groups of four':
      return Math.min(length, Math.floor(characters / 4) * 3)
    case 'is data if it is not much longer':
      return isAbout ? length : OTHER
    case 'is data if it is as long, and in capitals':
      return isAbout && characters === needed && !hasSmall(bytes, from, end) ? length : OTHER
    case 'is data if it is not shorter, and in capitals':
      return isAbout && characters >= needed && !hasSmall(bytes, from, end) ? length : OTHER
    default:
      return length
  }
}

/**
 * Returns whether a line may be data: it is as long as its first character declares, or has no small letters, which no
 * program writes.
 */
export function mayBeUuencode(line: string): boolean {
  const needed = Math.ceil(((line.charCodeAt(0) - 32) & 63) / 3) * 4
  const more = line.length - 1 - needed
  return (more >= 0 && more <= 4) || !/[a-z]/.test(line)
}

function hasSmall(bytes: Buffer, from: number, end: number): boolean {
  return /[a-z]/.test(bytes.toString('latin1', from, end))
}

/** Returns whether the line declares zero bytes: it is a back-tick or a blank alone. */
function isZeroLine(bytes: Buffer, from: number, end: number): boolean {
  return end === from + 1 && (bytes[from] === 0x60 || bytes[from] === 0x20)
}

/** Returns whether every program decodes the line to the same bytes. KMime skips blanks. */
function isRegular(bytes: Buffer, from: number, end: number): boolean {
  const length = bytes[from]! - 32
  if (length >= 64 || end - from - 1 !== Math.ceil(length / 3) * 4) return false
  for (let at = from; at < end; at++) if (bytes[at]! <= 0x20 || bytes[at]! > 0x60) return false
  return true
}

/** Returns whether the line is the word `end`, in any case of letters. */
function isEndLine(bytes: Buffer, from: number, end: number): boolean {
  return (
    end - from === 3 &&
    (bytes[from]! | 32) === 0x65 &&
    (bytes[from + 1]! | 32) === 0x6e &&
    (bytes[from + 2]! | 32) === 0x64
  )
}

/** The bytes of a line that programs in C read at once into 128 bytes: mutt, Thunderbird. */
const LINE_IN_C = 127

/**
 * Ends lines of uuencode where some programs begin the next line. `records`: after the number of characters
 * that the first character declares, as GMime does. `pieces`: after LINE_IN_C characters.
 */
const cutLines =
  (by: 'records' | 'pieces'): Decoder =>
  (bytes, out) => {
    let left = 0
    let at = 0
    return inPieces(bytes, (end) => {
      for (; at < end; at++) {
        const byte = bytes[at]!
        const startsLine = left === 0
        if (byte === LF || byte === CR) {
          if (!startsLine) out.put(LF)
          left = 0
          continue
        }
        out.put(byte)
        if (!startsLine) left--
        else left = by === 'pieces' ? LINE_IN_C - 1 : Math.ceil(((byte - 32) & 63) / 3) * 4
        if (left === 0) out.put(LF)
      }
    })
  }

/**
 * Decodes uuencode like KMime. Blanks, and characters that uuencode does not use, are skipped. A group of
 * four may continue in the next line. Each line yields at most the declared number of bytes.
 */
const acrossLines: Decoder = (bytes, out) => {
  let left = 0
  let bits = 0
  let count = 0 // the number of bits that are left over
  let at = 0
  return inPieces(bytes, (end) => {
    for (; at < end; at++) {
      const byte = bytes[at]!
      const startsLine = at === 0 || bytes[at - 1] === LF
      const isData = byte > 0x20 && byte <= 0x60
      if (startsLine && bytes.toString('latin1', at, at + 3) === 'end') at = bytes.length
      if (startsLine && isData) left = (byte - 32) & 63
      if (startsLine || !isData) continue
      bits = ((bits << 6) | ((byte - 32) & 63)) & 0xffff
      count += 6
      if (count < 8) continue
      count -= 8
      if (left > 0) out.put(bits >> count)
      left--
    }
  })
}

/** uuencode, in each way in which some program decodes it. */
export const uuencode: Decoder = (bytes, out, way) =>
  decoderOf(way.peek('uuencode line'))(bytes, out, way)

function decoderOf(reads: ChoiceOf<'uuencode line'>): Decoder {
  switch (reads) {
    case 'goes on in the next line':
      return acrossLines
    case 'ends where it declares to':
      return chained([cutLines('records'), decodeUuencode])
    case 'ends after 127 characters':
      return chained([cutLines('pieces'), decodeUuencode])
    default:
      return decodeUuencode
  }
}
