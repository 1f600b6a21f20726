import { TOP_LINE } from '../../message/top-line.ts'
import type { Specimen } from '../scanner.ts'
import type { Trait } from './trait-names.ts'
import { createTraitDetector } from './traits.ts'

/** Bytes that are looked at before anything else gets a turn. */
const TURN = 512 * 1024

/**
 * The traits of a message (traits.ts), without the line of ours above it. A large one is
 * looked at in turns of the event loop, so that scanners go on meanwhile. Undefined where
 * `isOver` ended it.
 */
export async function findTraits(
  { chunks }: Specimen,
  isOver: () => boolean,
): Promise<ReadonlySet<Trait> | undefined> {
  const detector = createTraitDetector()
  let ours = TOP_LINE.length
  let turn = 0
  for (const chunk of chunks()) {
    detector.push(chunk.subarray(ours))
    ours = Math.max(0, ours - chunk.length)
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await new Promise(setImmediate)
    if (isOver()) return undefined
  }
  return detector.finish()
}
