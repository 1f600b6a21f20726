const NUL = 0
const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/**
 * Where the reader stands: behind which byte, and what a lenient server would think of that.
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
  /** That dot and a CR, which were not given out yet. */
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

/** Reads what a client sends behind DATA. */
export function createContentReader(): ContentReader {
  let place: number = behind.lineEnd
  let ended = false
  let rest: Buffer = Buffer.alloc(0)
  let bareLf = false
  let bareCr = false
  let ambiguousDot = false

  /** Where the next line begins for whom, behind an LF that is given out. */
  function afterLf(afterCr: boolean): number {
    if (afterCr) return behind.lineEnd
    bareLf = true
    return behind.bareEnd
  }

  return {
    push(chunk) {
      const content: Buffer[] = []
      let from = 0 // where the run begins that was not given out yet
      const skipTo = (at: number, next: number) => {
        if (at > from) content.push(chunk.subarray(from, at))
        from = next
      }
      const { length } = chunk
      for (let at = 0; at < length; at++) {
        const byte = chunk[at]!
        if (place === behind.text) {
          if (byte === CR) place = behind.cr
          else if (byte === LF) place = afterLf(false)
          continue
        }
        if (place === behind.dotCr) {
          if (byte === LF) {
            ended = true
            rest = chunk.subarray(at + 1)
            return content
          }
          ambiguousDot = true
          content.push(held) // it stood at the end of the last run
          from = at
          place = behind.cr
        }
        switch (place) {
          case behind.cr:
            if (byte === LF) {
              place = behind.lineEnd
              continue
            }
            bareCr = true
            place = behind.bareEnd
            break
          case behind.dot:
            if (byte === CR) {
              skipTo(at, at + 1)
              place = behind.dotCr
              continue
            }
            ambiguousDot ||= byte === LF || byte === NUL
            if (byte === DOT) {
              place = behind.text
              continue
            }
            place = byte === NUL ? behind.bareEnd : behind.text
            if (byte === LF) place = afterLf(false)
            continue
        }
        // At the start of a line, for all servers or for some.
        if (byte === CR) place = behind.cr
        else if (byte === LF) place = afterLf(false)
        else if (byte === NUL) place = behind.bareEnd
        else if (byte !== DOT) place = behind.text
        else if (place === behind.lineEnd) {
          skipTo(at, at + 1)
          place = behind.dot
        } else {
          ambiguousDot = true
          place = behind.text
        }
      }
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
