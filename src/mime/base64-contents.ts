import { decodedBy, oneWay } from './decoding.ts'
import { base64Plan } from './readings.ts'
import { SPACE } from './shared/lines.ts'
import { partOf, type Source } from './source.ts'
import type { Step, Walk } from './walk.ts'

/** Characters of a piece of base64 that stands between two paddings. */
const PIECE_LEAST = 16

/** What readers decode out of base64, and each piece of it that ends in padding; `isSaid` by a header. */
export function* outOfBase64(
  part: Source,
  isSaid: boolean,
  walk: Walk,
  depth: number,
): Generator<Step> {
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
