import type { Bytes } from '../../message/bytes.ts'
import type { Encoding, PartHeader } from '../headers/part-header.ts'
import { GOES_ON, type Leaf } from '../reader/reading.ts'
import { contentForms, multipartForms, type PartForm } from '../shared/forms.ts'
import { SEARCHED_PER_UNIT, type Steps, type Work } from '../shared/work.ts'
import { codedKinds } from '../structure/coded-data.ts'
import { holdsCodedData } from './content-checks.ts'

/** The types of files, up to the slash. What libclamav makes of a text that is none depends on more. */
const FILE_TYPES = /^(?:application|audio|image|video)\//
/** The words for how a part is shown (RFC 2183 2.1, 2.2). */
const DISPOSITION = /^[ \t]*(?:attachment|inline)[ \t]*(?:;|$)/i

/** Returns the form of a leaf of an ordinary mail (isOrdinary); undefined if it has none of shared/forms.ts. */
export function formOfLeaf(leaf: Leaf, encoding: Encoding): PartForm | undefined {
  const { header, depth, isOwnText } = leaf
  const multiparts = multipartForms.find((form) => form === depth.multiparts)
  if (multiparts === undefined) return undefined
  const type = header.type === '' ? 'text/plain' : header.type
  const isUsual = header.fields.every(
    ({ name, value }) => name !== 'content-disposition' || DISPOSITION.test(value),
  )
  const isFile = !header.isText && FILE_TYPES.test(type) && isUsual && !header.isMailFile
  const name = isFile ? 'file' : header.isText && isOwnText ? type : undefined
  const content = contentForms.find((form) => form === `${name} ${encoding}`)
  return content && { content, multiparts }
}

/**
 * Whether all readers agree about a part: that it is there, where it begins and ends, what its header
 * says, and by which encoding it is decoded. Such a part is decoded once. Its encoding may still turn out
 * to be odd, which the decoder notes. Most parts of ordinary mail are plain; what is not is read in each
 * way in which some reader understands it.
 */
export function isPlain({ header, encodings, isSeenByAll, isUndisputed }: Leaf): boolean {
  const isThere = isSeenByAll && isUndisputed
  return isThere && header.isPlain && header.oddities.length === 0 && encodings.length === 1
}

/** A mail that was read in one way. */
interface OrdinaryMail {
  readonly source: Bytes
  /** The bytes above its header, which are our own (message.ts). */
  readonly above: number
  /** The headers of the mail and of its parts. */
  readonly headers: readonly PartHeader[]
}

/** The most parts of an ordinary mail. */
const PARTS_MAX = 100

/**
 * Whether a mail is so ordinary that its parts have forms: besides all mail programs libclamav, too, finds where
 * each part begins and ends. `leaves` are those of its one reading, in which nothing was asked.
 */
export function* isOrdinary(
  leaves: readonly Leaf[],
  { source, above, headers }: OrdinaryMail,
  work: Work,
): Steps<boolean> {
  const isRegular =
    leaves.length <= PARTS_MAX &&
    leaves.every((leaf) => isPlain(leaf) && leaf.depth.messages === 0) &&
    headers.every((header) => header.isPlain && header.oddities.length === 0) &&
    haveTextBeside(leaves)
  if (!isRegular || (yield* hasLongLine(source.slice(above), work))) return false
  for (const leaf of leaves) {
    const { from, to, encodings } = leaf
    yield* work.countUnits(FIRST_LINE)
    if (beginsAsField(leaf, source)) return false
    if (encodings[0] === 'base64') continue
    // libclamav takes what is encoded in a text out of it.
    if (yield* holdsCodedData(source.slice(from, to), codedKinds, work)) return false
  }
  return true
}

/**
 * Whether a text stands beside each part of a multipart/related. Where there is none, libclamav looks for one in
 * the first multipart there, and may lose a file before it.
 */
function haveTextBeside(leaves: readonly Leaf[]): boolean {
  // What stands between parts has no type.
  const texts = leaves.filter(({ header }) => header.isText && header.type !== '')
  return leaves.every(
    // (The parts of one multipart have one depth.)
    ({ depth }) =>
      !depth.multiparts.endsWith('related') || texts.some((text) => text.depth === depth),
  )
}

/** Whether libclamav takes the first line of a leaf for one of its header (`field below header`, habits.ts). */
function beginsAsField({ from, to }: Leaf, mail: Bytes): boolean {
  const front = mail
    .gather(from, Math.min(to, from + FIRST_LINE))
    .toString('latin1')
    .trimStart()
  const isBlank = front === '' && to - from > FIRST_LINE
  return isBlank || GOES_ON.test(front.split('\n', 1)[0]!)
}

/** Bytes in which the first line stands that is not blank; else what follows is not looked at. */
const FIRST_LINE = 4096

/** The most bytes of a line, without its end (RFC 5322 2.1.1). libclamav cuts lines of 1,000 bytes and more. */
const LINE_MAX = 998

/** Returns whether a line of the mail is longer than mail may have. Looks at a few bytes of each. */
function* hasLongLine(mail: Bytes, work: Work): Steps<boolean> {
  let before = 0 // bytes of the line that goes on from the chunk before
  for (const chunk of mail.chunks()) {
    let from = -before // where the line begins
    while (from + LINE_MAX < chunk.length) {
      const end = chunk.lastIndexOf(0x0a, from + LINE_MAX)
      if (end < 0 || end < from) return true
      from = end + 1
    }
    before = chunk.length - from
    yield* work.countUnits(chunk.length / SEARCHED_PER_UNIT)
  }
  return false
}
