import { Base64Runs } from './base64-runs.ts'
import { Boundaries } from './boundaries.ts'
import { readBoundaries } from './boundary-forms.ts'
import { codedName, endsInUuencode, isBase64Header, isUuencodeHeader } from './decoders/uuencode.ts'
import { HeaderRegion, isBlankLine, isField, type RegionStart } from './header-region.ts'
import { BOUNDARY_MAX, GOING_ON_MAX, LimitExceeded } from './limits.ts'
import { LineBlocks } from './line-blocks.ts'
import { EventSearch } from './line-events.ts'
import type { ReadingListener } from './listeners.ts'
import { Multiparts } from './multiparts.ts'
import { aroundMail, type Depth, Nesting, saysType } from './nesting.ts'
import { type CodedData, OpenContents } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'
import { CR, DASH, isBlank, LF, LineSearch, SPACE, TAB } from './shared/lines.ts'

/** If a content begins with such a line, libclamav takes it for a line of the header. */
const GOES_ON = /^(?:content|filename=)|base64/i

/** Bytes of a line of uuencode that are looked at, with its line end and that of the line before. */
const CODED_LINE_MAX = 96

/** A header is over for all readers after more than so many lines in a row that are no fields. */
const STRANGE_MAX = 2

/**
 * The one reading of a mail, which comes in pieces of any size, in constant memory and linear time.
 * It tells a listener where each content that any reader of mail may see begins and ends, and how
 * it may be encoded. It also counts how deep contents are nested.
 *
 * What all readers must read alike is read in one way: the delimiter of a multipart with a plain
 * header ends what the multipart holds. It does not while a multipart inside or uuencode is open,
 * since some readers then read on. Everything else only adds: a line that some reader takes for the
 * end of a header, for a delimiter or for a field begins one more content, and ends none.
 */
export class MailReading {
  readonly #listener: ReadingListener
  readonly #boundaries = new Boundaries()
  readonly #multiparts = new Multiparts()
  readonly #open: OpenContents
  readonly #nesting: Nesting
  readonly #runs: Base64Runs
  /** Whether some multipart's boundary may be any text. */
  #anyDashes = false

  /**
   * A line of content that begins with two dashes, and where it ends. If a field follows, some
   * readers take it for a delimiter.
   */
  #dashes: { readonly text: string; readonly end: number } | undefined

  #region: HeaderRegion | undefined // undefined inside of a content
  /**
   * How many characters of headers were read again, because the header went on behind a delimiter.
   */
  #goneOn = 0
  /** Whether only blank lines came since the last header. */
  #isAtStart = false
  /**
   * Whether that was an empty header of a mail: to some readers the header begins behind these
   * lines.
   */
  #awaitsHeader = false
  /** Whether to look for lines of nothing but base64, since no header says that there are any. */
  #looksForRuns: boolean
  /** The mail itself is a message: some readers take what it holds for one text, parts and all. */
  #isFlat = false
  /** No header is over yet. */
  #isTop = true

  /** The end of the bytes before these. */
  #tail: Buffer = Buffer.alloc(0)

  readonly #blocks = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** Where the present block begins in the message. */
  #offset = 0
  /** Whether the block begins inside of a line. */
  #midLine = false
  /** How many bytes were looked at, counting headers that were read again. */
  steps = 0

  /** `around` is how deep the mail itself is nested. */
  constructor(listener: ReadingListener, around: Depth = aroundMail()) {
    this.#listener = listener
    this.#open = new OpenContents(listener)
    this.#nesting = new Nesting(around)
    this.#looksForRuns = this.#looksForCoded
    const found = (
      kind: 'base64' | 'base64 lines',
      { from, to }: Pick<CodedData, 'from' | 'to'>,
    ) => {
      this.#open.count()
      listener.coded?.({ kind, from, to })
    }
    this.#runs = new Base64Runs({
      run: (run) => found('base64', run),
      joined: (runs) => found('base64 lines', runs),
    })
    this.#beginHeader({ isOfPart: false, nests: 'sure' })
  }

  /** How many messages or multiparts were nested in one another so far (nesting.ts). */
  get deepest(): number {
    return this.#nesting.deepest
  }

  /** Whether nothing more can be nested, whatever follows. */
  get isSettled(): boolean {
    return !this.#region && !this.#isAtStart && !this.#nesting.hasMultiparts
  }

  /** Takes the next bytes; they are not kept. Throws LimitExceeded if the mail exceeds a limit. */
  push(chunk: Buffer): void {
    this.#blocks.push(chunk)
  }

  end(): void {
    this.#blocks.end()
    if (this.#region) this.#endHeader(false)
    this.#runs.end()
    this.stop()
  }

  /** Ends all open contents at the place that was reached, for callers that read no further. */
  stop(): void {
    this.#blocks.forget()
    this.#region = undefined
    this.#open.stop(this.#offset)
  }

  get #looksForCoded(): boolean {
    return this.#listener.coded !== undefined
  }

  #take(bytes: Buffer, midLine: boolean): void {
    this.#midLine = midLine
    this.steps += bytes.length
    this.#listener.bytes?.block(bytes)
    this.#lines(bytes)
    if (this.#open.hasCoded) this.#tail = Buffer.from(bytes.subarray(-CODED_LINE_MAX))
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
      throw new LimitExceeded(
        `more than ${GOING_ON_MAX} characters of headers that delimiters stand in`,
      )
    }
    const around = this.#multiparts.innermost?.encodings ?? []
    const containers = this.#nesting.length
    this.#region = new HeaderRegion({ ...start, around, containers })
  }

  /** Ends the header. The caller begins what it announces. */
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

  /** Takes a line of what may be a header. */
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
      this.#isAtStart = false // the blank lines of an attached message
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
      if (region.strange === 1) {
        if (!blank) this.#startLeaf(from, region)
        // mutt takes the line that ends the fields of a part for one of them.
        if (blank || region.start.isOfPart) this.#startLeaf(to, region)
      }
      if (region.strange > STRANGE_MAX) {
        region.add(line, false)
        this.#endHeader(false)
        this.#announce(region)
        return
      }
    }
    if ((region.strange > 0 || this.#isFlat) && this.#looksForCoded) {
      this.#runs.line(bytes, from, to, this.#offset)
    }
    region.add(line, isFold && region.hasLines)
  }

  /** Opens what the header announces: parts, or a message. */
  #announce({ header, start, isWhole }: HeaderRegion, base = this.#open.length): void {
    if (this.#isTop && header.message !== 'no') this.#isFlat = true
    this.#isTop = false
    this.#looksForRuns =
      this.#looksForCoded && (this.#isFlat || !header.isPlain || !isEncoded(header))
    const { nests } = start
    const isClear = nests === 'sure' && isWhole
    const isInside = nests !== 'no'
    const isMessage = isInside ? this.#nesting.enter(header, isClear) : header.message !== 'no'
    this.#isAtStart = isInside
    this.#multiparts.enter(header, start, { base, containers: this.#nesting.length })
    // A multipart whose boundary is written plainly has no other boundaries.
    if (header.multipart === 'maybe' && header.boundary === undefined) this.#anyDashes = true
    if (!isMessage) return
    this.#beginHeader({ isOfPart: false, nests: isInside && !isClear ? 'maybe' : nests })
  }

  /**
   * Notes the boundaries so far: some readers have ended the header here and are inside of its
   * parts.
   */
  #learnSoFar(region: HeaderRegion): void {
    const fresh = region.fresh()
    if (fresh === '') return
    this.#boundaries.learn(readBoundaries(fresh))
    if (/multipart|boundary/i.test(fresh)) this.#anyDashes = true
  }

  // Contents

  /** `at` and other places are offsets in the present block. */
  #startLeaf(at: number, region: HeaderRegion | undefined): void {
    const nests = region !== undefined && region.start.nests !== 'no'
    if (!nests && !this.#looksForCoded) return // nested contents are all that is looked for
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

  /** Takes bytes of content in which nothing begins. */
  #content(bytes: Buffer, from: number, to: number): void {
    this.#listener.bytes?.content(bytes, from, to)
    if (this.#looksForRuns) this.#runs.lines(bytes, from, to, this.#offset)
  }

  /**
   * Takes the first line of a content that is not blank. To some readers the header goes on with
   * it, or begins there.
   */
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

  /** Takes the line, unless it is a field, which begins a header. Returns where to go on. */
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

  /**
   * Takes a line that begins with two dashes, if it is a delimiter to any reader; returns whether
   * it is.
   */
  #delimiter(bytes: Buffer, from: number, to: number): boolean {
    const isCutOff = from === 0 ? this.#midLine : bytes[from - 1] !== LF
    const delimiter = isCutOff ? undefined : this.#multiparts.delimiterIn(bytes, from, to)
    const boundary = this.#boundaries.longestAt(bytes, from + 2)
    if (!delimiter && boundary === undefined && !this.#anyDashes) return false
    const region = this.#region
    if (region) this.#endHeader(false)
    this.#listener.bytes?.delimiter(bytes, from, to)
    // If it stands in a header: to some readers that header goes on behind it, or its content
    // begins there.
    const before = region?.hasLines ? region : undefined
    if (delimiter) this.#nesting.leave(delimiter.multipart, before)
    else if (before && before.start.nests !== 'no' && saysType(before.header)) {
      this.#nesting.enter(before.header, false)
    }
    if (delimiter?.isSure && !this.#isFlat) this.#runs.end()
    else if (this.#looksForCoded) this.#runs.line(bytes, from, to, this.#offset)
    this.#looksForRuns = this.#looksForCoded
    this.#isAtStart = false
    if (!delimiter?.isSure) {
      const rest = bytes.toString('latin1', from + 2 + (boundary?.length ?? 0), to).trim()
      const form = rest === '' || rest === '--' ? rest : 'more'
      this.#open.mayEnd(`${boundary ?? ''} ${form}`, this.#offset + from, boundary)
      const nests = delimiter?.multipart.nests ?? (this.#nesting.hasMultiparts ? 'maybe' : 'no')
      this.#beginHeader({ isOfPart: true, nests, before })
      return true
    }
    const { multipart, closes } = delimiter
    this.#open.end(multipart, this.#offset + from, {
      coded: multipart.nests !== 'sure' || this.#isFlat || this.#isInUuencode(bytes, from),
      inside: this.#multiparts.openInside(multipart),
    })
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

  /** Whether the line before may be uuencode, which for some readers goes on behind a delimiter. */
  #isInUuencode(bytes: Buffer, at: number): boolean {
    if (!this.#open.hasCoded) return false
    const near = bytes.subarray(Math.max(0, at - CODED_LINE_MAX), at)
    return endsInUuencode(near.length < CODED_LINE_MAX ? Buffer.concat([this.#tail, near]) : near)
  }
}

function goesOn(bytes: Buffer, from: number, to: number): boolean {
  return GOES_ON.test(bytes.toString('latin1', from, Math.min(to, from + 1024)))
}

function isEncoded({ encodings }: PartHeader): boolean {
  return encodings.length === 1 && encodings[0] !== 'identity'
}
