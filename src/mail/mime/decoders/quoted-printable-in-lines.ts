import { CR, LF } from '../shared/lines.ts'
import { type Decoder, type Give, WholeLines, Writer } from './decoder.ts'

const EQUALS = 0x3d

/**
 * Decodes quoted-printable as Thunderbird 153 does: line by line, three bytes at a time, writing the
 * result over the line. Up to two bytes of a line wait for the next line. A `=` that begins no escape
 * stays with the two bytes after it, but only as far as there is room. Bytes that waited take room,
 * and an escape frees two bytes.
 */
export class QuotedPrintableInLines implements Decoder {
  readonly #out: Writer
  readonly #lines = new WholeLines((bytes, from, to) => this.#line(bytes, from, to))
  #waiting: number[] = []

  constructor(give: Give, room: Buffer) {
    this.#out = new Writer(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lines.push(bytes, from, to)
    this.#out.flush()
  }

  end(): void {
    this.#lines.end()
    for (const byte of this.#waiting) this.#out.put(byte)
    this.#out.flush()
  }

  #line(bytes: Buffer, from: number, to: number): void {
    let token = this.#waiting
    let read = from
    let room = 0 // the bytes of the line that were read, and not written over yet
    for (;;) {
      while (token.length < 3 && read < to) {
        token.push(bytes[read++]!)
        room++
      }
      if (token.length < 3) break
      const [first, second, third] = token as [number, number, number]
      if (first !== EQUALS) {
        this.#out.put(first)
        room--
        token = [second, third]
        continue
      }
      token = []
      if (second === CR || second === LF) {
        if (second === CR && third === LF) continue
        read-- // the third is read again
        room--
        continue
      }
      const digits = String.fromCharCode(second, third)
      if (/[0-9a-f]{2}/i.test(digits)) {
        this.#out.put(Number.parseInt(digits, 16))
        room--
        continue
      }
      for (const byte of [first, second, third]) {
        if (room <= 0) break
        this.#out.put(byte)
        room--
      }
    }
    this.#waiting = token
  }
}
