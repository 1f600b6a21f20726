/**
 * What bytes are that may be a mail or a file, as clients of clamd send them: a whole mail, or a part of
 * one that the client has decoded, such as a document.
 */
export type MessageKind = 'mail' | 'mail or file' | 'file'

/** Bytes within which the colon of a first field stands; libclamav knows no longer name. */
const FIRST_FIELD_MAX = 1100

/**
 * The first line of a mail: a field, the line above a mail of a mailbox, or the empty one that ends a header.
 */
const FIRST_LINE = /^(?:\r?\n|>?From |[^\0- \x7f:]+[ \t]*:)/
/** A first line that may still become one. */
const UNDECIDED = /^(?:\r|>?F?r?o?m?|[^\0- \x7f:]+[ \t]*)$/

/**
 * By these beginnings libclamav itself takes a file for mail (CL_TYPE_MAIL in the file types of 1.4): who
 * judges the mail has judged all that libclamav would see in the file.
 */
const KNOWN_TO_LIBCLAMAV =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/

/**
 * Returns what the bytes are that begin so; undefined as long as too few of them are there. What begins
 * with no field is a file: an archive, a picture, a document, and a text that does not look like a mail.
 *
 * A text may look like a field (`{"name": ...`, `BEGIN:VCARD`), and who sends a mail chooses its first
 * field. Such bytes are both: readers of mail may find in them what no scanner finds in the file, and the
 * other way round. So of what rspamd sends with `scan_mime_parts = true`, documents are files, attached
 * mails are mails, and a text may be both.
 */
export function kindOf(beginning: Buffer, isWhole: boolean): MessageKind | undefined {
  const start = beginning.toString('latin1', 0, FIRST_FIELD_MAX)
  if (!FIRST_LINE.test(start)) {
    const mayBecome = !isWhole && start.length < FIRST_FIELD_MAX && UNDECIDED.test(start)
    return mayBecome ? undefined : 'file'
  }
  if (!isWhole && start.length < LIBCLAMAV_SEES) return undefined
  return KNOWN_TO_LIBCLAMAV.test(start) ? 'mail' : 'mail or file'
}

/** The bytes of the longest of those beginnings. */
const LIBCLAMAV_SEES = 'X-Envelope-From: '.length
