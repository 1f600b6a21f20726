/** Milliseconds between two beats of a worker. */
export const BEAT_EVERY = 1_000
/** Milliseconds without a beat after which a worker is late: /healthz says so. */
export const LATE_AFTER = 3_000
/**
 * Milliseconds without a beat after which a worker hangs if it runs all the time, or is stopped.
 */
export const HUNG_AFTER = 5_000
/**
 * Milliseconds of processor time that a hung worker must have used meanwhile. With less it only
 * waits for the processor, which other processes have on a busy host.
 */
const BUSY_FOR = 2_000
/** Milliseconds without a beat after which a worker hangs, whatever it does. */
const SILENT_FOR = 20_000

interface BeatWatchOptions {
  /** Milliseconds on the monotonic clock. */
  readonly uptime: () => number
  /** The state of a process, and the milliseconds of processor time that it has used: proc(5). */
  readonly stat: (worker: number) => { readonly state: string; readonly used: number } | undefined
  /** Called once for each worker that hangs; `how` says in words what it does. */
  readonly onHung: (worker: number, how: string) => void
}

/** The last beat of a worker. */
interface Beat {
  at: number
  /** Milliseconds of processor time that the worker had used when a beat was first missing. */
  used: number | undefined
  isHung: boolean
}

/**
 * Finds workers that hang, that is, are stuck in a loop or stopped: they send no beat for some
 * seconds. If this very process stood still meanwhile, no worker counts as hung.
 */
export class BeatWatch {
  readonly #options: BeatWatchOptions
  readonly #beats = new Map<number, Beat>()
  readonly #timer = setInterval(() => this.poll(), BEAT_EVERY).unref()
  #polledAt: number

  constructor(options: BeatWatchOptions) {
    this.#options = options
    this.#polledAt = options.uptime()
  }

  /** The worker has started, or has said something. */
  heard(worker: number): void {
    const at = this.#options.uptime()
    const beat = this.#beats.get(worker)
    if (beat === undefined) this.#beats.set(worker, { at, used: undefined, isHung: false })
    else beat.at = at
  }

  /** The worker has ended. */
  forget(worker: number): void {
    this.#beats.delete(worker)
  }

  /** The workers that are late. */
  late(): number[] {
    const now = this.#options.uptime()
    return [...this.#beats].flatMap(([worker, { at }]) => (now - at > LATE_AFTER ? worker : []))
  }

  /** Looks at all workers; called each second. */
  poll(): void {
    const { uptime, onHung } = this.#options
    const wasAway = uptime() - this.#polledAt > LATE_AFTER
    this.#polledAt = uptime()
    for (const [worker, beat] of this.#beats) {
      if (wasAway) beat.at = this.#polledAt
      const how = beat.isHung ? undefined : this.#howHung(worker, beat)
      if (how === undefined) continue
      beat.isHung = true
      onHung(worker, how)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Returns in words what a hung worker does, or undefined if it does not hang. */
  #howHung(worker: number, beat: Beat): string | undefined {
    const { uptime, stat } = this.#options
    const silent = uptime() - beat.at
    if (silent < BEAT_EVERY * 2) {
      beat.used = undefined
      return undefined
    }
    const status = stat(worker)
    beat.used ??= status?.used
    if (silent < HUNG_AFTER) return undefined
    if (status !== undefined && 'Tt'.includes(status.state)) return 'stopped'
    const used = (status?.used ?? 0) - (beat.used ?? 0)
    if (used >= BUSY_FOR) return `busy for ${(used / 1000).toFixed(1)} s of processor time`
    return silent >= SILENT_FOR ? 'silent' : undefined
  }
}
