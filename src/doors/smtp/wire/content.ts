const NUL = 0
const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/**
 * The state of the reader: what it is behind, and what a lenient server would think of that.
 * Between chunks nothing else is known.
 */
const behind = {
  /** Within a line. */
  text: 0,
  /** A CR, of which the next byte tells whether it is one of CRLF. */
  cr: 1,
  /** CRLF, or the start: here a line begins for every server. */
  lineEnd: 2,
  /** A bare CR or LF, or NULs at the start of a line: here one begins for some servers. */
  bareEnd: 3,
  /** A dot that every server finds at the start of a line; it is no content. */
  dot: 4,
  /** The same dot and a CR behind it; neither was given out yet. */
  dotCr: 5,
} as const

export interface ContentReader {
  /**
   * Takes the next bytes, in any split, and gives out those that are content: with line ends as
   * they came, and without the dots of RFC 5321 4.5.2. Views of the chunk or copies, each valid
   * for as long as the chunk is.
   */
  push(chunk: Buffer): readonly Buffer[]
  /** Whether CRLF . CRLF has come: nothing else is the end. */
  readonly ended: boolean
  /** What came behind the end, in the chunk in which that was. */
  readonly rest: Buffer
  /** Whether a LF came without a CR before it. */
  readonly bareLf: boolean
  /** Whether a CR came without a LF behind it. */
  readonly bareCr: boolean
  /**
   * Whether a dot came that servers take for different things: at the start of a line by a
   * bare CR or LF, or behind NULs, or alone in a line that a bare CR or LF or a NUL ends. To one
   * server it is content, to another one the end of the message, with commands behind it (SMTP
   * smuggling), or it is taken out of a line.
   */
  readonly ambiguousDot: boolean
}

const held = Buffer.of(CR)

function indexOr(otherwise: number, bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from)
  return at < 0 ? otherwise : at
}

/** Reads what a client sends behind DATA. */
export function createContentReader(): ContentReader {
  let place: number = behind.lineEnd
  let ended = false
  let rest: Buffer = Buffer.alloc(0)
  let bareLf = false
  let bareCr = false
  let ambiguousDot = false

  return {
    push(chunk) {
      const content: Buffer[] = []
      const { length } = chunk
      let from = 0 // where the run begins that was not given out yet
      let at = 0
      let cr = -1
      let lf = -1
      let state = place
      const skipTo = (end: number, next: number) => {
        if (end > from) content.push(chunk.subarray(from, end))
        from = next
      }
      for (; at < length; at++) {
        const byte = chunk[at]!
        if (state === behind.text) {
          // On to the next line end at once: nothing between matters.
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
          content.push(held) // it stood at the end of the last run
          from = at
          state = behind.bareEnd
        }
        // At the start of a line, for all servers or for some.
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
      place = state
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
