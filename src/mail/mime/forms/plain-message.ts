import type { Bytes } from '../../message/bytes.ts'
import { SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'
import { EMPTY_PART, type PartHeader } from '../headers/part-header.ts'
import type { EmbeddedData } from '../leaves/embedded-data.ts'
import { kindsInFiles, kindsInTexts } from '../leaves/embedded-formats.ts'
import { isPlainLeaf } from '../leaves/plain.ts'
import { transferEncodings } from '../leaves/transfer-encodings.ts'
import { type OrdinaryPart, readOrdinaryMail } from '../ordinary/ordinary-mail.ts'
import type { Leaf } from '../reader/found.ts'
import { multipartForms } from '../traits/part-forms.ts'
import { beginsAsField, hasCutLine, hasOddDelimiter, isLikeReturned } from './libclamav-lines.ts'

/** A message that was read in one way. */
interface ReadMessage {
  readonly source: Bytes
  readonly embedded: EmbeddedData
  /** The number of bytes above its header, which are our own (message.ts). */
  readonly above: number
  /** The headers of the message and of its parts. */
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
  { source, embedded, above, headers }: ReadMessage,
  work: Work,
): Steps<string | undefined> {
  const arePlain =
    leaves.length <= PARTS_MAX &&
    leaves.every((leaf) => isPlainLeaf(leaf) && isPlainMessage(leaf, leaves)) &&
    headers.every(isPlainHeader) &&
    leaves.every(({ header, depth }) => depth.subtypes === '' || header !== EMPTY_PART) &&
    haveTextBeside(leaves)
  if (!arePlain) return undefined
  yield* work.countUnits((SEARCHES * source.size) / SEARCHED_PER_UNIT)
  const text = source.gather().toString('latin1')
  const parts = readOrdinaryMail(text, above)
  if (parts === undefined || !haveSameRanges(leaves, parts)) return undefined
  const boundaries = new Set(headers.flatMap(boundariesOf))
  const isOdd =
    hasCutLine(text, above) ||
    (boundaries.size > 0 && (yield* hasOddDelimiter(text, boundaries, work))) ||
    leaves.some((leaf) => isReadOtherwise(leaf, text.slice(leaf.from, leaf.to), embedded))
  return isOdd ? undefined : text
}

/** Whether each leaf with a header is a part of an ordinary mail, or a whole message in it. */
function haveSameRanges(leaves: readonly Leaf[], parts: readonly OrdinaryPart[]): boolean {
  const ranges = new Set(parts.map(({ from, to }) => `${from} ${to}`))
  return leaves.every(
    (leaf) =>
      ranges.has(`${leaf.from} ${leaf.to}`) ||
      leaf.header.fields.length === 0 ||
      isAttachedMail(leaf),
  )
}

/** Whether libclamav may read the header of a leaf further, or take something out of its text. */
function isReadOtherwise(leaf: Leaf, text: string, embedded: EmbeddedData): boolean {
  if (beginsAsField(text)) return true
  if (transferEncodings[leaf.encodings[0]!].encodes === 'bytes') return false
  // libclamav does not read the lines of an attached mail.
  const isMail = isAttachedMail(leaf)
  if (embedded.beginsIn(leaf, isMail ? kindsInFiles : kindsInTexts)) return true
  return !isMail && isLikeReturned(text)
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

function boundariesOf({ boundary }: PartHeader): readonly string[] {
  return boundary === undefined ? [] : [boundary]
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
