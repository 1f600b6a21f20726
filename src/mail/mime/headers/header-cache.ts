import type { MimeLines } from './mime-lines.ts'
import { type PartHeader, readPartHeader } from './part-header.ts'

/** The headers of one message: parts with the same lines about content share what was read, which may be 10,000 times. */
export class HeaderCache {
  readonly #headers = new Map<string, PartHeader>()

  /** Returns what readPartHeader() returns. */
  read(lines: MimeLines, traits: Parameters<typeof readPartHeader>[1]): PartHeader {
    const key = `${traits.isRegular} ${traits.isOfPart} ${lines.key}`
    const known = this.#headers.get(key)
    if (known) return known
    const header = readPartHeader(lines, traits)
    this.#headers.set(key, header)
    return header
  }
}
