/*
 * The grammar of texts that libclamav reads as all other programs do: its parseEmailFile, parseEmailBody,
 * messageIsEncoding, messageExport and isuuencodebegin.
 */

/**
 * Lines at which it finds encoded data, up to an empty line or to the end: it compares `begin` in any letter case, and
 * accepts what other programs do not. A field takes a text for a returned message.
 */
const ODD_LINE = /(?:^|\n)[ \t]*(?:begin|=ybegin|content-)/i
/** The word by which it searches for the first line of BinHex. */
const BINHEX = 'BinHex'

/** Returns whether libclamav takes nothing out of a text, and finds no data in it. */
export function isTextToLibclamav(text: string): boolean {
  return !ODD_LINE.test(text) && !text.includes(BINHEX)
}

/** Upper limit, in bytes, for a line without its end (RFC 5322 2.1.1). libclamav cuts lines of 1,000 bytes and more. */
const LINE_MAX = 998

/** Returns whether libclamav may cut a line from this offset on. Looks at a few bytes of each. */
export function hasCutLine(mail: string, from: number): boolean {
  let at = from
  while (at + LINE_MAX < mail.length) {
    const end = mail.lastIndexOf('\n', at + LINE_MAX)
    if (end < at) return true
    at = end + 1
  }
  return false
}

/**
 * Lines of a text that libclamav omits or writes differently, so that hashes and offsets in the text change:
 * lines of blanks and semicolons, a last line without an end, and in a multipart an empty line below another.
 * It keeps a CR that was decoded from quoted-printable.
 */
const CHANGED = [/\n[ \t\v\f;]+\r?\n/, /=0d/i]
const TWO_EMPTY_LINES = /\n\r?\n\r?\n/
/** In front of a text in a multipart, so that an empty first line is the second one. */
const EMPTY_LINE = '\n\n'

/** Whether libclamav changes lines of a text in such a way that it gets other bytes. */
export function changesLines(text: string, isInMultipart: boolean): boolean {
  const lines = EMPTY_LINE + text
  return (
    !lines.endsWith('\n') ||
    CHANGED.some((change) => change.test(lines)) ||
    (isInMultipart && TWO_EMPTY_LINES.test(lines))
  )
}
