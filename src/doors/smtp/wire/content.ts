const NUL = 0
const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/**
 * The state of the reader: what the next byte comes behind, and what a lenient server would take
 * that for. Nothing else is kept from one chunk to the next.
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
  /** A dot at the start of a line for every server; it is no content. */
  dot: 4,
  /** The same dot and a CR behind it, neither of which was given out yet. */
  dotCr: 5,
} as const

export interface ContentReader {
  /**
   * Takes the next bytes, in any split, and returns those that are content: with line ends as
   * they came, and without the dots of RFC 5321 4.5.2. The pieces are valid for as long as the
   * chunk is.
   */
  push(chunk: Buffer): readonly Buffer[]
  /** Whether CRLF . CRLF has come, which alone ends the content. */
  readonly ended: boolean
  /** The bytes behind the end, in the chunk that held it. */
  readonly rest: Buffer
  /** Whether a LF came without a CR before it. */
  readonly bareLf: boolean
  /** Whether a CR came without a LF behind it. */
  readonly bareCr: boolean
  /**
   * Whether a dot came that servers take for different things. It begins a line that follows a
   * bare CR or LF or NULs, or it stands alone in a line that ends in a bare CR or LF or a NUL. One
   * server takes it for content, another one removes it, and a third one ends the message there and
   * reads commands behind it (SMTP smuggling).
   */
  readonly ambiguousDot: boolean
}

const HELD_CR = Buffer.of(CR)

function indexOr(otherwise: number, bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from)
  return at < 0 ? otherwise : at
}

/** Reads what a client sends after DATA. */
export function createContentReader(): ContentReader {
  let lastState: number = behind.lineEnd
  let ended = false
  let rest: Buffer = Buffer.alloc(0)
  let bareLf = false
  let bareCr = false
  let ambiguousDot = false

  return {
    push(chunk) {
      const content: Buffer[] = []
      const { length } = chunk
      let from = 0 // start of the run that was not given out yet
      let at = 0
      let cr = -1
      let lf = -1
      let state = lastState
      const skipTo = (end: number, next: number) => {
        if (end > from) content.push(chunk.subarray(from, end))
        from = next
      }
      for (; at < length; at++) {
        const byte = chunk[at]!
        if (state === behind.text) {
          // Skip to the next CR or LF: nothing before it matters.
          if (cr < at) cr = indexOr(length, chunk, CR, at)
          if (lf < at) lf = indexOr(length, chunk, LF, at)
          at = Math.min(cr, lf)
          if (lf < cr) bareLf = true
          if (at < length) state = lf < cr ? behind.bareEnd : behind.cr
          continue
        }
        if (state === behind.cr) {
          if (byte === LF) {
            state = behind.lineEnd
            continue
          }
          bareCr = true
          state = behind.bareEnd
        } else if (state === behind.dot) {
          if (byte === CR) {
            skipTo(at, at + 1)
            state = behind.dotCr
            continue
          }
          if (byte === LF || byte === NUL) {
            ambiguousDot = true
            bareLf ||= byte === LF
            state = behind.bareEnd
          } else state = behind.text
          continue
        } else if (state === behind.dotCr) {
          if (byte === LF) {
            ended = true
            rest = chunk.subarray(at + 1)
            return content
          }
          ambiguousDot = true
          bareCr = true
          content.push(HELD_CR) // the CR was not given out with the last run
          from = at
          state = behind.bareEnd
        }
        // Here a line begins, for all servers or for some.
        if (byte === CR) state = behind.cr
        else if (byte === LF) {
          bareLf = true
          state = behind.bareEnd
        } else if (byte === NUL) state = behind.bareEnd
        else if (byte !== DOT) state = behind.text
        else if (state === behind.lineEnd) {
          skipTo(at, at + 1)
          state = behind.dot
        } else {
          ambiguousDot = true
          state = behind.text
        }
      }
      lastState = state
      skipTo(length, length)
      return content
    },
    get ended() {
      return ended
    },
    get rest() {
      return rest
    },
    get bareLf() {
      return bareLf
    },
    get bareCr() {
      return bareCr
    },
    get ambiguousDot() {
      return ambiguousDot
    },
  }
}
