import type { System } from '../../base/runtime/system.ts'
import { troubleLine, writeLine } from '../outcome/delay-log.ts'

/** Upper limit for the lines kept while standard error accepts none. Further lines are lost, and counted. */
const LINES_MAX = 10_000
/** Milliseconds between two attempts to write. */
const TRY_EVERY = 20
/** Milliseconds for which each of the last lines may wait. */
const LAST_FLUSH_TIMEOUT = 100
const STDERR = 2

/**
 * Lines for standard error. Each is written only when there is room for it, so that a log that hangs
 * does not stop the gate.
 */
export class LineQueue {
  readonly #system: Pick<System, 'awaitRoom'>
  #lines: Buffer[] = []
  #lost = 0
  #isTrying = false

  constructor(system: Pick<System, 'awaitRoom'>) {
    this.#system = system
  }

  write(line: Buffer): void {
    if (this.#lines.length >= LINES_MAX) this.#lost++
    else this.#lines.push(line)
    if (!this.#isTrying) this.#flush(0)
    if (this.#lines.length > 0) this.#tryLater()
  }

  /** Writes the remaining lines, and waits a little if standard error accepts none. */
  end(): void {
    this.#flush(LAST_FLUSH_TIMEOUT)
  }

  #flush(timeout: number): void {
    let written = 0
    while (written < this.#lines.length && this.#system.awaitRoom(STDERR, timeout)) {
      writeLine(this.#lines[written++]!)
    }
    this.#lines = this.#lines.slice(written)
    if (this.#lines.length > 0 || this.#lost === 0) return
    const reason = `standard error was blocked for a while: ${this.#lost} lines are lost`
    this.#lost = 0
    this.#lines.push(troubleLine(reason))
  }

  #tryLater(): void {
    if (this.#isTrying) return
    this.#isTrying = true
    setTimeout(() => {
      this.#isTrying = false
      this.#flush(0)
      if (this.#lines.length > 0) this.#tryLater()
    }, TRY_EVERY)
  }
}
