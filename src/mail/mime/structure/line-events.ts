import { DASH, indexOrEnd } from '../shared/lines.ts'
import { CodedSearch, startOfLine } from './coded-data.ts'

/** The most bytes other than blanks that may stand on a line before the dash of `Content-`. */
const NAME_FRONT_MAX = 60

/** Searches a block of bytes for lines at which a part, a header or encoded data may begin. */
export class EventSearch {
  readonly #bytes: Buffer
  readonly #coded: CodedSearch | undefined
  readonly #midLine: boolean
  #dash = -1
  #dashLine = -1
  #codedLine = -1

  /**
   * `coded` says that lines at which encoded data begins count; `fields`, those of delimiters and headers;
   * `midLine`, that the block begins inside of a line.
   */
  constructor(
    bytes: Buffer,
    {
      coded,
      fields,
      midLine,
    }: { readonly coded: boolean; readonly fields: boolean; readonly midLine: boolean },
  ) {
    this.#bytes = bytes
    this.#midLine = midLine
    if (!fields) this.#dashLine = bytes.length
    this.#coded = coded ? new CodedSearch(bytes, midLine) : undefined
  }

  /**
   * Returns where the next such line begins; the block's length if there is no such line. `from`
   * must be the start of a line.
   */
  next(from: number): number {
    if (this.#dashLine < from) this.#dashLine = this.#nextDashLine(from)
    if (this.#codedLine < from) this.#codedLine = this.#coded?.next(from) ?? this.#bytes.length
    return Math.min(this.#dashLine, this.#codedLine)
  }

  #nextDashLine(from: number): number {
    const bytes = this.#bytes
    let least = from
    for (;;) {
      if (this.#dash < least) this.#dash = indexOrEnd(bytes, DASH, least)
      if (this.#dash === bytes.length) return bytes.length
      const line = lineOfDash(bytes, this.#dash, from)
      if (line !== undefined && !(line === 0 && this.#midLine)) return line
      // The search goes on after what was found, and skips a row of dashes as a whole.
      least = this.#dash + 1
      while (bytes[least] === DASH) least++
    }
  }
}

/**
 * Returns where the line begins that has the dash at `found`; undefined if nothing begins at that
 * line, or the line begins before `from`.
 */
function lineOfDash(bytes: Buffer, found: number, from: number): number | undefined {
  if (bytes[found + 1] === DASH) return startOfLine(bytes, found, from, 0)
  return isMimeName(bytes, found) ? startOfLine(bytes, found, from, NAME_FRONT_MAX) : undefined
}

/** Returns whether the dash belongs to `Content-…:`, with few other characters around it. */
function isMimeName(bytes: Buffer, dash: number): boolean {
  if (!isBehindNt(bytes, dash)) return false
  const before = bytes.toString('latin1', Math.max(0, dash - 12), dash)
  if (!/content[^:\n]{0,4}$/i.test(before)) return false
  return /^-[^:\n]{0,30}:/.test(bytes.toString('latin1', dash, dash + 40))
}

/**
 * Returns whether the letters `nt`, as of `content`, end at most four bytes before the dash. Most
 * dashes fail this quick check.
 */
function isBehindNt(bytes: Buffer, dash: number): boolean {
  for (let at = dash - 1; at >= dash - 5; at--) {
    if ((bytes[at]! | 32) === 0x74 && (bytes[at - 1]! | 32) === 0x6e) return true
  }
  return false
}
