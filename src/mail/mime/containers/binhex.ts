import type { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { BinHexDecoder } from '../decoders/binhex.ts'
import { BUFFER_SIZE } from '../decoders/decoder.ts'
import { Store } from '../storage/store.ts'

/** Part of the line above BinHex: "(This file must be converted with BinHex 4.0)". */
const MARK = Buffer.from('converted with BinHex')
/** Minimum length of a header in bytes: a name of one letter, and a checksum. */
const HEADER_LEAST = 24
/** A checksum follows the header, and each of the two forks. */
const CHECKSUM = 2

/**
 * A file in BinHex. `forks` are its data and its resources. If a length is wrong, the available bytes of
 * them.
 */
export interface BinHexFile {
  readonly name: string
  readonly forks: readonly Bytes[]
}

/** The characters that are decoded at a time: with runs they become at most some sixty times as many bytes. */
const AT_ONCE = 1024
/** The cost of a file, in addition to its bytes. */
const FILE_COST = 1024

/**
 * Yields each BinHex 4.0 file (RFC 1741) in a text, whatever surrounds it. Each decoded byte is counted: a
 * run of 255 takes three characters.
 */
export function* openBinHex(text: Bytes, work: Work, give: (file: BinHexFile) => Steps): Steps {
  const starts = yield* placesOfMark(text, work, Number.POSITIVE_INFINITY)
  const buffer = Buffer.allocUnsafe(starts.length > 0 ? BUFFER_SIZE : 0)
  for (const [index, start] of starts.entries()) {
    yield* work.countUnits(FILE_COST)
    const store = new Store(work.pool)
    try {
      const decoder = new BinHexDecoder((bytes, length) => {
        work.countBytes(length)
        store.append(bytes, 0, length)
      }, buffer)
      for (const chunk of text.chunks(start, starts[index + 1] ?? text.size)) {
        for (let at = 0; at < chunk.length; at += AT_ONCE) {
          const before = store.size
          const end = Math.min(chunk.length, at + AT_ONCE)
          decoder.push(chunk, at, end)
          yield* work.countUnits(end - at + store.size - before)
        }
      }
      const file = fileOf(store)
      if (file !== undefined) yield* give(file)
    } finally {
      store.close()
    }
  }
}

function fileOf(source: Bytes): BinHexFile | undefined {
  const nameLength = source.gather(0, 1)[0] ?? 0
  const header = source.gather(1, 1 + nameLength + HEADER_LEAST - 2)
  if (source.size < nameLength + HEADER_LEAST - 1) return undefined
  const name = header.toString('latin1', 0, nameLength)
  // The name is followed by version, type, creator and flags.
  const lengths = nameLength + 1 + 4 + 4 + 2
  const data = 1 + lengths + 4 + 4 + CHECKSUM
  const dataEnd = Math.min(source.size, data + header.readUInt32BE(lengths))
  const resources = Math.min(source.size, dataEnd + CHECKSUM)
  const end = Math.min(source.size, resources + header.readUInt32BE(lengths + 4))
  return { name, forks: [source.slice(data, dataEnd), source.slice(resources, end)] }
}

/** Returns whether a text contains the line that precedes BinHex. */
export function* holdsBinHex(text: Bytes, work: Work): Steps<boolean> {
  return (yield* placesOfMark(text, work, 1)).length > 0
}

/** Finds the offsets after MARK, at most `most`. */
function* placesOfMark(source: Bytes, work: Work, most: number): Steps<readonly number[]> {
  const places: number[] = []
  let before = 0 // the chunk
  let tail: Buffer = Buffer.alloc(0)
  yield* work.some(source, (chunk) => {
    const seam = Buffer.concat([tail, chunk.subarray(0, MARK.length - 1)])
    const atSeam = seam.indexOf(MARK)
    if (atSeam >= 0) places.push(before - tail.length + atSeam + MARK.length)
    for (let at = chunk.indexOf(MARK); at >= 0 && places.length < most; ) {
      places.push(before + at + MARK.length)
      at = chunk.indexOf(MARK, at + 1)
    }
    tail = Buffer.from((chunk.length < MARK.length ? seam : chunk).subarray(1 - MARK.length))
    before += chunk.length
    return places.length >= most
  })
  return places
}
