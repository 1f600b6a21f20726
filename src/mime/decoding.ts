import { decoderRoom } from './decoders/base64.ts'
import { DEPTH_MAX, Over } from './limits.ts'
import { hasHeader, looksLikeMail } from './looks.ts'
import type { DecodingPlan, MakeDecoder } from './readings.ts'
import { signedContent } from './signed.ts'
import type { Source } from './source.ts'
import { Store } from './store.ts'
import { giveOne, PIECE, type Step, spend, type Walk, type Work, worked } from './walk.ts'

/** A plan with the standard way alone. */
export function plainly(standard: MakeDecoder): DecodingPlan {
  return { standard, others: () => [] }
}

/** Decodes a source in each way of a plan; gives each result and what is inside of it. */
export function* decodedBy(
  plan: DecodingPlan,
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  yield* oneWay(plan.standard, part, walk, depth)
  yield* inOtherWays(plan, part, walk, depth)
}

/** The same in the other ways. The standard way must have ended. */
export function* inOtherWays(
  plan: DecodingPlan,
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  for (const other of plan.others()) yield* oneWay(other, part, walk, depth)
}

/** The same in one way. */
export function* oneWay(
  make: MakeDecoder,
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  const store = yield* decoded(part, make, walk)
  try {
    yield* giveDecoded(sourceIn(store), walk, depth)
  } finally {
    store.close()
  }
}

/** What a decoder makes of a source. The caller closes the store. */
export function* decoded(part: Source, make: MakeDecoder, walk: Work): Generator<Step, Store> {
  spend(walk, part.size)
  const store = new Store(walk.pool)
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

/** The bytes of a store as a source; valid until the store is closed. */
export function sourceIn(store: Store): Source {
  return { size: store.size, chunks: (from, to) => store.chunks(from, to) }
}

/** Gives a decoded content, and what is inside of it. */
export function* giveDecoded(source: Source, walk: Walk, depth: number): Generator<Step, void> {
  if (!(yield* giveOne(source, { isCounted: true }, walk))) return
  const signed = signedContent(() => source.chunks(), walk.pool)
  if (signed) {
    try {
      checkDepth(depth)
      yield* giveDecoded(sourceIn(signed), walk, depth + 1)
    } finally {
      signed.close()
    }
  }
  if (!looksLikeMail(source) && !hasHeader(source)) return
  checkDepth(depth)
  yield* giveOne(source, { isMail: true }, walk)
  yield* walk.readMail(source, walk, depth + 1)
}

function checkDepth(depth: number): void {
  if (depth === DEPTH_MAX) throw new Over(`mail encoded more than ${DEPTH_MAX} deep`)
}
