const LF = 0x0a
const CR = 0x0d

/** A line without its end, which is CRLF or LF alone, in memory of its own. */
export type SmtpLine =
  | { readonly kind: 'line'; readonly bytes: Buffer }
  /** The line had more bytes than are allowed; they were dropped. */
  | { readonly kind: 'too-long' }

export interface LineReader {
  /** Takes the next bytes, in any split; they must not be changed afterwards. */
  push(chunk: Buffer): void
  /** Returns the next whole line, or undefined until more bytes come. */
  next(): SmtpLine | undefined
  /** Takes a chunk of the bytes that no line was made of; undefined if there are none. */
  take(): Buffer | undefined
  /** Puts bytes back in front of all others. */
  giveBack(bytes: Buffer): void
  /** Bytes that wait, those of a line that has not ended included. */
  readonly pending: number
  /** Bytes so far of a line that has not ended, dropped ones included. */
  readonly unended: number
}

/** Reads lines of up to `lengthMax` bytes; of a longer line nothing is kept. */
export function createLineReader(lengthMax: number): LineReader {
  const chunks: Buffer[] = []
  /** The beginning of a line that came in several chunks. */
  let begun: Buffer[] = []
  let begunLength = 0
  let tooLong = false

  function keep(piece: Buffer): void {
    begunLength += piece.length
    tooLong ||= begunLength > lengthMax + 1 // its CR may be among them
    if (tooLong) begun = []
    else if (piece.length > 0) begun.push(Buffer.from(piece))
  }

  function finish(piece: Buffer): SmtpLine {
    keep(piece)
    const whole = begun.length === 1 ? begun[0]! : Buffer.concat(begun)
    const long = tooLong
    begun = []
    begunLength = 0
    tooLong = false
    const bytes = whole[whole.length - 1] === CR ? whole.subarray(0, -1) : whole
    return long || bytes.length > lengthMax ? { kind: 'too-long' } : { kind: 'line', bytes }
  }

  return {
    push(chunk) {
      if (chunk.length > 0) chunks.push(chunk)
    },
    next() {
      for (let chunk = chunks[0]; chunk !== undefined; chunk = chunks[0]) {
        const lf = chunk.indexOf(LF)
        if (lf < 0) {
          keep(chunk)
          chunks.shift()
          continue
        }
        if (lf + 1 === chunk.length) chunks.shift()
        else chunks[0] = chunk.subarray(lf + 1)
        return finish(chunk.subarray(0, lf))
      }
      return undefined
    },
    take: () => chunks.shift(),
    giveBack(bytes) {
      if (bytes.length > 0) chunks.unshift(bytes)
    },
    get pending() {
      return chunks.reduce((sum, chunk) => sum + chunk.length, begunLength)
    },
    get unended() {
      return begunLength
    },
  }
}
