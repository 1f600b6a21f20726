import { setTimeout as pause } from 'node:timers/promises'
import { readUptime } from '../../../base/flow/uptime.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { type ManualScan, scanBytes } from '../../scan/scanners/run/manual-scan.ts'

/** Milliseconds until scanners are asked again, at first and at most. */
const FIRST_PAUSE = 200
const PAUSE_MAX = 10_000

/** A message that every scanner can scan. */
async function* plainMessage() {
  yield Buffer.from('Subject: onescan scan\n\nDo the scanners answer?\n')
}

/** Finds out whether scanners scan nothing, as while clamd is restarted, or only one message not. */
export class ScannerOutage {
  readonly #byHand: ManualScan
  readonly #waitsFor: number
  readonly #warn: (text: string) => void
  #waiting: Promise<boolean> | undefined

  /** Scanners that do not answer have `waitsFor` milliseconds. `warn` receives a line if they need them. */
  constructor(byHand: ManualScan, waitsFor: number, warn: (text: string) => void) {
    this.#byHand = byHand
    this.#waitsFor = waitsFor
    this.#warn = warn
  }

  /** Resolves to true as soon as the scanners scan a plain message, or to false if they do not. */
  hasEnded(reason: string): Promise<boolean> {
    this.#waiting ??= this.#wait(reason).finally(() => {
      this.#waiting = undefined
    })
    return this.#waiting
  }

  async #wait(reason: string): Promise<boolean> {
    const end = readUptime() + this.#waitsFor
    for (let next = FIRST_PAUSE; ; next = Math.min(2 * next, PAUSE_MAX)) {
      const { result } = await scanBytes(plainMessage(), this.#byHand)
      if (result.answer !== 'unknown') return true
      if (readUptime() + next > end) return false
      if (next === FIRST_PAUSE)
        this.#warn(`${reason}; waits ${formatDuration(this.#waitsFor)} for the scanners`)
      await pause(next)
    }
  }
}
