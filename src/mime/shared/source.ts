/** Bytes that can be read several times, as a whole or in part. */
export interface Source {
  readonly size: number
  /**
   * Returns the bytes from one offset to another, in order and in pieces of any size; by default,
   * all bytes. A chunk is valid until the next chunk is asked for.
   */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

/** Returns a source of bytes in memory. */
export function sourceOf(bytes: Buffer): Source {
  return {
    size: bytes.length,
    chunks: (from = 0, to = bytes.length) => [bytes.subarray(from, to)],
  }
}

/**
 * Returns the bytes of a source from one offset to another, as a source. Reading them throws if the
 * source gives another number of bytes.
 */
export function partOf(source: Source, from: number, to: number): Source {
  return new SourcePart(source, from, to)
}

/**
 * This is a class, since a mail may have a hundred thousand parts. With a generator function for
 * each part they would outgrow the young generation of the garbage collector.
 */
class SourcePart implements Source {
  readonly #source: Source
  readonly #from: number
  readonly size: number

  constructor(source: Source, from: number, to: number) {
    this.#source = source
    this.#from = from
    this.size = to - from
  }

  *chunks(begin = 0, end = this.size): Generator<Buffer> {
    let left = end - begin
    for (const chunk of this.#source.chunks(this.#from + begin, this.#from + end)) {
      left -= chunk.length
      yield chunk
    }
    if (left !== 0) throw new Error(`a source gave ${-left} bytes more than it was asked for`)
  }
}
