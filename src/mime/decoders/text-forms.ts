import { CR, LF, SPACE } from '../shared/lines.ts'
import { type Decoder, type Give, Writer } from './decoder.ts'

const QUOTE = 0x3e

/** Changes CR LF at line ends to LF, or LF to CR LF. */
export class WithLineEnds implements Decoder {
  readonly #out: Writer
  readonly #to: 'lf' | 'crlf'
  #cr = false

  constructor(give: Give, room: Buffer, to: 'lf' | 'crlf') {
    this.#out = new Writer(give, room)
    this.#to = to
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (this.#cr && byte !== LF) this.#out.put(CR)
      this.#cr = byte === CR
      if (this.#cr) continue
      if (byte === LF && this.#to === 'crlf') this.#out.put(CR)
      this.#out.put(byte)
    }
    this.#out.flush()
  }

  end(): void {
    if (this.#cr) this.#out.put(CR)
    this.#out.flush()
  }
}

/** Removes a byte wherever it stands: each CR, or each NUL, as some readers do. */
export class WithoutByte implements Decoder {
  readonly #out: Writer
  readonly #byte: number

  constructor(give: Give, room: Buffer, byte: number) {
    this.#out = new Writer(give, room)
    this.#byte = byte
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) if (bytes[at] !== this.#byte) this.#out.put(bytes[at]!)
    this.#out.flush()
  }

  end(): void {}
}

/** Removes empty lines at the front, as uudeview does when it saves a text. */
export class WithoutEmptyLines implements Decoder {
  readonly #out: Writer
  #isFront = true

  constructor(give: Give, room: Buffer) {
    this.#out = new Writer(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    let at = from
    if (this.#isFront) while (at < to && isLfOrCr(bytes[at]!)) at++
    if (at === to) return
    this.#isFront = false
    this.#out.putAll(bytes, at, to)
    this.#out.flush()
  }

  end(): void {}
}

function isLfOrCr(byte: number): boolean {
  return byte === LF || byte === CR
}

/** Cuts each line at its first NUL, with its line end, since programs in C read no further. */
export class WithoutTails implements Decoder {
  readonly #out: Writer
  #inTail = false

  constructor(give: Give, room: Buffer) {
    this.#out = new Writer(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const found = bytes.indexOf(this.#inTail ? LF : 0, at)
      const end = found < 0 || found >= to ? to : found
      if (!this.#inTail) this.#out.putAll(bytes, at, end)
      if (end < to) this.#inTail = !this.#inTail
      at = end + 1
    }
    this.#out.flush()
  }

  end(): void {}
}

/**
 * Joins each line that ends in a blank to the next line, without the blank (RFC 3676, DelSp=yes).
 * Quote marks and one blank are removed at the front of a line.
 */
export class Unflowed implements Decoder {
  readonly #out: Writer
  #blank = false
  #cr = false
  /** Whether only quote marks have come of this line. */
  #front = true

  constructor(give: Give, room: Buffer) {
    this.#out = new Writer(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (this.#front) {
        if (byte === QUOTE) continue
        this.#front = false
        if (byte === SPACE) continue
      }
      this.#front = byte === LF
      if (this.#blank && byte === LF) {
        this.#blank = false
        this.#cr = false
        continue
      }
      if (this.#blank && byte === CR && !this.#cr) {
        this.#cr = true
        continue
      }
      this.#putHeld()
      if (byte === SPACE) this.#blank = true
      else this.#out.put(byte)
    }
    this.#out.flush()
  }

  end(): void {
    this.#putHeld()
    this.#out.flush()
  }

  #putHeld(): void {
    if (this.#blank) this.#out.put(SPACE)
    if (this.#cr) this.#out.put(CR)
    this.#blank = false
    this.#cr = false
  }
}

/** Removes one blank at the front of each line, which was put there for the way (RFC 3676 4.4). */
export class Unstuffed implements Decoder {
  readonly #out: Writer
  #startsLine = true

  constructor(give: Give, room: Buffer) {
    this.#out = new Writer(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (!(this.#startsLine && byte === SPACE)) this.#out.put(byte)
      this.#startsLine = byte === LF
    }
    this.#out.flush()
  }

  end(): void {}
}

/**
 * Replaces UTF-8 characters above U+00FF by their lowest byte, as readers do that keep text in single
 * bytes.
 */
export class LowBytes implements Decoder {
  readonly #give: Give
  readonly #decoder = new TextDecoder('utf-8')

  constructor(give: Give) {
    this.#give = give
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#put(this.#decoder.decode(bytes.subarray(from, to), { stream: true }))
  }

  end(): void {
    this.#put(this.#decoder.decode())
  }

  #put(text: string): void {
    // latin1 keeps the lowest byte of each UTF-16 code unit.
    if (text.length > 0) this.#give(Buffer.from(text, 'latin1'), text.length)
  }
}
