import { SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'
import { isPlainLeaf } from '../leaves/decode-leaf.ts'
import type { OrdinaryMail } from '../ordinary/read-ordinary.ts'
import type { Leaf } from '../structure/leaf.ts'
import { isPlainToLibclamav } from './libclamav-header.ts'
import { hasCutLine, isTextToLibclamav } from './libclamav-texts.ts'

/** Upper limit for the leaf parts of a plain message. */
const LEAVES_MAX = 100

/** The characters of a text that are searched at a time. */
const PIECE_SEARCHED = 256 * 1024

/**
 * Returns the text of an ordinary message, in latin1, if it is so plain that its parts have forms: each of its lines is
 * of a kind that libclamav was shown to read as all other programs do. `above` bytes of it are our own (message.ts).
 */
export function* plainTextOf(
  mail: Buffer,
  ordinary: OrdinaryMail,
  above: number,
  work: Work,
): Steps<string | undefined> {
  yield* work.countUnits(mail.length / SEARCHED_PER_UNIT)
  const text = mail.toString('latin1')
  yield* work.countUnits(mail.length / SEARCHED_PER_UNIT)
  if (!isPlain(text, ordinary, above)) return undefined
  for (const { from, to, encodings, header } of ordinary.leaves) {
    // It does not read the lines of an attached mail.
    if (encodings[0] === 'base64' || header.message !== 'no') continue
    for (const piece of piecesOf(text, from, to)) {
      if (!isTextToLibclamav(piece)) return undefined
      yield* work.countUnits(piece.length / SEARCHED_PER_UNIT)
    }
  }
  return text
}

/** Yields the lines of a text in pieces of about PIECE_SEARCHED characters. */
function* piecesOf(text: string, from: number, to: number): Generator<string> {
  for (let at = from; at < to; ) {
    const lineEnd = text.indexOf('\n', at + PIECE_SEARCHED)
    const end = lineEnd < 0 || lineEnd >= to ? to : lineEnd + 1
    yield text.slice(at, end)
    at = end
  }
}

function isPlain(text: string, { leaves, headers }: OrdinaryMail, above: number): boolean {
  return (
    leaves.length <= LEAVES_MAX &&
    leaves.every((leaf) => isPlainLeaf(leaf) && isPlainMessage(leaf, leaves)) &&
    leaves.every(
      (leaf) => !isAttachedMail(leaf) || !MAILBOX_LINE.test(text.slice(leaf.from, leaf.to)),
    ) &&
    haveTextBeside(leaves) &&
    !hasCutLine(text, above) &&
    headers.every(
      (header) =>
        !header.goesOn &&
        (header.isOfPart ||
          !LATE_FIELD.test(text.slice(header.bodyAt, header.bodyAt + FIRST_LINES))) &&
        isPlainToLibclamav(text.slice(header.from, header.bodyAt), header),
    )
  )
}

/** The first lines of the body of a message that libclamav leaves out, as the last ones of the header above. */
const LATE_FIELD = /^\s*(?:date|message-id):/i
/** The bytes in which they are searched for. */
const FIRST_LINES = 4096

/** libclamav reads a file that begins with it as a mailbox, by other rules. */
const MAILBOX_LINE = /^>?From /

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
