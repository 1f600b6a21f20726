import { MAIL_LINE_MAX } from '../../message/content-fields.ts'
import { SEARCHED_PER_UNIT } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import type { Encoding } from '../headers/encodings.ts'

/*
 * The grammar of texts that libclamav reads as all other programs do: its parseEmailFile, parseEmailBody,
 * messageIsEncoding, messageExport and isuuencodebegin. All texts are in latin1.
 */

/** The characters of a text that are searched at a time. */
const PIECE_SEARCHED = 256 * 1024

/** Returns whether each piece of a text, which is about PIECE_SEARCHED characters in whole lines, passes a test. */
function* everyPiece(text: string, work: Work, passes: (piece: string) => boolean): Steps<boolean> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at + PIECE_SEARCHED) + 1 || text.length
    if (!passes(text.slice(at, end))) return false
    yield* work.countUnits((end - at) / SEARCHED_PER_UNIT)
    at = end
  }
  return true
}

/**
 * Lines at which it finds encoded data, up to an empty line or to the end: it compares `begin` in any letter case, and
 * accepts what other programs do not. A field takes a text for a returned message.
 */
const ODD_LINE = /(?:^|\n)[ \t]*(?:begin|=ybegin|content-)/i
/** The word by which it searches for the first line of BinHex. */
const BINHEX = 'BinHex'

/** Returns whether libclamav takes nothing out of a text, and finds no data in it. */
export function leavesTextAlone(text: string, work: Work): Steps<boolean> {
  return everyPiece(text, work, (piece) => !ODD_LINE.test(piece) && !piece.includes(BINHEX))
}

/** Returns whether libclamav may cut a line: it cuts those of 1,000 bytes and more. Looks at a few bytes of each. */
export function hasTooLongLine(mail: string): boolean {
  let at = 0
  while (at + MAIL_LINE_MAX < mail.length) {
    const end = mail.lastIndexOf('\n', at + MAIL_LINE_MAX)
    if (end < at) return true
    at = end + 1
  }
  return false
}

/** A `=` that begins no escape, and ends no line by itself (RFC 2045 6.7). */
const ODD_ESCAPE = /=(?![\dA-Fa-f]{2}|\r?\n)/
/**
 * A line of semicolons and blanks, which libclamav may leave out of a displayed text. In other texts it changes white space
 * alone: it leaves out blank lines below others, adds a line end at the end, and keeps a CR that was decoded. Only a hash of
 * the displayed text depends on those.
 */
const SEMICOLONS = /(?:^|\n)[ \t\v\f]*;[ \t\v\f;]*(?:\r?\n|$)/

/** Returns whether all programs get the same from an encoded text, libclamav among them. */
export function decodesAlike(text: string, encoding: Encoding, work: Work): Steps<boolean> {
  if (encoding === 'base64') return isOrdinaryBase64(text, work)
  const hasEscapes = encoding === 'quoted-printable'
  return everyPiece(
    text,
    work,
    (piece) => !(SEMICOLONS.test(piece) || (hasEscapes && ODD_ESCAPE.test(piece))),
  )
}

const NOT_BASE64 = /[^A-Za-z\d+/\r\n]/
const LINE_ENDS = /[\r\n]+/g
/** Padding that ends the data, with nothing below it. */
const PADDING = /^(={0,2})[\r\n]*$/
/** The last characters of data of which a bit is set that the padding leaves out. libclamav makes a byte of it. */
const OVERFULL = /[^AQgw]==|[^AEIMQUYcgkosw048=]=/

/** Whether lines of base64 have whole groups, with padding at the end alone, and no bits in what that leaves out. */
function* isOrdinaryBase64(text: string, work: Work): Steps<boolean> {
  let length = 0
  let last = ''
  let padding = ''
  const isOrdinary = yield* everyPiece(text, work, (piece) => {
    const found = piece.search(NOT_BASE64)
    const end = found < 0 ? piece.length : found
    const data = piece.slice(0, end).replaceAll(LINE_ENDS, '')
    const ending = PADDING.exec(piece.slice(end))
    if (ending === null || (padding !== '' && data + ending[1] !== '')) return false
    length += data.length
    last = data.at(-1) ?? last
    padding ||= ending[1]!
    return true
  })
  return isOrdinary && (length + padding.length) % 4 === 0 && !OVERFULL.test(last + padding)
}
