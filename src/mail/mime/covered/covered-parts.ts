import { isMailboxLine } from '../../message/field-line.ts'
import { costs, SEARCHED_PER_UNIT } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { isDecodedOnce } from '../leaves/decode-leaf.ts'
import {
  beginsWithField,
  FIRST_LINES,
  type OrdinaryHeader,
  type OrdinaryMail,
  type SingleMail,
} from '../ordinary/read-ordinary.ts'
import type { Leaf } from '../structure/leaf.ts'
import { readsHeaderAlike } from './libclamav-header.ts'
import { decodesAlike, hasTooLongLine, leavesTextAlone } from './libclamav-texts.ts'
import { contentForms, multipartForms, type PartForm } from './tried-forms.ts'

/** Upper limit for the leaf parts of a covered mail. */
const LEAVES_MAX = 100

/**
 * Returns the leaves of an ordinary message that clamd extracts by itself, each with what it extracts them from: the whole,
 * or an attached mail. Each line of such a message is of a kind that libclamav was shown to read as all other programs do.
 * `above` bytes are our own (message.ts).
 */
export function* coveredLeaves(
  mail: Buffer,
  ordinary: OrdinaryMail,
  above: number,
  work: Work,
): Steps<ReadonlyMap<Leaf, Leaf | 'whole'>> {
  yield* work.countUnits(mail.length / SEARCHED_PER_UNIT)
  const text = mail.toString('latin1')
  yield* work.countUnits(mail.length / SEARCHED_PER_UNIT)
  const { mails, leaves, headers } = ordinary
  yield* work.countUnits(costs.entry * (leaves.length + headers.length))
  const covered = new Map<Leaf, Leaf | 'whole'>()
  for (const scanned of mails) {
    if (!(yield* readsMailAlike(scanned, text, above, work))) continue
    for (const leaf of scanned.leaves)
      if (yield* isExtracted(leaf, text, work)) covered.set(leaf, scanned.attached ?? 'whole')
  }
  return covered
}

function* readsMailAlike(
  mail: SingleMail,
  text: string,
  above: number,
  work: Work,
): Steps<boolean> {
  const { attached, mails } = mail
  if (mails.some((inner) => inner.mails.length > 0)) return false
  // libclamav reads such a mail by other rules.
  if (attached && isMailboxLine(text, attached.from)) return false
  if (hasTooLongLine(text.slice(attached?.from ?? above, attached?.to))) return false
  for (const { leaves, headers } of [mail, ...mails]) {
    if (!readsLeavesAlike(text, leaves)) return false
    if (!headers.every((header) => readsHeaderAt(text, header))) return false
    for (const leaf of leaves) {
      // It does not read the lines of an attached mail.
      const isText = leaf.encodings[0] !== 'base64' && !leaf.header.isMessage
      if (isText && !(yield* leavesTextAlone(text.slice(leaf.from, leaf.to), work))) return false
    }
  }
  return true
}

function readsLeavesAlike(text: string, leaves: readonly Leaf[]): boolean {
  return (
    leaves.length <= LEAVES_MAX &&
    leaves.every((leaf) => isDecodedOnce(leaf) && passesOver(text, leaf)) &&
    haveTextBeside(leaves)
  )
}

function readsHeaderAt(text: string, found: OrdinaryHeader): boolean {
  const { from, bodyAt, isOfPart } = found
  const firstLines = text.slice(bodyAt, bodyAt + FIRST_LINES)
  return (
    !beginsWithField(firstLines) &&
    (isOfPart || !LATE_FIELD.test(firstLines)) &&
    readsHeaderAlike(text.slice(from, bodyAt), found)
  )
}

/** The first lines of the body of a message that libclamav leaves out, as the last ones of the header above. */
const LATE_FIELD = /^\s*(?:date|message-id):/i

/**
 * Whether libclamav passes over a leaf, if that is a message, when it extracts the parts beside it. The attached mail is
 * submitted by itself.
 */
function passesOver(text: string, leaf: Leaf): boolean {
  const { header, depth } = leaf
  if (!header.isMessage) return true
  return (
    header.type === 'message/rfc822' &&
    depth.subtypes === 'mixed' &&
    !isMailboxLine(text, leaf.from)
  )
}

/**
 * Whether each multipart/related contains a text part. In one without a text, libclamav searches its first multipart
 * for one, and may lose a file before it.
 */
function haveTextBeside(leaves: readonly Leaf[]): boolean {
  // Text between parts has no type.
  const texts = leaves.filter(({ header }) => header.isShown && header.type !== '')
  return leaves.every(
    // (The parts of one multipart have one depth.)
    ({ depth }) =>
      !depth.subtypes.endsWith('related') || texts.some((text) => text.depth === depth),
  )
}

/** The types of files, up to the slash. What libclamav makes of a text that is none depends on more. */
const FILE_TYPES = /^(?:application|audio|image|video)\//
/** The words for how a part is shown (RFC 2183 2.1, 2.2). */
const DISPOSITION = /^[ \t]*(?:attachment|inline)[ \t]*(?:;|\r?\n?$)/i

/** Whether libclamav decodes a leaf of a message with this text as all do. */
export function* isExtracted(leaf: Leaf, message: string, work: Work): Steps<boolean> {
  if (formOf(leaf) === undefined) return false
  return yield* decodesAlike(message.slice(leaf.from, leaf.to), leaf.encodings[0]!, work)
}

/** Returns the form that the headers above a leaf declare, if it is one of those that clamd is tried with. */
export function formOf(leaf: Leaf): PartForm | undefined {
  const multiparts = multipartForms.find((form) => form === leaf.depth.subtypes)
  if (multiparts === undefined) return undefined
  const type = typeInForms(leaf)
  const content = contentForms.find((form) => form === `${type} ${leaf.encodings[0]}`)
  return content && { content, multiparts }
}

/** Returns the type by which forms name the content of a leaf: that of a text, or `file`. */
function typeInForms({ header, role }: Leaf): string | undefined {
  if (header.isShown) return role === 'own text' ? header.type : undefined
  if (!FILE_TYPES.test(header.type) || header.declared.has('message')) return undefined
  const dispositions = header.fields.filter(({ name }) => name === 'content-disposition')
  return dispositions.every(({ value }) => DISPOSITION.test(value)) ? 'file' : undefined
}
