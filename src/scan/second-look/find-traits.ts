import { TOP_LINE } from '../../message/top-line.ts'
import type { Specimen } from '../shared/scanner.ts'
import type { Trait } from './trait-names.ts'
import { TraitDetector } from './traits.ts'

/** When it ends before the message does. */
export interface Until {
  /** Nobody wants to know any more. */
  readonly isOver: () => boolean
  /** These are enough to know. */
  readonly isEnough: (found: ReadonlySet<Trait>) => boolean
}

/** Bytes that are looked at before anything else gets a turn. */
const TURN = 512 * 1024

/**
 * The traits of a message (traits.ts), without the line of ours above it. A large one is
 * looked at in turns of the event loop, so that scanners go on meanwhile, and only until
 * there are enough of them. Undefined if `isOver` ended it.
 */
export async function findTraits(
  { chunks }: Specimen,
  { isOver, isEnough }: Until,
): Promise<ReadonlySet<Trait> | undefined> {
  const detector = new TraitDetector()
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
    if (isEnough(detector.found)) return detector.found
  }
  return detector.finish()
}
