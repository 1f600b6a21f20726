import type { PartHeader } from '../headers/part-header.ts'
import type { Cut } from './cuts.ts'

/** A multipart or message that is open: a message has no delimiter. */
interface OpenLevel {
  readonly delimiter: string | undefined
  /** Whether it is a message that libclamav makes a file of, and not one more level of the same. */
  readonly isFile: boolean
}

/**
 * Estimates how deep the multiparts and messages of an odd mail are nested. Lines that only resemble each other count as
 * delimiters of different multiparts, so the estimate may be too high.
 */
export class Nesting {
  /** The greatest depth so far, counted as in DepthMeter. */
  deepest = 0
  #open: OpenLevel[] = []
  /** Whether a header announced a multipart of which no delimiter came yet. */
  #isAnnounced = false

  /** Takes a line that begins like a delimiter. It ends what is inside of the multipart that it has delimited before. */
  takeCut({ exact }: Cut): void {
    const known = this.#open.findLastIndex(({ delimiter }) => delimiter === exact)
    if (known >= 0) this.#open.length = known + 1
    else if (this.#isAnnounced) this.#open.push({ delimiter: exact, isFile: false })
    this.#isAnnounced = false
  }

  /** Takes the headers in a row below a cut: of a part or mail, and of the messages attached in it. */
  takeHeaders(
    { first, messages }: { readonly first: PartHeader; readonly messages: number },
    isMultipart: boolean,
  ): void {
    const isFile = first.message === 'sure' && first.multipart === 'no' && this.#open.length > 0
    for (let message = 0; message < messages; message++)
      this.#open.push({ delimiter: undefined, isFile })
    this.#isAnnounced = isMultipart
    const containers = this.#open.length + (isMultipart ? 1 : 0)
    const inMessages = this.#open.filter(({ delimiter }) => delimiter === undefined).length
    const levels = containers - 1 - this.#open.findLastIndex((level) => level.isFile)
    this.deepest = Math.max(this.deepest, levels, inMessages, Math.ceil(containers / 3))
  }
}
