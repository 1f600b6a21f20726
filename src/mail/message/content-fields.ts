import { decodeWords } from './encoded-words.ts'
import type { FieldSpan, Header } from './header-block.ts'

/** Upper limit for the characters of a name that every program accepts. */
export const FIELD_NAME_MAX = 200
const PLAIN_NAME = /^[!-'*-9;-<>@-~]+$/
/**
 * The fields that are a file name as a whole. If they find no name in parameters, Thunderbird reads the first two, and
 * Ruby's mail the last.
 */
export const NAME_FIELDS = ['content-name', 'x-sun-data-name', 'content-location'] as const
const NAME_PARTS = ['content', 'encod', 'mime', 'boundary', 'disposition', 'name', ...NAME_FIELDS]
const CONTENT_NAME = new RegExp(NAME_PARTS.join('|'), 'i')
/** The one such field that hosts add and remove. It is harmless if its value is a length. */
const LENGTH_FIELD = /^content-length$/i
const LENGTH = /^\s*\d+\s*$/
/** The words by which some decoder recognizes content or its metadata, anywhere in a text. */
const CONTENT_WORDS =
  /content[^a-z.\s]|encod|mime(?![a-z\d.])|boundary|filename|base64|printable|multipart|begin|=y(?:part|end)|must be converted|attach/i
/** Names by their letters alone: lenient programs skip all other characters in a name. */
const CONTENT_LETTERS = new RegExp(
  'content(?:type|transfer|disposition|description|location|id)|mimeversion'.replace(
    /[a-z]/g,
    '$&[^a-z]*',
  ),
  'i',
)
/** A fold that begins as delimiters do, and one that begins as BinHex does. */
const DELIMITER_FOLD = /\n[ \t]*--/
const BINHEX_FOLD = /\n[ \t]*:/
/** Anything but tabs, line ends and text of any charset. */
const NOT_TEXT = /[^\t\r\n -~\x80-\xff]/

/**
 * Returns whether any program may take a field for information about content. The name and the value
 * are tested, in any line of its folds and in any form. `value` is all that follows the colon, latin1.
 * Without it the name alone decides.
 *
 * The reading for scanners (mail/mime/headers/fields.ts), stamps (scan/stamps/verify-stamps.ts) and fingerprints
 * (scan/verdicts/copies/fingerprint.ts) all use this function. A field that a stamp does not cover, or that
 * differs between copies, must not describe content. A needless yes only costs a scan. It occurs in less than
 * one of a hundred real messages.
 */
export function mayDescribeContent(name: string, value?: string): boolean {
  if (name.length > FIELD_NAME_MAX || !PLAIN_NAME.test(name)) return true
  if (value === undefined) return CONTENT_NAME.test(name)
  if (LENGTH_FIELD.test(name) && LENGTH.test(value)) return false
  if (CONTENT_NAME.test(name)) return true
  const signed = /-signature$/i.test(name) ? value.replace(SIGNED_FIELDS, '') : value
  const rest = signed.includes('_') ? signed.replace(NAMES_OF_TESTS, '') : signed
  if (NOT_TEXT.test(value) || DELIMITER_FOLD.test(value)) return true
  if (BINHEX_FOLD.test(rest) || hasContentWords(rest)) return true
  return rest.includes('=?') && hasContentWords(decodeWords(rest))
}

function hasContentWords(text: string): boolean {
  return CONTENT_WORDS.test(text) || CONTENT_LETTERS.test(text)
}

/** Names that spam filters use for their findings: MISSING_MIME_VERSION. */
const NAMES_OF_TESTS = /\b[A-Z\d]+(?:_[A-Z\d]+)+\b/g
/** The tag of DKIM-Signature, and of those like it, that names the signed fields (RFC 6376 3.5). */
const SIGNED_FIELDS = /;\s*h\s*=[\w\s:.-]*(?=;|$)/gi

/**
 * Upper limit, in bytes, for fields that may differ although a stamp is valid, or a verdict on a copy
 * applies. Scanners stop reading a header at some length, and mail programs continue: these fields are too
 * short for that.
 */
export const FREE_MAX = 64 * 1024

/** Why a field may not differ: it may describe content, or has a line that scanners cut. */
type WhyBound = 'content' | 'long line'

/** The results for fields. Stamps and copies examine the same fields, which are immutable. */
const reasons = new WeakMap<FieldSpan, { readonly reason: WhyBound | undefined }>()

/** Returns why a field of this header may not differ, or undefined if its text permits that. */
export function whyBound(header: Header, field: FieldSpan): WhyBound | undefined {
  let found = reasons.get(field)
  if (found === undefined) {
    found = { reason: readWhyBound(header, field) }
    reasons.set(field, found)
  }
  return found.reason
}

function readWhyBound(header: Header, field: FieldSpan): WhyBound | undefined {
  if (hasLongLine(header.textOf(field))) return 'long line'
  return mayDescribeContent(field.name, header.valueOf(field)) ? 'content' : undefined
}

/** Bytes of the longest line, without its end (RFC 5322 2.1.1). */
export const MAIL_LINE_MAX = 998

/**
 * Returns whether a field has a longer line. libclamav splits longer lines, and may take a piece of one for
 * the empty line before the body. (A regular expression would read to the end of the line from each
 * character.)
 */
function hasLongLine(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const lf = text.indexOf('\n', at)
    const end = lf < 0 ? text.length : lf
    const length = end - at - (text[end - 1] === '\r' ? 1 : 0)
    if (length > MAIL_LINE_MAX) return true
    at = end + 1
  }
  return false
}
