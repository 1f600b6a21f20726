import { limits } from '../budget/limits.ts'
import { depthIn } from '../structure/leaf.ts'
import type { BodyStarts } from './body-starts.ts'
import type { Cut } from './cuts.ts'

/** A multipart or message that is open: a message has no delimiter. */
interface OpenLevel {
  readonly delimiter: string | undefined
  /** Whether it is a message that libclamav makes a file of, and not one more level of the same. */
  readonly isFile: boolean
}

/** Upper limit for the characters in which a boundary is looked for. A multipart with longer lines is taken to name any. */
const ANNOUNCED_MAX = 4096

/**
 * Estimates how deep the multiparts and messages of an odd mail are nested. Lines that only resemble each other count as
 * delimiters of different multiparts, so the estimate may be too high.
 */
export class DepthEstimate {
  /** The greatest depth so far (depthIn). */
  deepest = 0
  #open: OpenLevel[] = []
  /** The lines that announce a multipart of which no delimiter came yet, or ''. */
  #announced = ''

  /**
   * Takes a line that begins like a delimiter. It begins the multipart that is announced, if it is named there, or is like
   * no delimiter above. Otherwise it ends what is inside of the multipart that it has delimited before, unless a multipart
   * is announced: its own delimiter may follow.
   */
  takeCut({ text }: Cut): void {
    if (this.#isOver) return
    const known = this.#open.findLastIndex(({ delimiter }) => delimiter === text)
    const isNamed =
      this.#announced.length > ANNOUNCED_MAX || this.#announced.includes(text.slice('--'.length))
    if (this.#announced !== '' && (isNamed || known < 0)) {
      this.#open.push({ delimiter: text, isFile: false })
      this.#announced = ''
    } else if (known >= 0 && this.#announced === '') this.#open.length = known + 1
  }

  /** Takes the headers in a row below a cut: of a part or mail, and of the messages attached in it. */
  takeHeaders({ starts, messages }: Pick<BodyStarts, 'starts' | 'messages'>): void {
    if (this.#isOver) return
    const multiparts = starts.filter(({ header }) => header.isMultipart)
    const isMultipart = multiparts.length > 0
    const first = starts[0]!.header
    const isAttached = first.isUnambiguous && first.isMessage && !first.isMultipart
    const isFile = isAttached && this.#open.length > 0
    for (let message = 0; message < messages; message++)
      this.#open.push({ delimiter: undefined, isFile })
    if (isMultipart) this.#announced = multiparts.at(-1)!.text
    const entities = this.#open.length + (isMultipart ? 1 : 0)
    const inMessages = this.#open.filter(({ delimiter }) => delimiter === undefined).length
    const levels = entities - 1 - this.#open.findLastIndex((level) => level.isFile)
    this.deepest = Math.max(this.deepest, depthIn({ levels, messages: inMessages, entities }))
  }

  /** Whether it is deeper than any limit: each further level would only cost more. */
  get #isOver(): boolean {
    return this.deepest > limits.entities
  }
}
