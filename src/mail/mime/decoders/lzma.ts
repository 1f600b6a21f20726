import type { MailBytes } from '../../message/bytes.ts'
import { SEARCHED_PER_UNIT } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'

/** Units of work for a byte that is decoded, and the bytes between two counts. */
const UNITS_PER_BYTE = 16
const BYTES_PER_STEP = 4096

const RENORMALIZED_BELOW = 2 ** 24
const PROBABILITY_BITS = 11
const BYTES_PER_PROBABILITY = 2
const MOVE_BITS = 5
/** States from which a literal, and not a match, has come. */
const FIRST_MATCH_STATE = 7

/**
 * Decodes LZMA (the LZMA specification of 7-Zip's SDK) of `size` bytes, with the five bytes of its properties. Returns
 * undefined if it is broken.
 */
export function* lzmaDecoded(
  source: MailBytes,
  properties: MailBytes,
  size: number,
  work: Work,
): Steps<MailBytes | undefined> {
  const { 0: first = 255 } = properties
  if (properties.length !== 5 || first >= 225 || source.length < 5) return undefined
  // (Memory is filled as fast as it is searched. A few bytes may ask for 6 MB of tables.)
  yield* work.countUnits((literalsOf(first) * BYTES_PER_PROBABILITY + size) / SEARCHED_PER_UNIT)
  const decoder = new LzmaDecoder(source, first, size)
  while (!decoder.isDone) {
    yield* work.countUnits(UNITS_PER_BYTE * BYTES_PER_STEP)
    if (!decoder.step(BYTES_PER_STEP)) return undefined
  }
  return decoder.output
}

/** The number of bits of the last byte, of the position for a literal, and of that for a match. */
const propertiesIn = (first: number) => ({
  lc: first % 9,
  lp: Math.floor(first / 9) % 5,
  pb: Math.floor(first / 45),
})

/** The number of probabilities of literals. */
function literalsOf(first: number): number {
  const { lc, lp } = propertiesIn(first)
  return 0x300 << (lc + lp)
}

const probabilities = (length: number) => new Uint16Array(length).fill(1 << (PROBABILITY_BITS - 1))

class LzmaDecoder {
  readonly output: Buffer
  readonly #source: MailBytes
  #at = 5
  #range = 0xffffffff
  #code: number
  readonly #lc: number
  readonly #lpMask: number
  readonly #pbMask: number
  readonly #literals: Uint16Array
  readonly #isMatch = probabilities(12 << 4)
  readonly #isRep = probabilities(12)
  readonly #isRepG0 = probabilities(12)
  readonly #isRepG1 = probabilities(12)
  readonly #isRepG2 = probabilities(12)
  readonly #isRep0Long = probabilities(12 << 4)
  readonly #slots = [0, 1, 2, 3].map(() => probabilities(64))
  readonly #distances = probabilities(128)
  readonly #align = probabilities(16)
  readonly #matchLength = new LengthProbabilities()
  readonly #repLength = new LengthProbabilities()
  #state = 0
  #reps: [number, number, number, number] = [0, 0, 0, 0]
  #length = 0

  constructor(source: MailBytes, first: number, size: number) {
    this.#source = source
    this.#code = source.readUInt32BE(1)
    const { lc, lp, pb } = propertiesIn(first)
    this.#lc = lc
    this.#lpMask = (1 << lp) - 1
    this.#pbMask = (1 << pb) - 1
    this.#literals = probabilities(literalsOf(first))
    this.output = Buffer.alloc(size)
  }

  get isDone(): boolean {
    return this.#length === this.output.length
  }

  /** Decodes about this many bytes. Returns false if the data is broken. */
  step(bytes: number): boolean {
    const end = Math.min(this.output.length, this.#length + bytes)
    while (this.#length < end) {
      if (this.#at > this.#source.length + 4) return false
      const position = this.#length & this.#pbMask
      if (this.#bit(this.#isMatch, (this.#state << 4) + position) === 0) this.#literal()
      else if (!this.#match(position)) return false
    }
    return true
  }

  #bit(table: Uint16Array, index: number): 0 | 1 {
    const probability = table[index]!
    const bound = (this.#range >>> PROBABILITY_BITS) * probability
    const isOne = this.#code >= bound
    if (isOne) {
      table[index] = probability - (probability >> MOVE_BITS)
      this.#range -= bound
      this.#code -= bound
    } else {
      table[index] = probability + (((1 << PROBABILITY_BITS) - probability) >> MOVE_BITS)
      this.#range = bound
    }
    this.#normalize()
    return isOne ? 1 : 0
  }

  #normalize(): void {
    if (this.#range >= RENORMALIZED_BELOW) return
    this.#range = (this.#range << 8) >>> 0
    this.#code = ((this.#code << 8) | (this.#source[this.#at++] ?? 0)) >>> 0
  }

  #direct(count: number): number {
    let value = 0
    for (let left = count; left > 0; left--) {
      this.#range >>>= 1
      const isOne = this.#code >= this.#range
      if (isOne) this.#code -= this.#range
      this.#normalize()
      value = value * 2 + (isOne ? 1 : 0)
    }
    return value
  }

  #tree(table: Uint16Array, bits: number, from = 0): number {
    let node = 1
    for (let left = bits; left > 0; left--) node = (node << 1) | this.#bit(table, from + node)
    return node - (1 << bits)
  }

  #reversedTree(table: Uint16Array, bits: number, from = 0): number {
    let [node, value] = [1, 0]
    for (let bit = 0; bit < bits; bit++) {
      const found = this.#bit(table, from + node)
      node = (node << 1) | found
      value |= found << bit
    }
    return value
  }

  #literal(): void {
    const before = this.output[this.#length - 1] ?? 0
    const context = ((this.#length & this.#lpMask) << this.#lc) + (before >> (8 - this.#lc))
    const from = 0x300 * context
    let node = 1
    if (this.#state >= FIRST_MATCH_STATE) {
      let match = this.output[this.#length - this.#reps[0] - 1] ?? 0
      while (node < 0x100) {
        const expected = (match >> 7) & 1
        match <<= 1
        const found = this.#bit(this.#literals, from + ((1 + expected) << 8) + node)
        node = (node << 1) | found
        if (expected !== found) break
      }
    }
    while (node < 0x100) node = (node << 1) | this.#bit(this.#literals, from + node)
    this.output[this.#length++] = node & 0xff
    this.#state = this.#state < 4 ? 0 : this.#state - (this.#state < 10 ? 3 : 6)
  }

  #match(position: number): boolean {
    const isAfterLiteral = this.#state < FIRST_MATCH_STATE
    let length: number
    if (this.#bit(this.#isRep, this.#state) === 1) {
      if (this.#bit(this.#isRepG0, this.#state) === 0) {
        if (this.#bit(this.#isRep0Long, (this.#state << 4) + position) === 0) {
          this.#state = isAfterLiteral ? 9 : 11
          return this.#copy(1)
        }
      } else this.#repeatOlder()
      length = this.#lengthFrom(this.#repLength, position)
      this.#state = isAfterLiteral ? 8 : 11
    } else {
      length = this.#lengthFrom(this.#matchLength, position)
      this.#state = isAfterLiteral ? 7 : 10
      const [newest, second, third] = this.#reps
      this.#reps = [this.#distance(length), newest, second, third]
    }
    return this.#copy(length + 2)
  }

  #repeatOlder(): void {
    const [newest, second, third, oldest] = this.#reps
    if (this.#bit(this.#isRepG1, this.#state) === 0) this.#reps = [second, newest, third, oldest]
    else if (this.#bit(this.#isRepG2, this.#state) === 0)
      this.#reps = [third, newest, second, oldest]
    else this.#reps = [oldest, newest, second, third]
  }

  #lengthFrom({ choices, low, middle, high }: LengthProbabilities, position: number): number {
    if (this.#bit(choices, 0) === 0) return this.#tree(low, 3, position << 3)
    if (this.#bit(choices, 1) === 0) return 8 + this.#tree(middle, 3, position << 3)
    return 16 + this.#tree(high, 8)
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots[Math.min(length, 3)]!, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const base = (2 | (slot & 1)) * 2 ** bits
    if (slot < 14) return base + this.#reversedTree(this.#distances, bits, base - slot)
    return base + this.#direct(bits - 4) * 16 + this.#reversedTree(this.#align, 4)
  }

  #copy(length: number): boolean {
    const [distance] = this.#reps
    if (distance >= this.#length) return false
    for (let left = length; left > 0 && this.#length < this.output.length; left--) {
      this.output[this.#length] = this.output[this.#length - distance - 1]!
      this.#length++
    }
    return true
  }
}

class LengthProbabilities {
  readonly choices = probabilities(2)
  readonly low = probabilities(16 << 3)
  readonly middle = probabilities(16 << 3)
  readonly high = probabilities(256)
}
