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

/** A line of semicolons and blanks, which libclamav may leave out of a text. */
const SEMICOLONS = /(?:^|\n)[ \t\v\f]*;[ \t\v\f;]*(?:\r?\n|$)/

/**
 * Whether libclamav changes more in a displayed text than white space. It leaves out blank lines below others, adds a line
 * end at the end, and keeps a CR that was decoded: only a hash of the displayed text depends on those.
 */
export function changesText(text: string): boolean {
  return SEMICOLONS.test(text)
}
