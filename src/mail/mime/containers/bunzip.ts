import type { Bytes } from '../../message/bytes.ts'
import { Store } from '../shared/store.ts'
import type { Steps, Work } from '../shared/work.ts'
import { ByteCursor } from './byte-cursor.ts'

/** The bytes of a block, as far as runs are still packed, by the level that the first line says. */
const BYTES_OF_LEVEL = 100_000
/** What stands in front of a block, and behind the last one. */
const BLOCK = 0x314159265359
const END = 0x177245385090

const CODES_LEAST = 2
const CODES_MOST = 6
const CODE_LENGTH_MOST = 20
/** After so many symbols the next selector says which code counts. */
const SYMBOLS_OF_SELECTOR = 50
/** So many equal bytes are followed by one that says how many more of them there are. */
const RUN = 4

/** What a stream and a block cost besides their bytes: memory and tables. */
const STREAM_COST = 32 * 1024
const BLOCK_COST = 8 * 1024
/** The bytes of a block for which there is memory at first. */
const LINKS_LEAST = 16 * 1024
/** The bytes of a block that are put in order at a time. With their runs they are at most 52 times as many. */
const PLACES_AT_ONCE = 2048

/** What comes cannot be read. */
class Broken extends Error {}
class CutShort extends Error {}

/**
 * Undoes bzip2 in small steps that all count. A block takes four times its bytes of memory, at most 3.6 MB.
 * Returns what came out, which the caller closes, and whether something could not be read behind it. Bytes
 * that do not begin as bzip2 are empty. So is a block that is cut short: no program shows anything of it.
 *
 * The packages for this undo a block in one call, which takes most of a second, or for ever if the length
 * of a run overflows.
 */
export function* unbzipped(
  source: Bytes,
  work: Work,
): Steps<{ readonly store: Store; readonly isBroken: boolean }> {
  work.countBytes(STREAM_COST)
  yield* work.countUnits(STREAM_COST)
  const store = new Store(work.pool)
  let isBroken = false
  let isDone = false
  try {
    yield* unpack(new BitReader(source), store, work)
    isDone = true
  } catch (error) {
    isBroken = error instanceof Broken
    isDone = isBroken || error instanceof CutShort
    if (!isDone) throw error
  } finally {
    if (!isDone) store.close()
  }
  return { store, isBroken }
}

function* unpack(bits: BitReader, store: Store, work: Work): Steps {
  const isNamed = bits.take(24) === 0x425a68 // BZh
  const level = bits.take(8) - 0x30
  if (!isNamed || level < 1 || level > 9 || bits.takeLong(48) !== BLOCK) return
  do {
    yield* work.countUnits(BLOCK_COST)
    const checksum = bits.takeLong(32)
    if (bits.take(1) === 1) throw new Broken() // scrambled once more, as bzip2 did up to 1999
    const block = yield* readBlock(bits, level * BYTES_OF_LEVEL, work)
    if ((yield* writeBlock(block, store, work)) !== checksum) throw new Broken()
  } while (isBlock(bits.takeLong(48)))
}

function isBlock(front: number): boolean {
  if (front !== BLOCK && front !== END) throw new Broken()
  return front === BLOCK
}

/** The bytes of a block in the order in which they were sorted (Burrows and Wheeler). */
interface Block {
  /** The byte in the lowest eight bits; above it comes the place of the byte behind it, once that is known. */
  links: Uint32Array
  size: number
  /** How often each byte occurs. */
  readonly counts: Uint32Array
  /** The place that leads to the first byte. */
  readonly origin: number
}

/** Reads a block of so many bytes at most. */
function* readBlock(bits: BitReader, most: number, work: Work): Steps<Block> {
  const origin = bits.take(24)
  const block: Block = {
    links: new Uint32Array(Math.min(LINKS_LEAST, most)),
    size: 0,
    counts: new Uint32Array(256),
    origin,
  }
  const order = readBytesInUse(bits)
  const endOfBlock = order.length + 1
  const { codes, selectors } = yield* readCodes(bits, endOfBlock + 1, work)
  let run = 0
  let weight = 1
  for (const selector of selectors) {
    const code = codes[selector]!
    yield* work.countUnits(4 * SYMBOLS_OF_SELECTOR)
    for (let count = 0; count < SYMBOLS_OF_SELECTOR; count++) {
      const symbol = code.read(bits)
      // The first two symbols are the digits 1 and 2 of the length of a run, the lowest one first.
      if (symbol < 2) {
        run += weight * (symbol + 1)
        weight *= 2
        if (run > most) throw new Broken()
        continue
      }
      if (run > 0) {
        add(block, order[0]!, run, most)
        yield* work.countUnits(run >> 3)
        run = 0
        weight = 1
      }
      if (symbol === endOfBlock) {
        if (origin >= block.size) throw new Broken()
        return block
      }
      const index = symbol - 1
      const byte = order[index]!
      order.copyWithin(1, 0, index)
      order[0] = byte
      add(block, byte, 1, most)
    }
  }
  throw new Broken()
}

function add(block: Block, byte: number, times: number, most: number): void {
  const end = block.size + times
  if (end > most) throw new Broken()
  if (end > block.links.length) {
    const links = new Uint32Array(Math.min(Math.max(end, 2 * block.links.length), most))
    links.set(block.links)
    block.links = links
  }
  if (times === 1) block.links[block.size] = byte
  else block.links.fill(byte, block.size, end)
  block.counts[byte]! += times
  block.size = end
}

/** Reads which bytes occur in a block: sixteen bits for as many bits that follow. */
function readBytesInUse(bits: BitReader): Uint8Array {
  const bytes: number[] = []
  const rows = bits.take(16)
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >> row)) === 0) continue
    const columns = bits.take(16)
    for (let column = 0; column < 16; column++) {
      if ((columns & (0x8000 >> column)) !== 0) bytes.push(16 * row + column)
    }
  }
  if (bytes.length === 0) throw new Broken()
  return Uint8Array.from(bytes)
}

/** Reads the codes of a block, and which of them counts for each SYMBOLS_OF_SELECTOR symbols. */
function* readCodes(
  bits: BitReader,
  symbols: number,
  work: Work,
): Steps<{ readonly codes: readonly Code[]; readonly selectors: Uint8Array }> {
  const count = bits.take(3)
  if (count < CODES_LEAST || count > CODES_MOST) throw new Broken()
  const selectors = new Uint8Array(bits.take(15))
  yield* work.countUnits(selectors.length * 4)
  const order = Uint8Array.from({ length: count }, (_, index) => index)
  for (let at = 0; at < selectors.length; at++) {
    let index = 0
    while (bits.take(1) === 1) if (++index === count) throw new Broken()
    const selector = order[index]!
    order.copyWithin(1, 0, index)
    order[0] = selector
    selectors[at] = selector
  }
  const codes = Array.from({ length: count }, () => new Code(readLengths(bits, symbols)))
  return { codes, selectors }
}

/** Reads the length of the code of each symbol, as differences of one. */
function readLengths(bits: BitReader, symbols: number): Uint8Array {
  const lengths = new Uint8Array(symbols)
  let length = bits.take(5)
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > CODE_LENGTH_MOST) throw new Broken()
      if (bits.take(1) === 0) break
      length += bits.take(1) === 0 ? 1 : -1
    }
    lengths[symbol] = length
  }
  return lengths
}

/** A code of Huffman, which follows from the lengths of its words. */
class Code {
  readonly #symbols: Uint16Array
  readonly #least: number
  readonly #most: number
  /** By length: the last word of this length or a shorter one, and what is between words and their symbols. */
  readonly #last: number[] = []
  readonly #shift: number[] = []

  constructor(lengths: Uint8Array) {
    this.#least = Math.min(...lengths)
    this.#most = Math.max(...lengths)
    const symbols: number[] = []
    let word = 0
    for (let length = this.#least; length <= this.#most; length++) {
      this.#shift[length] = word - symbols.length
      for (const [symbol, own] of lengths.entries()) {
        if (own !== length) continue
        symbols.push(symbol)
        word++
      }
      this.#last[length] = word - 1
      word *= 2
    }
    this.#symbols = Uint16Array.from(symbols)
  }

  read(bits: BitReader): number {
    let length = this.#least
    let word = bits.take(length)
    while (word > this.#last[length]!) {
      if (length === this.#most) throw new Broken()
      word = word * 2 + bits.take(1)
      length++
    }
    const symbol = this.#symbols[word - this.#shift[length]!]
    if (symbol === undefined) throw new Broken()
    return symbol
  }
}

/** Writes a block in its own order, and with its runs. Returns its checksum. */
function* writeBlock(block: Block, store: Store, work: Work): Steps<number> {
  yield* linkUp(block, work)
  const { links, size } = block
  const table = checksumsOfBytes()
  const out = Buffer.allocUnsafe(PLACES_AT_ONCE * (1 + 255 / (RUN + 1)))
  let filled = 0
  let checksum = 0xffffffff
  let link = links[block.origin]!
  let last = -1
  let equal = 0
  for (let at = 0; at < size; ) {
    const end = Math.min(at + PLACES_AT_ONCE, size)
    for (; at < end; at++) {
      link = links[link >>> 8]!
      const byte = link & 0xff
      if (equal === RUN) {
        out.fill(last, filled, filled + byte)
        filled += byte
        equal = 0
        last = -1
        continue
      }
      equal = byte === last ? equal + 1 : 1
      last = byte
      out[filled++] = byte
    }
    for (let index = 0; index < filled; index++) {
      checksum = (checksum << 8) ^ table[(checksum >>> 24) ^ out[index]!]!
    }
    work.countBytes(filled)
    store.append(out, 0, filled)
    yield* work.countUnits(PLACES_AT_ONCE + filled)
    filled = 0
  }
  return ~checksum >>> 0
}

/** Notes with each byte the place of the one behind it: that byte's place among equal ones stays the same. */
function* linkUp({ links, size, counts }: Block, work: Work): Steps {
  const next = new Uint32Array(256)
  for (let byte = 1; byte < 256; byte++) next[byte] = next[byte - 1]! + counts[byte - 1]!
  for (let at = 0; at < size; ) {
    const end = Math.min(at + PLACES_AT_ONCE, size)
    for (; at < end; at++) {
      const index = next[links[at]! & 0xff]!++
      links[index] = (links[index]! & 0xff) | (at << 8)
    }
    yield* work.countUnits(PLACES_AT_ONCE)
  }
}

let checksums: Int32Array | undefined

/**
 * The checksum of each byte: CRC-32 with the highest bit first. Made at its first use, since few mails have
 * any.
 */
function checksumsOfBytes(): Int32Array {
  checksums ??= Int32Array.from({ length: 256 }, (_, byte) => {
    let checksum = byte << 24
    for (let bit = 0; bit < 8; bit++) checksum = (checksum << 1) ^ (checksum < 0 ? 0x04c11db7 : 0)
    return checksum
  })
  return checksums
}

/** Reads numbers of some bits, the highest bit first. */
class BitReader {
  readonly #cursor: ByteCursor
  /** Bits that were read and not taken: so many, the lowest of this number. */
  #held = 0
  #count = 0

  constructor(source: Bytes) {
    this.#cursor = new ByteCursor(source)
  }

  /** Takes a number of at most 24 bits. Throws CutShort. */
  take(count: number): number {
    while (this.#count < count) {
      const byte = this.#cursor.byte()
      if (byte < 0) throw new CutShort()
      this.#held = (this.#held << 8) | byte
      this.#count += 8
    }
    this.#count -= count
    const taken = this.#held >>> this.#count
    this.#held &= (1 << this.#count) - 1
    return taken
  }

  /** Takes a number of at most 48 bits, which is even. */
  takeLong(count: number): number {
    const high = this.take(count / 2)
    return high * 2 ** (count / 2) + this.take(count / 2)
  }
}
