import type { Decoder, Give } from './decoders/decoder.ts'
import { CR, LF, SPACE, TAB } from './shared/lines.ts'

const QUOTE = 0x3e

/** What it knows of the bytes that passed. */
export interface TextLook {
  /** Nothing but printable characters, of 8 bits, and line ends. */
  isText: boolean
  lf: boolean
  crlf: boolean
}

export function newTextLook(): TextLook {
  return { isText: true, lf: false, crlf: false }
}

/**
 * Takes bytes, in any split, and sees what they are. Linear.
 */
export function lookAtText(
  look: TextLook,
  bytes: Buffer,
  from: number,
  to: number,
  last: number,
): number {
  let before = last
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte < SPACE) {
      if (byte === LF) {
        if (before === CR) look.crlf = true
        else look.lf = true
      } else if (byte !== TAB && byte !== CR && byte !== 0x0c) look.isText = false
      if (before === CR && byte !== LF) look.isText = false
    } else if (before === CR) look.isText = false
    before = byte
  }
  return before
}

/** First characters by which what is text may be a file: HTML, PDF, PostScript, RTF, a script. */
export function mayBeginFile(byte: number): boolean {
  return '<%{#!@['.includes(String.fromCharCode(byte))
}

/** Lines that end in CR LF end in LF, or the other way round. */
export class LineEnds implements Decoder {
  readonly #give: Give
  readonly #room: Buffer
  readonly #to: 'lf' | 'crlf'
  #length = 0
  #cr = false

  constructor(give: Give, room: Buffer, to: 'lf' | 'crlf') {
    this.#give = give
    this.#room = room
    this.#to = to
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (this.#cr && byte !== LF) this.#put(CR)
      this.#cr = byte === CR
      if (this.#cr) continue
      if (byte === LF && this.#to === 'crlf') this.#put(CR)
      this.#put(byte)
    }
    this.#flush()
  }

  end(): void {
    if (this.#cr) this.#put(CR)
    this.#flush()
  }

  #put(byte: number): void {
    if (this.#length === this.#room.length) this.#flush()
    this.#room[this.#length++] = byte
  }

  #flush(): void {
    if (this.#length > 0) this.#give(this.#room, this.#length)
    this.#length = 0
  }
}

/** Without any CR, for readers that drop what they decode as one. */
export class WithoutCrs implements Decoder {
  readonly #give: Give
  readonly #room: Buffer

  constructor(give: Give, room: Buffer) {
    this.#give = give
    this.#room = room
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      let length = 0
      for (; at < to && length < this.#room.length; at++) {
        if (bytes[at] !== CR) this.#room[length++] = bytes[at]!
      }
      if (length > 0) this.#give(this.#room, length)
    }
  }

  end(): void {}
}

/**
 * Lines that end in a blank go on with the next one, and the blank goes (RFC 3676, DelSp=yes);
 * marks of quoting and one blank at the front of a line go, too.
 */
export class Unflowed implements Decoder {
  readonly #give: Give
  readonly #room: Buffer
  #length = 0
  #blank = false
  #cr = false
  /** At the front of a line, behind marks of quoting. */
  #front = true

  constructor(give: Give, room: Buffer) {
    this.#give = give
    this.#room = room
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
      this.#held()
      if (byte === SPACE) this.#blank = true
      else this.#put(byte)
    }
    this.#flush()
  }

  end(): void {
    this.#held()
    this.#flush()
  }

  #held(): void {
    if (this.#blank) this.#put(SPACE)
    if (this.#cr) this.#put(CR)
    this.#blank = false
    this.#cr = false
  }

  #put(byte: number): void {
    if (this.#length === this.#room.length) this.#flush()
    this.#room[this.#length++] = byte
  }

  #flush(): void {
    if (this.#length > 0) this.#give(this.#room, this.#length)
    this.#length = 0
  }
}

/** Characters of UTF-8 above U+00FF as their lowest byte, as readers take them that have text for bytes. */
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
    // latin1 keeps the lowest byte of each UTF-16 code.
    if (text.length > 0) this.#give(Buffer.from(text, 'latin1'), text.length)
  }
}
