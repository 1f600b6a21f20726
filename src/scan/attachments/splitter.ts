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
export function createPartSplitter(events: SplitterEvents): Sink {
  let around: Multipart[] = [] // the outermost first
  let content: Sink | undefined
  let inHeader = true
  let header: Buffer[] = []
  let headerLength = 0
  let held: Buffer[] = [] // of a line that has not ended
  let heldLength = 0
  let atLineStart = true

  function readHeader(): void {
    inHeader = false
    const isDigest = around.at(-1)?.type === 'multipart/digest'
    const read = readSafely(Buffer.concat(header), isDigest ? 'message/rfc822' : 'text/plain')
    header = []
    headerLength = 0
    const { type, boundary } = read
    const isTooDeep = boundary !== undefined && around.length >= DEPTH_MAX
    if (isTooDeep) events.defect(`multiparts nested more than ${DEPTH_MAX} deep`)
    events.part(read)
    if (boundary && !isTooDeep) around.push({ type, boundary, hasParts: false, closed: false })
    else content = events.content(read)
  }

  function endContent(): void {
    content?.end()
    content = undefined
  }

  /** True if the line is the delimiter of a multipart that it is in. */
  function isDelimiter(line: Buffer): boolean {
    const delimiter = readDelimiter(line)
    if (delimiter === undefined) return false
    for (let level = around.length - 1; level >= 0; level--) {
      const multipart = around[level]!
      const meaning = meaningOf(delimiter, multipart.boundary)
      if (meaning === undefined) continue
      if (around.slice(level + 1).some(({ closed }) => !closed)) {
        events.defect('a multipart inside another is not closed')
      }
      if (meaning === 'part' && multipart.closed) {
        events.defect('a part behind the end of its multipart')
      }
      if (meaning === 'end' && !multipart.hasParts) events.defect('a multipart without parts')
      if (inHeader && headerLength > 0) readHeader()
      endContent()
      around = around.slice(0, level + 1)
      inHeader = meaning === 'part'
      if (meaning === 'part') multipart.hasParts = true
      else multipart.closed = true
      return true
    }
    return false
  }

  /** A line of a header, or one of a content that may be a delimiter. */
  function takeLine(line: Buffer): void {
    atLineStart = line.at(-1) === LF
    if (inHeader && headerLength + line.length > HEADER_MAX) {
      events.defect(`a header of more than ${HEADER_MAX} bytes`)
      readHeader()
    }
    if (isDelimiter(line)) return
    if (!inHeader) content?.push(line)
    else if (line.equals(EMPTY_LF) || line.equals(EMPTY_CRLF)) readHeader()
    else {
      header.push(Buffer.from(line))
      headerLength += line.length
    }
  }

  /** Up to a line that may be a delimiter; where to go on. */
  function takeContent(bytes: Buffer, from: number): number {
    let to = from
    do {
      const lf = bytes.indexOf(LF, to)
      to = lf < 0 ? bytes.length : lf + 1
    } while (to < bytes.length && !mayDelimit(bytes[to]!))
    content?.push(bytes.subarray(from, to))
    atLineStart = bytes[to - 1] === LF
    return to
  }

  function heldLine(): Buffer {
    const line = Buffer.concat(held)
    held = []
    heldLength = 0
    return line
  }

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const isLine = heldLength > 0 || (atLineStart && mayDelimit(bytes[at]!))
        if (!inHeader && !isLine) {
          at = takeContent(bytes, at)
          continue
        }
        const lf = bytes.indexOf(LF, at)
        const end = lf < 0 ? bytes.length : lf + 1
        held.push(bytes.subarray(at, end))
        heldLength += end - at
        at = end
        if (lf >= 0 || heldLength > LINE_MAX) takeLine(heldLine())
        else held.push(Buffer.from(held.pop()!))
      }
    },
    end() {
      if (heldLength > 0) takeLine(heldLine())
      if (inHeader && headerLength > 0) readHeader()
      endContent()
      for (const { closed } of around) if (!closed) events.defect('a multipart is not closed')
    },
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
