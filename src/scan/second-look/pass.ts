import { isBase64Line } from './base64.ts'
import { Base64Stream, type Emit, LEAST } from './base64-stream.ts'
import { type Boundaries, createBoundaries } from './boundaries.ts'
import { type Shelf, Store } from './store.ts'
import { TextStream } from './text-stream.ts'
import {
  END,
  isBase64Header,
  isUuencodeHeader,
  OTHER,
  UULINE_MAX,
  uudecodeLine,
  uudecodeWholeLine,
  ydecodeLine,
} from './uuencode.ts'

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const SPACE = 0x20
const TAB = 0x09

/** Bytes of a line that are looked at together; a longer one is taken in pieces. */
export const LINE_MAX = 16 * 1024

/** Characters of a header that are looked at; what follows counts as content. */
const HEADER_MAX = 64 * 1024

/** Bytes of nothing but base64 that no reader is taken to see as text. */
const TEXT_MAX = 16 * 1024

const NOTHING = Buffer.alloc(0)

/** Bytes of decoded lines that are kept together: of a line of LINE_MAX, and some more. */
const CODED_ROOM = 2 * LINE_MAX

/** The same of those that are decoded in another way meanwhile. */
const OWN_ROOM = 4 * 1024

/** Bytes of a line of encoded data that is not worth its time. */
const SHORT = 10

/** Places where content may begin, of one part: the first ones and the last ones. */
const STARTS_FIRST = 2
const STARTS_LAST = 2

export interface PassOptions {
  readonly shelf: Shelf
  readonly emit: Emit
  /** Told of each place that takes time of its own; may throw to end it. */
  readonly spend: () => void
  /** Each header, as some reader sees it. */
  readonly onHeader?: ((text: string) => void) | undefined
  /** Names of files in uuencode and yEnc, latin1. */
  readonly onName?: ((name: string) => void) | undefined
}

/** Content from a place on where some reader takes a header to end. */
interface Start {
  readonly text: TextStream
  textOver: boolean
  readonly base64: Base64Stream | undefined
}

/**
 * One reading of a mail, for all the contents that any reader might get out of it. What
 * it goes by are not parts but places: where a header may end, where a part may, where
 * encoded data begins by its own looks. Constant memory, any split.
 */
export class Pass {
  readonly #options: PassOptions
  readonly #boundaries: Boundaries = createBoundaries()
  #starts: Start[] = []
  #run: Base64Stream | undefined
  readonly #front = Buffer.alloc(LEAST) // of a run that has not begun
  #runFront = 0
  #coded: Coded | undefined
  #room: Buffer | undefined
  // Whole lines alone, from the first header on: some reader begins anew at none behind it.
  #wholeCoded: Coded | undefined
  #codedAlike = true // both had the same so far
  #held: Buffer = Buffer.alloc(0)

  #inHeader = true
  #header = ''
  #strange = 0 // lines that are no fields, one behind the other

  constructor(options: PassOptions) {
    this.#options = options
  }

  push(chunk: Buffer): void {
    let rest = chunk
    if (this.#held.length > 0) {
      const lf = chunk.indexOf(LF)
      this.#held = Buffer.concat([this.#held, lf < 0 ? chunk : chunk.subarray(0, lf + 1)])
      if (lf < 0 && this.#held.length <= LINE_MAX) return
      this.#lines(this.#held)
      rest = lf < 0 ? NOTHING : chunk.subarray(lf + 1)
    }
    let end = rest.lastIndexOf(LF) + 1
    if (rest.length - end > LINE_MAX) end = rest.length
    this.#held = Buffer.from(rest.subarray(end))
    if (end > 0) this.#lines(rest.subarray(0, end))
  }

  end(): void {
    if (this.#held.length > 0) this.#lines(this.#held)
    if (this.#inHeader) this.#endHeader()
    this.#endPart()
  }

  #beginHeader(): void {
    this.#inHeader = true
    this.#header = ''
    this.#strange = 0
  }

  #endHeader(): void {
    this.#inHeader = false
    this.#boundaries.learn(this.#header)
    this.#options.onHeader?.(this.#header)
  }

  /** A content may begin behind what was read so far. */
  #start(): void {
    const { shelf, emit, spend } = this.#options
    spend()
    const says64 = /base64/i.test(this.#header.replace(/[\s\0]|\([^()]*\)/g, ''))
    if (this.#starts.length === STARTS_FIRST + STARTS_LAST) {
      this.#endStart(this.#starts.splice(STARTS_FIRST, 1)[0]!)
    }
    this.#starts.push({
      text: new TextStream(shelf, emit),
      textOver: false,
      base64: says64 ? new Base64Stream(shelf, emit) : undefined,
    })
  }

  #endStart({ base64, text, textOver }: Start): void {
    base64?.end()
    if (textOver) return
    if (base64?.isPure) text.drop()
    else text.end()
  }

  #beginRun(): Base64Stream {
    const { shelf, emit } = this.#options
    const stream = new Base64Stream(shelf, emit, LEAST)
    stream.push(this.#front, 0, this.#runFront)
    return stream
  }

  #endRun(): void {
    this.#run?.end()
    this.#run = undefined
    this.#runFront = 0
  }

  #endPart(): void {
    for (const one of this.#starts) this.#endStart(one)
    this.#starts = []
    this.#endRun()
    this.#coded?.end()
    this.#coded = undefined
    if (!this.#codedAlike) this.#wholeCoded?.end()
    else this.#wholeCoded?.drop()
    this.#wholeCoded = undefined
    this.#codedAlike = true
  }

  /** Bytes of a part's content. */
  #content(bytes: Buffer, from: number, to: number): void {
    if (from === to) return
    for (const one of this.#starts) {
      one.base64?.push(bytes, from, to)
      if (one.textOver) continue
      one.text.push(bytes, from, to)
      if (one.base64?.isPure && one.text.size > TEXT_MAX) {
        one.text.drop()
        one.textOver = true
      }
    }
    const known = this.#starts.some(({ base64 }) => base64?.isPure)
    if (known) this.#endRun()
    if (known && !this.#coded) return
    // Only uuencode is read with bare CRs, too.
    const endOf = this.#coded && bytes.subarray(from, to).includes(CR) ? anyLineEnd : lineEnd
    for (let at = from; at < to; ) {
      const end = Math.min(endOf(bytes, at, to), to)
      if (!known) this.#runLine(bytes, at, end)
      if (this.#coded && end - at < SHORT) this.#options.spend()
      this.#codedLine(bytes, at, end)
      at = end
    }
  }

  #runLine(bytes: Buffer, from: number, to: number): void {
    if (isBase64Line(bytes, from, to)) {
      if (!this.#run && this.#runFront + to - from <= this.#front.length) {
        this.#runFront += bytes.copy(this.#front, this.#runFront, from, to) // a word of a text, mostly
        return
      }
      this.#run ??= this.#beginRun()
      this.#run.push(bytes, from, to)
    } else if ((this.#run || this.#runFront > 0) && !isBlank(bytes, from, to)) {
      this.#endRun()
    }
  }

  /** A line of what may be a header. */
  #headerLine(bytes: Buffer, from: number, to: number): void {
    this.#options.spend()
    const line = bytes.toString('latin1', from, to)
    const text = line.replace(/[\r\n]+$/, '')
    if (text === '') {
      if (this.#starts.length > 0) this.#feedStarts(bytes, from, to)
      this.#endHeader()
      this.#start()
      return
    }
    if (this.#isDelimiter(bytes, from)) {
      this.#endHeader()
      this.#endPart()
      this.#beginHeader()
      return
    }
    if (isUuencodeHeader(text)) this.#beginCoded(this.#createUuencode(), text)
    if (/^[ \t]*[!-9;-~]/.test(text) && isField(text)) {
      this.#strange = 0
    } else if (/^[ \t]/.test(text) && this.#strange === 0 && text.trim() !== '') {
      // A continuation.
    } else {
      this.#strange++
      if (this.#strange === 1) {
        const blank = /^[\s\0-\x1f\x7f-\xa0]*$/.test(text)
        this.#boundaries.learn(this.#header)
        if (!blank) this.#start()
        this.#feedStarts(bytes, from, to)
        if (blank) this.#start()
        if (!blank) this.#runLine(bytes, from, to)
        this.#codedLine(bytes, from, to)
        this.#header += line
        return
      }
      if (this.#strange > 2) {
        this.#endHeader()
        this.#content(bytes, from, to)
        return
      }
    }
    this.#feedStarts(bytes, from, to)
    if (this.#strange > 0) {
      this.#runLine(bytes, from, to)
      this.#codedLine(bytes, from, to)
    }
    if (this.#header.length < HEADER_MAX) this.#header += line
    else {
      this.#endHeader()
      this.#start()
    }
  }

  #feedStarts(bytes: Buffer, from: number, to: number): void {
    for (const { text, base64, textOver } of this.#starts) {
      base64?.push(bytes, from, to)
      if (!textOver) text.push(bytes, from, to)
    }
  }

  #isDelimiter(bytes: Buffer, from: number): boolean {
    return (
      bytes[from] === DASH && bytes[from + 1] === DASH && this.#boundaries.begins(bytes, from + 2)
    )
  }

  #beginCoded(fresh: Coded, header: string): void {
    const name = /^(?:begin[ \t-]+[0-7]+[ \t]+|=ybegin .*name=)(.*)$/i.exec(header)?.[1]
    if (name) this.#options.onName?.(name.trim())
    if (this.#coded) this.#codedAlike = false
    this.#coded?.end()
    this.#coded = fresh
  }

  #codedLine(bytes: Buffer, from: number, to: number): void {
    const length = this.#coded?.line(bytes, from, to)
    if (this.#wholeCoded && this.#wholeCoded.line(bytes, from, to) !== length) {
      this.#codedAlike = false
    }
  }

  /** One of those that begin anew is at it at a time. */
  #codedRoom(): Buffer {
    this.#room ??= Buffer.allocUnsafeSlow(CODED_ROOM)
    return this.#room
  }

  #createUuencode(): Coded {
    const { shelf, emit } = this.#options
    const whole = () =>
      createCoded(shelf, emit, Buffer.allocUnsafeSlow(OWN_ROOM), uudecodeWholeLine)
    this.#wholeCoded ??= whole()
    return createCoded(shelf, emit, this.#codedRoom(), uudecodeLine)
  }

  /** Whole lines. */
  #lines(bytes: Buffer): void {
    let at = 0
    let dash = -1
    // No header of encoded data is without a blank, and large bodies are.
    const words = bytes.includes(SPACE) || bytes.includes(TAB)
    let begin = words ? -1 : bytes.length
    let upper = begin
    while (at < bytes.length) {
      if (this.#inHeader) {
        const end = anyLineEnd(bytes, at)
        this.#headerLine(bytes, at, end)
        at = end
        continue
      }
      let event = bytes.length
      for (;;) {
        if (dash < at) dash = indexOrEnd(bytes, DASH, at)
        if (begin < at) begin = indexOrEnd(bytes, 'egin', at)
        if (upper < at) upper = indexOrEnd(bytes, 'EGIN', at)
        const next = Math.min(dash, begin, upper)
        if (next === bytes.length) break
        const line = lineStart(bytes, next, at)
        const found = line !== undefined && eventAt(bytes, line, next)
        if (found) {
          event = line
          break
        }
        // On behind it; a row of dashes at once.
        let behind = next + 1
        while (bytes[behind] === DASH) behind++
        if (dash < behind) dash = indexOrEnd(bytes, DASH, behind)
        if (begin < behind) begin = indexOrEnd(bytes, 'egin', behind)
        if (upper < behind) upper = indexOrEnd(bytes, 'EGIN', behind)
      }
      this.#content(bytes, at, event)
      at = event
      if (at === bytes.length) return
      at = this.#atEvent(bytes, at, anyLineEnd(bytes, at))
    }
  }

  /** Takes the line, but for a field: that begins a header. Returns where to go on. */
  #atEvent(bytes: Buffer, from: number, to: number): number {
    this.#options.spend()
    if (this.#isDelimiter(bytes, from)) {
      this.#endPart()
      this.#beginHeader()
      return to
    }
    if (isDashes(bytes, from)) {
      for (const { base64, text, textOver } of this.#starts) {
        base64?.mayEnd()
        if (!textOver) text.mayEnd()
      }
      this.#content(bytes, from, to)
      return to
    }
    const text = bytes.toString('latin1', from, to).replace(/[\r\n]+$/, '')
    const fresh = isUuencodeHeader(text)
      ? this.#createUuencode()
      : /^=ybegin /i.test(text)
        ? this.#createYenc()
        : undefined
    if (fresh || isBase64Header(text)) {
      this.#content(bytes, from, to)
      if (fresh) this.#beginCoded(fresh, text)
      return to
    }
    this.#beginHeader()
    return from
  }

  #createYenc(): Coded {
    const { shelf, emit } = this.#options
    return createCoded(shelf, emit, this.#codedRoom(), (bytes, from, to, room, at) => {
      const start = bytes.toString('latin1', from, Math.min(to, from + 6)).toLowerCase()
      if (start === '=yend ') return END
      return start === '=ypart' ? OTHER : ydecodeLine(bytes, from, to, room, at)
    })
  }
}

/** Data that is decoded line by line. */
interface Coded {
  /** Returns the bytes that it is, or END or OTHER. */
  line(bytes: Buffer, from: number, to: number): number
  end(): void
  /** Nothing of it is given any more. */
  drop(): void
}

function createCoded(shelf: Shelf, emit: Emit, room: Buffer, decode: DecodeLine): Coded {
  let store: Store | undefined
  let given = 0 // bytes
  let place = room
  let length = 0 // in that place

  function keep(): void {
    if (length === 0) return
    store ??= new Store(shelf)
    store.append(place.subarray(0, length))
    length = 0
  }

  function give(): void {
    keep()
    if (!store || store.size < LEAST || store.size === given) return
    emit(store, store.size, true)
    given = store.size
  }

  return {
    line(bytes, from, to) {
      const most = Math.max(to - from, UULINE_MAX)
      if (place.length - length < most) {
        keep()
        place = room.length < most ? Buffer.allocUnsafeSlow(most) : room
      }
      const decoded = decode(bytes, from, to, place, length)
      // Readers skip any number of lines that are no data, and not all know the same end.
      if (decoded === END) give()
      else if (decoded !== OTHER) length += decoded
      return decoded
    },
    end() {
      give()
      store?.close()
    },
    drop() {
      store?.close()
    },
  }
}

/** Returns how many bytes the line is in `room` from `at` on, or END or OTHER. */
type DecodeLine = (bytes: Buffer, from: number, to: number, room: Buffer, at: number) => number

function isField(text: string): boolean {
  return /^[^:]{1,200}:/.test(text) && !/^[^:]*[ \t][^:]*[ \t][^:]*:/.test(text)
}

function isDashes(bytes: Buffer, from: number): boolean {
  return bytes[from] === DASH && bytes[from + 1] === DASH
}

/** Whether something begins with this line: `found` is the dash or the `egin` in it. */
function eventAt(bytes: Buffer, line: number, found: number): boolean {
  if (bytes[found] === DASH) {
    if (found === line) return bytes[found + 1] === DASH
    const text = bytes.toString('latin1', line, Math.min(bytes.length, found + 40))
    return /^[\s\0]*[^:\n]{0,8}content[^:\n]{0,4}-[^:\n]{0,30}:/i.test(text)
  }
  const text = bytes.toString('latin1', line, Math.min(bytes.length, found + 12))
  return /^(?:begin(?:[ \t\r\n-]|$)|=ybegin )/i.test(text)
}

/** Where the line begins that `at` is in, if that is not far; not before `from`. */
function lineStart(bytes: Buffer, at: number, from: number): number | undefined {
  for (let back = at; back >= from && at - back < 40; back--) {
    if (back === from || isLineEnd(bytes[back - 1]!)) return back
  }
  return undefined
}

/** Line ends, and what some readers take for one. */
function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0x0b || byte === 0x0c || byte === 0
}

function indexOrEnd(bytes: Buffer, what: string | number, from: number): number {
  const found = bytes.indexOf(what, from, 'latin1')
  return found < 0 ? bytes.length : found
}

function lineEnd(bytes: Buffer, from: number, to: number): number {
  const lf = bytes.indexOf(LF, from)
  return lf < 0 || lf >= to ? to : lf + 1
}

/** Behind the line's end: LF, CR LF or a bare CR. */
function anyLineEnd(bytes: Buffer, from: number, to = bytes.length): number {
  const end = lineEnd(bytes, from, to)
  const cr = bytes.subarray(from, end).indexOf(CR)
  if (cr < 0) return end
  // CR CR LF is one line end, too.
  let behind = from + cr
  while (bytes[behind] === CR) behind++
  return bytes[behind] === LF ? behind + 1 : from + cr + 1
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > 0x20) return false
  return true
}
