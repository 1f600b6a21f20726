import type { Encoding } from './encodings.ts'
import type { RegionStart } from './header-region.ts'
import type { PartHeader } from './part-header.ts'
import { CR, LF, SPACE } from './shared/lines.ts'

/** A multipart whose boundary is known, as its header describes it. */
export interface Multipart {
  readonly boundary: string
  /** Whether every reader must see its delimiters as delimiters. */
  readonly isSure: boolean
  /** How many contents were open when its header was read. */
  readonly base: number
  /** The encodings of the multipart itself, and of those around it. */
  readonly encodings: readonly Encoding[]
  /** The same as for its header (header-region.ts). */
  readonly nests: 'no' | 'maybe' | 'sure'
  /** How many containers are open in it, counting itself (nesting.ts). */
  readonly containers: number
}

export interface Delimiter {
  readonly multipart: Multipart
  readonly closes: boolean
  /** Whether every reader must see it. */
  readonly isSure: boolean
}

interface OpenMultipart {
  readonly multipart: Multipart
  /** How many multiparts are around it. */
  readonly level: number
  isClosed: boolean
}

/** The multiparts that are open at the place that is read. */
export class Multiparts {
  /** From the outermost to the innermost, with closed ones that are still around the place. */
  readonly #open: OpenMultipart[] = []
  /** Those that are not closed, from the outermost to the innermost. */
  readonly #byBoundary = new Map<string, OpenMultipart[]>()
  #longest = 0

  /** Opens the multipart of this header, if it names a boundary. */
  enter(
    { boundary, multipart, encodings }: PartHeader,
    { nests, around }: RegionStart,
    place: Pick<Multipart, 'base' | 'containers'>,
  ): void {
    if (boundary === undefined) return
    const own = encodings.filter((encoding) => encoding !== 'identity')
    this.#push({
      ...place,
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
   * What a line that begins with two dashes delimits; if it fits several multiparts, the outermost
   * of them.
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

  /** The innermost multipart inside of this one that is still open: some readers know only its delimiters. */
  openInside(multipart: Multipart): Multipart | undefined {
    const last = this.#open.findLast(({ isClosed }) => !isClosed)?.multipart
    return last === multipart ? undefined : last
  }

  /** Closes the multipart and all multiparts inside of it. */
  close(multipart: Multipart): void {
    this.endInside(multipart)
    const closed = this.#byBoundary.get(multipart.boundary)?.shift()
    if (closed) closed.isClosed = true
  }

  /** Ends all multiparts inside of it. */
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
