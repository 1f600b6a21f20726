import { type Containers, createContainers, type Depth } from './containers.ts'
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
  return new MailReading(count, { levels: 0, messages: 0 })
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

class MailReading implements NestingCounter, Reading {
  readonly #count: Count
  readonly #containers: Containers
  readonly #line = createLine()
  #state: 'header' | 'behind header' | 'text' = 'header'
  #atLineStart = true
  #head: Head
  #encoded: Encoded[] = []
  // Of what is being pushed, for the readings of encoded content: given to them at once.
  #passing: Buffer | undefined
  #passFrom = 0
  #passTo = 0

  constructor(count: Count, around: Depth) {
    this.#count = count
    this.#containers = createContainers(around)
    this.#head = this.#newHead(true)
    if (++count.readings > READINGS_MAX) count.isOver = true
  }

  get isOver(): boolean {
    return this.#count.isOver
  }

  get isSettled(): boolean {
    if (this.#count.isOver) return true
    if (this.#state !== 'text' || this.#containers.hasMultiparts) return false
    return this.#encoded.every(({ content }) => content.isSettled)
  }

  push(bytes: Buffer): void {
    const mayBeginDelimiter = (at: number) =>
      bytes[at] === DASH && (at + 1 === bytes.length || bytes[at + 1] === DASH)
    for (let at = 0; at < bytes.length && !this.isSettled; ) {
      const isLine =
        this.#state !== 'text' ||
        this.#line.length > 0 ||
        (this.#atLineStart && mayBeginDelimiter(at))
      at = isLine ? this.#takeLine(bytes, at) : this.#skipText(bytes, at)
    }
    this.#flush()
  }

  end(): void {
    this.#count.readings--
    for (const { content } of this.#encoded) content.end()
  }

  #newHead(plain: boolean): Head {
    const lines = createDeclarationReader()
    return { lines, plain, isEmpty: true, crlf: false, around: this.#containers.length }
  }

  #startHeader(plain: boolean): void {
    this.#head = this.#newHead(plain)
    this.#state = 'header'
  }

  /** The header is over, and what it announced begins. */
  #endHeader(plain: boolean): void {
    const said = this.#head.lines.read()
    const { depth, top } = this.#containers
    const part = this.#containers.length
    const isMessage = said.message || (top?.digest === true && !said.saysType)
    const isPlain = plain && (said.plain || !said.saysType)
    if (said.multipart) {
      this.#open('multipart', { levels: depth.levels + 1, messages: depth.messages }, isPlain, said)
    }
    const isFile = isMessage && isPlain && top?.kind === 'multipart'
    if (isMessage) {
      const { levels } = this.#containers.depth
      this.#open(
        'message',
        { levels: isFile ? 0 : levels + 1, messages: depth.messages + 1 },
        isPlain,
        said,
      )
    }
    this.#flush()
    for (const encoding of said.encodings) {
      const decode = createDecoder(encoding)
      const file = { levels: 0, messages: depth.messages + 1 }
      const read = (around: Depth) => new MailReading(this.#count, around)
      if (said.multipart || (isMessage && !isFile)) {
        const content = read(depth)
        content.push(Buffer.from(`${said.withoutEncoding}\n`, 'latin1'))
        this.#encoded.push({ part, content: readDecoded(decode, content) })
      } else if (isMessage) this.#encoded.push({ part, content: readDecoded(decode, read(file)) })
      else this.#encoded.push({ part, content: readDecodedMail(decode, () => read(file)) })
    }
    if (isMessage) this.#startHeader(isPlain)
    else this.#state = 'text'
    this.#atLineStart = true
  }

  #open(
    kind: 'multipart' | 'message',
    depth: Depth,
    isPlain: boolean,
    { boundary, digest }: Declaration,
  ): void {
    const isMultipart = kind === 'multipart'
    const { levels, messages } = depth
    this.#containers.push({
      kind,
      levels,
      messages,
      boundary: isPlain && isMultipart ? boundary : undefined,
      digest: isMultipart && digest,
    })
    if (Math.max(levels, messages) > this.#count.limit) this.#count.isOver = true
    if (this.#containers.length > 3 * this.#count.limit) this.#count.isOver = true
  }

  #endEncoded(upTo: number): void {
    if (this.#encoded.length === 0) return
    this.#flush()
    for (const { part, content } of this.#encoded) if (part > upTo) content.end()
    this.#encoded = this.#encoded.filter(({ part }) => part <= upTo)
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    if (this.#encoded.length === 0) return
    if (this.#passing !== bytes || this.#passTo !== from) {
      this.#flush()
      this.#passing = bytes
      this.#passFrom = from
    }
    this.#passTo = to
  }

  #flush(): void {
    if (this.#passing === undefined) return
    const bytes = this.#passing.subarray(this.#passFrom, this.#passTo)
    this.#passing = undefined
    for (const { content } of this.#encoded) content.push(bytes)
  }

  /** Returns whether the line was a delimiter to anybody. */
  #takeDelimiter(text: string): boolean {
    const inHeader = this.#state === 'header'
    // Who takes the header to have ended before is in its content already.
    if (inHeader && !this.#head.isEmpty && this.#head.lines.read().multipart) this.#endHeader(false)
    const delimiter = this.#containers.delimiterIn(text)
    if (delimiter === undefined) return false
    if (!delimiter.sure) {
      if (this.#state === 'header' && !this.#head.plain && this.#head.isEmpty) return true
      if (this.#state === 'header' && this.#head.lines.read().saysType) this.#endHeader(false)
      this.#startHeader(false)
      return true
    }
    const { index, closes } = delimiter
    const isOwn = inHeader && index === this.#head.around - 1
    if (
      isOwn &&
      (this.#containers.length > this.#head.around || this.#head.lines.read().saysType)
    ) {
      // To libclamav the header goes on; to others a part without content ended.
      if (this.#state === 'header') this.#endHeader(false)
      this.#startHeader(false)
      return true
    }
    this.#containers.cut(index + 1)
    this.#endEncoded(index)
    if (!closes || isOwn) this.#startHeader(!isOwn || this.#head.plain)
    else {
      this.#state = 'text'
      this.#atLineStart = true
    }
    return true
  }

  #takeHeaderLine(text: string, cut: boolean): void {
    if (text.startsWith('--') && this.#takeDelimiter(text)) return
    if (this.#state !== 'header') return // its delimiter was none of ours
    if (text === '\n' || (text === '\r\n' && (this.#head.isEmpty || this.#head.crlf))) {
      if (!this.#head.isEmpty) this.#state = 'behind header'
      return
    }
    this.#head.isEmpty = false
    this.#head.crlf = text.endsWith('\r\n')
    this.#head.lines.add(text, cut)
  }

  /** The line behind an empty one: clamd goes on in the header where it looks like a field. */
  #takeFirstLine(): void {
    const bytes = this.#line.take()
    const text = bytes.toString('latin1')
    if (/^(?:content|filename=)|base64/i.test(text)) {
      this.#state = 'header'
      this.#head.plain = false
    } else this.#endHeader(this.#head.plain)
    this.push(bytes)
  }

  #takeLine(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(LF, from)
    const end = lf < 0 ? bytes.length : lf + 1
    if (this.#state !== 'behind header') this.#pass(bytes, from, end)
    if (
      this.#state === 'header' &&
      lf >= 0 &&
      this.#line.length === 0 &&
      saysNothing(bytes, from, end)
    ) {
      this.#head.isEmpty = false
      this.#head.crlf = bytes[lf - 1] === CR
      this.#head.lines.pass()
      return end
    }
    const piece = bytes.subarray(from, end)
    if (this.#state !== 'behind header' && lf >= 0 && this.#line.length === 0) {
      this.#takeWhole(piece.toString('latin1', 0, LINE_MAX), piece.length > LINE_MAX)
      return end
    }
    this.#line.add(piece)
    if (this.#state === 'behind header') {
      if (lf >= 0 || this.#line.length >= FIRST_MAX) this.#takeFirstLine()
      return end
    }
    if (lf < 0) return end
    const cut = this.#line.length > LINE_MAX
    this.#takeWhole(this.#line.take().toString('latin1'), cut)
    return end
  }

  #takeWhole(text: string, cut: boolean): void {
    if (this.#state === 'header') this.#takeHeaderLine(text, cut)
    else if (text.startsWith('--')) this.#takeDelimiter(text)
  }

  /** In text only lines that begin with a dash matter. */
  #skipText(bytes: Buffer, from: number): number {
    const found = bytes.indexOf('\n-', from, 'latin1')
    const end = found < 0 ? bytes.length : found + 1
    this.#pass(bytes, from, end)
    this.#atLineStart = bytes[end - 1] === LF
    return end
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
