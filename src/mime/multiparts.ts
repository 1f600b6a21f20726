import type { Encoding } from './encodings.ts'
import type { RegionStart } from './header-region.ts'
import type { PartHeader } from './part-header.ts'
import { CR, LF, SPACE } from './shared/lines.ts'

/** A multipart whose boundary is known, as its header has it. */
export interface Multipart {
  readonly boundary: string
  /** Every reader must see its delimiters as such. */
  readonly isSure: boolean
  /** Contents that had begun before its header was read. */
  readonly base: number
  /** What it is encoded by. */
  readonly encodings: readonly Encoding[]
  /** As that of its header (header-region.ts). */
  readonly nests: 'no' | 'maybe' | 'sure'
  /** Containers that are open in it, itself among them (nesting.ts). */
  readonly containers: number
}

export interface Delimiter {
  readonly multipart: Multipart
  readonly closes: boolean
  /** Every reader must see it. */
  readonly isSure: boolean
}

interface Open {
  readonly multipart: Multipart
  /** How many are around it. */
  readonly level: number
}

/** The multiparts around a place. */
export class Multiparts {
  /** The outermost first, closed ones too. */
  readonly #open: Open[] = []
  /** Those that are not closed, the outermost first. */
  readonly #byBoundary = new Map<string, Open[]>()
  #longest = 0

  /** Begins what a header announces, if it has a boundary. */
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
    const open = { multipart, level: this.#open.length }
    this.#open.push(open)
    const same = this.#byBoundary.get(boundary)
    if (same) same.push(open)
    else this.#byBoundary.set(boundary, [open])
    this.#longest = Math.max(this.#longest, boundary.length)
  }

  get innermost(): Multipart | undefined {
    return this.#open.at(-1)?.multipart
  }

  /** What the line is, of two dashes and more, to the outermost one that it delimits. */
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

  /** Those inside of it are over, and it is closed. */
  close(multipart: Multipart): void {
    this.endInside(multipart)
    this.#byBoundary.get(multipart.boundary)?.shift()
  }

  /** Those inside of it are over. */
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
