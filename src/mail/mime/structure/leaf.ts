import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Work } from '../budget/work.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'

/** A part of a message, or the text between parts. Positions are offsets in the mail. */
export interface Leaf {
  readonly from: number
  readonly to: number
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  readonly depth: Depth
  /**
   * Of an ordinary message:
   *
   * - `own text`: the text of the mail itself or of an attached one, the first of its type there, and no disposition with
   *   plain text. Some programs treat every other text as a file.
   * - `preamble or epilogue`: the text of a multipart above or below its parts (RFC 2046 5.1.1).
   * - `part`: any other.
   *
   * Of an odd message: `carved`, or `guess` if its end or its encoding is one. A guess is decoded in the common way alone.
   */
  readonly role: 'part' | 'own text' | 'preamble or epilogue' | 'carved' | 'guess'
}

/** Returns whether a leaf is of a message of odd structure. */
export function isCarved({ role }: Leaf): boolean {
  return role === 'carved' || role === 'guess'
}

/** Returns whether a leaf is a text of its mail itself, which programs do not save as a file. */
export function isTextOfMail({ role }: Leaf): boolean {
  return role === 'own text' || role === 'preamble or epilogue'
}

/** The nesting depth of a position in a message, as libclamav counts. */
export interface Depth {
  /**
   * The number of nested multiparts in one message. A message that is the whole content of another counts as
   * one more, because libclamav opens it in place.
   */
  readonly levels: number
  /** The number of messages around it. To libclamav an attached message is a file of its own. */
  readonly messages: number
  /** The number of multiparts and messages around it, in this mail. */
  readonly entities: number
  /** The subtypes of the multiparts around it in its own mail, from the outside in: `mixed/alternative`. */
  readonly subtypes: string
  /** The header of the innermost container, if that is a multipart. */
  readonly multipart: PartHeader | undefined
}

/** Returns whether libclamav decodes each text there: not in multipart/signed, multipart/parallel, or rare types. */
export function isDecodedIn({ subtypes }: Depth): boolean {
  return /^(?:(?:mixed|alternative|related|report)(?:\/|$))*$/.test(subtypes)
}

/** Returns the depth of a message inside `messages` other messages. */
export function depthOfMail(messages = 0): Depth {
  return { levels: 0, messages, entities: 0, subtypes: '', multipart: undefined }
}

/** Returns whether a part is a message because it declares no type: in a digest, that is the default (RFC 2046 5.1.5). */
export function isMessageByDefault(header: PartHeader, { multipart }: Depth): boolean {
  const declaresType = header.type !== '' || header.isMultipart || header.isMessage
  return multipart?.declared.has('digest') === true && !declaresType
}

/**
 * Returns a depth as one number, which limits are compared with: that of levels, of messages, or of a third of all entities.
 * One forwarding adds up to three entities: a message, and two multiparts around the next one.
 */
function depthIn({ levels, messages, entities }: Omit<Depth, 'subtypes' | 'multipart'>): number {
  return Math.max(levels, messages, Math.ceil(entities / 3))
}

/** Returns the depth inside of an attached message that begins at a number of levels. */
export function inMessage(levels: number, outer: Depth, work: Work): Depth {
  const entities = outer.entities + 1
  return noted({ ...depthOfMail(outer.messages + 1), levels, entities }, work)
}

/** Returns the depth of the parts of a multipart. */
export function inMultipart(header: PartHeader, outer: Depth, work: Work): Depth {
  const levels = outer.levels + 1
  const entities = outer.entities + 1
  const subtypes = within(outer.subtypes, header.type)
  return noted({ ...outer, levels, entities, subtypes, multipart: header }, work)
}

/** Notes a depth where it is declared, before work is spent on what is inside. */
function noted(depth: Depth, work: Work): Depth {
  work.noteDepth(depthIn(depth))
  if (depth.entities > limits.entities) {
    throw new LimitExceeded(
      `more than ${limits.entities} multiparts and messages inside one another`,
    )
  }
  return depth
}

/** Returns the path of subtypes of a multipart inside of multiparts with this path. */
function within(subtypes: string, type: string): string {
  const subtype = type.replace(/^multipart\//, '')
  return subtypes === '' ? subtype : `${subtypes}/${subtype}`
}
