import { CR, LF } from '../../../base/bytes/ascii.ts'
import { addWaiting } from '../frames.ts'

/** A line without its end, in memory of its own. */
export type SmtpLine =
  /** `isBare`: it ended in LF alone, not in CRLF. */
  | { readonly kind: 'line'; readonly bytes: Buffer; readonly isBare: boolean }
  /** The line had more bytes than are allowed. They were dropped. */
  | { readonly kind: 'too-long' }

/** Reads lines that end in CRLF or LF from any split of their bytes. */
export class LineReader {
  readonly #lengthMax: number
  readonly #chunks: Buffer[] = []
  /** The beginning of a line in several chunks. */
  #begun: Buffer[] = []
  #begunLength = 0
  #isTooLong = false

  /** A line of more than `lengthMax` bytes is dropped. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax
  }

  /** The number of bytes that wait, including a line that has not ended. */
  get pending(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, this.#begunLength)
  }

  /** Returns a copy of the last waiting line, without its end, or undefined if no complete line waits. */
  get lastWaiting(): Buffer | undefined {
    const waiting = Buffer.concat([...this.#begun, ...this.#chunks])
    if (waiting[waiting.length - 1] !== LF) return undefined
    const line = waiting.subarray(waiting.lastIndexOf(LF, -2) + 1, -1)
    return line[line.length - 1] === CR ? line.subarray(0, -1) : line
  }

  /** Bytes so far of a line that has not ended, dropped ones included. */
  get unended(): number {
    return this.#begunLength
  }

  /** Takes the next bytes, in any split. They must not be changed afterwards. */
  push(chunk: Buffer): void {
    addWaiting(this.#chunks, chunk)
  }

  /** Returns the next complete line, or undefined until more bytes arrive. */
  next(): SmtpLine | undefined {
    const chunks = this.#chunks
    for (let chunk = chunks[0]; chunk !== undefined; chunk = chunks[0]) {
      const lf = chunk.indexOf(LF)
      if (lf < 0) {
        this.#addPiece(chunk)
        chunks.shift()
        continue
      }
      if (lf + 1 === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(lf + 1)
      return this.#finish(chunk.subarray(0, lf))
    }
    return undefined
  }

  /** Removes and returns a chunk of the bytes that belong to no line, or undefined if there are none. */
  take(): Buffer | undefined {
    return this.#chunks.shift()
  }

  /** Puts bytes back in front of all others. */
  giveBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#chunks.unshift(bytes)
  }

  #addPiece(piece: Buffer): void {
    this.#begunLength += piece.length
    this.#isTooLong ||= this.#begunLength > this.#lengthMax + 1 // its CR may be among them
    if (this.#isTooLong) this.#begun = []
    else if (piece.length > 0) this.#begun.push(Buffer.from(piece))
  }

  #finish(piece: Buffer): SmtpLine {
    this.#addPiece(piece)
    const whole = this.#begun.length === 1 ? this.#begun[0]! : Buffer.concat(this.#begun)
    const isBare = whole[whole.length - 1] !== CR
    const bytes = isBare ? whole : whole.subarray(0, -1)
    const isTooLong = this.#isTooLong || bytes.length > this.#lengthMax
    this.#begun = []
    this.#begunLength = 0
    this.#isTooLong = false
    return isTooLong ? { kind: 'too-long' } : { kind: 'line', bytes, isBare }
  }
}
