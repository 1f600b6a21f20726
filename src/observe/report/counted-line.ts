import { decodeUtf8, LogFields } from '../log/fields.ts'
import type { LineHead } from '../log/line-head.ts'
import type { NameCounter } from './name-counter.ts'

/** Reads those fields of line after line that are counted. */
export class CountedLine {
  readonly #fields = new LogFields()
  #bytes: Buffer = Buffer.alloc(0)

  read({ bytes, at, end }: LineHead): void {
    this.#bytes = bytes
    this.#fields.read(bytes, at, end)
  }

  has(key: string): boolean {
    return this.#fields.find(key) >= 0
  }

  /** Returns the text of a field; '' if there is no such field. */
  text(key: string): string {
    const field = this.#fields.find(key)
    return field < 0 ? '' : decodeUtf8(this.#fields.value(field))
  }

  /** Counts the value of a field as it stands in the line, if there is one. */
  count(key: string, counter: NameCounter): void {
    const field = this.#fields.find(key)
    if (field < 0) return
    const { start, end } = this.#fields.span(field)
    counter.count(this.#bytes, start, end)
  }

  /** Returns the index of a field's value in the words; -1 if it is none of them or missing. */
  word(key: string, words: readonly string[]): number {
    const field = this.#fields.find(key)
    return field < 0 ? -1 : words.findIndex((word) => this.#fields.valueIs(word, field))
  }

  /** Returns the value of a field as a number; NaN if it is none or missing. */
  number(key: string): number {
    const field = this.#fields.find(key)
    if (field < 0) return Number.NaN
    const { start, end } = this.#fields.span(field)
    return numberAt(this.#bytes, start, end)
  }
}

/** Reads a number such as `12.3`; NaN if the bytes are none. */
function numberAt(bytes: Buffer, start: number, end: number): number {
  let value = 0
  let scale = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === 0x2e && scale === 0) scale = 1
    else if (byte < 0x30 || byte > 0x39) return Number.NaN
    else {
      value = value * 10 + byte - 0x30
      scale *= 10
    }
  }
  return scale > 1 ? value / scale : value
}
