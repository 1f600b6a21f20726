import { Boundaries } from './boundaries.ts'
import { readBoundaries } from './boundary-forms.ts'
import { isBase64Line } from './decoders/base64.ts'
import { codedName, isBase64Header, isUuencodeHeader } from './decoders/uuencode.ts'
import { MimeLines } from './fields.ts'
import { FIELDS_MAX, OPEN_MAX, Over, PLACES_MAX } from './limits.ts'
import { type Encoding, NO_HEADER, type PartHeader, readPartHeader } from './part-header.ts'
import {
  CR,
  DASH,
  indexOrEnd,
  isBlank,
  isLineEnd,
  LF,
  LineSearch,
  lineEnd,
  SPACE,
  TAB,
} from './shared/lines.ts'

/** Bytes of a line that are looked at together; a longer one is taken in pieces. */
const LINE_MAX = 16 * 1024

/** Characters of base64 that a run must have: less is a word of a text, and no file. */
const RUN_LEAST = 16

/** Lines that are no fields, one behind the other, by which a header is over. */
const STRANGE_MAX = 2

/** Bytes before the dash of `Content-` on its line, blanks aside, and before the `egin` of `begin`. */
const NAME_FRONT_MAX = 60
const BEGIN_FRONT_MAX = 3

/** A content that begins at one place and may end at several. Offsets are bytes of the message. */
export interface Leaf {
  readonly from: number
  /** Where the line begins that ends it for every reader that has not ended it before. */
  readonly to: number
  /** Where lines begin that end it for some. */
  readonly mayEnd: readonly number[]
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
}

/** Encoded data that is known by its own looks, wherever it stands. */
export interface Coded {
  readonly kind: 'base64' | 'uuencode' | 'yenc'
  readonly from: number
  readonly to: number
}

export interface ReadingListener {
  /** Each header, as some reader sees it. */
  header(header: PartHeader): void
  /** The name of a file in uuencode or yEnc. */
  name(name: string): void
  leaf(leaf: Leaf): void
  coded(coded: Coded): void
}

/** The lines of one header, and what stands in it. */
interface Region {
  readonly lines: MimeLines
  /** Lines that were no fields, one behind the other. */
  strange: number
  /** It ended in an empty line, and each line was a field. */
  isWhole: boolean
  hasLines: boolean
  /** Characters of its lines whose boundaries are known. */
  learnt: number
  /** It began behind a delimiter. */
  readonly isOfPart: boolean
  /** What the multipart around is encoded by. */
  readonly around: readonly Encoding[]
  header: PartHeader | undefined
}

/** A place where content may begin, whose end is not reached. */
interface Open {
  readonly kind: 'leaf' | 'uuencode' | 'yenc'
  readonly from: number
  readonly region: Region | undefined
  /** Of each way in which a line may be a delimiter, the first such line. */
  readonly mayEnd: Map<string, number>
}

/** A multipart whose delimiters every reader must see as such. */
interface Multipart {
  readonly boundary: string
  /** What was open before its header was read. */
  readonly base: number
  readonly encodings: readonly Encoding[]
  isClosed: boolean
}

/**
 * The one reading of a mail, of any split, in constant memory and linear time. It tells a
 * listener where each content begins and ends that any reader of mail may see, and by what it
 * may be encoded. What all readers must read alike is read in one way: the delimiter of a
 * multipart whose header leaves no room for opinions ends what it encloses. Everything else
 * only adds: a line that some reader takes for the end of a header, for a delimiter or for a
 * field begins one more content, and ends none.
 */
export class Reading {
  readonly #listener: ReadingListener
  readonly #boundaries = new Boundaries()
  #multiparts: Multipart[] = []
  #open: Open[] = []
  /** Some multipart's boundary may be anything. */
  #anyDashes = false
  #places = 0

  #region: Region | undefined // undefined in content
  /** Whether lines of nothing but base64 are looked for: no header says that they are. */
  #looksForRuns = true
  #run: { from: number; to: number; characters: number } | undefined

  #held: Buffer = Buffer.alloc(0)
  /** Where what is looked at begins. */
  #offset = 0
  /** The line goes on that was begun before. */
  #midLine = false
  /** Bytes that were looked at, those of a line of interest again. */
  steps = 0

  constructor(listener: ReadingListener) {
    this.#listener = listener
    this.#region = newRegion({ around: [], isOfPart: false })
  }

  /** Takes the next bytes; they are not kept. Throws Over where there is more than is read. */
  push(chunk: Buffer): void {
    let rest = chunk
    if (this.#held.length > 0) {
      const lf = chunk.indexOf(LF)
      this.#held = Buffer.concat([this.#held, lf < 0 ? chunk : chunk.subarray(0, lf + 1)])
      if (lf < 0 && this.#held.length <= LINE_MAX) return
      this.#take(this.#held)
      rest = lf < 0 ? chunk.subarray(chunk.length) : chunk.subarray(lf + 1)
    }
    let end = rest.lastIndexOf(LF) + 1
    if (rest.length - end > LINE_MAX) end = rest.length
    this.#held = Buffer.from(rest.subarray(end))
    if (end > 0) this.#take(rest.subarray(0, end))
  }

  end(): void {
    if (this.#held.length > 0) this.#take(this.#held)
    if (this.#region) this.#endHeader(false)
    this.#endRun()
    this.#endOpen(0, this.#offset)
  }

  /** Whole lines, or the pieces of one. */
  #take(bytes: Buffer): void {
    this.steps += bytes.length
    this.#lines(bytes)
    this.#offset += bytes.length
    this.#midLine = bytes.at(-1) !== LF
  }

  #spend(): void {
    if (++this.#places > PLACES_MAX) throw new Over(`more than ${PLACES_MAX} places to look at`)
  }

  #lines(bytes: Buffer): void {
    let at = 0
    if (this.#midLine) {
      at = lineEnd(bytes, 0, bytes.length)
      if (this.#region) this.#addToHeader(this.#region, bytes.toString('latin1', 0, at), true)
      else this.#content(bytes, 0, at)
    }
    const search = new EventSearch(bytes)
    const lines = new LineSearch(bytes)
    while (at < bytes.length) {
      if (this.#region) {
        const end = lines.any(at)
        this.#headerLine(this.#region, bytes, at, end)
        at = end
        continue
      }
      const event = search.next(at)
      this.#content(bytes, at, event)
      at = event
      if (at === bytes.length) return
      at = this.#atEvent(bytes, at, lines.any(at))
    }
  }

  // Headers

  #beginHeader({ isOfPart, before }: { isOfPart: boolean; before?: Region | undefined }): void {
    const around = this.#multiparts.at(-1)?.encodings ?? []
    this.#region = newRegion({ around, isOfPart, before })
  }

  /** The header is over; what it announces may begin at once. */
  #endHeader(isWhole: boolean): PartHeader {
    const region = this.#region!
    this.#region = undefined
    region.isWhole &&= isWhole
    const header = headerOf(region)
    this.#boundaries.learn(header.boundaries)
    this.#listener.header(header)
    return header
  }

  #addToHeader(region: Region, line: string, goesOn: boolean): void {
    region.hasLines = true
    region.lines.add(line, goesOn)
    if (region.lines.isOver) {
      throw new Over(`a header with more than ${FIELDS_MAX} characters about content`)
    }
  }

  /** A line of what may be a header. */
  #headerLine(region: Region, bytes: Buffer, from: number, to: number): void {
    let end = to
    while (end > from && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end--
    if (end === from) {
      this.#endWithEmptyLine(this.#offset + to)
      return
    }
    if (bytes[from] === DASH && bytes[from + 1] === DASH) {
      this.#learnSoFar(region)
      if (this.#delimiter(bytes, from, to)) return
    }
    const line = bytes.toString('latin1', from, to)
    if (/^begin/i.test(line)) this.#beginCoded(line.trimEnd(), this.#offset + to)
    const isFold = bytes[from] === SPACE || bytes[from] === TAB
    const blank = isBlankLine(bytes, from, end)
    if (isField(bytes, from, end)) region.strange = 0
    else if (!isFold || region.strange > 0 || blank) {
      region.isWhole = false
      region.strange++
      this.#learnSoFar(region)
      if (region.strange === 1) this.#start('leaf', this.#offset + (blank ? to : from), region)
      if (region.strange > STRANGE_MAX) {
        this.#addToHeader(region, line, false)
        this.#announce(this.#endHeader(false))
        return
      }
    }
    if (region.strange > 0) this.#runLine(bytes, from, to)
    this.#addToHeader(region, line, isFold && region.hasLines)
  }

  #endWithEmptyLine(at: number): void {
    const region = this.#region!
    const base = this.#open.length
    const header = this.#endHeader(true)
    this.#start('leaf', at, region)
    this.#announce(header, base)
  }

  /** What stands in a content of this header: parts, or a message. */
  #announce(header: PartHeader, base = this.#open.length): void {
    this.#looksForRuns = !header.isPlain || !isEncoded(header)
    if (header.multipart === 'sure') {
      const encodings = header.encodings.filter((encoding) => encoding !== 'identity')
      this.#multiparts.push({ boundary: header.boundary!, base, encodings, isClosed: false })
    } else if (header.multipart === 'maybe') this.#anyDashes = true
    if (header.message !== 'no') this.#beginHeader({ isOfPart: false })
  }

  /** Readers that took the header to be over before are in its parts. */
  #learnSoFar(region: Region): void {
    const { text } = region.lines
    if (text.length === region.learnt) return
    const fresh = text.slice(region.learnt)
    region.learnt = text.length
    this.#boundaries.learn(readBoundaries(fresh))
    if (/multipart|boundary/i.test(fresh)) this.#anyDashes = true
  }

  // Contents

  #start(kind: Open['kind'], from: number, region: Region | undefined): void {
    this.#spend()
    if (this.#open.length === OPEN_MAX) {
      throw new Over(`more than ${OPEN_MAX} contents that may have begun`)
    }
    this.#open.push({ kind, from, region, mayEnd: new Map() })
  }

  #beginCoded(header: string, from: number): void {
    const kind = isUuencodeHeader(header)
      ? 'uuencode'
      : /^=ybegin /i.test(header)
        ? 'yenc'
        : undefined
    const name = codedName(header)
    if (name !== '') this.#listener.name(name)
    if (kind) this.#start(kind, from, undefined)
  }

  /** Ends what was begun last, but for the first `base`. */
  #endOpen(base: number, to: number): void {
    for (const { kind, from, region, mayEnd } of this.#open.splice(base)) {
      if (kind !== 'leaf') {
        this.#listener.coded({ kind, from, to })
        continue
      }
      const header = region ? headerOf(region) : NO_HEADER
      const encodings = new Set([...header.encodings, ...(region?.around ?? [])])
      this.#listener.leaf({
        from,
        to,
        mayEnd: [...mayEnd.values()],
        header,
        encodings: [...encodings],
      })
    }
  }

  /** Bytes of content in which nothing begins. */
  #content(bytes: Buffer, from: number, to: number): void {
    if (!this.#looksForRuns) return
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to; ) {
      const end = lines.lf(at)
      this.#runLine(bytes, at, end)
      at = end
    }
  }

  #runLine(bytes: Buffer, from: number, to: number): void {
    if (isBase64Line(bytes, from, to)) {
      this.#run ??= { from: this.#offset + from, to: 0, characters: 0 }
      this.#run.to = this.#offset + to
      this.#run.characters += to - from
    } else if (this.#run && !isBlank(bytes, from, to)) this.#endRun()
  }

  #endRun(): void {
    const run = this.#run
    this.#run = undefined
    if (!run || run.characters < RUN_LEAST) return
    this.#spend()
    this.#listener.coded({ kind: 'base64', from: run.from, to: run.to })
  }

  // Lines at which something begins or ends

  /** Takes the line, but for a field: that begins a header. Returns where to go on. */
  #atEvent(bytes: Buffer, from: number, to: number): number {
    this.#spend()
    let dashes = from
    while (bytes[dashes] === SPACE || bytes[dashes] === TAB) dashes++
    if (bytes[dashes] === DASH && bytes[dashes + 1] === DASH) {
      if (!this.#delimiter(bytes, dashes, to)) this.#content(bytes, from, to)
      return to
    }
    const text = bytes.toString('latin1', from, to).trimEnd()
    if (isUuencodeHeader(text) || isBase64Header(text) || /^=ybegin /i.test(text)) {
      this.#content(bytes, from, to)
      this.#beginCoded(text, this.#offset + to)
      return to
    }
    this.#beginHeader({ isOfPart: false })
    return from
  }

  /** Whether the line, of two dashes and more, is a delimiter to anybody. */
  #delimiter(bytes: Buffer, from: number, to: number): boolean {
    const level = this.#sureLevel(bytes, from, to)
    if (level >= 0) {
      this.#sureDelimiter(bytes, from, to, level)
      return true
    }
    const boundary = this.#boundaries.beginsAt(bytes, from + 2)
    if (boundary === undefined && !this.#anyDashes) return false
    const region = this.#region
    if (region) this.#endHeader(false)
    const rest = bytes.toString('latin1', from + 2 + (boundary?.length ?? 0), to).trim()
    const form = rest === '' || rest === '--' ? rest : 'more'
    for (const { mayEnd } of this.#open) {
      const way = `${boundary ?? ''} ${form}`
      if (!mayEnd.has(way)) mayEnd.set(way, this.#offset + from)
    }
    this.#endRun()
    // To some readers the header goes on that the line stands in.
    this.#looksForRuns = true
    this.#beginHeader({ isOfPart: true, before: region?.hasLines ? region : undefined })
    return true
  }

  /** The multipart that the line delimits to every reader, -1 for none. */
  #sureLevel(bytes: Buffer, from: number, to: number): number {
    if (this.#multiparts.length === 0) return -1
    if (this.#isCutOff(bytes, from)) return -1
    let end = to
    if (bytes[end - 1] === LF) end--
    if (bytes[end - 1] === CR) end--
    const longest = Math.max(...this.#multiparts.map(({ boundary }) => boundary.length))
    if (end - from > longest + 4) return -1
    const text = bytes.toString('latin1', from + 2, end)
    return this.#multiparts.findIndex(
      ({ boundary, isClosed }) => !isClosed && (text === boundary || text === `${boundary}--`),
    )
  }

  /** Whether the line before does not end in LF for every reader. */
  #isCutOff(bytes: Buffer, from: number): boolean {
    return from === 0 ? this.#midLine : bytes[from - 1] !== LF
  }

  #sureDelimiter(bytes: Buffer, from: number, to: number, level: number): void {
    const region = this.#region
    if (region) this.#endHeader(false)
    const multipart = this.#multiparts[level]!
    this.#multiparts.length = level + 1
    this.#endRun()
    this.#endOpen(multipart.base, this.#offset + from)
    const text = bytes.toString('latin1', from + 2, to).trimEnd()
    this.#looksForRuns = true
    // To some readers the header that it stands in goes on behind it, or its content begins there.
    const goesOn = region?.hasLines ? region : undefined
    if (text.length > multipart.boundary.length) {
      multipart.isClosed = true
      this.#start('leaf', this.#offset + to, goesOn)
    } else this.#beginHeader({ isOfPart: true, before: goesOn })
  }
}

function newRegion({
  around,
  isOfPart,
  before,
}: Pick<Region, 'around' | 'isOfPart'> & { readonly before?: Region | undefined }): Region {
  return {
    isOfPart,
    lines: new MimeLines(FIELDS_MAX, before?.lines),
    strange: 0,
    isWhole: before === undefined,
    hasLines: false,
    learnt: before?.learnt ?? 0,
    around,
    header: undefined,
  }
}

function headerOf(region: Region): PartHeader {
  region.header ??= readPartHeader(region.lines, region)
  return region.header
}

function isEncoded({ encodings }: PartHeader): boolean {
  return encodings.length === 1 && encodings[0] !== 'identity'
}

/** A name of at most two words before a colon, blanks in front or not. */
function isField(bytes: Buffer, from: number, end: number): boolean {
  let blanks = 0
  let at = from
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
  if (at === end || bytes[at] === 0x3a) return false
  for (let length = 0; at < end && length < 200; at++, length++) {
    const byte = bytes[at]!
    if (byte === 0x3a) return true
    if (byte === SPACE || byte === TAB) blanks++
    if (blanks > 1) return false
  }
  return false
}

/** Of nothing but blanks, control characters, and what some take for blanks. */
function isBlankLine(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE && (byte < 0x7f || byte > 0xa0)) return false
  }
  return true
}

/** Looks for lines at which something may begin, in bytes that are looked at once. */
class EventSearch {
  readonly #bytes: Buffer
  #dash = -1
  #begin = -1
  #upper = -1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Where the next such line begins, at `from` or behind, which a line does; the length if none does. */
  next(from: number): number {
    const bytes = this.#bytes
    let least = from
    for (;;) {
      if (this.#dash < least) this.#dash = indexOrEnd(bytes, DASH, least)
      if (this.#begin < least) this.#begin = indexOrEnd(bytes, 'egin', least)
      if (this.#upper < least) this.#upper = indexOrEnd(bytes, 'EGIN', least)
      const found = Math.min(this.#dash, this.#begin, this.#upper)
      if (found === bytes.length) return found
      const line = eventAt(bytes, found, from)
      if (line !== undefined) return line
      // On behind it; a row of dashes at once.
      least = found + 1
      while (bytes[least] === DASH) least++
    }
  }
}

/** Where the line begins that the dash, or the `egin`, makes one of interest; not before `from`. */
function eventAt(bytes: Buffer, found: number, from: number): number | undefined {
  if (bytes[found] !== DASH) {
    const text = bytes.toString('latin1', Math.max(from, found - 1), found + 12)
    // Behind a text only what has a mode, or each sentence that has the word would be one.
    if (/^.egin[ \t]+[0-7]{1,8}[ \t]/i.test(text)) return found - 1
    const line = lineStart(bytes, found, from, BEGIN_FRONT_MAX)
    if (line === undefined) return undefined
    const start = bytes.toString('latin1', line, Math.min(bytes.length, found + 12))
    return /^(?:begin(?:[ \t\r\n`-]|$)|=ybegin )/i.test(start) ? line : undefined
  }
  if (bytes[found + 1] === DASH) return lineStart(bytes, found, from, 0)
  return isMimeName(bytes, found) ? lineStart(bytes, found, from, NAME_FRONT_MAX) : undefined
}

/** Whether the dash is that of `Content-…:`, with little around it. */
function isMimeName(bytes: Buffer, dash: number): boolean {
  const before = bytes.toString('latin1', Math.max(0, dash - 12), dash)
  if (!/content[^:\n]{0,4}$/i.test(before)) return false
  return /^-[^:\n]{0,30}:/.test(bytes.toString('latin1', dash, dash + 40))
}

/**
 * Where the line begins that `at` is in, if it has no more than so many bytes before that, blanks
 * aside; not before `from`.
 */
function lineStart(bytes: Buffer, at: number, from: number, most: number): number | undefined {
  let others = 0
  for (let back = at; back > from; back--) {
    const byte = bytes[back - 1]!
    if (isLineEnd(byte)) return back
    if (byte !== SPACE && byte !== TAB && ++others > most) return undefined
  }
  return from
}
