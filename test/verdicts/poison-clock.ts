import type { InHand } from '../../src/verdicts/in-hand.ts'
import { createPoison, type PoisonEvent } from '../../src/verdicts/poison.ts'

/** A message by one byte of its fingerprint, with what it has in common with others. */
export function message(byte: number, ...marks: string[]): InHand {
  return { fingerprint: Buffer.alloc(32, byte), marks }
}

/** A memory of poison by a clock of its own. All processes have reported at once. */
export function openPoison() {
  let uptime = 0
  const told: PoisonEvent[] = []
  const poison = createPoison(
    () => uptime,
    (what) => told.push(what),
    async () => {},
  )
  return {
    poison,
    /** What was reported to the other processes. */
    told,
    pass(milliseconds: number) {
      uptime += milliseconds
    },
    /** Notes a failed scan during which no other one failed. */
    async struck(message: InHand) {
      const since = uptime
      uptime += 10
      const count = await poison.harmed(message, since)
      uptime += 10
      return count
    },
  }
}
