import { errorText } from '../../runtime/fault.ts'
import { type PartHeader, readPartHeader } from './part-header.ts'

/** Bytes of the longest header of a part. What comes behind them counts as content. */
export const HEADER_MAX = 1024 * 1024

/** Multiparts inside one another in one message. */
export const DEPTH_MAX = 20

/** Bytes of a line that may be a delimiter: a longer one is content. */
const LINE_MAX = HEADER_MAX

/** Takes bytes in any split; each piece only until `push` returns. */
export interface Sink {
  push(bytes: Buffer): void
  end(): void
}

export interface SplitterEvents {
  /** A header was read, of the message itself or of a part. */
  part(header: PartHeader): void
  /** Takes the content of a part that is no multipart, as it stands. */
  content(header: PartHeader): Sink
  /** Readers of mail may disagree about the structure. */
  defect(why: string): void
}

interface Multipart {
  readonly type: string
  readonly boundary: Buffer
  hasParts: boolean
  closed: boolean
}

/**
 * Takes a message apart into its parts (RFC 2046 5.1), in constant memory. Blanks behind a
 * boundary are ignored, and a part ends at the boundary of any multipart around it, closed
 * ones among them: otherwise one missing line would hide all parts that follow.
 */
export class PartSplitter implements Sink {
  readonly #events: SplitterEvents
  #around: Multipart[] = [] // the outermost first
  #content: Sink | undefined
  #inHeader = true
  #header: Buffer[] = []
  #headerLength = 0
  #held: Buffer[] = [] // of a line that has not ended
  #heldLength = 0
  #atLineStart = true

  constructor(events: SplitterEvents) {
    this.#events = events
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const isLine = this.#heldLength > 0 || (this.#atLineStart && mayDelimit(bytes[at]!))
      if (!this.#inHeader && !isLine) {
        at = this.#takeContent(bytes, at)
        continue
      }
      const lf = bytes.indexOf(LF, at)
      const end = lf < 0 ? bytes.length : lf + 1
      this.#held.push(bytes.subarray(at, end))
      this.#heldLength += end - at
      at = end
      if (lf >= 0 || this.#heldLength > LINE_MAX) this.#takeLine(this.#heldLine())
      else this.#held.push(Buffer.from(this.#held.pop()!))
    }
  }

  end(): void {
    if (this.#heldLength > 0) this.#takeLine(this.#heldLine())
    if (this.#inHeader && this.#headerLength > 0) this.#readHeader()
    this.#endContent()
    for (const { closed } of this.#around) {
      if (!closed) this.#events.defect('a multipart is not closed')
    }
  }

  #readHeader(): void {
    this.#inHeader = false
    const isDigest = this.#around.at(-1)?.type === 'multipart/digest'
    const read = readSafely(Buffer.concat(this.#header), isDigest ? 'message/rfc822' : 'text/plain')
    this.#header = []
    this.#headerLength = 0
    const { type, boundary } = read
    const isTooDeep = boundary !== undefined && this.#around.length >= DEPTH_MAX
    if (isTooDeep) this.#events.defect(`multiparts nested more than ${DEPTH_MAX} deep`)
    this.#events.part(read)
    if (boundary && !isTooDeep) {
      this.#around.push({ type, boundary, hasParts: false, closed: false })
    } else {
      this.#content = this.#events.content(read)
    }
  }

  #endContent(): void {
    this.#content?.end()
    this.#content = undefined
  }

  /** True if the line is the delimiter of a multipart that it is in. */
  #isDelimiter(line: Buffer): boolean {
    const delimiter = readDelimiter(line)
    if (delimiter === undefined) return false
    for (let level = this.#around.length - 1; level >= 0; level--) {
      const multipart = this.#around[level]!
      const meaning = meaningOf(delimiter, multipart.boundary)
      if (meaning === undefined) continue
      if (this.#around.slice(level + 1).some(({ closed }) => !closed)) {
        this.#events.defect('a multipart inside another is not closed')
      }
      if (meaning === 'part' && multipart.closed) {
        this.#events.defect('a part behind the end of its multipart')
      }
      if (meaning === 'end' && !multipart.hasParts) this.#events.defect('a multipart without parts')
      if (this.#inHeader && this.#headerLength > 0) this.#readHeader()
      this.#endContent()
      this.#around = this.#around.slice(0, level + 1)
      this.#inHeader = meaning === 'part'
      if (meaning === 'part') multipart.hasParts = true
      else multipart.closed = true
      return true
    }
    return false
  }

  /** A line of a header, or one of a content that may be a delimiter. */
  #takeLine(line: Buffer): void {
    this.#atLineStart = line.at(-1) === LF
    if (this.#inHeader && this.#headerLength + line.length > HEADER_MAX) {
      this.#events.defect(`a header of more than ${HEADER_MAX} bytes`)
      this.#readHeader()
    }
    if (this.#isDelimiter(line)) return
    if (!this.#inHeader) this.#content?.push(line)
    else if (line.equals(EMPTY_LF) || line.equals(EMPTY_CRLF)) this.#readHeader()
    else {
      this.#header.push(Buffer.from(line))
      this.#headerLength += line.length
    }
  }

  /** Up to a line that may be a delimiter; where to go on. */
  #takeContent(bytes: Buffer, from: number): number {
    let to = from
    do {
      const lf = bytes.indexOf(LF, to)
      to = lf < 0 ? bytes.length : lf + 1
    } while (to < bytes.length && !mayDelimit(bytes[to]!))
    this.#content?.push(bytes.subarray(from, to))
    this.#atLineStart = bytes[to - 1] === LF
    return to
  }

  #heldLine(): Buffer {
    const line = Buffer.concat(this.#held)
    this.#held = []
    this.#heldLength = 0
    return line
  }
}

/** What nobody thought of in a header is a defect of the mail, too. */
function readSafely(block: Buffer, defaultType: string): PartHeader {
  try {
    return readPartHeader(block, defaultType)
  } catch (error) {
    return {
      type: defaultType,
      types: [defaultType],
      names: [],
      boundary: undefined,
      encoding: 'unknown',
      defects: [`a header that cannot be read: ${errorText(error)}`],
    }
  }
}

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d
const EMPTY_LF = Buffer.from('\n')
const EMPTY_CRLF = Buffer.from('\r\n')

/** Some readers end a line at a bare CR: so one may stand before the dashes. */
function mayDelimit(first: number): boolean {
  return first === DASH || first === CR
}

/** The line without its dashes, its end and the blanks before it, if it begins as a delimiter does. */
function readDelimiter(line: Buffer): Buffer | undefined {
  const from = line[0] === CR ? 1 : 0
  if (line[from] !== DASH || line[from + 1] !== DASH) return undefined
  let to = line.length
  while (to > from + 2 && isBlank(line[to - 1]!)) to--
  return line.subarray(from + 2, to)
}

function isBlank(byte: number): boolean {
  return byte === CR || byte === LF || byte === 0x20 || byte === 0x09
}

/** Whether it opens a part or closes the multipart. */
function meaningOf(delimiter: Buffer, boundary: Buffer): 'part' | 'end' | undefined {
  if (delimiter.equals(boundary)) return 'part'
  const closes =
    delimiter.length === boundary.length + 2 &&
    delimiter.subarray(0, boundary.length).equals(boundary) &&
    delimiter[boundary.length] === DASH &&
    delimiter[boundary.length + 1] === DASH
  return closes ? 'end' : undefined
}
