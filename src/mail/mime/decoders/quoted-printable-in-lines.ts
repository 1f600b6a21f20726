import { CR, EQUALS, hexDigits, LF } from '../../../lib/bytes/ascii.ts'
import { type Decoder, WholeLines, type Write, Writer } from './decoder.ts'

/**
 * Decodes quoted-printable as Thunderbird 153 does: line by line, three bytes at a time, writing the
 * result over the line. Up to two bytes of a line wait for the next line. A `=` that begins no escape
 * stays with the two bytes after it, but only as far as there is space. Bytes that waited take space,
 * and an escape frees two bytes.
 */
export class QuotedPrintableInLines implements Decoder {
  readonly #out: Writer
  readonly #lines = new WholeLines((bytes, from, to, startsLine) =>
    this.#line(bytes, from, to, startsLine),
  )
  #waiting: Buffer = Buffer.alloc(0)
  /** The bytes of this line that were read, and not written over yet. */
  #free = 0

  constructor(write: Write, buffer: Buffer) {
    this.#out = new Writer(write, buffer)
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lines.push(bytes, from, to)
    this.#out.flush()
  }

  end(): void {
    this.#lines.end()
    this.#out.putAll(this.#waiting, 0, this.#waiting.length)
    this.#out.flush()
  }

  #line(bytes: Buffer, from: number, to: number, startsLine: boolean): void {
    if (startsLine) this.#free = -this.#waiting.length
    const line = Buffer.concat([this.#waiting, bytes.subarray(from, to)])
    let read = 0
    while (line.length - read >= 3) {
      if (line[read] !== EQUALS) {
        const equals = line.indexOf(EQUALS, read)
        const end = Math.min(equals < 0 ? line.length : equals, line.length - 2)
        this.#out.putAll(line, read, end)
        read = end
        continue
      }
      const [second, third] = [line[read + 1]!, line[read + 2]!]
      if (second === CR || second === LF) {
        const length = second === CR && third === LF ? 3 : 2
        read += length
        this.#free += length
        continue
      }
      const [high, low] = [hexDigits[second]!, hexDigits[third]!]
      if (high >= 0 && low >= 0) {
        this.#out.put(high * 16 + low)
        this.#free += 2
      } else {
        const kept = Math.min(3, Math.max(0, this.#free + 3))
        this.#out.putAll(line, read, read + kept)
        this.#free += 3 - kept
      }
      read += 3
    }
    this.#waiting = line.subarray(read)
  }
}
