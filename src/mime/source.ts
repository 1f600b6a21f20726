/** Bytes that can be read several times, as a whole or in part. */
export interface Source {
  readonly size: number
  /**
   * The bytes from one offset to another, in order and in pieces of any size; all of them by
   * default. A chunk is valid until the next one is asked for.
   */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

/** A source of bytes in memory. */
export function sourceOf(bytes: Buffer): Source {
  return {
    size: bytes.length,
    chunks: (from = 0, to = bytes.length) => [bytes.subarray(from, to)],
  }
}

/**
 * The bytes of a source from one offset to another. Reading throws if the source gives another
 * number of bytes.
 */
export function partOf(source: Source, from: number, to: number): Source {
  return new Part(source, from, to)
}

/**
 * A class, since a mail may have a hundred thousand of them: with a generator function for each
 * they outgrow the young generation of the garbage collector.
 */
class Part implements Source {
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
