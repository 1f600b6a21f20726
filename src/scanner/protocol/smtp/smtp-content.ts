import { CR, LF, NUL } from '../../../base/bytes/ascii.ts'
import { copyRun, indexOfByte } from '../../../base/bytes/buffers.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'

const DOT = 0x2e

/** The state of the reader: what the next byte follows. No other state is kept from one chunk to the next. */
const behind = {
  /** Within a line. */
  text: 0,
  /** A CR. The next byte shows whether it belongs to a CRLF. */
  cr: 1,
  /** CRLF, or the start of the content: a line begins here for every server. */
  lineEnd: 2,
  /** A bare CR or LF, or NULs at the start of a line: a line begins here for some servers. */
  bareEnd: 3,
  /** A dot at the start of a line for every server. It is not content. */
  dot: 4,
  /** A dot at the start of a line and a CR after it, neither of which was given out yet. */
  dotCr: 5,
} as const

const HELD_CR = Buffer.of(CR)
const NOTHING = Buffer.alloc(0)

/** Reads what a client sends after DATA. */
export class ContentReader {
  #state: number = behind.lineEnd
  #isEnded = false
  #rest: Buffer = NOTHING
  #bare: 'CR' | 'LF' | undefined
  #hasHiddenDot = false

  /** Whether CRLF . CRLF has been received, which alone ends the content. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The bytes after the end, in the chunk that contained it. */
  get rest(): Buffer {
    return this.#rest
  }

  /** Which half of a CRLF occurred first without the other one, if any. */
  get bare(): 'CR' | 'LF' | undefined {
    return this.#bare
  }

  /**
   * Whether a dot followed a bare CR or LF, or NULs at the start of a line. One server takes it for content,
   * another one removes it, and a third one ends the message there and reads commands after it (SMTP
   * smuggling).
   */
  get hasHiddenDot(): boolean {
    return this.#hasHiddenDot
  }

  /**
   * Takes the next bytes, in any split, and returns their content: with unchanged line ends, and without the
   * dots of RFC 5321 4.5.2. The result is valid for as long as the chunk is.
   */
  push(chunk: Buffer): Buffer {
    const { length } = chunk
    const kept = new KeptBytes(chunk)
    let state = this.#state
    let cr = -1
    let lf = -1
    for (let at = 0; at < length; at++) {
      if (state === behind.text) {
        // Skip to the next CR or LF: nothing before it matters.
        if (cr < at) cr = indexOrEnd(chunk, CR, at)
        if (lf < at) lf = indexOrEnd(chunk, LF, at)
        at = Math.min(cr, lf)
        if (at === length) break
      }
      const byte = chunk[at]
      if (byte === LF && state === behind.dotCr) {
        this.#isEnded = true
        this.#rest = chunk.subarray(at + 1)
        return kept.upTo(Math.max(at - 1, 0)) // without the CR, if that is in this chunk
      }
      if (byte === LF) {
        if (state !== behind.cr) this.#bare ??= 'LF'
        state = state === behind.cr ? behind.lineEnd : behind.bareEnd
        continue
      }
      if (state === behind.cr || state === behind.dotCr) {
        this.#bare ??= 'CR'
        if (state === behind.dotCr && at === 0) kept.begin(HELD_CR) // of the last chunk
        state = behind.bareEnd
      }
      if (byte === CR) {
        state = state === behind.dot ? behind.dotCr : behind.cr
      } else if (byte === NUL) {
        state = behind.bareEnd
      } else if (byte === DOT && state === behind.lineEnd) {
        kept.leaveOut(at)
        state = behind.dot
      } else {
        this.#hasHiddenDot ||= byte === DOT && state === behind.bareEnd
        state = behind.text
      }
    }
    this.#state = state
    return kept.upTo(state === behind.dotCr ? length - 1 : length)
  }
}

/** The kept bytes of a chunk: the chunk itself, or one copy, regardless of how many bytes are removed. */
class KeptBytes {
  readonly #chunk: Buffer
  #copy: Buffer | undefined
  #length = 0 // of the copy
  #from = 0 // the start of what was not copied yet

  constructor(chunk: Buffer) {
    this.#chunk = chunk
  }

  /** Puts a byte before the first one. */
  begin(byte: Buffer): void {
    this.#copy = this.#newCopy()
    this.#length = byte.copy(this.#copy)
  }

  /** Removes the byte at this index. */
  leaveOut(index: number): void {
    this.#copy ??= this.#newCopy()
    this.#copyUpTo(this.#copy, index)
    this.#from = index + 1
  }

  /** Returns the kept bytes up to this index. */
  upTo(end: number): Buffer {
    if (this.#copy === undefined) return this.#chunk.subarray(0, end)
    this.#copyUpTo(this.#copy, end)
    return this.#copy.subarray(0, this.#length)
  }

  #newCopy(): Buffer {
    return Buffer.allocUnsafe(this.#chunk.length + HELD_CR.length)
  }

  #copyUpTo(copy: Buffer, end: number): void {
    this.#length += copyRun(this.#chunk, copy, this.#length, this.#from, end)
  }
}

/** Bytes that are converted at a time. The result may be twice as large. */
export const PIECE_MAX = 64 * 1024

const END = Buffer.from('.\r\n')
const UNENDED = Buffer.from('\r\n.\r\n')
const CR_DOT = Buffer.from('\r.')

/**
 * Converts a message whose lines end in LF, in any split, to the form that is sent after DATA. Lines end in
 * CRLF there, and one that begins with a dot gets another dot before it (RFC 5321 4.5.2). Throws a WireError
 * for a dot after a bare CR, which servers interpret differently.
 */
export class Stuffing {
  #last = LF

  /**
   * Returns the bytes as they are sent, in memory of their own. Takes at most PIECE_MAX bytes at a
   * time.
   */
  push(piece: Buffer): Buffer {
    if (piece.length === 0) return piece
    if (piece.includes(CR_DOT) || (piece[0] === DOT && this.#last === CR)) {
      throw new WireError('a dot after a bare CR')
    }
    const out = Buffer.allocUnsafe(piece.length + this.#added(piece))
    let length = 0
    let from = 0
    const startLine = () => {
      if (piece[from] === DOT) out[length++] = DOT
    }
    if (this.#last === LF) startLine()
    for (let lf = indexOfByte(piece, LF, 0); lf >= 0; lf = indexOfByte(piece, LF, from)) {
      length += copyRun(piece, out, length, from, lf)
      out[length++] = CR
      out[length++] = LF
      from = lf + 1
      startLine()
    }
    copyRun(piece, out, length, from)
    this.#last = piece[piece.length - 1]!
    return out
  }

  /** Returns the bytes that end the content. */
  finish(): Buffer {
    return this.#last === LF ? END : UNENDED
  }

  /** Returns how many CRs and dots are put into a piece. */
  #added(piece: Buffer): number {
    let count = piece[0] === DOT && this.#last === LF ? 1 : 0
    for (let at = indexOfByte(piece, LF, 0); at >= 0; at = indexOfByte(piece, LF, at + 1)) {
      count += piece[at + 1] === DOT ? 2 : 1
    }
    return count
  }
}
