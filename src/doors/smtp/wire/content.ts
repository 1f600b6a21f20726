const NUL = 0
const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/**
 * The state of the reader: what the next byte comes after. Nothing else is kept from one chunk to
 * the next.
 */
const behind = {
  /** Within a line. */
  text: 0,
  /** A CR; the next byte tells whether it belongs to a CRLF. */
  cr: 1,
  /** CRLF, or the start of the content: a line begins here for every server. */
  lineEnd: 2,
  /** A bare CR or LF, or NULs at the start of a line: a line begins here for some servers. */
  bareEnd: 3,
  /** A dot at the start of a line for every server; it is not content. */
  dot: 4,
  /** The same dot and a CR after it, neither of which was given out yet. */
  dotCr: 5,
} as const

const HELD_CR = Buffer.of(CR)

/** Reads what a client sends after DATA. */
export class ContentReader {
  #state: number = behind.lineEnd
  #isEnded = false
  #rest: Buffer = Buffer.alloc(0)
  #bare: 'CR' | 'LF' | undefined
  #hasHiddenDot = false

  /** Whether CRLF . CRLF has come, which alone ends the content. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The bytes after the end, in the chunk that held it. */
  get rest(): Buffer {
    return this.#rest
  }

  /** Which half of a CRLF came first without the other one, if one did. */
  get bare(): 'CR' | 'LF' | undefined {
    return this.#bare
  }

  /**
   * Whether a dot came after a bare CR or LF, or after NULs at the start of a line. One server
   * takes it for content, another one removes it, and a third one ends the message there and reads
   * commands after it (SMTP smuggling).
   */
  get hasHiddenDot(): boolean {
    return this.#hasHiddenDot
  }

  /**
   * Takes the next bytes, in any split, and returns those that are content: with line ends as
   * they came, and without the dots of RFC 5321 4.5.2. The pieces are valid for as long as the
   * chunk is.
   */
  push(chunk: Buffer): readonly Buffer[] {
    const content: Buffer[] = []
    const { length } = chunk
    let state = this.#state
    let from = 0 // start of the run that was not given out yet
    let cr = -1
    let lf = -1
    const skipTo = (end: number, next: number) => {
      if (end > from) content.push(chunk.subarray(from, end))
      from = next
    }
    for (let at = 0; at < length; at++) {
      if (state === behind.text) {
        // Skip to the next CR or LF: nothing before it matters.
        if (cr < at) cr = indexOr(length, chunk, CR, at)
        if (lf < at) lf = indexOr(length, chunk, LF, at)
        at = Math.min(cr, lf)
        if (at === length) break
      }
      const byte = chunk[at]!
      if (byte === LF && state === behind.dotCr) {
        this.#isEnded = true
        this.#rest = chunk.subarray(at + 1)
        return content
      }
      if (byte === LF) {
        if (state !== behind.cr) this.#bare ??= 'LF'
        state = state === behind.cr ? behind.lineEnd : behind.bareEnd
        continue
      }
      if (state === behind.cr || state === behind.dotCr) {
        this.#bare ??= 'CR'
        if (state === behind.dotCr) content.push(HELD_CR) // it was not given out with the last run
        state = behind.bareEnd
      }
      if (byte === CR && state === behind.dot) {
        from = at + 1
        state = behind.dotCr
      } else if (byte === CR) {
        state = behind.cr
      } else if (byte === NUL) {
        state = behind.bareEnd
      } else if (byte === DOT && state === behind.lineEnd) {
        skipTo(at, at + 1)
        state = behind.dot
      } else {
        this.#hasHiddenDot ||= byte === DOT && state === behind.bareEnd
        state = behind.text
      }
    }
    this.#state = state
    skipTo(length, length)
    return content
  }
}

function indexOr(otherwise: number, bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from)
  return at < 0 ? otherwise : at
}
