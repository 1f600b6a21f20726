import { CR, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { LineBlocks } from '../../../lib/bytes/line-blocks.ts'
import { LineSearch, withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { Bytes } from '../../message/bytes.ts'
import { LINES_PIECE, PIECE, type Steps, type Work } from '../budget/work.ts'
import { isField, STRANGE_MAX } from '../headers/header-lines.ts'

export const NO_LINE_END = Buffer.alloc(0)
const LF_END = Buffer.from('\n')
const CR_END = Buffer.from('\r')
const CRLF_END = Buffer.from('\r\n')

/**
 * Splits a source into its bytes without the last line end, and that line end. A bare CR counts as a line
 * end, because some readers treat it as one.
 */
export function splitLineEnd(source: Bytes): { readonly bare: Bytes; readonly end: Buffer } {
  let before = 0
  let last = 0
  for (const chunk of source.chunks(Math.max(0, source.size - 2), source.size)) {
    for (const byte of chunk) {
      before = last
      last = byte
    }
  }
  let end = NO_LINE_END
  if (last === LF) end = before === CR ? CRLF_END : LF_END
  else if (last === CR) end = CR_END
  return { bare: end === NO_LINE_END ? source : source.slice(0, source.size - end.length), end }
}

/** The properties of a content when it is read as a text. */
export interface TextProperties {
  /** Whether all bytes were printable characters (of 8 bits), tabs, form feeds and line ends. */
  isText: boolean
  /** Whether a line ended in LF alone. */
  lf: boolean
  /** Whether a line ended in CR LF. */
  crlf: boolean
  /** Whether a CR was in front of another character than LF. */
  cr: boolean
}

/** Finds out what a content is, if it is taken for a text. */
export function* textPropertiesOf(source: Bytes, work: Work): Steps<TextProperties> {
  work.countBytes(source.size)
  const properties: TextProperties = { isText: true, lf: false, crlf: false, cr: false }
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = inspectText(properties, chunk, at, end, last)
      yield* work.countUnits(end - at)
    }
  }
  if (properties.cr) properties.isText = false
  return properties
}

/** Inspects the next bytes. Returns the last of them, which the next call gets as `last`. */
function inspectText(
  properties: TextProperties,
  bytes: Buffer,
  from: number,
  to: number,
  last: number,
): number {
  let before = last
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte < SPACE) {
      if (byte === LF) {
        if (before === CR) properties.crlf = true
        else properties.lf = true
      } else if (byte !== TAB && byte !== CR && byte !== 0x0c) properties.isText = false
      if (before === CR && byte !== LF) properties.cr = true
    } else if (before === CR) properties.cr = true
    before = byte
  }
  return before
}

/** The first characters of files that have characters of a text: HTML, PDF, PostScript, RTF, scripts. */
export const FILE_STARTS = '<%{#!@['

/**
 * Returns whether a text may be a file, judging by its first character: the first of 1,024 bytes that is
 * neither a blank nor a control character. If it may be, scanners get it again, so a wide rule costs at most
 * one scan.
 */
export function mayBeginFile(text: Bytes): boolean {
  const start = text.gather(0, 1024)
  const first = start.find((byte) => byte > SPACE)
  return first !== undefined && FILE_STARTS.includes(String.fromCharCode(first))
}

/** The bytes at the start of a file that show whether the file is mail. */
export const MAIL_START = 512

/** Returns whether libclamav may take the file for mail: it begins with a field. */
export function beginsAsMail(file: Bytes): boolean {
  return /^(?:[!-9;-~]+[ \t]*:|>?From )/.test(startBehindBlanks(file))
}

/**
 * Fields by which every libclamav recognizes a file as mail if it begins with one of them (filetypes_int.h).
 */
export const FIELDS_OF_MAIL: readonly string[] = [
  'Received',
  'Return-Path',
  'Delivered-To',
  'Message-ID',
  'Date',
  'From',
  'To',
  'Subject',
]

/** Returns whether libclamav recognizes the unchanged file as mail. */
export function isKnownAsMail(file: Bytes): boolean {
  const start = startOf(file)
  return FIELDS_OF_MAIL.some((name) => start.startsWith(`${name}: `))
}

/** Upper limit for the bytes of an unannounced header. */
const UNANNOUNCED_MAX = 1024 * 1024

/**
 * Returns whether the source begins like the header of a message: with a field, and then an empty line within
 * MAIL_START bytes. The empty line may be further down, within UNANNOUNCED_MAX bytes, if all lines above it
 * look like a header. Some readers save the bytes after that line as a file.
 */
export function* hasHeader(source: Bytes, work: Work): Steps<boolean> {
  if (!beginsAsMail(source)) return false
  return /\n\r?\n/.test(startBehindBlanks(source)) || (yield* areFieldsEnded(source, work))
}

/** The units of work of a line, in addition to its bytes. */
const LINE_COST = 8

/** Returns whether fields come first, followed by an empty line. */
function* areFieldsEnded(source: Bytes, work: Work): Steps<boolean> {
  let count = 0 // the lines that are not empty
  let strange = 0
  let isEnded = false
  const isOver = () => isEnded || strange > STRANGE_MAX
  const blocks = new LineBlocks((block, midLine) => {
    const lines = new LineSearch(block)
    for (let at = midLine ? lines.any(0) : 0; at < block.length && !isOver(); ) {
      const to = lines.any(at)
      const end = withoutLineEnd(block, at, to)
      const isFold = block[at] === SPACE || block[at] === TAB
      if (end === at) isEnded = count > 0
      else if (isField(block, at, end)) strange = 0
      else if (!isFold) strange++
      if (end > at) count++
      at = to
    }
  })
  for (const chunk of source.chunks(0, Math.min(source.size, UNANNOUNCED_MAX))) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      const before = count
      const piece = chunk.subarray(at, at + LINES_PIECE)
      blocks.push(piece)
      if (isOver()) return isEnded
      yield* work.countUnits(piece.length + (count - before) * LINE_COST)
    }
  }
  blocks.end()
  return isEnded
}

/** Returns whether the source begins with the line of an mbox above a message. */
export function beginsAsMailbox(source: Bytes): boolean {
  return startOf(source).startsWith('From ')
}

/** The separator before each mail of a mailbox except the first: an empty line, and the mbox line. */
const MAIL_ENDS = ['\n\nFrom ', '\r\n\r\nFrom ']

/** Finds where each mail of a mailbox begins but the first. */
export function* mailStarts(mailbox: Bytes): Generator<number> {
  for (const end of MAIL_ENDS) {
    // One of the two ends of lines is that of the mailbox.
    let tail: Buffer = Buffer.alloc(0)
    let at = 0 // where `tail` begins
    let isThere = false
    for (const chunk of mailbox.chunks()) {
      const bytes = Buffer.concat([tail, chunk])
      for (let found = bytes.indexOf(end); found >= 0; found = bytes.indexOf(end, found + 1)) {
        isThere = true
        yield at + found + end.length - 'From '.length
      }
      tail = Buffer.from(bytes.subarray(-(end.length - 1)))
      at += bytes.length - tail.length
    }
    if (isThere) return
  }
}

/** Returns whether the content contains a NUL. */
export function holdsNul(content: Bytes, work: Work): Steps<boolean> {
  return work.some(content, (chunk) => chunk.includes(0))
}

/** Upper limit for the blanks and empty lines above a header. */
const BLANKS_MAX = 64 * 1024

function startBehindBlanks(file: Bytes): string {
  const start = startOf(file).trimStart()
  if (start !== '' || file.size <= MAIL_START) return start
  return file.gather(0, BLANKS_MAX).toString('latin1').trimStart().slice(0, MAIL_START)
}

function startOf(file: Bytes): string {
  return file.gather(0, MAIL_START).toString('latin1')
}
