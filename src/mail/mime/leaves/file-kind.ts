import { CR, LF } from '../../../base/bytes/ascii.ts'
import type { Bytes } from '../../message/bytes.ts'
import { EMPTY_LINES, MAILBOX_LINE } from '../../message/field-line.ts'
import { type Steps, Work } from '../budget/work.ts'
import { normalizedName } from '../headers/fields.ts'

/**
 * What bytes are, judging by their beginning: a message; a mailbox of several (mbox, RFC 4155); a file of a known type; or
 * anything else, such as a text.
 */
type FileKind = 'mail' | 'mailbox' | 'file' | 'unknown'

/** The bytes that show what the rest is, or the header, if that is longer. */
const FRONT_MIN = 16 * 1024
/** Upper limit for the bytes in which the end of the header is searched for. */
const SEARCHED_MAX = 1024 * 1024

/** Returns what the bytes of a whole submission are. */
export function fileKindOf(bytes: Bytes): FileKind {
  return done(kindOfSubmission(bytes, workOn(bytes)))
}

/** A mail that Exim passes may have lines like those of a mailbox in its text. */
function* kindOfSubmission(bytes: Bytes, work: Work): Steps<FileKind> {
  const kind = yield* kindOfContent(bytes, work)
  const isOfExim = FRONT_OF_EXIM.test(yield* work.front(bytes, FRONT_OF_EXIM_MAX))
  return kind === 'mailbox' && isOfExim ? 'mail' : kind
}

/** Returns whether some reader takes a line near the beginning for a field about content, without which none decodes a part. */
export function hasContentField(bytes: Bytes): boolean {
  return holdsContentField(done(frontOf(bytes, workOn(bytes))))
}

/** Returns the work of a question about a submission, which is a small part of what the reading of it may cost. */
const workOn = (bytes: Bytes) =>
  new Work(bytes, {
    openFile: () => {
      throw new Error('nothing is decoded')
    },
  })

function done<Result>(steps: Steps<Result>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

/**
 * Returns what a content of a message is. A message begins with a field, and has a field about content, or two other fields
 * of mail. Many texts begin with a word and a colon, and some with `Date:`.
 */
export function* kindOfContent(bytes: Bytes, work: Work): Steps<FileKind> {
  const front = yield* frontOf(bytes, work)
  if (yield* isMailbox(front, bytes, work)) return 'mailbox'
  if (FIRST_FIELD.test(front) && (holdsContentField(front) || hasMailFields(front))) return 'mail'
  return KNOWN_FILES.some((start) => start.test(front)) ? 'file' : 'unknown'
}

/** The header begins below blanks and empty lines, and ends as that of a whole message does (findHeaderEnd). */
function* frontOf(bytes: Bytes, work: Work): Steps<string> {
  const start = yield* work.gather(bytes.slice(0, Math.min(bytes.size, SEARCHED_MAX)))
  const front = yield* work.text(start, 0, FRONT_MIN)
  const top = Math.max(0, front.search(/[^\0-\x20]/))
  const lf = (yield* work.indexOf(start, [LF], top)) ?? start.length
  const ends = EMPTY_LINES[start[lf - 1] === CR ? '\r\n' : '\n']
  const end = (yield* work.indexOf(start, ends, lf)) ?? start.length
  return front + (yield* work.text(start, FRONT_MIN, end))
}

function* isMailbox(front: string, bytes: Bytes, work: Work): Steps<boolean> {
  if (!front.startsWith(MAILBOX_LINE)) return false
  const isNear = NEXT_MAILS.some((next) => front.includes(next))
  return isNear || (yield* work.includes(yield* work.gather(bytes), NEXT_MAILS))
}

/** What Exim puts above a message for scanners: the line of a mailbox, and fields that no other program has below that. */
const FRONT_OF_EXIM = /^From [^\n]*\nX-Envelope-(?:From: <|To: )/
const FRONT_OF_EXIM_MAX = 2048

/** How the next mail of a mailbox begins: with its line, below an empty line. */
export const NEXT_MAILS = EMPTY_LINES['\r\n'].map((emptyLine) => emptyLine + MAILBOX_LINE)

function holdsContentField(text: string): boolean {
  if (CONTENT_LINE.test(text)) return true
  for (const [name] of text.matchAll(QUIRKY_NAME)) {
    if (name.includes('-') && CONTENT_LINE.test(normalizedName(name.toLowerCase()))) return true
  }
  return false
}

function hasMailFields(text: string): boolean {
  const names = new Set<string>()
  for (const [, name] of text.matchAll(MAIL_FIELD))
    if (names.add(name!.toLowerCase()).size > 1) return true
  return false
}

/** A field below blanks and empty lines, or the line of an mbox. Some readers accept a name of two words. */
const FIRST_FIELD =
  /^[\0-\x20]*(?:>?From |[!-9;-~]{1,998}(?:[ \t]{1,9}[!-9;-~]{1,998})?[ \t]{0,99}:)/
/** A field about content, or what the most lenient reader sees of its name. */
const CONTENT_LINE = /^[ \t]*(?:content-|mime-version)/im
/**
 * What is before the first colon of a line, if some reader may see one of these names there: its first letter or digit, or
 * that below a comment, begins one. (Of the lines of a program, most end here after a few bytes.) A quotation mark begins a
 * string, as in the files of gettext.
 */
const QUIRKY_NAME = /^[^a-z0-9:\r\n("-]*[cm(][^:\r\n]*(?=:)/gim
/** Other fields of mail; RFC 5322 3.6. */
const MAIL_FIELD =
  /^[ \t]*(>?From |(?:from|to|cc|bcc|date|subject|sender|reply-to|received|return-path|delivered-to|message-id)[ \t]*:)/gim

/** The first bytes of types of files: no field begins with any of them. */
const KNOWN_FILES: readonly RegExp[] = [
  // pictures
  /^\xff\xd8\xff/,
  /^\x89PNG\r\n\x1a\n/,
  /^GIF8[79]a/,
  /^(?:II\*\0|MM\0\*)/,
  /^8BPS\0/,
  // sound and films
  /^RIFF[\s\S]{4}(?:WAVE|AVI |WEBP)/,
  /^[\s\S]{4}ftyp/,
  /^(?:OggS\0|fLaC\0|ID3[\x02-\x04]\0|\x1aE\xdf\xa3)/,
  // archives and what is compressed
  /^PK(?:\x03\x04|\x05\x06|\x07\x08)/,
  /^(?:\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0|7z\xbc\xaf'\x1c|Rar!\x1a\x07|\x28\xb5\x2f\xfd|MSCF\0\0\0\0)/,
  /^[\s\S]{257}ustar/,
  // programs
  /^(?:\x7fELF|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\0asm)/,
  /^MZ[\s\S]{58}[\s\S]{2}\0\0/,
  // documents, fonts and databases
  /^(?:%PDF-\d|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|\{\\rtf1|%!PS-Adobe)/,
  /^(?:wOF[F2]|OTTO\0|\0\x01\0\0\0|SQLite format 3\0)/,
]
