import { type EmptyLine, endsForMore, type HeaderRegion } from '../headers/header-region.ts'

/**
 * The headers that have ended for some readers and go on for others: at an empty line whose end
 * only some take for one, or after lines that are not fields.
 */
export class UnendedHeaders {
  /** In the order in which they began. */
  #regions: HeaderRegion[] = []
  /** The last empty line, as far as it ended more of them than those before. */
  #endedAt: EmptyLine | undefined

  get areThere(): boolean {
    return this.#regions.length > 0
  }

  /** Keeps a header that has ended at this empty line, or before any. */
  keep(region: HeaderRegion, endedAt: EmptyLine | undefined): void {
    if (endedAt === 'for all') return
    this.#regions.push(region)
    this.#endedAt = endedAt
  }

  /** Returns the headers that end at this empty line for some reader, and forgets those that end for all. */
  endAt(line: EmptyLine): readonly HeaderRegion[] {
    if (!endsForMore(line, this.#endedAt)) return []
    const ending = this.#regions
    this.#endedAt = line
    if (line === 'for all') this.forget()
    return ending
  }

  /** Takes out the last header, for the header that goes on with its lines. */
  takeLast(): HeaderRegion | undefined {
    return this.#regions.pop()
  }

  forget(): void {
    this.#regions = []
    this.#endedAt = undefined
  }
}
