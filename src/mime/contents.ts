import type { Hash } from 'node:crypto'
import { decoderRoom } from './decoders/base64.ts'
import { YencDecoder } from './decoders/uuencode.ts'
import { CONTENTS_MAX, DEPTH_MAX, mostBytesOf, Over } from './limits.ts'
import type { PartHeader } from './part-header.ts'
import { type Coded, type Leaf, Reading } from './reading.ts'
import {
  base64Plan,
  type DecodingPlan,
  type MakeDecoder,
  quotedPrintablePlan,
  uuencodePlan,
} from './readings.ts'
import { CR, DASH, LF, SPACE, TAB } from './shared/lines.ts'
import { signedContent } from './signed.ts'
import { partOf, type Source } from './source.ts'
import { createShelf, type Shelf, Store } from './store.ts'
import {
  LineEnds,
  LowBytes,
  lookAtText,
  mayBeginFile,
  newTextLook,
  type TextLook,
  Unflowed,
  WithoutCrs,
} from './text.ts'

/** Contents that are compared as they are: for so few bytes that is less work than a digest. */
const COMPARED_WHOLE_MAX = 256
/** Contents that are compared by their digest: larger ones are not worth it. */
const COMPARED_MAX = 1024 * 1024

/** Units of work between two turns of the event loop: about a byte that is looked at, each. */
const TURN = 192 * 1024
/** What a content costs beside its bytes, in the same units. */
const CONTENT_COST = 4096

/** Characters of a piece of base64 that stands between two paddings. */
const PIECE_LEAST = 16

/** Bytes that are read before what was found in them is given. */
const PIECE = 64 * 1024

/** What a reader of mail might get out of a message. */
export interface Content {
  readonly size: number
  /** A mail by itself, which scanners are to take for one. */
  readonly isMail: boolean
  /** A chunk is valid until the next one is asked for. Not to be used once the next content was asked for. */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

export type Step =
  | { readonly kind: 'content'; readonly content: Content }
  /** A good moment for a turn of the event loop. */
  | { readonly kind: 'turn' }
  /** There is more than is looked at. The last step. */
  | { readonly kind: 'over'; readonly why: string }

export interface ContentsOptions {
  /** For contents that memory has no room for: a file of their own, for reading and writing. */
  readonly openFile: () => number
  readonly createHash: (algorithm: string) => Hash
  /** Headers of parts and mails, as some reader sees them. */
  readonly onHeader?: (header: PartHeader) => void
  /** Names of files in uuencode and yEnc. */
  readonly onName?: (name: string) => void
  /** Told how many bytes were looked at, for those who count. */
  readonly onWork?: (bytes: number) => void
}

/**
 * The contents that any reader of mail might get out of a message, each once: every leaf as the
 * standards have it decoded, and where readers differ about it, in each of their ways. Left out
 * is text of the mail itself, which stands in the message as it is (`isLeftToWhole`).
 * Whoever asks for no more must call `return`, which frees what is held.
 */
export function* contentsOf(message: Source, options: ContentsOptions): Generator<Step, void> {
  const walk: Walk = {
    options,
    shelf: createShelf(options.openFile),
    seen: new Set(),
    rooms: [],
    count: 0,
    bytesLeft: mostBytesOf(message.size),
    work: 0,
  }
  try {
    yield* inside(message, walk, 0)
  } catch (error) {
    if (!(error instanceof Over)) throw error
    yield { kind: 'over', why: error.message }
  }
}

interface Walk {
  readonly options: ContentsOptions
  readonly shelf: Shelf
  readonly seen: Set<string>
  /** Memory for decoders, of this message alone, that none decodes into at the moment. */
  readonly rooms: Buffer[]
  count: number
  bytesLeft: number
  /** Units of work since the last turn. */
  work: number
}

/**
 * The contents of one mail, in the order of where they end. The source is read at two places at
 * a time: readings of it share no memory.
 */
function* inside(source: Source, walk: Walk, depth: number): Generator<Step, void> {
  let found: (Leaf | Coded)[] = []
  const reading = new Reading({
    header: (header) => walk.options.onHeader?.(header),
    name: (name) => walk.options.onName?.(name),
    leaf: (leaf) => found.push(leaf),
    coded: (coded) => found.push(coded),
  })
  function* give(): Generator<Step, void> {
    const ready = found
    found = []
    for (const one of ready) {
      if ('kind' in one) yield* codedContents(one, source, walk, depth)
      else yield* leafContents(one, source, walk, depth)
    }
  }
  let steps = 0
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      reading.push(chunk.subarray(at, at + PIECE))
      yield* worked(walk, reading.steps - steps)
      steps = reading.steps
      if (found.length > 0) yield* give()
    }
  }
  reading.end()
  yield* give()
}

function* worked(walk: Walk, units: number): Generator<Step, void> {
  walk.options.onWork?.(units)
  walk.work += units
  if (walk.work < TURN) return
  walk.work = 0
  yield { kind: 'turn' }
}

/** Takes bytes out of what all contents together may have. */
function spend(walk: Walk, bytes: number): void {
  walk.bytesLeft -= bytes
  if (walk.bytesLeft < 0) throw new Over('contents of too many bytes')
}

// Leaves

function* leafContents(leaf: Leaf, source: Source, walk: Walk, depth: number): Generator<Step> {
  const { from, header, encodings } = leaf
  const ends = [leaf.to, ...leaf.mayEnd].filter((end) => end > from)
  for (const end of ends) {
    const part = partOf(source, from, end)
    for (const encoding of encodings) {
      if (encoding === 'identity') yield* asItStands(part, header, walk, depth)
      else if (encoding === 'quoted-printable') yield* outOfEscapes(part, header, walk, depth)
      else if (encoding === 'base64') {
        yield* outOfBase64(part, true, walk, depth)
        if (header.isFlowed) yield* unflowed(base64Plan(true).standard, part, walk, depth)
      } else yield* decodedBy(uuencodePlan(), part, walk, depth)
    }
    if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
      yield* inBothWays(part, walk, depth)
    }
  }
}

function* codedContents(
  { kind, from, to }: Coded,
  source: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  if (from >= to) return
  const part = partOf(source, from, to)
  if (kind === 'base64') yield* outOfBase64(part, false, walk, depth)
  else if (kind === 'uuencode') yield* decodedBy(uuencodePlan(), part, walk, depth)
  else
    yield* decodedBy(
      plainly((give, room) => new YencDecoder(give, room)),
      part,
      walk,
      depth,
    )
}

function* asItStands(
  part: Source,
  header: PartHeader,
  walk: Walk,
  depth: number,
): Generator<Step, void> {
  const { bare, end } = endOf(part)
  if (header.isFlowed) yield* oneWay(unflow, bare, walk, depth)
  const isOwn = header.isText || header.multipart === 'sure'
  const look = newTextLook()
  yield* lookThrough(part, look, walk)
  if (isOwn && look.isText && !mayBeginFile(firstByte(part))) return // left to the whole
  if (header.message !== 'no') yield* giveOne(bare, { isMail: true }, walk)
  yield* inItsForms(bare, end, { look, header, part }, walk)
}

/**
 * The bytes as some reader saves them: with and without the line end that belongs to the
 * delimiter, with the line ends that they came with, and, for a file, with the other ones.
 */
function* inItsForms(
  bare: Source,
  end: Buffer,
  { look, header, part }: { look: TextLook; header: PartHeader; part?: Source },
  walk: Walk,
): Generator<Step, void> {
  yield* giveOne(bare, {}, walk)
  const isFile = header.isNamed || !header.type.startsWith('text/')
  if (isFile && end.length > 0) yield* giveOne(part ?? withEnd(bare, end), {}, walk)
  const ways = [
    ...(look.crlf ? (['lf'] as const) : []),
    ...(look.lf && isFile ? (['crlf'] as const) : []),
  ]
  for (const way of ways) {
    const store = yield* decoded(bare, (give, room) => new LineEnds(give, room, way), walk)
    try {
      yield* giveOne(sourceIn(store), {}, walk)
      if (!isFile || end.length === 0) continue
      store.append(Buffer.from(way === 'lf' ? '\n' : '\r\n'))
      yield* giveOne(sourceIn(store), {}, walk)
    } finally {
      store.close()
    }
  }
}

function* outOfEscapes(
  part: Source,
  header: PartHeader,
  walk: Walk,
  depth: number,
): Generator<Step, void> {
  const { bare, end } = endOf(part)
  yield* outOfWideCharacters(bare, walk, depth)
  const plan = quotedPrintablePlan()
  const store = yield* decoded(bare, plan.standard, walk)
  try {
    const { odd } = plan
    if (!odd.encoded && !odd.strange && !odd.blanks) {
      yield* asItStands(part, header, walk, depth)
      return
    }
    const look = newTextLook()
    yield* lookThrough(sourceIn(store), look, walk)
    yield* giveDecoded(sourceIn(store), walk, depth)
    yield* inItsForms(sourceIn(store), end, { look, header }, walk)
    if (header.isFlowed) yield* oneWay(unflow, sourceIn(store), walk, depth)
    if (!look.isText) yield* oneWay(withoutCrs, sourceIn(store), walk, depth)
  } finally {
    store.close()
  }
  yield* inOtherWays(plan, bare, walk, depth)
}

const unflow: MakeDecoder = (give, room) => new Unflowed(give, room)
const withoutCrs: MakeDecoder = (give, room) => new WithoutCrs(give, room)

function* unflowed(first: MakeDecoder, part: Source, walk: Walk, depth: number): Generator<Step> {
  const store = yield* decoded(part, first, walk)
  try {
    yield* oneWay(unflow, sourceIn(store), walk, depth)
  } finally {
    store.close()
  }
}

/** For readers that have text for bytes: what is above U+00FF loses all but its lowest byte. */
function* outOfWideCharacters(bare: Source, walk: Walk, depth: number): Generator<Step, void> {
  if (!hasHighBytes(bare)) return
  const low = yield* decoded(bare, (give) => new LowBytes(give), walk)
  try {
    yield* decodedBy(quotedPrintablePlan(), sourceIn(low), walk, depth)
  } finally {
    low.close()
  }
}

function* outOfBase64(part: Source, isSaid: boolean, walk: Walk, depth: number): Generator<Step> {
  const plan = base64Plan(isSaid)
  yield* decodedBy(plan, part, walk, depth)
  if (!plan.odd.padding) return
  let from = 0
  for (const place of [...paddedPlaces(part), part.size]) {
    // Fewer characters are a word of a text, and no file.
    if (place - from >= PIECE_LEAST) {
      yield* oneWay(base64Plan(false).standard, partOf(part, from, place), walk, depth)
    }
    from = place
  }
}

/** Where data goes on behind padding. */
function* paddedPlaces(part: Source): Generator<number> {
  let isPadded = false
  let at = 0
  for (const chunk of part.chunks()) {
    for (const byte of chunk) {
      if (byte === 0x3d) isPadded = true
      else if (isPadded && byte > SPACE) {
        isPadded = false
        yield at
      }
      at++
    }
  }
}

/** One encoding within the other. */
function* inBothWays(part: Source, walk: Walk, depth: number): Generator<Step> {
  const plans = [() => quotedPrintablePlan(), () => base64Plan(true)]
  for (const [first, second] of [plans, plans.toReversed()]) {
    const once = yield* decoded(part, first!().standard, walk)
    try {
      yield* decodedBy(second!(), sourceIn(once), walk, depth)
    } finally {
      once.close()
    }
  }
}

// Decoding

/** A plan of one way alone. */
function plainly(standard: MakeDecoder): DecodingPlan {
  return { standard, others: () => [] }
}

function* decodedBy(plan: DecodingPlan, part: Source, walk: Walk, depth: number): Generator<Step> {
  yield* oneWay(plan.standard, part, walk, depth)
  yield* inOtherWays(plan, part, walk, depth)
}

function* inOtherWays(
  plan: DecodingPlan,
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  for (const other of plan.others()) yield* oneWay(other, part, walk, depth)
}

function* oneWay(make: MakeDecoder, part: Source, walk: Walk, depth: number): Generator<Step> {
  const store = yield* decoded(part, make, walk)
  try {
    yield* giveDecoded(sourceIn(store), walk, depth)
  } finally {
    store.close()
  }
}

/** The caller closes the store. */
function* decoded(part: Source, make: MakeDecoder, walk: Walk): Generator<Step, Store> {
  spend(walk, part.size)
  const store = new Store(walk.shelf)
  const room = walk.rooms.pop() ?? decoderRoom()
  let isDone = false
  try {
    const decoder = make((bytes, length) => store.append(bytes, 0, length), room)
    for (const chunk of part.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const end = Math.min(chunk.length, at + PIECE)
        decoder.push(chunk, at, end)
        yield* worked(walk, end - at)
      }
    }
    decoder.end()
    isDone = true
    return store
  } finally {
    walk.rooms.push(room)
    if (!isDone) store.close()
  }
}

function sourceIn(store: Store): Source {
  return { size: store.size, chunks: (from, to) => store.chunks(from, to) }
}

// Giving

/** What came out of an encoding, and what is within it. */
function* giveDecoded(source: Source, walk: Walk, depth: number): Generator<Step, void> {
  if (!(yield* giveOne(source, {}, walk))) return
  const signed = signedContent(() => source.chunks(), walk.shelf)
  if (signed) {
    try {
      checkDepth(depth)
      yield* giveDecoded(sourceIn(signed), walk, depth + 1)
    } finally {
      signed.close()
    }
  }
  if (!looksLikeMail(source)) return
  checkDepth(depth)
  yield* giveOne(source, { isMail: true }, walk)
  yield* inside(source, walk, depth + 1)
}

function checkDepth(depth: number): void {
  if (depth === DEPTH_MAX) throw new Over(`mail encoded more than ${DEPTH_MAX} deep`)
}

/** Returns whether it was given: it is not empty, and was not given before. */
function* giveOne(source: Source, { isMail = false }, walk: Walk): Generator<Step, boolean> {
  if (source.size === 0 || isSeen(source, isMail, walk)) return false
  if (++walk.count > CONTENTS_MAX) throw new Over(`more than ${CONTENTS_MAX} contents`)
  spend(walk, source.size)
  const { size } = source
  const chunks: Content['chunks'] = (from, to) => source.chunks(from, to)
  yield { kind: 'content', content: { size, isMail, chunks } }
  yield* worked(walk, CONTENT_COST + size)
  return true
}

function isSeen(source: Source, isMail: boolean, { seen, options }: Walk): boolean {
  if (source.size > COMPARED_MAX) return false
  const bytes = source.size <= COMPARED_WHOLE_MAX ? textOf(source) : digestOf(source, options)
  const key = isMail ? `mail ${bytes}` : bytes
  if (seen.has(key)) return true
  seen.add(key)
  return false
}

function textOf(source: Source): string {
  let text = '='
  for (const chunk of source.chunks()) text += chunk.toString('latin1')
  return text
}

function digestOf(source: Source, { createHash }: ContentsOptions): string {
  const hash = createHash('sha256')
  for (const chunk of source.chunks()) hash.update(chunk)
  return hash.digest('hex')
}

// Looking

function* lookThrough(source: Source, look: TextLook, walk: Walk): Generator<Step, void> {
  spend(walk, source.size)
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = lookAtText(look, chunk, at, end, last)
      yield* worked(walk, end - at)
    }
  }
}

function firstByte(source: Source): number {
  for (const chunk of source.chunks(0, Math.min(source.size, 1024))) {
    for (const byte of chunk) if (byte > SPACE) return byte
  }
  return 0
}

/** The source without the line end that it ends in, and that. */
function endOf(source: Source): { readonly bare: Source; readonly end: Buffer } {
  const from = Math.max(0, source.size - 2)
  const last = Buffer.concat([...source.chunks(from, source.size)])
  let length = 0
  if (last.at(-1) === LF) length = last.at(-2) === CR ? 2 : 1
  return {
    bare: length === 0 ? source : partOf(source, 0, source.size - length),
    end: Buffer.from(last.subarray(last.length - length)),
  }
}

function withEnd(source: Source, end: Buffer): Source {
  return {
    size: source.size + end.length,
    *chunks(from = 0, to = source.size + end.length) {
      if (from < source.size) yield* source.chunks(from, Math.min(to, source.size))
      if (to > source.size) yield end.subarray(Math.max(0, from - source.size), to - source.size)
    },
  }
}

function hasHighBytes(source: Source): boolean {
  for (const chunk of source.chunks()) for (const byte of chunk) if (byte > 0xc3) return true
  return false
}

/** Whether there may be encoded data in it: a MIME field, a line of dashes, uuencode. */
function looksLikeMail(source: Source): boolean {
  let tail: Buffer = Buffer.alloc(0)
  for (const chunk of source.chunks()) {
    const seam = Buffer.concat([tail, chunk.subarray(0, SEAM)])
    if (hasWord(seam) || hasWord(chunk)) return true
    tail = Buffer.from((chunk.length < SEAM ? seam : chunk).subarray(-SEAM))
  }
  return false
}

/** Bytes at both sides of where two chunks meet that a word of `hasWord` may have. */
const SEAM = 16

function hasWord(bytes: Buffer): boolean {
  for (let dash = bytes.indexOf(DASH); dash >= 0; dash = bytes.indexOf(DASH, dash + 1)) {
    const isField = dash >= 7 && (bytes[dash - 1]! | 32) === 0x74 /* t */
    if (isField && /content$/i.test(bytes.toString('latin1', dash - 7, dash))) return true
  }
  for (let at = bytes.indexOf('begin'); at >= 0; at = bytes.indexOf('begin', at + 1)) {
    const next = bytes[at + 5]
    if (next === SPACE || next === TAB) return true
  }
  return false
}
