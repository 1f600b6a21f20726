import type { ScanResult } from '../../../src/scan/shared/scan-result.ts'
import type { InHand } from '../../../src/verdicts/poison/in-hand.ts'
import { Poison, type PoisonEvent } from '../../../src/verdicts/poison/poison.ts'

/** The result of a scan that clamd died of. */
export const killed = {
  answer: 'unknown',
  scanner: 'clamd',
  why: 'died',
  cause: 'broken-off',
  harmful: true,
} as const satisfies ScanResult

/** Makes a message by one byte of its fingerprint, with what it has in common with others. */
export function message(byte: number, ...marks: string[]): InHand {
  return { fingerprint: Buffer.alloc(32, byte).toString('base64url'), marks }
}

/** Opens a memory of poison with a clock of its own. The other processes have always reported already. */
export function openPoison() {
  let uptime = 0
  const told: PoisonEvent['is'][] = []
  const poison = new Poison({
    uptime: () => uptime,
    tell: ({ is }) => told.push(is),
    allHaveTold: async () => {},
  })
  return {
    poison,
    /** The events that were reported to the other processes. */
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
