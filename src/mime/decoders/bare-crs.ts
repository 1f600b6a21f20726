import { CR, LF } from '../shared/lines.ts'
import { type Decoder, type Give, Writer } from './decoder.ts'

/**
 * What readers make of a CR that no LF follows. `drop`: the CR is dropped. `lf` and `crlf`: the CR is
 * a line end, and all line ends become LF or CR LF. `pair`: the CR is a line end together with the
 * byte behind it, and all line ends become LF.
 */
export type BareCrMode = 'drop' | 'lf' | 'crlf' | 'pair'

/** Replaces CRs as the mode says. */
export class BareCrs implements Decoder {
  readonly #out: Writer
  readonly #mode: BareCrMode
  #cr = false

  constructor(give: Give, room: Buffer, mode: BareCrMode) {
    this.#out = new Writer(give, room)
    this.#mode = mode
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (this.#cr) {
        this.#cr = false
        if (this.#behindCr(byte)) continue
      }
      if (byte === CR) this.#cr = true
      else if (byte === LF) this.#lineEnd()
      else this.#out.put(byte)
    }
    this.#out.flush()
  }

  end(): void {
    if (this.#cr) this.#behindCr(-1)
    this.#out.flush()
  }

  /** Puts out what a CR becomes before this byte. Returns whether the byte belongs to the CR. */
  #behindCr(byte: number): boolean {
    if (byte === LF) {
      if (this.#mode === 'drop') this.#out.put(CR)
      this.#lineEnd()
      return true
    }
    if (this.#mode === 'drop') return false
    this.#lineEnd()
    return this.#mode === 'pair'
  }

  #lineEnd(): void {
    if (this.#mode === 'crlf') this.#out.put(CR)
    this.#out.put(LF)
  }
}
