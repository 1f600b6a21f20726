import { decodeByPlan, decodeInOneWay } from './decoding.ts'
import { base64Plan } from './decoding-plans.ts'
import { SPACE } from './shared/lines.ts'
import { partOf, type Source } from './source.ts'
import type { ContentStep, Walk } from './walk.ts'

/** The fewest characters between two paddings that are decoded by themselves. */
const PIECE_LEAST = 16

/**
 * What readers decode out of base64. If data goes on behind padding, each piece of it is decoded by
 * itself as well. `isSaid`: a header says that it is base64.
 */
export function* giveFromBase64(
  part: Source,
  isSaid: boolean,
  walk: Walk,
  depth: number,
): Generator<ContentStep> {
  const plan = base64Plan(isSaid)
  yield* decodeByPlan(plan, part, walk, depth)
  if (!plan.odd.padding) return
  let from = 0
  for (const place of [...paddedPlaces(part), part.size]) {
    // Fewer characters are a word of a text, and no file.
    if (place - from >= PIECE_LEAST) {
      yield* decodeInOneWay(base64Plan(false).standard, partOf(part, from, place), walk, depth)
    }
    from = place
  }
}

/** The places where data goes on behind padding. */
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
