import { startsWith } from '../../../../base/bytes/buffers.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { fileKindOf, hasContentField } from '../../../../mail/mime/index.ts'
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
 * How bytes are judged that may be any file, by what they are (fileKindOf). A field about content near their beginning makes
 * them mail to some reader, which skips any other lines above a header; the sender of a mail can write the mark of every
 * type of file there. The limits apply to mail alone, unless UNREAD is set: for FOUND, clients delete a file that clamd
 * calls OK.
 */
const mail: Submission = { ...file, readAs: 'mail', hasLimits: true, hasMailForm: true }

/** Returns what was submitted: a message to pass on, or `content`, about which the client decides. */
export function submissionOf(
  message: Pick<Message, 'header' | 'bytes'>,
  content: ClientContent | undefined,
  { isUnreadSet = false } = {},
): Submission {
  switch (content) {
    case undefined:
      return leavingMail
    case 'mails':
      return { ...leavingMail, isScannedAsSent: true }
    case 'contents':
      return beginsWithTopLine(message) ? mail : file
    case 'files':
      return ofFile(message, isUnreadSet)
  }
}

/** Returns whether another onescand has sent a whole message, and not a part of one. */
function beginsWithTopLine({ header }: Pick<Message, 'header'>): boolean {
  return startsWith(header.bytes, TOP_LINE)
}

function ofFile({ bytes }: Pick<Message, 'bytes'>, hasLimits: boolean): Submission {
  const kind = fileKindOf(bytes)
  if (kind === 'mail') return mail
  const isMail = kind !== 'mailbox' && hasContentField(bytes)
  if (isMail) return { ...mail, hasMailForm: kind === 'unknown' }
  return { ...file, hasLimits: hasLimits && kind !== 'file' }
}
