import { decoded, giveDecoded, oneWay, sourceIn } from './decoding.ts'
import { CRLF_END, endOf, firstByte, LF_END, startsEmpty, withEnd } from './looks.ts'
import type { PartHeader } from './part-header.ts'
import type { MakeDecoder } from './readings.ts'
import { CR } from './shared/lines.ts'
import type { Source } from './source.ts'
import {
  LineEnds,
  lookAtText,
  mayBeginFile,
  newTextLook,
  type TextLook,
  Unflowed,
  WithoutCrs,
  WithoutVoid,
} from './text.ts'
import { giveOne, PIECE, type Step, spend, type Walk, worked } from './walk.ts'

/** What decides in which forms a content is saved. */
export interface Saved {
  readonly header: PartHeader
  /** No delimiter is behind it: its last line end may be its own. */
  readonly endsMail: boolean
}

/**
 * A content that is not encoded. Text of the mail itself is left out: the scan of the whole message
 * sees it.
 */
export function* asItStands(
  part: Source,
  saved: Saved,
  walk: Walk,
  depth: number,
): Generator<Step, void> {
  const { header } = saved
  const { bare, end } = endOf(part)
  if (header.isFlowed) yield* oneWay(unflow, bare, walk, depth)
  const isOwn = (header.isText && depth === 0) || header.multipart === 'sure'
  const look = yield* lookThrough(part, walk)
  if (isOwn && look.isText && !mayBeginFile(firstByte(part))) return
  if (header.message !== 'no') yield* giveOne(bare, { isMail: true }, walk)
  yield* inItsForms(bare, end, { look, saved, part }, walk)
  if (!startsEmpty(part)) return
  const store = yield* decoded(bare, withoutVoid, walk)
  try {
    yield* inItsForms(sourceIn(store), end, { look, saved }, walk)
  } finally {
    store.close()
  }
}

/** What came out of quoted-printable. `end` is the line end that stood behind it. */
export function* decodedForms(
  source: Source,
  end: Buffer,
  saved: Saved,
  walk: Walk,
  depth: number,
): Generator<Step, void> {
  const { header } = saved
  const look = yield* lookThrough(source, walk)
  yield* giveDecoded(source, walk, depth)
  yield* inItsForms(source, end, { look, saved }, walk)
  if (header.isFlowed) yield* oneWay(unflow, source, walk, depth)
  if (!look.isText) yield* oneWay(withoutCrs, source, walk, depth)
  if (startsEmpty(source)) yield* oneWay(withoutVoid, source, walk, depth)
}

/**
 * The bytes as some reader saves them: with and without the line end that they end in, with the
 * line ends as they came, and, for a file, with all of them changed to the other kind.
 */
function* inItsForms(
  bare: Source,
  end: Buffer,
  { look, saved, part }: { look: TextLook; saved: Saved; part?: Source },
  walk: Walk,
): Generator<Step, void> {
  const { header, endsMail } = saved
  const isFile = header.isNamed || !header.type.startsWith('text/')
  const isBareCr = end[0] === CR && end.length === 1
  const hasEnd = end.length > 0 && (isFile || isBareCr || endsMail)
  yield* giveOne(bare, {}, walk)
  if (hasEnd) yield* giveOne(part ?? withEnd(bare, end), {}, walk)
  const ways = [
    ...(look.crlf ? (['lf'] as const) : []),
    ...(look.lf && isFile ? (['crlf'] as const) : []),
  ]
  for (const way of ways) {
    const store = yield* decoded(bare, (give, room) => new LineEnds(give, room, way), walk)
    try {
      yield* giveOne(sourceIn(store), { isCounted: true }, walk)
      if (!hasEnd) continue
      store.append(way === 'lf' ? LF_END : CRLF_END)
      yield* giveOne(sourceIn(store), {}, walk)
    } finally {
      store.close()
    }
  }
}

const unflow: MakeDecoder = (give, room) => new Unflowed(give, room)
const withoutCrs: MakeDecoder = (give, room) => new WithoutCrs(give, room)
const withoutVoid: MakeDecoder = (give, room) => new WithoutVoid(give, room)

/** Decodes a part, and joins its flowed lines. */
export function* unflowed(
  first: MakeDecoder,
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  const store = yield* decoded(part, first, walk)
  try {
    yield* oneWay(unflow, sourceIn(store), walk, depth)
  } finally {
    store.close()
  }
}

function* lookThrough(source: Source, walk: Walk): Generator<Step, TextLook> {
  spend(walk, source.size)
  const look = newTextLook()
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = lookAtText(look, chunk, at, end, last)
      yield* worked(walk, end - at)
    }
  }
  return look
}
