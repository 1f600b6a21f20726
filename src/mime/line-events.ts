import { DASH, indexOrEnd, isLineEnd, SPACE, TAB } from './shared/lines.ts'

/**
 * The most bytes other than blanks that may stand on a line before the dash of `Content-`, and
 * before the `egin` of `begin`.
 */
const NAME_FRONT_MAX = 60
const BEGIN_FRONT_MAX = 3

/** Searches a block of bytes for lines at which a part, a header or encoded data may begin. */
export class EventSearch {
  readonly #bytes: Buffer
  #dash = -1
  #begin: number
  #upper: number
  readonly #midLine: boolean

  /**
   * `coded` says that lines that begin uuencode or yEnc count as well; `midLine`, that the block
   * begins inside of a line.
   */
  constructor(
    bytes: Buffer,
    { coded, midLine }: { readonly coded: boolean; readonly midLine: boolean },
  ) {
    this.#bytes = bytes
    this.#midLine = midLine
    this.#begin = coded ? -1 : bytes.length
    this.#upper = this.#begin
  }

  /**
   * Returns where the next such line begins; the block's length if there is no such line. `from`
   * must be the start of a line.
   */
  next(from: number): number {
    const bytes = this.#bytes
    let least = from
    for (;;) {
      if (this.#dash < least) this.#dash = indexOrEnd(bytes, DASH, least)
      if (this.#begin < least) this.#begin = indexOrEnd(bytes, 'egin', least)
      if (this.#upper < least) this.#upper = indexOrEnd(bytes, 'EGIN', least)
      const found = Math.min(this.#dash, this.#begin, this.#upper)
      if (found === bytes.length) return found
      const line = eventAt(bytes, found, from)
      if (line !== undefined && !(line === 0 && this.#midLine)) return line
      // The search goes on behind what was found, and skips a row of dashes as a whole.
      least = found + 1
      while (bytes[least] === DASH) least++
    }
  }
}

/**
 * Returns where the line begins that has the dash, or the `egin`, at `found`; undefined if nothing
 * begins at that line, or the line begins before `from`.
 */
function eventAt(bytes: Buffer, found: number, from: number): number | undefined {
  if (bytes[found] !== DASH) {
    const text = bytes.toString('latin1', Math.max(from, found - 1), found + 12)
    // In the middle of a text the word counts only with a file mode behind it. Otherwise each
    // sentence with the word would count.
    if (/^.egin[ \t]+[0-7]{1,8}[ \t]/i.test(text)) return found - 1
    const line = lineStart(bytes, found, from, BEGIN_FRONT_MAX)
    if (line === undefined) return undefined
    const start = bytes.toString('latin1', line, Math.min(bytes.length, found + 12))
    return /^(?:begin(?:[ \t\r\n`-]|$)|=ybegin )/i.test(start) ? line : undefined
  }
  if (bytes[found + 1] === DASH) return lineStart(bytes, found, from, 0)
  return isMimeName(bytes, found) ? lineStart(bytes, found, from, NAME_FRONT_MAX) : undefined
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

/**
 * Returns where the line of `at` begins, at the earliest at `from`; undefined if more than `most`
 * bytes other than blanks stand before `at` on the line.
 */
function lineStart(bytes: Buffer, at: number, from: number, most: number): number | undefined {
  let others = 0
  for (let back = at; back > from; back--) {
    const byte = bytes[back - 1]!
    if (isLineEnd(byte)) return back
    if (byte !== SPACE && byte !== TAB && ++others > most) return undefined
  }
  return from
}
