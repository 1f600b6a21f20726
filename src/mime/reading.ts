import { Base64Runs } from './base64-runs.ts'
import { Boundaries } from './boundaries.ts'
import { readBoundaries } from './boundary-forms.ts'
import { codedName, isBase64Header, isUuencodeHeader } from './decoders/uuencode.ts'
import { HeaderRegion, isBlankLine, isField, type RegionStart } from './header-region.ts'
import { BOUNDARY_MAX, GOING_ON_MAX, Over } from './limits.ts'
import { LineBlocks } from './line-blocks.ts'
import { EventSearch } from './line-events.ts'
import type { ReadingListener } from './listeners.ts'
import { Multiparts } from './multiparts.ts'
import { aroundMail, type Depth, Nesting, saysType } from './nesting.ts'
import { type Coded, OpenContents } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'
import { CR, DASH, isBlank, LF, LineSearch, SPACE, TAB } from './shared/lines.ts'

/** First lines of a content in which libclamav goes on with the header. */
const GOES_ON = /^(?:content|filename=)|base64/i

/** Lines that are no fields, one behind the other, by which a header is over. */
const STRANGE_MAX = 2

/**
 * The one reading of a mail, of any split, in constant memory and linear time. It tells a
 * listener where each content begins and ends that any reader of mail may see, and by what it
 * may be encoded, and counts what is nested. What all readers must read alike is read in one
 * way: the delimiter of a multipart whose header leaves no room for opinions ends what it
 * encloses. Everything else only adds: a line that some reader takes for the end of a header,
 * for a delimiter or for a field begins one more content, and ends none.
 */
export class Reading {
  readonly #listener: ReadingListener
  readonly #boundaries = new Boundaries()
  readonly #multiparts = new Multiparts()
  readonly #open: OpenContents
  readonly #nesting: Nesting
  readonly #runs: Base64Runs
  /** Some multipart's boundary may be anything. */
  #anyDashes = false

  /** A line of two dashes in a content, and where it ends: above a field it is a delimiter to some. */
  #dashes: { readonly text: string; readonly end: number } | undefined

  #region: HeaderRegion | undefined // undefined in content
  /** Characters of headers that were read again, with more behind a delimiter. */
  #goneOn = 0
  /** Only blank lines since the last header. */
  #isAtStart = false
  /** That was a mail's, and empty: to some it begins behind them. */
  #awaitsHeader = false
  /** Whether lines of nothing but base64 are looked for: no header says that they are. */
  #looksForRuns: boolean

  readonly #blocks = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** Where what is looked at begins. */
  #offset = 0
  /** It goes on with a line that was begun before. */
  #midLine = false
  /** Bytes that were looked at, and those of headers that were read again. */
  steps = 0

  /** What the mail stands in is `around` it. */
  constructor(listener: ReadingListener, around: Depth = aroundMail()) {
    this.#listener = listener
    this.#open = new OpenContents(listener)
    this.#nesting = new Nesting(around)
    this.#looksForRuns = this.#looksForCoded
    const found = (kind: 'base64' | 'base64 lines', { from, to }: Pick<Coded, 'from' | 'to'>) => {
      this.#open.count()
      listener.coded?.({ kind, from, to })
    }
    this.#runs = new Base64Runs({
      run: (run) => found('base64', run),
      joined: (runs) => found('base64 lines', runs),
    })
    this.#beginHeader({ isOfPart: false, nests: 'sure' })
  }

  /** How many messages, or multiparts, stood inside one another so far (nesting.ts). */
  get deepest(): number {
    return this.#nesting.deepest
  }

  /** No more can be nested, whatever follows. */
  get isSettled(): boolean {
    return !this.#region && !this.#isAtStart && !this.#nesting.hasMultiparts
  }

  /** Takes the next bytes; they are not kept. Throws Over where there is more than is read. */
  push(chunk: Buffer): void {
    this.#blocks.push(chunk)
  }

  end(): void {
    this.#blocks.end()
    if (this.#region) this.#endHeader(false)
    this.#runs.end()
    this.stop()
  }

  /** Ends what is open where it has come to, for who reads no further. */
  stop(): void {
    this.#blocks.forget()
    this.#region = undefined
    this.#open.end(0, this.#offset)
  }

  get #looksForCoded(): boolean {
    return this.#listener.coded !== undefined
  }

  #take(bytes: Buffer, midLine: boolean): void {
    this.#midLine = midLine
    this.steps += bytes.length
    this.#listener.bytes?.block(bytes)
    this.#lines(bytes)
    this.#offset += bytes.length
  }

  #lines(bytes: Buffer): void {
    let at = 0
    const search = new EventSearch(bytes, { coded: this.#looksForCoded, midLine: this.#midLine })
    const lines = new LineSearch(bytes)
    if (this.#midLine && this.#region) {
      at = lines.any(0)
      this.#listener.bytes?.headerLine(bytes, 0, at)
      this.#region.add(bytes.toString('latin1', 0, at), true)
    }
    while (at < bytes.length) {
      if (this.#region) {
        const end = lines.any(at)
        this.#headerLine(this.#region, bytes, at, end)
        at = end
      } else if (this.#isAtStart) at = this.#firstLine(bytes, at, lines.any(at))
      else {
        const event = search.next(at)
        this.#content(bytes, at, event)
        at = event
        if (at < bytes.length) at = this.#atEvent(bytes, at, lines.any(at))
      }
    }
  }

  // Headers

  #beginHeader(start: Pick<RegionStart, 'isOfPart' | 'nests' | 'before'>): void {
    const again = start.before?.lines.length ?? 0
    this.steps += again
    this.#goneOn += again
    if (this.#goneOn > GOING_ON_MAX) {
      throw new Over(`more than ${GOING_ON_MAX} characters of headers that delimiters stand in`)
    }
    const around = this.#multiparts.innermost?.encodings ?? []
    const containers = this.#nesting.length
    this.#region = new HeaderRegion({ ...start, around, containers })
  }

  /** The header is over; what it announces may begin at once. */
  #endHeader(isWhole: boolean): PartHeader {
    const region = this.#region!
    this.#region = undefined
    region.isWhole &&= isWhole
    const { header } = region
    this.#boundaries.learn(header.boundaries)
    this.#listener.header?.(header)
    this.#listener.bytes?.header(header, isWhole)
    return header
  }

  /** A line of what may be a header. */
  #headerLine(region: HeaderRegion, bytes: Buffer, from: number, to: number): void {
    let end = to
    while (end > from && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end--
    if (bytes[from] === DASH && bytes[from + 1] === DASH) {
      this.#learnSoFar(region)
      if (this.#delimiter(bytes, from, to)) return
    }
    this.#listener.bytes?.headerLine(bytes, from, to)
    if (end === from) {
      const base = this.#open.length
      this.#endHeader(true)
      this.#startLeaf(to, region)
      this.#announce(region, base)
      this.#awaitsHeader = !region.hasLines && !region.start.isOfPart
      return
    }
    if (this.#isAtStart) {
      this.#isAtStart = false // of an attached message
      if (goesOn(bytes, from, to)) this.#nesting.goOnInPlace()
    }
    const line = bytes.toString('latin1', from, to)
    if (/^begin/i.test(line)) this.#beginCoded(line.trimEnd(), to)
    const isFold = bytes[from] === SPACE || bytes[from] === TAB
    const blank = isBlankLine(bytes, from, end)
    if (isField(bytes, from, end)) region.strange = 0
    else if (!isFold || region.strange > 0 || blank) {
      region.isWhole = false
      region.strange++
      this.#learnSoFar(region)
      if (region.strange === 1) this.#startLeaf(blank ? to : from, region)
      if (region.strange > STRANGE_MAX) {
        region.add(line, false)
        this.#endHeader(false)
        this.#announce(region)
        return
      }
    }
    if (region.strange > 0 && this.#looksForCoded) {
      this.#runs.line(bytes, from, to, this.#offset)
    }
    region.add(line, isFold && region.hasLines)
  }

  /** What stands in a content of this header: parts, or a message. */
  #announce({ header, start, isWhole }: HeaderRegion, base = this.#open.length): void {
    this.#looksForRuns = this.#looksForCoded && (!header.isPlain || !isEncoded(header))
    const { nests } = start
    const isClear = nests === 'sure' && isWhole
    const isInside = nests !== 'no'
    const isMessage = isInside ? this.#nesting.enter(header, isClear) : header.message !== 'no'
    this.#isAtStart = isInside
    this.#multiparts.enter(header, start, { base, containers: this.#nesting.length })
    // What is written plainly has no other boundaries than those that are known.
    if (header.multipart === 'maybe' && header.boundary === undefined) this.#anyDashes = true
    if (!isMessage) return
    this.#beginHeader({ isOfPart: false, nests: isInside && !isClear ? 'maybe' : nests })
  }

  /** Readers that took the header to be over before are in its parts. */
  #learnSoFar(region: HeaderRegion): void {
    const fresh = region.fresh()
    if (fresh === '') return
    this.#boundaries.learn(readBoundaries(fresh))
    if (/multipart|boundary/i.test(fresh)) this.#anyDashes = true
  }

  // Contents

  /** `at` and other places are those of the bytes that are looked at. */
  #startLeaf(at: number, region: HeaderRegion | undefined): void {
    const nests = region !== undefined && region.start.nests !== 'no'
    if (!nests && !this.#looksForCoded) return // of these nothing is nested
    const depth = nests ? this.#nesting.depth : undefined
    this.#open.begin({ kind: 'leaf', from: this.#offset + at, region, depth })
  }

  #beginCoded(header: string, at: number): void {
    const kind = isUuencodeHeader(header)
      ? 'uuencode'
      : /^=ybegin /i.test(header)
        ? 'yenc'
        : undefined
    const name = codedName(header)
    if (name !== '') this.#listener.name?.(name)
    const from = this.#offset + at
    if (kind) this.#open.begin({ kind, from, region: undefined, depth: undefined })
  }

  /** Bytes of content in which nothing begins. */
  #content(bytes: Buffer, from: number, to: number): void {
    this.#listener.bytes?.content(bytes, from, to)
    if (this.#looksForRuns) this.#runs.lines(bytes, from, to, this.#offset)
  }

  /** The first line of a content that is not blank: to some the header goes on, or begins there. */
  #firstLine(bytes: Buffer, from: number, to: number): number {
    if (isBlank(bytes, from, to)) {
      this.#content(bytes, from, to)
      return to
    }
    this.#isAtStart = false
    if (this.#awaitsHeader || goesOn(bytes, from, to)) {
      this.#awaitsHeader = false
      this.#open.count()
      this.#beginHeader({ isOfPart: false, nests: 'maybe' })
    }
    return from
  }

  // Lines at which something begins or ends

  /** Takes the line, but for a field: that begins a header. Returns where to go on. */
  #atEvent(bytes: Buffer, from: number, to: number): number {
    this.#open.count()
    let dashes = from
    while (bytes[dashes] === SPACE || bytes[dashes] === TAB) dashes++
    if (bytes[dashes] === DASH && bytes[dashes + 1] === DASH) {
      if (this.#delimiter(bytes, dashes, to)) return to
      const text = bytes.toString('latin1', dashes + 2, Math.min(to, dashes + BOUNDARY_MAX))
      this.#dashes = { text: text.trim().toLowerCase(), end: this.#offset + to }
      this.#content(bytes, from, to)
      return to
    }
    const text = bytes.toString('latin1', from, to).trimEnd()
    if (isUuencodeHeader(text) || isBase64Header(text) || /^=ybegin /i.test(text)) {
      this.#content(bytes, from, to)
      this.#beginCoded(text, to)
      return to
    }
    if (this.#dashes?.end === this.#offset + from && this.#dashes.text !== '') {
      this.#boundaries.learn([this.#dashes.text])
    }
    this.#beginHeader({ isOfPart: false, nests: 'no' })
    return from
  }

  /** Whether the line, of two dashes and more, is a delimiter to anybody. */
  #delimiter(bytes: Buffer, from: number, to: number): boolean {
    const isCutOff = from === 0 ? this.#midLine : bytes[from - 1] !== LF
    const delimiter = isCutOff ? undefined : this.#multiparts.delimiterIn(bytes, from, to)
    const boundary = this.#boundaries.beginsAt(bytes, from + 2)
    if (!delimiter && boundary === undefined && !this.#anyDashes) return false
    const region = this.#region
    if (region) this.#endHeader(false)
    this.#listener.bytes?.delimiter(bytes, from, to)
    // To some readers the header that it stands in goes on behind it, or its content begins there.
    const before = region?.hasLines ? region : undefined
    if (delimiter) this.#nesting.leave(delimiter.multipart, before)
    else if (before && before.start.nests !== 'no' && saysType(before.header)) {
      this.#nesting.enter(before.header, false)
    }
    if (delimiter?.isSure) this.#runs.end()
    else if (this.#looksForCoded) this.#runs.line(bytes, from, to, this.#offset)
    this.#looksForRuns = this.#looksForCoded
    this.#isAtStart = false
    if (!delimiter?.isSure) {
      const rest = bytes.toString('latin1', from + 2 + (boundary?.length ?? 0), to).trim()
      const form = rest === '' || rest === '--' ? rest : 'more'
      this.#open.mayEnd(`${boundary ?? ''} ${form}`, this.#offset + from)
      const nests = delimiter?.multipart.nests ?? (this.#nesting.hasMultiparts ? 'maybe' : 'no')
      this.#beginHeader({ isOfPart: true, nests, before })
      return true
    }
    const { multipart, closes } = delimiter
    if (multipart.nests === 'sure') this.#open.end(multipart.base, this.#offset + from)
    else this.#open.endLeaves(multipart.base, this.#offset + from)
    if (closes) {
      this.#multiparts.close(multipart)
      this.#startLeaf(to, before)
      this.#isAtStart = region !== undefined && multipart.nests !== 'no'
    } else {
      this.#multiparts.endInside(multipart)
      this.#beginHeader({ isOfPart: true, nests: multipart.nests, before })
    }
    return true
  }
}

function goesOn(bytes: Buffer, from: number, to: number): boolean {
  return GOES_ON.test(bytes.toString('latin1', from, Math.min(to, from + 1024)))
}

function isEncoded({ encodings }: PartHeader): boolean {
  return encodings.length === 1 && encodings[0] !== 'identity'
}
