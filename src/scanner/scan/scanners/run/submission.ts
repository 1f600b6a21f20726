import type { Message } from '../../../../mail/message/message.ts'
import { normalizedName } from '../../../../mail/mime/index.ts'
import { TOP_LINE } from '../contract/top-line.ts'

/**
 * The kind of content from clients that decide themselves: whole messages; files of any kind, including messages; or
 * contents of mail that another onescand has read. Each of these is a message, below TOP_LINE, or a part of one.
 */
export type ClientContent = 'mails' | 'files' | 'contents'

/** What a client has submitted, which decides what of it is scanned (submissionOf). */
export interface Submission {
  /**
   * What is read of the bytes: all that mail programs find in a message; what is in a file, such as encoded data and S/MIME;
   * or nothing.
   */
  readonly readAs: 'mail' | 'file' | 'nothing'
  /** Whether the bytes are first scanned as they were sent, because the client may use them as a file. */
  readonly isScannedAsSent: boolean
  /** Whether it may be any file. A verdict then applies to the same bytes alone, and not to copies of a message. */
  readonly isFile: boolean
  /** Whether the limits of reading apply (UNREAD). */
  readonly hasLimits: boolean
  /** Whether what is about the form of mail applies: STRICTMIME, and the line that scanners receive above mail. */
  readonly hasMailForm: boolean
}

/** A message that a mail server passes on: scanned as it will leave. */
export const leavingMail: Submission = {
  readAs: 'mail',
  isScannedAsSent: false,
  isFile: false,
  hasLimits: true,
  hasMailForm: true,
}

/** Bytes that may be a file of any kind. */
const file: Submission = {
  readAs: 'file',
  isScannedAsSent: true,
  isFile: true,
  hasLimits: false,
  hasMailForm: false,
}

/**
 * How bytes are judged that may be any file, by what they are. The limits end only with proof: the first bytes of a known
 * type, without a line near them that some reader takes for a field about content. Such readers skip any other lines above
 * a header, and the sender of a mail can write the mark of every type of file there.
 *
 * | kind        | the bytes                                                                                      |
 * | ----------- | ---------------------------------------------------------------------------------------------- |
 * | `mail`      | begin with fields, of which one is of mail; or a field about content is near                    |
 * | `like mail` | begin as a known type of file, and a field about content is near, as in a tar of messages       |
 * | `file`      | begin as a known type of file                                                                  |
 * | `unknown`   | begin in any other way, as texts, address books and random bytes do                             |
 */
const kinds = {
  mail: { ...file, readAs: 'mail', hasLimits: true, hasMailForm: true },
  'like mail': { ...file, readAs: 'mail', hasLimits: true },
  file,
  unknown: { ...file, hasLimits: true },
} as const satisfies Record<string, Submission>

/** Returns what was submitted: a message to pass on, or `content`, about which the client decides. */
export function submissionOf(
  message: Pick<Message, 'header' | 'body'>,
  content: ClientContent | undefined,
): Submission {
  switch (content) {
    case undefined:
      return leavingMail
    case 'mails':
      return { ...leavingMail, isScannedAsSent: true }
    case 'contents':
      return beginsWithTopLine(message) ? kinds.mail : kinds.file
    case 'files':
      return kinds[kindOf(message)]
  }
}

/** Returns whether another onescand has sent a whole message, and not a part of one. */
function beginsWithTopLine({ header }: Pick<Message, 'header'>): boolean {
  return header.bytes.subarray(0, TOP_LINE.length).equals(TOP_LINE)
}

function kindOf({ header, body }: Pick<Message, 'header' | 'body'>): keyof typeof kinds {
  const below = Math.max(0, FRONT - header.length)
  const front = header.text + body.gather(0, below).toString('latin1')
  const isFile = KNOWN_FILES.some((start) => start.test(front))
  const hasFields = FIRST_FIELD.test(front)
  if (hasContentField(front)) return isFile && !hasFields ? 'like mail' : 'mail'
  if (hasFields && MAIL_FIELD.test(front)) return 'mail'
  return isFile ? 'file' : 'unknown'
}

/** Returns whether some reader takes a line for a field about content, without which no reader decodes a part. */
function hasContentField(text: string): boolean {
  if (CONTENT_LINE.test(text)) return true
  for (const [name] of text.matchAll(NAME)) {
    if (name.includes('-') && CONTENT_LINE.test(normalizedName(name.toLowerCase()))) return true
  }
  return false
}

/**
 * The bytes that show what the rest is, or the header, if that is longer. Some readers skip lines above the header of a
 * message, which may therefore begin below other bytes.
 */
const FRONT = 16 * 1024

/** A field below blanks and empty lines, or the line of an mbox. Some readers accept a name of two words. */
const FIRST_FIELD =
  /^[\0-\x20]*(?:>?From |[!-9;-~]{1,998}(?:[ \t]{1,9}[!-9;-~]{1,998})?[ \t]{0,99}:)/
/** A field about content, or what the most lenient reader sees of its name. */
const CONTENT_LINE = /^[ \t]*(?:content-|mime-version)/im
/**
 * What is before the first colon of a line, if some reader may see one of these names there: its first letter or digit, or
 * that below a comment, begins one. (Of the lines of a program, most end here after a few bytes.)
 */
const NAME = /^[^a-z0-9:\n(-]*[cm(][^:\n]*(?=:)/gim
/** Other fields of mail; RFC 5322 3.6. */
const MAIL_FIELD =
  /^[ \t]*(?:>?From |(?:from|to|cc|bcc|date|subject|sender|reply-to|received|return-path|delivered-to|message-id)[ \t]*:)/im

/** The first bytes of types of files. No field begins with any of them. */
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
