import { SPACE } from '../shared/lines.ts'
import { partOf, type Source } from '../shared/source.ts'
import type { Steps } from '../shared/work.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decodeInOneWay } from './decoding.ts'
import { base64Plan } from './decoding-plans.ts'

/**
 * The fewest characters between two paddings that are decoded by themselves. Fewer are a word of a
 * text, and no file.
 */
const PIECE_LEAST = 16

/**
 * Gives all that readers decode from base64. If data goes on behind padding, each piece of the data
 * is decoded by itself as well. `isAnnounced` says that a header announces base64. Returns whether
 * data goes on behind padding.
 */
export function* giveFromBase64(
  part: Source,
  isAnnounced: boolean,
  decoding: Decoding,
): Steps<boolean> {
  const plan = base64Plan(isAnnounced)
  yield* decodeByPlan(plan, part, decoding)
  if (!plan.odd.padding) return false
  let from = 0
  for (const place of [...paddedPlaces(part), part.size]) {
    if (place - from >= PIECE_LEAST) {
      yield* decodeInOneWay(base64Plan(false).standard, partOf(part, from, place), decoding)
    }
    from = place
  }
  return true
}

/** Finds the places where data goes on behind padding. */
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
