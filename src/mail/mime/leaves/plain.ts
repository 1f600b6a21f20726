import type { Bytes } from '../../message/bytes.ts'
import { SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'
import type { Encoding } from '../headers/encodings.ts'
import { EMPTY_PART, type PartHeader } from '../headers/part-header.ts'
import type { Leaf } from '../reader/found.ts'
import { GOES_ON } from '../reader/header-reading.ts'
import { contentForms, multipartForms, type PartForm } from '../traits/part-forms.ts'
import type { EmbeddedData } from './embedded-data.ts'
import { kindsInFiles, kindsInTexts } from './embedded-formats.ts'
import { transferEncodings } from './transfer-encodings.ts'

/** The types of files, up to the slash. What libclamav makes of a text that is none depends on more. */
const FILE_TYPES = /^(?:application|audio|image|video)\//
/** The words for how a part is shown (RFC 2183 2.1, 2.2). */
const DISPOSITION = /^[ \t]*(?:attachment|inline)[ \t]*(?:;|\r?\n?$)/i

/**
 * Lines of a text that libclamav omits or writes differently, so that hashes and offsets in the text change:
 * lines of blanks and semicolons, a last line without an end, and in a multipart an empty line below another. A text
 * with a bare CR has no form either: programs differ about its lines.
 * It keeps a CR that was decoded from quoted-printable.
 */
const CHANGED = [/\n[ \t\v\f;]+\r?\n/, /=0d/i, /\r(?!\n)/]
const TWO_EMPTY_LINES = /\n\r?\n\r?\n/
/** In front of a text in a multipart, so that an empty first line is the second one. */
const EMPTY_LINE = '\n\n'

/**
 * Returns the form of a leaf of a plain mail (plainTextOf) with this text, or undefined if it has none of
 * traits/part-forms.ts, or libclamav gets other bytes.
 */
export function formOfLeaf(leaf: Leaf, text: string): PartForm | undefined {
  const [encoding] = leaf.encodings
  const form = placedFormOf(leaf, encoding!)
  if (form === undefined || transferEncodings[encoding!].encodes === 'bytes') return form
  const lines = EMPTY_LINE + text
  const isChanged =
    !lines.endsWith('\n') ||
    CHANGED.some((change) => change.test(lines)) ||
    (form.multiparts !== '' && TWO_EMPTY_LINES.test(lines))
  return isChanged ? undefined : form
}

function placedFormOf(leaf: Leaf, encoding: Encoding): PartForm | undefined {
  const multiparts = multipartForms.find((form) => form === leaf.depth.subtypes)
  if (multiparts === undefined) return undefined
  const type = typeInForms(leaf)
  const content = contentForms.find((form) => form === `${type} ${encoding}`)
  return content && { content, multiparts }
}

/** Returns the type by which forms name the content of a leaf: that of a text, or `file`. */
function typeInForms({ header, isOwnText }: Leaf): string | undefined {
  if (header.text !== 'file') return isOwnText ? header.type : undefined
  if (!FILE_TYPES.test(header.type) || header.hints.has('mail')) return undefined
  const dispositions = header.fields.filter(({ name }) => name === 'content-disposition')
  return dispositions.every(({ value }) => DISPOSITION.test(value)) ? 'file' : undefined
}

/**
 * Whether a part is plain: all programs agree about its existence, its first and last byte, the fields of its header and
 * its encoding. Such a part is decoded once, unless its decoder notes a feature. Most parts of ordinary mail are plain.
 * Any other part is decoded in each way in which some program understands it.
 */
export function isPlain({ header, encodings, seenBy }: Leaf): boolean {
  return (
    seenBy === 'all' && header.isPlain && header.oddities.length === 0 && encodings.length === 1
  )
}

/** A mail that was read in one way. */
interface MailToRead {
  readonly source: Bytes
  readonly embedded: EmbeddedData
  /** The bytes above its header, which are our own (message.ts). */
  readonly above: number
  /** The headers of the mail and of its parts. */
  readonly headers: readonly PartHeader[]
}

/** Upper limit for the parts of a plain message. */
const PARTS_MAX = 100

/** The number of times that the text of a mail is searched for what libclamav reads in another way. */
const SEARCHES = 4

/**
 * Returns the text of a message, in latin1, if it is so plain that its parts have forms: libclamav, like all mail programs,
 * finds where each part begins and ends. `leaves` are the leaf parts of its one reading, in which no habit mattered.
 */
export function* plainTextOf(
  leaves: readonly Leaf[],
  { source, embedded, above, headers }: MailToRead,
  work: Work,
): Steps<string | undefined> {
  const arePlain =
    leaves.length <= PARTS_MAX &&
    leaves.every((leaf) => isPlain(leaf) && isPlainMessage(leaf, leaves)) &&
    headers.every(isPlainHeader) &&
    leaves.every(({ header, depth }) => depth.subtypes === '' || header !== EMPTY_PART) &&
    haveTextBeside(leaves)
  if (!arePlain) return undefined
  yield* work.countUnits((SEARCHES * source.size) / SEARCHED_PER_UNIT)
  const text = source.gather().toString('latin1')
  const boundaries = new Set(headers.flatMap(boundariesOf))
  const isOdd =
    hasLongLine(text, above) ||
    (boundaries.size > 0 && (yield* hasOddDelimiter(text, boundaries, work))) ||
    leaves.some((leaf) => isReadOtherwise(leaf, text.slice(leaf.from, leaf.to), embedded))
  return isOdd ? undefined : text
}

/** Whether libclamav may read the header of a leaf further, or take something out of its text. */
function isReadOtherwise(leaf: Leaf, text: string, embedded: EmbeddedData): boolean {
  if (beginsAsField(text)) return true
  if (transferEncodings[leaf.encodings[0]!].encodes === 'bytes') return false
  // libclamav does not read the lines of an attached mail.
  const isMail = isAttachedMail(leaf)
  if (embedded.beginsIn(leaf, isMail ? kindsInFiles : kindsInTexts)) return true
  return !isMail && RETURNED.test(withoutNul(text))
}

/**
 * Whether a leaf is an attached mail that libclamav passes over when it extracts the parts beside it. The mail is
 * submitted by itself.
 */
function isAttachedMail({ header: { type, message }, depth }: Leaf): boolean {
  const { subtypes, messages } = depth
  return type === 'message/rfc822' && message === 'sure' && subtypes === 'mixed' && messages === 0
}

/** Returns the attached mail, of a plain mail, in which a leaf is. */
export function mailAround(leaf: Leaf, leaves: readonly Leaf[]): Leaf | undefined {
  if (leaf.depth.messages !== 1) return undefined
  return leaves.find(
    (other) => isAttachedMail(other) && other.from <= leaf.from && leaf.to <= other.to,
  )
}

/** Whether a leaf is in no message but the mail and an attached one, and is no other kind of message. */
function isPlainMessage(leaf: Leaf, leaves: readonly Leaf[]): boolean {
  const { header, depth } = leaf
  if (header.message !== 'no' && !isAttachedMail(leaf)) return false
  return depth.messages === 0 || mailAround(leaf, leaves) !== undefined
}

/** A field that libclamav ends elsewhere, below its semicolon, or of which it reads another boundary. */
const ODD_FIELD = /;\s*$|boundary(?:\s+=|=\s)/i

/** Whether all agree about a header, libclamav among them. It knows the multiparts that have forms. */
function isPlainHeader({ isPlain, oddities, fields, multipart, type }: PartHeader): boolean {
  return (
    (multipart === 'no' || multipartForms.some((form) => type === `multipart/${form}`)) &&
    isPlain &&
    oddities.length === 0 &&
    fields.every(({ value }) => !ODD_FIELD.test(value))
  )
}

/** Lines that may be delimiters to libclamav, which passes over other lines, and over NULs. */
const DASHES = /(?:^|\n)\0*[-(][^\n]*/g
/** A field by which libclamav may take a text for a returned mail. */
const RETURNED = /(?:^|\n)content-transfer-encoding/i

/** Returns the boundary of a header as libclamav compares it, if it has one. */
function boundariesOf(header: PartHeader): readonly string[] {
  return header.boundary === undefined ? [] : [header.boundary.toLowerCase()]
}

/**
 * Whether libclamav may take a line of the mail for a delimiter, and it is none, or that of another multipart. libclamav
 * counts no dashes, skips comments, and looks for the delimiters of a multipart in all that is inside: in encoded data,
 * and in the headers and delimiters of other parts.
 */
function* hasOddDelimiter(
  mail: string,
  boundaries: ReadonlySet<string>,
  work: Work,
): Steps<boolean> {
  for (const [line] of mail.matchAll(DASHES)) {
    yield* work.countUnits(line.length * boundaries.size)
    if (isOddDelimiter(line, boundaries)) return true
  }
  return false
}

function isOddDelimiter(line: string, boundaries: ReadonlySet<string>): boolean {
  const letters = line.trim().toLowerCase()
  const like = [...boundaries].filter((boundary) => holdsInOrder(letters, boundary))
  const isDelimiter = [`--${like[0]}`, `--${like[0]}--`].includes(letters)
  return like.length > 1 || (like.length === 1 && !isDelimiter)
}

/** Returns a text as libclamav reads its lines. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '')
}

/** Whether a line has all characters of a boundary, in their order. */
function holdsInOrder(line: string, boundary: string): boolean {
  let at = 0
  for (const character of boundary) at = line.indexOf(character, at) + 1 || line.length + 1
  return at <= line.length
}

/**
 * Whether each multipart/related contains a text part. In one without a text, libclamav searches its first multipart
 * for one, and may lose a file before it.
 */
function haveTextBeside(leaves: readonly Leaf[]): boolean {
  // Text between parts has no type.
  const texts = leaves.filter(({ header }) => header.text !== 'file' && header.type !== '')
  return leaves.every(
    // (The parts of one multipart have one depth.)
    ({ depth }) =>
      !depth.subtypes.endsWith('related') || texts.some((text) => text.depth === depth),
  )
}

/** The first lines of a body that libclamav treats as the last ones of the header above it. */
const LATE_FIELD = /^(?:date|message-id): /i

/** Whether libclamav takes the first line of a leaf for one of its header (`field below header`, structure-habits.ts). */
function beginsAsField(text: string): boolean {
  const front = withoutNul(text.slice(0, FIRST_LINE)).trimStart()
  const isBlank = front === '' && text.length > FIRST_LINE
  const line = front.split('\n', 1)[0]!
  return isBlank || GOES_ON.test(line) || LATE_FIELD.test(line)
}

/** The bytes that are searched for the first line that is not blank. */
const FIRST_LINE = 4096

/** Upper limit, in bytes, for a line without its end (RFC 5322 2.1.1). libclamav cuts lines of 1,000 bytes and more. */
const LINE_MAX = 998

/** Returns whether a line is longer than mail may have, from this offset on. Looks at a few bytes of each. */
function hasLongLine(mail: string, from: number): boolean {
  let at = from
  while (at + LINE_MAX < mail.length) {
    const end = mail.lastIndexOf('\n', at + LINE_MAX)
    if (end < at) return true
    at = end + 1
  }
  return false
}
