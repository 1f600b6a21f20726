import { Bytes } from '../../../src/mail/message/bytes.ts'

/** Bytes that are read by a function of a test: in other chunks, with effects, or with an error. */
export class ReadBy extends Bytes {
  readonly size: number
  readonly #chunks: (from: number, to: number) => Iterable<Buffer>

  constructor(size: number, chunks: (from: number, to: number) => Iterable<Buffer>) {
    super()
    this.size = size
    this.#chunks = chunks
  }

  chunks(from = 0, to = this.size): Iterable<Buffer> {
    return this.#chunks(from, to)
  }
}

/**
 * Bytes that come in chunks which end at these offsets. Each chunk is spoilt before the next one, so that
 * anyone who keeps one reads nonsense.
 */
export function inChunks(bytes: Buffer, cuts: readonly number[]): Bytes {
  const ends = cuts.toSorted((a, b) => a - b)
  return new ReadBy(bytes.length, function* (from, to) {
    let at = from
    for (const end of [...ends.filter((cut) => cut > from && cut < to), to]) {
      if (end <= at) continue
      const chunk = Buffer.from(bytes.subarray(at, end))
      yield chunk
      chunk.fill(0xee)
      at = end
    }
  })
}

/** Bytes that come in chunks of that length. */
export function inChunksOf(length: number, bytes: Buffer, onRead = (_: number) => {}): Bytes {
  return new ReadBy(bytes.length, function* (from, to) {
    for (let at = from; at < to; at += length) {
      onRead(at)
      yield bytes.subarray(at, Math.min(to, at + length))
    }
  })
}
