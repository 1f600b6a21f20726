import { YencDecoder } from './decoders/uuencode.ts'
import {
  decoded,
  decodedBy,
  giveDecoded,
  inOtherWays,
  oneWay,
  plainly,
  sourceIn,
} from './decoding.ts'
import { endOf, firstByte, hasHighBytes, withEnd } from './looks.ts'
import type { Coded, Leaf } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'
import {
  base64Plan,
  linesOfBase64,
  type MakeDecoder,
  quotedPrintablePlan,
  uuencodePlan,
} from './readings.ts'
import { CR, SPACE } from './shared/lines.ts'
import { partOf, type Source } from './source.ts'
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
import { giveOne, PIECE, type Step, spend, type Walk, worked } from './walk.ts'

/** Characters of a piece of base64 that stands between two paddings. */
const PIECE_LEAST = 16

/** A leaf as each reader of mail saves it: up to each of its ends, by each of its encodings. */
export function* leafContents(
  leaf: Leaf,
  source: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
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

/** Data that is known by its looks, decoded. */
export function* codedContents(
  { kind, from, to }: Coded,
  source: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  if (from >= to) return
  const part = partOf(source, from, to)
  if (kind === 'base64') yield* outOfBase64(part, false, walk, depth)
  else if (kind === 'base64 lines') yield* oneWay(linesOfBase64, part, walk, depth)
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
  const isBareCr = end[0] === CR && end.length === 1
  if (end.length > 0 && (isFile || isBareCr)) yield* giveOne(part ?? withEnd(bare, end), {}, walk)
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
    for (let index = 0; index < chunk.length; index++, at++) {
      const byte = chunk[index]!
      if (byte === 0x3d) isPadded = true
      else if (isPadded && byte > SPACE) {
        isPadded = false
        yield at
      }
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
