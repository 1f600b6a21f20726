import { BACKSLASH, CR, GREATER, LF, SPACE } from '../../../lib/bytes/ascii.ts'
import { LineSearch, withoutLineEnd } from '../../../lib/bytes/lines.ts'
import { ByteDecoder, type MakeDecoder, makerOf, type Write } from './decoder.ts'

const PERCENT = 0x25

/** How readers treat line ends, and a CR without a following LF. */
export interface LineEndMode {
  /** The replacement for line ends; `same`: they stay unchanged. */
  readonly to: 'lf' | 'crlf' | 'same'
  /** The meaning of a bare CR: itself, nothing, a line end, or a line end together with the byte after it. */
  readonly bareCr: 'itself' | 'nothing' | 'line end' | 'line end with the next'
}

/** Changes line ends according to the mode. */
class LineEnds extends ByteDecoder {
  readonly #mode: LineEndMode
  #cr = false

  constructor(write: Write, buffer: Buffer, mode: LineEndMode) {
    super(write, buffer)
    this.#mode = mode
  }

  /** Takes lines, of which only the ends change. */
  override push(bytes: Buffer, from: number, to: number): void {
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to; ) {
      const next = lines.any(at)
      const end = this.#cr ? at : withoutLineEnd(bytes, at, next)
      this.out.putAll(bytes, at, end)
      for (at = end; at < next; at++) this.take(bytes[at]!)
    }
    this.out.flush()
  }

  protected take(byte: number): void {
    const isBehindCr = this.#cr
    this.#cr = byte === CR
    if (byte === LF) this.#lineEnd(isBehindCr)
    else if (isBehindCr && this.#bareCr()) this.#cr = false
    else if (!this.#cr) this.out.put(byte)
  }

  protected override finish(): void {
    if (this.#cr) this.#bareCr()
  }

  /** Puts out what a bare CR becomes. Returns whether the byte after it belongs to it. */
  #bareCr(): boolean {
    const { bareCr } = this.#mode
    if (bareCr === 'itself') this.out.put(CR)
    else if (bareCr !== 'nothing') this.#lineEnd(false)
    return bareCr === 'line end with the next'
  }

  #lineEnd(hasCr: boolean): void {
    const { to } = this.#mode
    if (to === 'crlf' || (to === 'same' && hasCr)) this.out.put(CR)
    this.out.put(LF)
  }
}

/** Removes NULs, as some readers do. */
class WithoutNuls extends ByteDecoder {
  protected take(byte: number): void {
    if (byte !== 0) this.out.put(byte)
  }
}

/** Joins lines: their ends are removed. */
class JoinedLines extends ByteDecoder {
  protected take(byte: number): void {
    if (byte !== CR && byte !== LF) this.out.put(byte)
  }
}

/** Cuts each line at its first NUL, with its line end, because programs in C read no further. */
class WithoutTails extends ByteDecoder {
  #inTail = false

  protected take(byte: number): void {
    if (this.#inTail) this.#inTail = byte !== LF
    else if (byte === 0) this.#inTail = true
    else this.out.put(byte)
  }
}

/**
 * Joins each line that ends in a blank to the next line, without the blank (RFC 3676, DelSp=yes).
 * Quote marks and one blank are removed at the front of a line.
 */
class Unflowed extends ByteDecoder {
  #blank = false
  #cr = false
  /** Whether this line contains only quote marks until now. */
  #front = true

  protected take(byte: number): void {
    if (this.#front) {
      if (byte === GREATER) return
      this.#front = false
      if (byte === SPACE) return
    }
    this.#front = byte === LF
    if (this.#blank && byte === LF) {
      this.#blank = false
      this.#cr = false
      return
    }
    if (this.#blank && byte === CR && !this.#cr) {
      this.#cr = true
      return
    }
    this.finish()
    if (byte === SPACE) this.#blank = true
    else this.out.put(byte)
  }

  protected override finish(): void {
    if (this.#blank) this.out.put(SPACE)
    if (this.#cr) this.out.put(CR)
    this.#blank = false
    this.#cr = false
  }
}

/** Removes one blank at the front of each line, which was put there for the way (RFC 3676 4.4). */
class Unstuffed extends ByteDecoder {
  #startsLine = true

  protected take(byte: number): void {
    if (!(this.#startsLine && byte === SPACE)) this.out.put(byte)
    this.#startsLine = byte === LF
  }
}

/** Removes backslashes, and the letters of line ends after them (RFC 6350 3.4). */
class Unescaped extends ByteDecoder {
  #isEscaped = false

  protected take(byte: number): void {
    const isLineEnd = this.#isEscaped && 'nNrR'.includes(String.fromCharCode(byte))
    this.#isEscaped = byte === BACKSLASH && !this.#isEscaped
    if (byte !== BACKSLASH && !isLineEnd) this.out.put(byte)
  }
}

/** Decodes `%` and two hexadecimal digits (RFC 3986 2.1). Any other `%` stays unchanged. */
class Unpercented extends ByteDecoder {
  #held = ''

  protected take(byte: number): void {
    if (this.#held === '' && byte !== PERCENT) {
      this.out.put(byte)
      return
    }
    if (byte === PERCENT) this.finish()
    this.#held += String.fromCharCode(byte)
    if (/^%[0-9a-f]{2}$/i.test(this.#held)) {
      this.out.put(Number.parseInt(this.#held.slice(1), 16))
      this.#held = ''
    } else if (!/^%[0-9a-f]?$/i.test(this.#held)) this.finish()
  }

  protected override finish(): void {
    for (const character of this.#held) this.out.put(character.charCodeAt(0))
    this.#held = ''
  }
}

export function lineEnds(mode: LineEndMode): MakeDecoder {
  return makerOf(LineEnds, mode)
}
export const joinedLines = makerOf(JoinedLines)
export const withoutNuls = makerOf(WithoutNuls)
export const withoutTails = makerOf(WithoutTails)
export const unflowed = makerOf(Unflowed)
export const unstuffed = makerOf(Unstuffed)
export const unescaped = makerOf(Unescaped)
export const unpercented = makerOf(Unpercented)
