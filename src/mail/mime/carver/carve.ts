import type { ByteRange, MailBytes } from '../../message/bytes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import {
  type Encoding,
  encodingsLike,
  OPEN_ESCAPE,
  transferEncodings,
} from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Oddity } from '../reports/oddities.ts'
import { type Cut, cutsIn } from '../structure/cuts.ts'
import type { Depth, Leaf } from '../structure/leaf.ts'
import type { MailStructure } from '../structure/mail-structure.ts'
import { type BodyStart, type BodyStarts, bodyStartsBelow } from './body-starts.ts'
import { OpenLevels } from './open-levels.ts'

/** The words of a header that may name a file, whatever a program makes of its fields. */
const NAMED = /name|content-disp/i
/** Bytes that no text in ASCII has. */
const BINARY = /[\0-\x08\x0e-\x1a\x80-\xff]/

/**
 * Carves a mail whose structure programs read differently. It compares no boundary with a header, and trusts no field: a
 * body may begin below each line that is like a delimiter (body-starts.ts), and end at one of a few later ones. It is decoded as
 * its header declares in any way, and as it looks. Its texts are the leaves, and what scanners see unchanged in the mail.
 * Throws LimitExceeded if there are too many such lines, or too many bodies. The mail begins at the offset `top`.
 */
export function* carve(bytes: MailBytes, depth: Depth, work: Work, top = 0): Steps<MailStructure> {
  const cuts = yield* cutsIn(bytes, work, top)
  const partCuts = yield* partCutsOf(bytes, cuts, top, work)
  return yield* new Carver(bytes, cuts, partCuts, depth, top, work).carve()
}

/** What the headers of all multiparts in the mail declare together: any of them may be around a part. */
interface Multiparts {
  readonly multipart: PartHeader | undefined
  readonly encodings: readonly Encoding[]
}

class Carver {
  readonly #bytes: MailBytes
  readonly #cuts: readonly Cut[]
  /** For each cut the number of the next one that is written in the same way. */
  readonly #nextSame: readonly (number | undefined)[]
  /** For each cut the number of the one that begins its part (partCutsOf). */
  readonly #partCuts: readonly number[]
  readonly #depth: Depth
  readonly #work: Work
  /** The offset at which the mail begins. */
  readonly #top: number
  readonly #levels: OpenLevels
  readonly #leaves: Leaf[] = []
  readonly #texts: ByteRange[] = []

  constructor(
    bytes: MailBytes,
    cuts: readonly Cut[],
    partCuts: readonly number[],
    depth: Depth,
    top: number,
    work: Work,
  ) {
    this.#work = work
    this.#levels = new OpenLevels(depth, work)
    this.#top = top
    this.#bytes = bytes
    this.#cuts = cuts
    this.#depth = depth
    this.#nextSame = nextOf(cuts)
    this.#partCuts = partCuts
  }

  *carve(): Steps<MailStructure> {
    const places = yield* this.#findStarts()
    const headers = places.flatMap(({ starts, withCrs }) => [
      ...starts.map(({ header }) => header),
      ...(withCrs ? [withCrs] : []),
    ])
    const multiparts = multipartsOf(headers.filter(({ isMultipart }) => isMultipart))
    for (const [number, { starts }] of places.entries()) {
      for (const start of starts) yield* this.#takeBody(start, number, multiparts)
    }
    const { attached } = this.#levels
    const oddities = places.flatMap(odditiesOf)
    const texts = [...this.#leaves, ...this.#texts]
    return { leaves: this.#leaves, texts, headers, attached, oddities }
  }

  /** Returns the starts at the top of the mail, and below each cut. */
  *#findStarts(): Steps<BodyStarts[]> {
    const starts = new Set(this.#cuts.map(({ at }) => at))
    const isCut = (at: number) => starts.has(at)
    const places: BodyStarts[] = []
    for (let number = 0; number <= this.#cuts.length; number++) {
      const cut = this.#cuts[number - 1]
      if (cut) this.#levels.takeCut(cut)
      const from = cut?.to ?? this.#top
      const range = { from, to: this.#endAt(number), isOfPart: number > 0, isCut }
      const found = yield* bodyStartsBelow(this.#bytes, range, this.#work)
      this.#levels.takeHeaders(found)
      places.push(found)
    }
    return places
  }

  /** Returns the offset of a cut, or of the end of the mail. */
  #endAt(number: number): number {
    return this.#cuts[number]?.at ?? this.#bytes.length
  }

  /**
   * Adds all that the body below a start may be. `number` is that of the cut above the start's place. A body ends at:
   *
   * | end | of which body |
   * | --- | --- |
   * | the nearest cut | any |
   * | the next cut that is written like the one above the part | encoded, named, or a message |
   * | the cut below the nearest one, but not behind that | encoded, unless the nearest is that |
   * | that, or the end of the mail if there is none | the same, as a guess |
   */
  *#takeBody(start: BodyStart, number: number, multiparts: Multiparts): Steps {
    const isEncoded = start.header.encodings.some((encoding) => encoding !== 'identity')
    const isNamed = NAMED.test(start.text)
    const isFile = isNamed || mayBeFile(start.header)
    let cut = number
    while (this.#endAt(cut) < start.bodyAt) cut++
    const nearest = this.#endAt(cut)
    const sames = [number - 1, this.#partCuts[number - 1] ?? -1].flatMap(
      (above) => this.#sameBelow(above, start.bodyAt) ?? [],
    )
    const same = sames.length > 0 ? Math.max(...sames) : undefined
    // No program reads on below a line that is written like the delimiter above the part.
    const isReadOn = isEncoded && nearest !== same
    const near = new Set([nearest])
    if (isEncoded || isNamed || start.header.isMessage) near.add(same ?? nearest)
    const last = same ?? this.#bytes.length
    if (isReadOn) near.add(Math.min(this.#endAt(cut + 1), last))
    for (const to of near)
      yield* this.#takeRange(start, to, { isFile, isNearest: to === nearest, multiparts })
    if (isReadOn && !near.has(last))
      yield* this.#takeRange(start, last, { isFile, role: 'guess', multiparts })
  }

  /** Returns the offset of the next cut from an offset on that is written like this one. */
  #sameBelow(number: number, from: number): number | undefined {
    let next = this.#nextSame[number]
    while (next !== undefined && this.#endAt(next) < from) next = this.#nextSame[next]
    return next === undefined ? undefined : this.#endAt(next)
  }

  /** Adds what a body that ends at `to` may be. */
  *#takeRange(
    { bodyAt: from, header }: BodyStart,
    to: number,
    {
      isFile,
      isNearest = false,
      role = 'carved',
      multiparts,
    }: {
      readonly isFile: boolean
      readonly isNearest?: boolean
      readonly role?: 'carved' | 'guess'
      readonly multiparts: Multiparts
    },
  ): Steps {
    if (to <= from) return
    const look = yield* lookAt(this.#bytes, { from, to }, this.#work)
    if (look === undefined) return
    const depth = { ...this.#depth, multipart: multiparts.multipart }
    const add = (encodings: readonly Encoding[], of: 'carved' | 'guess') => {
      if (encodings.length === 0) return
      if (this.#leaves.length === limits.parts)
        throw new LimitExceeded(`more than ${limits.parts} parts`)
      this.#leaves.push({ from, to, header, encodings, depth, role: of })
    }
    const declared = header.encodings.filter((encoding) => encoding !== 'identity')
    if (header.encodings.includes('identity')) {
      if (isFile || look.isBinary) add(['identity'], role)
      else if (isNearest) this.#texts.push({ from, to })
    }
    add(declared, role)
    const isCommon = declared.some((encoding) => transferEncodings[encoding].isCommon)
    if (role === 'carved' && !isCommon)
      add([...new Set([...multiparts.encodings, ...look.encodings])], 'guess')
  }
}

/** What a body looks like, whatever its header declares. */
interface BodyLook {
  readonly isBinary: boolean
  readonly encodings: ReadonlySet<Encoding>
}

/** The bytes of a body that are made a text at a time, and those of its first text that show base64. */
const LOOKED = 128 * 1024
const SHOWS_BASE64 = 4096

/** Returns what a body looks like, or undefined if it is blank. It is read in pieces: memory and steps do not grow with it. */
function* lookAt(
  bytes: MailBytes,
  { from, to }: ByteRange,
  work: Work,
): Steps<BodyLook | undefined> {
  const encodings = new Set<Encoding>()
  let isBlank = true
  let isBinary = false
  for (let at = from; at < to; ) {
    const piece = yield* work.text(bytes, at, Math.min(to, at + LOOKED))
    const isLast = at + piece.length === to
    isBinary ||= BINARY.test(piece)
    const text: string = isBlank ? piece.trimStart() : piece
    if (!isLast && isBlank && text.length < SHOWS_BASE64) {
      at += piece.length - text.length
      continue
    }
    for (const encoding of text === '' ? [] : encodingsLike(text, isBlank)) encodings.add(encoding)
    isBlank &&= text === ''
    const open = isLast ? -1 : piece.search(OPEN_ESCAPE)
    at += open > 0 ? open : piece.length
  }
  return isBlank ? undefined : { isBinary, encodings }
}

/** Returns the oddities of the headers below a cut. */
function odditiesOf({ starts, hasOtherLines }: BodyStarts): readonly Oddity[] {
  const { oddities } = starts[0]!.header
  return hasOtherLines ? [...oddities, 'header'] : oddities
}

/** Whether a content that is not encoded may be more than a text that scanners see in the mail. */
function mayBeFile({ type, isMessage, charsets, declared }: PartHeader): boolean {
  const isFileType = type !== '' && type !== 'text/plain' && !type.startsWith('multipart/')
  return isFileType || isMessage || charsets.length > 0 || declared.size > 0
}

/**
 * Returns for each cut the number of the one that begins its part for some program: a cut without an empty line above it is
 * among the fields below an earlier one.
 */
function* partCutsOf(
  bytes: MailBytes,
  cuts: readonly Cut[],
  top: number,
  work: Work,
): Steps<readonly number[]> {
  const partCuts: number[] = []
  for (const [number, { at, text }] of cuts.entries()) {
    const above = partCuts.at(-1) ?? 0
    const from = cuts[number - 1]?.to ?? top
    const begins =
      text === cuts[above]!.text || (yield* work.belowEmptyLine(bytes, from, at)) !== undefined
    partCuts.push(begins ? number : above)
  }
  return partCuts
}

/** Returns for each cut the number of the next one that is written in the same way. */
function nextOf(cuts: readonly Cut[]): (number | undefined)[] {
  const later = new Map<string, number>()
  const next = cuts.map(() => undefined as number | undefined)
  for (let number = cuts.length - 1; number >= 0; number--) {
    const { text } = cuts[number]!
    next[number] = later.get(text)
    later.set(text, number)
  }
  return next
}

/** Returns what the headers of multiparts declare together. */
function multipartsOf(multiparts: readonly PartHeader[]): Multiparts {
  const [first] = multiparts
  const encodings = multiparts.flatMap((header) => header.encodings)
  const declared = new Set(multiparts.flatMap((header) => [...header.declared]))
  return {
    multipart: first && { ...first, declared },
    encodings: encodings.filter((encoding) => encoding !== 'identity'),
  }
}
