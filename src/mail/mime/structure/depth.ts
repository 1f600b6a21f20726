import { LimitExceeded, limits } from '../budget/limits.ts'
import type { PartHeader } from '../headers/part-header.ts'

/** The nesting depth of a position in a message, as libclamav counts. */
export interface Depth {
  /**
   * The number of nested multiparts in one message. A message that is the whole content of another counts as
   * one more, because libclamav opens it in place.
   */
  readonly levels: number
  /** The number of nested messages. To libclamav an attached message is a file of its own. */
  readonly messages: number
  /** The number of multiparts and messages around it, in this mail. */
  readonly containers: number
  /** The subtypes of the multiparts around it in its own mail, from the outside in: `mixed/alternative`. */
  readonly subtypes: string
  /** The header of the innermost container, if that is a multipart. */
  readonly multipart: PartHeader | undefined
  /** Whether libclamav decodes a text here: not in multipart/signed, multipart/parallel, or rare types. */
  readonly isDecoded: boolean
}

/** The multiparts in which libclamav decodes each text. */
const DECODED_IN: ReadonlySet<string> = new Set(
  ['mixed', 'alternative', 'related', 'report'].map((of) => `multipart/${of}`),
)

/** Returns the depth of a message inside `messages` other messages. */
export function aroundMail(messages = 0): Depth {
  return { levels: 0, containers: 0, ...insideMessage(messages) }
}

/** Returns the fields that are reset in an attached message. */
function insideMessage(messages: number): Omit<Depth, 'levels' | 'containers'> {
  return { messages, subtypes: '', multipart: undefined, isDecoded: true }
}

/** Returns whether a header declares a type in any way. */
export function declaresType({ type, multipart, message }: PartHeader): boolean {
  return type !== '' || multipart !== 'no' || message !== 'no'
}

/** Returns whether a part is a message because it declares no type: in a digest, that is the default (RFC 2046 5.1.5). */
export function isMessageByDefault(header: PartHeader, { multipart }: Depth): boolean {
  return multipart?.hints.has('digest') === true && !declaresType(header)
}

/** Measures the depths in one reading. */
export class DepthMeter {
  /**
   * The greatest depth so far: of levels, of messages, or of a third of all containers. A level of forwarding may add
   * three containers: a message, and two multiparts around the next one.
   */
  deepest = 0

  /** Returns the depth inside of an attached message that begins at a number of levels. */
  inMessage(levels: number, { containers, messages }: Depth): Depth {
    return this.#measured({
      levels,
      containers: containers + 1,
      ...insideMessage(messages + 1),
    })
  }

  /** Returns the depth of the parts of a multipart. */
  inMultipart(header: PartHeader, outer: Depth): Depth {
    return this.#measured({
      levels: outer.levels + 1,
      messages: outer.messages,
      containers: outer.containers + 1,
      subtypes: within(outer.subtypes, header.type),
      multipart: header,
      isDecoded: outer.isDecoded && DECODED_IN.has(header.type),
    })
  }

  #measured(depth: Depth): Depth {
    const { levels, messages, containers } = depth
    if (containers > limits.containers) {
      throw new LimitExceeded(
        `more than ${limits.containers} multiparts and messages inside one another`,
      )
    }
    this.deepest = Math.max(this.deepest, levels, messages, Math.ceil(containers / 3))
    return depth
  }
}

/** Returns the path of subtypes of a multipart inside of multiparts with this path. */
function within(subtypes: string, type: string): string {
  const subtype = type.replace(/^multipart\//, '')
  return subtypes === '' ? subtype : `${subtypes}/${subtype}`
}
