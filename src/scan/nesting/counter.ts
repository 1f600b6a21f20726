import { createContainers, type Depth } from './containers.ts'
import {
  createDeclarationReader,
  type Declaration,
  type DeclarationReader,
  saysNothing,
} from './declaration.ts'
import { createDecoder } from './decoding.ts'
import { type Reading, readDecoded, readDecodedMail } from './encoded.ts'

export interface NestingCounter {
  /** Takes the next bytes of the message, in any split. */
  push(bytes: Buffer): void
  /** More is nested than the limit allows. */
  readonly isOver: boolean
  /** Nothing that follows can change `isOver`. */
  readonly isSettled: boolean
}

/** Bytes of a line that are looked at. */
const LINE_MAX = 64 * 1024
/** Readings of one message at a time: as it stands, and of encoded content inside it. */
const READINGS_MAX = 50

/**
 * Looks whether more than `limit` messages stand inside one another, or more than `limit`
 * multiparts in one of them; constant memory, time linear in the size.
 *
 * libclamav takes a message apart from outside, as all readers do: what stands between two
 * delimiters of a multipart belongs to that part, whatever is open inside it. So a delimiter
 * closes what was opened inside, if all readers must see it as one: an ordinary boundary,
 * announced by the only Content-Type of a header that was found in the same way. All else can
 * only add: a header with two types, a boundary that can be read in two ways, a delimiter in
 * the midst of a header. What stands in the text of a part is nobody's header.
 */
export function createNestingCounter(limit: number): NestingCounter {
  const count: Count = { limit, readings: 0, isOver: false }
  return createReading(count, { levels: 0, messages: 0 })
}

/** What all readings of one message have in common. */
interface Count {
  readonly limit: number
  readings: number
  isOver: boolean
}

interface Head {
  readonly lines: DeclarationReader
  /** All readers see a header here. */
  plain: boolean
  isEmpty: boolean
  /** The last line ended so. */
  crlf: boolean
  /** Open around the part that it is the header of. */
  readonly around: number
}

/** Encoded content of a part that stands in `part` containers. */
interface Encoded {
  readonly part: number
  readonly content: Reading
}

function createReading(count: Count, around: Depth): Reading & NestingCounter {
  const containers = createContainers(around)
  const line = createLine()
  let state: 'header' | 'behind header' | 'text' = 'header'
  let atLineStart = true
  let head = newHead(true)
  let encoded: Encoded[] = []
  // Of what is being pushed, for the readings of encoded content: given to them at once.
  let passing: Buffer | undefined
  let passFrom = 0
  let passTo = 0
  if (++count.readings > READINGS_MAX) count.isOver = true

  function newHead(plain: boolean): Head {
    const lines = createDeclarationReader()
    return { lines, plain, isEmpty: true, crlf: false, around: containers.length }
  }

  function startHeader(plain: boolean): void {
    head = newHead(plain)
    state = 'header'
  }

  /** The header is over, and what it announced begins. */
  function endHeader(plain: boolean): void {
    const said = head.lines.read()
    const { depth, top } = containers
    const part = containers.length
    const isMessage = said.message || (top?.digest === true && !said.saysType)
    const isPlain = plain && (said.plain || !said.saysType)
    if (said.multipart) {
      open('multipart', { levels: depth.levels + 1, messages: depth.messages }, isPlain, said)
    }
    const isFile = isMessage && isPlain && top?.kind === 'multipart'
    if (isMessage) {
      const { levels } = containers.depth
      open(
        'message',
        { levels: isFile ? 0 : levels + 1, messages: depth.messages + 1 },
        isPlain,
        said,
      )
    }
    flush()
    for (const encoding of said.encodings) {
      const decode = createDecoder(encoding)
      const file = { levels: 0, messages: depth.messages + 1 }
      const read = (around: Depth) => createReading(count, around)
      if (said.multipart || (isMessage && !isFile)) {
        const content = read(depth)
        content.push(Buffer.from(`${said.withoutEncoding}\n`, 'latin1'))
        encoded.push({ part, content: readDecoded(decode, content) })
      } else if (isMessage) encoded.push({ part, content: readDecoded(decode, read(file)) })
      else encoded.push({ part, content: readDecodedMail(decode, () => read(file)) })
    }
    if (isMessage) startHeader(isPlain)
    else state = 'text'
    atLineStart = true
  }

  function open(
    kind: 'multipart' | 'message',
    depth: Depth,
    isPlain: boolean,
    { boundary, digest }: Declaration,
  ): void {
    const isMultipart = kind === 'multipart'
    const { levels, messages } = depth
    containers.push({
      kind,
      levels,
      messages,
      boundary: isPlain && isMultipart ? boundary : undefined,
      digest: isMultipart && digest,
    })
    if (Math.max(levels, messages) > count.limit) count.isOver = true
    if (containers.length > 3 * count.limit) count.isOver = true
  }

  function endEncoded(upTo: number): void {
    if (encoded.length === 0) return
    flush()
    for (const { part, content } of encoded) if (part > upTo) content.end()
    encoded = encoded.filter(({ part }) => part <= upTo)
  }

  function pass(bytes: Buffer, from: number, to: number): void {
    if (encoded.length === 0) return
    if (passing !== bytes || passTo !== from) {
      flush()
      passing = bytes
      passFrom = from
    }
    passTo = to
  }

  function flush(): void {
    if (passing === undefined) return
    const bytes = passing.subarray(passFrom, passTo)
    passing = undefined
    for (const { content } of encoded) content.push(bytes)
  }

  /** Returns whether the line was a delimiter to anybody. */
  function takeDelimiter(text: string): boolean {
    const inHeader = state === 'header'
    // Who takes the header to have ended before is in its content already.
    if (inHeader && !head.isEmpty && head.lines.read().multipart) endHeader(false)
    const delimiter = containers.delimiterIn(text)
    if (delimiter === undefined) return false
    if (!delimiter.sure) {
      if (state === 'header' && !head.plain && head.isEmpty) return true
      if (state === 'header' && head.lines.read().saysType) endHeader(false)
      startHeader(false)
      return true
    }
    const { index, closes } = delimiter
    const isOwn = inHeader && index === head.around - 1
    if (isOwn && (containers.length > head.around || head.lines.read().saysType)) {
      // To libclamav the header goes on; to others a part without content ended.
      if (state === 'header') endHeader(false)
      startHeader(false)
      return true
    }
    containers.cut(index + 1)
    endEncoded(index)
    if (!closes || isOwn) startHeader(!isOwn || head.plain)
    else {
      state = 'text'
      atLineStart = true
    }
    return true
  }

  function takeHeaderLine(text: string, cut: boolean): void {
    if (text.startsWith('--') && takeDelimiter(text)) return
    if (state !== 'header') return // its delimiter was none of ours
    if (text === '\n' || (text === '\r\n' && (head.isEmpty || head.crlf))) {
      if (!head.isEmpty) state = 'behind header'
      return
    }
    head.isEmpty = false
    head.crlf = text.endsWith('\r\n')
    head.lines.add(text, cut)
  }

  /** The line behind an empty one: clamd goes on in the header where it looks like a field. */
  function takeFirstLine(): void {
    const bytes = line.take()
    const text = bytes.toString('latin1')
    if (/^(?:content|filename=)|base64/i.test(text)) {
      state = 'header'
      head.plain = false
    } else endHeader(head.plain)
    push(bytes)
  }

  function takeLine(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(LF, from)
    const end = lf < 0 ? bytes.length : lf + 1
    if (state !== 'behind header') pass(bytes, from, end)
    if (state === 'header' && lf >= 0 && line.length === 0 && saysNothing(bytes, from, end)) {
      head.isEmpty = false
      head.crlf = bytes[lf - 1] === CR
      head.lines.pass()
      return end
    }
    const piece = bytes.subarray(from, end)
    if (state !== 'behind header' && lf >= 0 && line.length === 0) {
      takeWhole(piece.toString('latin1', 0, LINE_MAX), piece.length > LINE_MAX)
      return end
    }
    line.add(piece)
    if (state === 'behind header') {
      if (lf >= 0 || line.length >= FIRST_MAX) takeFirstLine()
      return end
    }
    if (lf < 0) return end
    const cut = line.length > LINE_MAX
    takeWhole(line.take().toString('latin1'), cut)
    return end
  }

  function takeWhole(text: string, cut: boolean): void {
    if (state === 'header') takeHeaderLine(text, cut)
    else if (text.startsWith('--')) takeDelimiter(text)
  }

  /** In text only lines that begin with a dash matter. */
  function skipText(bytes: Buffer, from: number): number {
    const found = bytes.indexOf('\n-', from, 'latin1')
    const end = found < 0 ? bytes.length : found + 1
    pass(bytes, from, end)
    atLineStart = bytes[end - 1] === LF
    return end
  }

  function isSettled(): boolean {
    if (count.isOver) return true
    if (state !== 'text' || containers.hasMultiparts) return false
    return encoded.every(({ content }) => content.isSettled)
  }

  function push(bytes: Buffer): void {
    const mayBeginDelimiter = (at: number) =>
      bytes[at] === DASH && (at + 1 === bytes.length || bytes[at + 1] === DASH)
    for (let at = 0; at < bytes.length && !isSettled(); ) {
      const isLine = state !== 'text' || line.length > 0 || (atLineStart && mayBeginDelimiter(at))
      at = isLine ? takeLine(bytes, at) : skipText(bytes, at)
    }
    flush()
  }

  return {
    push,
    get isOver() {
      return count.isOver
    },
    get isSettled() {
      return isSettled()
    },
    end() {
      count.readings--
      for (const { content } of encoded) content.end()
    },
  }
}

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
/** Bytes by which it is told whether a header goes on. */
const FIRST_MAX = 1024

/** The line that is being read, as far as LINE_MAX; copies what must outlive its chunk. */
function createLine() {
  let pieces: Buffer[] = []
  let length = 0
  return {
    get length() {
      return length
    },
    add(piece: Buffer) {
      if (length < LINE_MAX) pieces.push(Buffer.from(piece.subarray(0, LINE_MAX - length)))
      length += piece.length
    },
    take(): Buffer {
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
      pieces = []
      length = 0
      return bytes
    },
  }
}
