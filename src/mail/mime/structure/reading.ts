import { CR, DASH, LF, SPACE, TAB } from '../../../lib/net/ascii.ts'
import { NAME_MAX } from '../../message/content-fields.ts'
import type { FieldSpan } from '../../message/header-block.ts'
import { headerFormFault } from '../../message/well-formed.ts'
import { endsInUuencode } from '../decoders/uuencode.ts'
import {
  type EmptyLine,
  emptyLineOf,
  HeaderRegion,
  isBlankLine,
  isField,
  isFromLine,
  type RegionStart,
  STRANGE_MAX,
  UnendedHeaders,
} from '../headers/header-region.ts'
import type { PartHeader } from '../headers/part-header.ts'
import { limits } from '../shared/limits.ts'
import { isAllBlank, isLineEnd, LineSearch, withoutLineEnd } from '../shared/lines.ts'
import type { KnownHeader } from '../shared/work.ts'
import { codedStart, fieldKinds } from './coded-data.ts'
import { type Delimiter, type DelimiterLine, Delimiters } from './delimiters.ts'
import { DASHES_FRONT_MAX, EventSearch, LineBlocks } from './line-blocks.ts'
import { aroundMail, type Depth, Nesting, saysType } from './nesting.ts'
import { type ContentListener, OpenContents } from './open-contents.ts'

/** If the first line of an attached message looks so, libclamav takes it for one of the part's header. */
const GOES_ON = /^(?:content|filename=)|base64/i

/** The bytes of a line of uuencode, with its line end and the line end before it. */
const CODED_LINE_MAX = 96

/** Stands for a line that is no field: it says nothing about content, and nothing goes on in it. */
const NO_FIELD = 'From:\n'

/** The steps that a line of a header takes besides those of its bytes. */
const HEADER_LINE_STEPS = 8
/** The steps of each header, and of each line that some reader takes for a delimiter. */
const HEADER_STEPS = 64
/** The steps of each character about content when the header has ended: many readers look at it. */
const HEADER_CHARACTER_STEPS = 8

/**
 * The most lines above the line of an mbox: nothing of the mail, but the line that scanners get
 * (message.ts).
 */
const FROM_LINE_MAX = 1

/** A listener that is told what a mail holds while the mail is read. */
interface ReadingListener extends ContentListener {
  /** A header has ended, as some reader sees it. */
  header?(header: PartHeader): void
}

/**
 * The one reading of a mail, which comes in pieces of any size, in constant memory and linear time.
 * The reading tells a listener where each content that any reader of mail may see begins and ends,
 * and how the content may be encoded. It also counts how deep contents are nested.
 *
 * A line that all readers must understand alike ends contents: the delimiter of a multipart with a
 * plain header ends what the multipart holds, except uuencode and multiparts inside that are still
 * open, in which some readers read on. Any other line only adds contents: if some reader takes the
 * line for the end of a header, for a delimiter or for a field, one more content begins there.
 */
export class MailReading {
  readonly #listener: ReadingListener
  readonly #delimiters = new Delimiters()
  readonly #open: OpenContents
  readonly #nesting: Nesting
  /** The header that is being read; undefined inside of a content. */
  #region: HeaderRegion | undefined
  readonly #unended = new UnendedHeaders()
  /** The characters of headers that were read again, since the header went on after a delimiter. */
  #goneOn = 0
  /** Whether only blank lines came since the last header. */
  #isAtStart = false
  /**
   * Whether the last header was that of a mail and empty. Some readers find the header after the
   * blank lines.
   */
  #awaitsHeader = false
  /** Whether the mail's own type is a message. Some readers then take all of it for one text. */
  #isFlat = false
  /** Whether the first header has not ended yet. */
  #isTop = true
  /**
   * Whether a multipart has ended, and nothing has begun since: what stands there is a part for Ruby's mail if
   * a delimiter follows.
   */
  #isBehindClose = false
  /** Whether data has begun here, for some reader, since a content began or may have ended. */
  #isCoded = false

  /** The last bytes of the block before this one. */
  #tail: Buffer = Buffer.alloc(0)

  readonly #blocks = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** The bytes that come next and are known already. */
  #toSkip = 0
  /** The offset of this block in the mail. */
  #offset = 0
  /** Whether this block begins inside of a line. */
  #midLine = false
  /** Whether the block before this one, if there is one, ended in CR LF. */
  #isBehindCrlf = true
  /**
   * The cost so far: bytes that were read, headers that were read again, and what is small but
   * costly.
   */
  steps = 0
  /** Whether a NUL was among them. */
  hasNul = false

  /** `around` is the depth of the mail itself. */
  constructor(
    listener: ReadingListener,
    { around = aroundMail() }: { readonly around?: Depth } = {},
  ) {
    this.#listener = listener
    this.#open = new OpenContents(listener)
    this.#nesting = new Nesting(around)
    this.#beginHeader({ isOfPart: false, nests: 'sure' })
  }

  /** The greatest number so far of messages or multiparts in one another (nesting.ts). */
  get deepest(): number {
    return this.#nesting.deepest
  }

  /** Whether nothing more can be nested, whatever bytes follow. */
  get isSettled(): boolean {
    const isInHeader = this.#region !== undefined || this.#unended.areThere
    return !isInHeader && !this.#isAtStart && !this.#nesting.hasMultiparts
  }

  /**
   * Takes the mail's own header at once if all readers read it alike, and skips its lines, which are
   * pushed next. Throws LimitExceeded.
   */
  takeHeader({ header, above }: KnownHeader): void {
    const isLong = ({ name }: FieldSpan) => name.length > NAME_MAX
    if (headerFormFault(header) !== undefined || header.fields.some(isLong)) return
    const lines = header.length - header.lineEnding.length
    this.#region!.addWellFormed(header)
    this.#isBehindCrlf = header.lineEnding === '\r\n'
    this.#toSkip = above + lines
    this.steps += this.#toSkip + HEADER_LINE_STEPS * header.fields.length
  }

  /** Reads the next bytes, and does not keep them. Throws LimitExceeded. */
  push(chunk: Buffer): void {
    const skipped = Math.min(this.#toSkip, chunk.length)
    this.#toSkip -= skipped
    this.#offset += skipped
    if (skipped < chunk.length) this.#blocks.push(chunk.subarray(skipped))
  }

  end(): void {
    this.#blocks.end()
    if (this.#region) this.#endHeader(false)
    this.stop()
  }

  /** Ends all open contents here, for callers that read no further. */
  stop(): void {
    this.#blocks.forget()
    this.#region = undefined
    this.#unended.forget()
    this.#open.stop(this.#offset)
  }

  /**
   * Whether the listener wants only the depth. Then encoded data is not looked for, and the headers that
   * libclamav sees in a text count.
   */
  get #readsForDepthAlone(): boolean {
    return this.#listener.coded === undefined
  }

  #take(bytes: Buffer, midLine: boolean): void {
    this.#midLine = midLine
    this.steps += bytes.length
    this.hasNul ||= bytes.includes(0)
    this.#lines(bytes)
    if (this.#open.hasCoded) this.#tail = Buffer.from(bytes.subarray(-CODED_LINE_MAX))
    this.#isBehindCrlf = endsInCrlf(bytes, bytes.length)
    this.#offset += bytes.length
  }

  #lines(bytes: Buffer): void {
    let at = 0
    const search = new EventSearch(bytes, {
      coded: !this.#readsForDepthAlone,
      midLine: this.#midLine,
      isBoundary: (at) => this.#delimiters.isBoundary(bytes, at),
    })
    const lines = new LineSearch(bytes)
    if (this.#midLine && this.#region) {
      at = lines.any(0)
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
        const end = this.#unended.areThere ? Math.min(event, lines.any(at)) : event
        this.#endUnended(bytes, at, end)
        at = end
        if (at === event && at < bytes.length) at = this.#atEvent(bytes, at, lines.any(at))
      }
    }
    this.steps += search.units
  }

  #beginHeader({
    isDoubtful = false,
    before,
    ...start
  }: Pick<RegionStart, 'isOfPart' | 'nests' | 'before' | 'line'> & { isDoubtful?: boolean }): void {
    this.steps += HEADER_STEPS
    const again = before?.lines.length ?? 0
    this.#goneOn += again
    const isTooMuch = this.#goneOn > limits.goneOn
    this.#noteRoom(!isTooMuch)
    if (!isTooMuch) this.steps += again
    const around = this.#delimiters.multiparts.innermost?.encodings ?? []
    const containers = this.#nesting.length
    this.#region = new HeaderRegion({
      ...start,
      before: isTooMuch ? undefined : before,
      around,
      isDoubtful,
      containers,
    })
  }

  /** Ends the header. The caller begins the contents that it announces. */
  #endHeader(isWhole: boolean): PartHeader {
    const region = this.#region!
    this.#region = undefined
    region.isWhole &&= isWhole
    this.steps += HEADER_CHARACTER_STEPS * region.lines.length
    const { header } = region
    this.#noteRoom(this.#delimiters.learn(header))
    this.#listener.header?.(header)
    if (region.isSeenByAll) {
      for (const oddity of header.oddities) this.#listener.odd?.(oddity)
    }
    return header
  }

  /** Notes whether there was room for what only some readers see. */
  #noteRoom(hasRoom: boolean): void {
    if (!hasRoom) this.#listener.unread?.('more boundaries than are looked for')
  }

  /** Reads a line that may belong to a header. */
  #headerLine(region: HeaderRegion, bytes: Buffer, from: number, to: number): void {
    this.steps += HEADER_LINE_STEPS
    const end = withoutLineEnd(bytes, from, to)
    const line = bytes.toString('latin1', from, to)
    const coded = codedStart(line.slice(0, end - from))
    if (coded && !fieldKinds.includes(coded.kind)) this.#beginCoded(bytes, from)
    if (bytes[from] === DASH && bytes[from + 1] === DASH) {
      this.#noteRoom(this.#delimiters.learnSoFar(region))
      if (this.#delimiter(bytes, from, to)) return
    }
    if (end === from) {
      this.#endUnended(bytes, from, to)
      this.#endAtEmptyLine(region, to, this.#emptyLine(bytes, from, to))
      return
    }
    if (this.#isAtStart) {
      this.#isAtStart = false // the blank lines before an attached message are over
      if (goesOn(bytes, from, to)) this.#nesting.goOnInPlace()
    }
    if (region.count <= FROM_LINE_MAX && !region.start.isOfPart && isFromLine(bytes, from)) return
    const isFold = bytes[from] === SPACE || bytes[from] === TAB
    const blank = isBlankLine(bytes, from, end)
    if (isField(bytes, from, end)) region.strange = 0
    else if (!isFold || region.strange > 0 || blank) {
      this.#mayEndHeader(region, from, to, blank)
      // Who skips the line of an mbox reads all fields, and who does not has none below it.
      if (!region.start.isOfPart && isFromLine(bytes, from)) {
        region.add(NO_FIELD, false)
        return
      }
      region.isWhole = false
      if (region.strange > STRANGE_MAX) {
        region.add(line, false)
        this.#endHeader(false)
        this.#keepUnended(region, undefined)
        this.#announce(region)
        return
      }
    }
    region.add(line, isFold && region.hasLines && region.strange === 0)
  }

  /** Ends the header, whose content begins after the empty line for most readers. */
  #endAtEmptyLine(region: HeaderRegion, to: number, line: EmptyLine): void {
    const base = this.#open.length
    this.#endHeader(true)
    this.#startLeaf(to, region)
    this.#keepUnended(region, line)
    this.#announce(region, base)
    this.#awaitsHeader = !region.hasLines && !region.start.isOfPart
  }

  /** Reads a line that is not a field. For some readers the header ends there. */
  #mayEndHeader(region: HeaderRegion, from: number, to: number, isBlank: boolean): void {
    region.strange++
    if (region.isSeenByAll) this.#listener.odd?.('header')
    this.#noteRoom(this.#delimiters.learnSoFar(region))
    if (region.strange > 1) return
    if (!isBlank) this.#startLeaf(from, region, true)
    // mutt takes the line that ends the fields of a part for one of them.
    if (isBlank || region.start.isOfPart) this.#startLeaf(to, region, true)
  }

  /**
   * Keeps a header that has ended at this empty line, or before any. Fields in a text are kept only
   * if the text belongs to a header for some readers. A content of each header that is kept is open,
   * so there are no more of them than contents may be open.
   */
  #keepUnended(region: HeaderRegion, endedAt: EmptyLine | undefined): void {
    const isInText = region.start.nests === 'no'
    if (isInText && (this.#readsForDepthAlone || !this.#unended.areThere)) return
    this.#unended.keep(region, endedAt)
  }

  /** Reads a line of content, or an empty one: for some readers a header ends there. */
  #endUnended(bytes: Buffer, from: number, to: number): void {
    if (!this.#unended.areThere || (from === 0 && this.#midLine)) return
    this.steps += HEADER_LINE_STEPS
    if (to === from || withoutLineEnd(bytes, from, to) > from) return
    const ending = this.#unended.endAt(this.#emptyLine(bytes, from, to))
    for (const region of ending) this.#startLeaf(to, region)
  }

  #emptyLine(bytes: Buffer, from: number, to: number): EmptyLine {
    const isAfterCrlf = from === 0 ? this.#isBehindCrlf : endsInCrlf(bytes, from)
    return emptyLineOf(bytes, from, to, isAfterCrlf)
  }

  /** Opens the multipart or the message that the header announces. */
  #announce(region: HeaderRegion, base = this.#open.length): void {
    const { header, start, isWhole } = region
    if (this.#isTop && header.message !== 'no') this.#isFlat = true
    this.#isTop = false
    const { nests } = start
    const isClear = nests === 'sure' && isWhole
    const isInside = nests !== 'no'
    const isMessage = isInside ? this.#nesting.enter(header, isClear) : header.message !== 'no'
    this.#isAtStart = isInside
    this.#delimiters.enter(header, start, { base, containers: this.#nesting.length })
    if (!isMessage) return
    this.#beginHeader({
      isOfPart: false,
      nests: isInside && !isClear ? 'maybe' : nests,
      isDoubtful: header.encodings.some((encoding) => encoding !== 'identity'),
    })
  }

  /** Begins a content at an offset in this block. */
  #startLeaf(at: number, region: HeaderRegion | undefined, isInHeader = false): void {
    const nests = region !== undefined && region.start.nests !== 'no'
    if (!nests && this.#readsForDepthAlone) return // the listener wants only contents that are nested
    const depth = nests ? this.#nesting.depth : undefined
    this.#isCoded = false
    this.#open.begin({ kind: 'leaf', from: this.#offset + at, region, depth, isInHeader })
  }

  /**
   * Notes that data begins at a line for some reader. If it does so in a text in which data has begun, that
   * text is read for both.
   */
  #beginCoded(bytes: Buffer, from: number): void {
    if (this.#isCoded) return
    this.#isCoded = true
    const startsLine = from === 0 || isLineEnd(bytes[from - 1]!)
    const at = this.#offset + (startsLine ? from : from - 1)
    const isInHeader = this.#region !== undefined
    this.#open.begin({ kind: 'coded', from: at, region: undefined, depth: undefined, isInHeader })
  }

  /**
   * Reads a line at the start of a content. For some readers the header goes on with the first line
   * that is not blank, or begins there. Returns where to go on.
   */
  #firstLine(bytes: Buffer, from: number, to: number): number {
    if (isAllBlank(bytes, from, to)) {
      this.#endUnended(bytes, from, to)
      return to
    }
    this.#isAtStart = false
    if (this.#awaitsHeader || (this.#readsForDepthAlone && goesOn(bytes, from, to))) {
      this.#awaitsHeader = false
      this.#beginHeader({ isOfPart: false, nests: 'maybe' })
    }
    return from
  }

  /** Reads the line, unless it is a field, which begins a header. Returns where to go on. */
  #atEvent(bytes: Buffer, from: number, to: number): number {
    const line = bytes.toString('latin1', from, withoutLineEnd(bytes, from, to))
    const coded = codedStart(line)
    if (coded) this.#beginCoded(bytes, from)
    const dashes = dashesOn(bytes, from, (at) => this.#delimiters.isBoundary(bytes, at))
    if (dashes !== undefined) {
      this.#delimiter(bytes, dashes, to)
      return to
    }
    const mayBegin = this.#unended.areThere || this.#isBehindClose || this.#readsForDepthAlone
    const isField = coded === undefined || fieldKinds.includes(coded.kind)
    if (!isField || !mayBegin) return to
    this.#beginHeader({ isOfPart: false, nests: 'no' })
    return from
  }

  /**
   * Reads a line that begins with two dashes, if any reader takes the line for a delimiter. Returns
   * whether one does.
   */
  #delimiter(bytes: Buffer, from: number, to: number): boolean {
    this.steps += HEADER_STEPS + (this.#open.length >> 2) // each of them may end here
    const isCutOff = from === 0 ? this.#midLine : bytes[from - 1] !== LF
    const line = this.#delimiters.read(bytes, from, to, isCutOff)
    if (!line) return false
    this.#isCoded = false
    const { delimiter } = line
    const region = this.#region
    if (region) this.#endHeader(false)
    // If the delimiter stands in a header: for some readers that header goes on after it, or its
    // content begins there.
    const before = region?.hasLines ? region : this.#unended.takeLast()
    if (delimiter) this.#nesting.leave(delimiter.multipart, before)
    else if (before && before.start.nests !== 'no' && saysType(before.header)) {
      this.#nesting.enter(before.header, false)
    }
    this.#isAtStart = false
    this.#isBehindClose = delimiter?.closes === true
    if (delimiter?.isSure) {
      this.#unended.forget()
      this.#endContents(delimiter, bytes, from)
      if (delimiter.closes) {
        this.#startLeaf(to, before)
        if (before) this.#keepUnended(before, undefined)
        this.#isAtStart = region !== undefined && delimiter.multipart.nests !== 'no'
        if (this.#delimiters.maySeparateOthers(delimiter.multipart)) {
          const nests = delimiter.multipart.nests === 'no' ? 'no' : 'maybe'
          this.#beginHeader({ isOfPart: true, nests, isDoubtful: true })
        }
      } else this.#beginHeader({ isOfPart: true, nests: delimiter.multipart.nests, before })
    } else {
      const whole = isCutOff ? undefined : bytes.toString('latin1', from, to)
      this.#mayEndContents(line, whole, bytes, from, to)
      const nests = delimiter?.multipart.nests ?? (this.#nesting.hasMultiparts ? 'maybe' : 'no')
      this.#beginHeader({ isOfPart: true, nests, before, isDoubtful: true, line: whole })
    }
    return true
  }

  /** Ends what the multipart holds, at a delimiter that every reader must see. */
  #endContents({ multipart, closes }: Delimiter, bytes: Buffer, from: number): void {
    const { multiparts } = this.#delimiters
    this.#open.end(multipart, this.#offset + from, {
      coded: multipart.nests !== 'sure' || this.#isFlat || this.#isInUuencode(bytes, from),
      inside: multiparts.openInside(multipart),
    })
    if (closes) multiparts.close(multipart)
    else multiparts.endInside(multipart)
  }

  /**
   * Notes that for some readers all contents end at this line, and for all readers those that began at the
   * same line; `whole` is the line, if it is known to be that.
   */
  #mayEndContents(
    { boundary }: DelimiterLine,
    whole: string | undefined,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    const rest = bytes.toString('latin1', from + 2 + (boundary?.length ?? 0), to).trim()
    const form = rest === '' || rest === '--' ? rest : 'more'
    if (boundary !== undefined) {
      const isBehindEnd = this.#delimiters.multiparts.isClosed(boundary)
      if (isBehindEnd || form === 'more') this.#listener.odd?.('delimiter')
    }
    const at = this.#offset + from
    if (whole) this.#open.endAlike(whole, this.#delimiters.multiparts.innermost, at)
    this.#open.mayEnd(`${boundary ?? ''} ${form}`, at, boundary)
  }

  /** Returns whether the line before may be uuencode, which for some readers goes on after it. */
  #isInUuencode(bytes: Buffer, at: number): boolean {
    if (!this.#open.hasCoded) return false
    const near = bytes.subarray(Math.max(0, at - CODED_LINE_MAX), at)
    return endsInUuencode(near.length < CODED_LINE_MAX ? Buffer.concat([this.#tail, near]) : near)
  }
}

/**
 * Returns where two dashes are that a line begins with, behind blanks and few other bytes (line-blocks.ts):
 * those in front of a boundary, or else the first ones; undefined if there are none.
 */
function dashesOn(
  bytes: Buffer,
  from: number,
  isBoundary: (at: number) => boolean,
): number | undefined {
  let first: number | undefined
  let at = from
  for (let others = 0; others <= DASHES_FRONT_MAX; at++) {
    if (bytes[at] === DASH && bytes[at + 1] === DASH) {
      // A boundary is looked for only where there is a choice.
      if (first !== undefined && isBoundary(first + 2)) return first
      if (first !== undefined && isBoundary(at + 2)) return at
      first ??= at
    }
    if (bytes[at] !== SPACE && bytes[at] !== TAB) others++
  }
  return first
}

function goesOn(bytes: Buffer, from: number, to: number): boolean {
  return GOES_ON.test(bytes.toString('latin1', from, Math.min(to, from + 1024)))
}

function endsInCrlf(bytes: Buffer, end: number): boolean {
  return bytes[end - 1] === LF && bytes[end - 2] === CR
}
