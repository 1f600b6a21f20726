import type { RegionStart } from '../headers/header-region.ts'
import type { Certainty, Encoding, PartHeader } from '../headers/part-header.ts'
import { CR, LF, SPACE } from '../shared/lines.ts'

/** A multipart as its header describes it, with a boundary that is known. */
export interface Multipart {
  readonly boundary: string
  /** Whether every reader must take its delimiters for delimiters. */
  readonly isSure: boolean
  /** The number of contents that were open when its header was read. */
  readonly base: number
  /** The encodings of this multipart, and of the multiparts around it. */
  readonly encodings: readonly Encoding[]
  /** Whether its parts count as nested, as for its header (header-region.ts). */
  readonly nests: Certainty
  /** The number of containers that are open in the multipart, itself included (nesting.ts). */
  readonly containers: number
}

export interface Delimiter {
  readonly multipart: Multipart
  /** Whether it ends the multipart. */
  readonly closes: boolean
  /** Whether every reader must take the line for a delimiter. */
  readonly isSure: boolean
}

interface OpenMultipart {
  readonly multipart: Multipart
  /** The number of multiparts around this one. */
  readonly level: number
  isClosed: boolean
}

/** The multiparts that are open where the mail is being read. */
export class Multiparts {
  /** From the outermost to the innermost. A closed multipart stays until one around it goes on. */
  readonly #open: OpenMultipart[] = []
  /** The multiparts that are not closed, by boundary, from the outermost to the innermost. */
  readonly #byBoundary = new Map<string, OpenMultipart[]>()
  #longest = 0

  /** Opens the multipart that a header announces, if the header names a boundary. */
  enter(
    { boundary, multipart, encodings }: PartHeader,
    { nests, around }: RegionStart,
    counts: Pick<Multipart, 'base' | 'containers'>,
  ): void {
    if (boundary === undefined) return
    const own = encodings.filter((encoding) => encoding !== 'identity')
    this.#push({
      ...counts,
      boundary,
      isSure: multipart === 'sure',
      encodings: own.length === 0 ? around : [...new Set([...around, ...own])],
      nests,
    })
  }

  #push(multipart: Multipart): void {
    const { boundary } = multipart
    const open = { multipart, level: this.#open.length, isClosed: false }
    this.#open.push(open)
    const same = this.#byBoundary.get(boundary)
    if (same) same.push(open)
    else this.#byBoundary.set(boundary, [open])
    this.#longest = Math.max(this.#longest, boundary.length)
  }

  get innermost(): Multipart | undefined {
    return this.#open.at(-1)?.multipart
  }

  /**
   * Reads a line that begins with two dashes; returns undefined if it is not a delimiter. A line that
   * fits several multiparts is a delimiter of the outermost.
   */
  delimiterIn(bytes: Buffer, from: number, to: number): Delimiter | undefined {
    if (this.#open.length === 0) return undefined
    let end = to
    if (bytes[end - 1] === LF) end--
    if (bytes[end - 1] === CR) end--
    const whole = end
    while (end > from && bytes[end - 1] === SPACE) end--
    if (end - from > this.#longest + 4) return undefined
    const text = bytes.toString('latin1', from + 2, end)
    const opening = this.#byBoundary.get(text)?.[0]
    const closing = text.endsWith('--') ? this.#byBoundary.get(text.slice(0, -2))?.[0] : undefined
    const closes = closing !== undefined && !(opening && opening.level < closing.level)
    const found = closes ? closing : opening
    if (!found) return undefined
    const { multipart } = found
    return { multipart, closes, isSure: multipart.isSure && whole === end }
  }

  /** Returns the innermost open multipart inside of this one. Some readers see only its delimiters. */
  openInside(multipart: Multipart): Multipart | undefined {
    const last = this.#open.findLast(({ isClosed }) => !isClosed)?.multipart
    return last === multipart ? undefined : last
  }

  /** Returns whether the last multipart with this boundary, in lower case, is closed. */
  isClosed(boundary: string): boolean {
    const isOf = ({ multipart }: OpenMultipart) => multipart.boundary.toLowerCase() === boundary
    return this.#open.findLast(isOf)?.isClosed === true
  }

  /** Closes the multipart and all multiparts inside of it. */
  close(multipart: Multipart): void {
    this.endInside(multipart)
    const closed = this.#byBoundary.get(multipart.boundary)?.shift()
    if (closed) closed.isClosed = true
  }

  /** Ends all multiparts inside of the multipart. */
  endInside(multipart: Multipart): void {
    for (;;) {
      const last = this.#open.at(-1)
      if (last === undefined || last.multipart === multipart) return
      this.#open.pop()
      const same = this.#byBoundary.get(last.multipart.boundary)
      if (same?.at(-1) === last) same.pop()
    }
  }
}
