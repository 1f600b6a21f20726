import { setTimeout as wait } from 'node:timers/promises'
import { mixedLetters } from '../letters.ts'
import { newResult, type Result, runLoad } from '../load.ts'
import type { Fault } from './faults.ts'
import type { Rig } from './hosts.ts'

/** Newsletters of which every other message is a copy. */
const CAMPAIGNS = 20
/** Bytes of the largest message. */
const MOST = 128 * 1024
/** Messages at a time. */
const AT_ONCE = 20

/** Of these a run has a thousand times as many serials, so that no two runs send the same. */
let runs = 0

/** So many mixed messages by both hosts, during which `fault` comes again and again, for `away` milliseconds. */
export async function runUnder(
  rig: Rig,
  count: number,
  fault?: Fault,
  away = 1_500,
): Promise<Result> {
  const result = newResult()
  let isOn = true
  let times = 0
  const harming = (async () => {
    while (fault && isOn) {
      await fault.harm(rig, away)
      times++
      await wait(away / 2)
    }
  })()
  const doors = rig.hosts.map(({ door }) => door)
  const load = { atOnce: AT_ONCE, most: MOST, letters: mixedLetters(CAMPAIGNS) }
  const first = 10_000_000 * ++runs
  // Once at least: a short run may be over before it is well again.
  const mail = (async () => {
    await runLoad(doors, { ...load, count, first }, result)
    for (let more = 0; fault && times === 0; more++) {
      await runLoad(doors, { ...load, count: 20, first: first + count + 20 * more }, result)
    }
    isOn = false
  })()
  await Promise.all([mail, harming])
  return result
}
