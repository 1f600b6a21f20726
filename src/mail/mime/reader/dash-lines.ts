import { DASH, LF, NUL, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { indexOfByte } from '../../../lib/bytes/buffers.ts'
import { firstNumber } from '../../../lib/bytes/lines.ts'

/** A line that begins with two dashes, or nearly so. */
export interface DashLine {
  readonly at: number
  /** The offset of the dashes. */
  readonly dashes: number
  /**
   * The first non-blank byte after the first two dashes, after the second and third one, and so on, in lower
   * case, or 0 where there are no two dashes.
   */
  readonly firsts: readonly number[]
}

/** Upper limit for the non-blank bytes before the dashes of a line (the limit of enmime). */
const DASHES_FRONT_MAX = 2
/** The numbers of `firsts` of a line. */
const FIRSTS = DASHES_FRONT_MAX + 1
/** A first byte that is not among the bytes at hand. */
const UNKNOWN = 0xff

/** Upper limit for the bytes after the dashes of a line that are examined: no boundary is longer. */
export const DASH_TEXT_MAX = 1100

/**
 * Returns the offset of the next two dashes, or -1 if there are none. Thunderbird skips NULs between
 * them: the last NUL counts as the first dash. `hasNul` states whether the block has any.
 */
export function dashesIn(block: Buffer, from: number, hasNul: boolean): number {
  if (!hasNul) return block.indexOf('--', from)
  for (let at = indexOfByte(block, DASH, from); at >= 0; at = indexOfByte(block, DASH, at + 1)) {
    let next = at + 1
    while (block[next] === NUL) next++
    if (block[next] === DASH) return next - 1
  }
  return -1
}

/**
 * Returns the line of which these are the first two dashes (dashesIn), with offsets in the block. Returns undefined if more than a
 * few non-blank bytes precede them.
 */
export function dashLineIn(block: Buffer, dashes: number): DashLine | undefined {
  const at = startOf(block, dashes)
  return at === undefined ? undefined : { at, dashes, firsts: firstsOf(block, dashes) }
}

function startOf(block: Buffer, dashes: number): number | undefined {
  let others = 0
  for (let at = dashes; at > 0; at--) {
    const byte = block[at - 1]!
    if (byte === LF) return at
    if (!isSkipped(byte) && ++others > DASHES_FRONT_MAX) return undefined
  }
  return 0
}

function firstsOf(block: Buffer, dashes: number): readonly number[] {
  const firsts: number[] = []
  for (let at = dashes; at < dashes + FIRSTS; at++) {
    const isThere = at === dashes || (block[at] === DASH && block[at + 1] === DASH)
    firsts.push(isThere ? firstOf(block, at + 2) : 0)
  }
  return firsts
}

function firstOf(block: Buffer, from: number): number {
  let at = from
  while (isSkipped(block[at])) at++
  const byte = block[at] ?? UNKNOWN
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : Math.max(1, byte)
}

/** Whether some program skips a byte in front of a boundary. */
function isSkipped(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === NUL
}

/** The blanks and NULs in front of a boundary, with what is left of the dashes. */
const FRONT = /^-{0,2}[ \t\0]*/

/**
 * Returns the text after the first two dashes of a line as far as it is examined. Any number of blanks in front of a
 * boundary means the same as one, and so does any number of NULs, wherever they are.
 */
export function cutDashText(text: string): string {
  const [front] = FRONT.exec(text)!
  const rest = text.slice(front.length)
  const nul = rest.includes('\0') ? '\0' : ''
  return front.slice(0, FIRSTS) + nul + rest.replace(/\0+/g, '').slice(0, DASH_TEXT_MAX)
}

/** The lines of dashes of a message, ordered by offset. Each takes 19 bytes, because there may be very many. */
export class DashLines {
  #at = new Float64Array(64)
  #dashes = new Float64Array(64)
  #firsts = new Uint8Array(64 * FIRSTS)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The offset at which the last one begins, or -1 if there is none. */
  get lastAt(): number {
    return this.#length === 0 ? -1 : this.#at[this.#length - 1]!
  }

  push({ at, dashes, firsts }: DashLine): void {
    if (this.#length === this.#at.length) {
      this.#at = doubled(this.#at, Float64Array)
      this.#dashes = doubled(this.#dashes, Float64Array)
      this.#firsts = doubled(this.#firsts, Uint8Array)
    }
    this.#at[this.#length] = at
    this.#dashes[this.#length] = dashes
    this.#firsts.set(firsts, this.#length * FIRSTS)
    this.#length++
  }

  /** Returns the line of this number, or undefined if there is none. */
  line(number: number): DashLine | undefined {
    if (number >= this.#length) return undefined
    const firsts = [...this.#firsts.subarray(number * FIRSTS, (number + 1) * FIRSTS)]
    return { at: this.#at[number]!, dashes: this.#dashes[number]!, firsts }
  }

  /** Returns the number of the first line at or after this offset. */
  numberFrom(from: number): number {
    return firstNumber(this.#length, (number) => this.#at[number]! >= from)
  }
}

function doubled<Numbers extends Float64Array | Uint8Array>(
  numbers: Numbers,
  Kind: new (length: number) => Numbers,
): Numbers {
  const more = new Kind(numbers.length * 2)
  more.set(numbers)
  return more
}
