import type { Test } from 'tap'
import { type BuiltStage, buildStage } from '../../../cases/stage.ts'
import { type RunningNext, startNext } from './next-server.ts'
import { type OpenDoor, openDoor, type Setup, sendThrough } from './rig.ts'

/** A door between its clients and a next server, with a stage that both go with. */

export const clean = 'Subject: x\r\n\r\nhello\r\n'
export const infected = 'Subject: x\r\n\r\nVIRUS\r\n'

interface SetupBetween extends Setup {
  /** The lines of onescan.policy. */
  readonly rules?: string
  /** Whether the stage's quarantine is QUARANTINE. */
  readonly keeps?: boolean
}

interface Between {
  readonly stage: BuiltStage
  readonly next: RunningNext
  readonly door: OpenDoor
  /** Resolves when all clients have left, and the door has left the next server. */
  over(): Promise<void>
  /** Checks that mail of other clients still passes. */
  stillServes(): Promise<void>
}

/** Opens a door that asks the stage's scanner, with more settings than these if some are given. */
export async function openBetween(t: Test, setup: SetupBetween = {}): Promise<Between> {
  const { rules, keeps = false, settings, ...route } = setup
  const stage = buildStage(t)
  const next = await startNext(t, { lmtp: route.isLmtp === true })
  const door = await openDoor(t, next.port, {
    settings: {
      QHPSI: stage.scanner,
      ...(keeps && { QUARANTINE: stage.quarantine }),
      ...(rules !== undefined && { CONTROLDIR: stage.rules(rules) }),
      ...settings,
    },
    ...route,
  })
  return {
    stage,
    next,
    door,
    async over() {
      while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
    },
    async stillServes() {
      next.script = undefined
      t.match(await sendThrough(door, clean), /^250 2\.0\.0 next queued/, 'it still serves')
    },
  }
}
