import { formatDuration } from '../../../base/text/units.ts'

/** Milliseconds between two heartbeats of a worker. */
export const HEARTBEAT_EVERY = 1_000
/** Milliseconds without a heartbeat after which /healthz reports a worker. */
const LATE_AFTER = 3_000
/**
 * Milliseconds without a heartbeat after which a worker hangs if it runs all the time, or is stopped.
 */
export const HUNG_AFTER = 5_000
/**
 * Milliseconds of CPU time that a hung worker must have used meanwhile. With less it only
 * waits for the processor, which other processes have on a busy host.
 */
const BUSY_FOR = 2_000
/** Milliseconds without a heartbeat after which a worker hangs, unless it waits for the processor. */
const SILENT_FOR = 20_000

interface HeartbeatWatchOptions {
  /** Milliseconds on the monotonic clock. */
  readonly uptime: () => number
  /** The state of a worker's main thread, and the milliseconds of CPU time that it has used: proc(5). */
  readonly stat: (worker: number) => { readonly state: string; readonly used: number } | undefined
  /** Called once for each worker that hangs. `reason` describes its state. */
  readonly onHung: (worker: number, reason: string) => void
}

/** The last heartbeat of a worker. */
interface Heartbeat {
  at: number
  /** Milliseconds of CPU time that the worker had used when a heartbeat was first missing. */
  used: number | undefined
  isHung: boolean
}

/**
 * Detects workers that hang, because of a loop or a stop: they send no heartbeat for some seconds. If this
 * process itself was blocked meanwhile, no worker counts as hung.
 */
export class HeartbeatWatch {
  readonly #options: HeartbeatWatchOptions
  readonly #heartbeats = new Map<number, Heartbeat>()
  readonly #timer = setInterval(() => this.poll(), HEARTBEAT_EVERY).unref()
  #polledAt: number

  constructor(options: HeartbeatWatchOptions) {
    this.#options = options
    this.#polledAt = options.uptime()
  }

  /** Notes that the worker has started, or has sent a message. */
  beat(worker: number): void {
    const at = this.#options.uptime()
    const heartbeat = this.#heartbeats.get(worker)
    if (heartbeat === undefined)
      this.#heartbeats.set(worker, { at, used: undefined, isHung: false })
    else heartbeat.at = at
  }

  /** The worker has ended. */
  forget(worker: number): void {
    this.#heartbeats.delete(worker)
  }

  /** Returns the workers without a recent heartbeat. */
  late(): number[] {
    const now = this.#options.uptime()
    return [...this.#heartbeats].flatMap(([worker, { at }]) =>
      now - at > LATE_AFTER ? worker : [],
    )
  }

  /** Checks all workers; called each second. */
  poll(): void {
    const { uptime, onHung } = this.#options
    const now = uptime() // read once: the following calls may block this process
    const wasAway = now - this.#polledAt > LATE_AFTER
    this.#polledAt = now
    for (const [worker, heartbeat] of this.#heartbeats) {
      if (wasAway) heartbeat.at = now
      const hang = heartbeat.isHung ? undefined : this.#hangText(worker, heartbeat, now)
      if (hang === undefined) continue
      heartbeat.isHung = true
      onHung(worker, hang)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Returns a description of what a hung worker does, or undefined if it does not hang. */
  #hangText(worker: number, heartbeat: Heartbeat, now: number): string | undefined {
    const { stat } = this.#options
    const silent = now - heartbeat.at
    if (silent < HEARTBEAT_EVERY * 2) {
      heartbeat.used = undefined
      return undefined
    }
    const status = stat(worker)
    heartbeat.used ??= status?.used
    if (silent < HUNG_AFTER) return undefined
    if (status?.state === 'T') return 'stopped' // not t: a tracer stops it at each call, for a moment
    const used = (status?.used ?? 0) - (heartbeat.used ?? 0)
    if (used >= BUSY_FOR) return `busy for ${formatDuration(used)} of CPU time`
    const isStarved = status?.state === 'R'
    return silent >= SILENT_FOR && !isStarved ? 'silent' : undefined
  }
}
