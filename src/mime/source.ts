/** Bytes that can be read again, as a whole or in part. */
export interface Source {
  readonly size: number
  /**
   * The bytes in order, from an offset up to another, in any split; all of them by default. A
   * chunk is valid until the next one is asked for.
   */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

/** A source of bytes that are in memory. */
export function sourceOf(bytes: Buffer): Source {
  return {
    size: bytes.length,
    chunks: (from = 0, to = bytes.length) => [bytes.subarray(from, to)],
  }
}

/** The bytes of a source from an offset up to another. Reading it throws if the source gives others. */
export function partOf(source: Source, from: number, to: number): Source {
  return new Part(source, from, to)
}

/** A class: a mail may have a hundred thousand, and a generator function for each is past the nursery. */
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
