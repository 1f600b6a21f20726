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
export const DASHES_FRONT_MAX = 2
/** The numbers of `firsts` of a line. */
export const FIRSTS: number = DASHES_FRONT_MAX + 1

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
