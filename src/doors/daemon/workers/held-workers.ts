/** Milliseconds between two beats of a worker. */
export const BEAT_EVERY = 1_000
/** Milliseconds without a beat, after which it is late: /healthz says so. */
export const LATE_AFTER = 3_000
/**
 * Milliseconds without a beat after which a worker is held if it runs all the time, or is stopped.
 */
export const HELD_AFTER = 5_000
/**
 * Milliseconds of processor time that it must have used within them: on a busy host other processes
 * have it.
 */
const BUSY_FOR = 2_000
/** Milliseconds without a beat after which it is held, whatever it does. */
const SILENT_FOR = 20_000

/** Listens to the beats of workers. */
export interface HeldWatch {
  /** The worker begins, or said something. */
  heard(worker: number): void
  /** The worker has ended. */
  forget(worker: number): void
  /** Workers that are late. */
  late(): number[]
  close(): void
}

/** What the watch needs besides the beats. */
export interface HeldWatchOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly now: () => number
  readonly stat: (worker: number) => { readonly state: string; readonly used: number } | undefined
  /** Called once for each worker that is held, with its state. */
  readonly held: (worker: number, how: string) => void
}

interface Beat {
  at: number
  /** Milliseconds of processor time that it had used when it was first missed. */
  used: number | undefined
  isHeld: boolean
}

/**
 * Finds workers that are stuck in a loop or stopped: their beat does not come for some seconds. A
 * process that only waits for a busy processor is not stuck, so the processor time that it used
 * counts. If this very process was away, nobody is held. `look` is called each second.
 */
export function watchBeats({ now, stat, held }: HeldWatchOptions): HeldWatch & { look(): void } {
  const beats = new Map<number, Beat>()
  let looked = now()

  function howHeld(worker: number, beat: Beat): string | undefined {
    const silent = now() - beat.at
    if (silent < BEAT_EVERY * 2) {
      beat.used = undefined
      return undefined
    }
    const is = stat(worker)
    beat.used ??= is?.used
    if (silent < HELD_AFTER) return undefined
    if (is !== undefined && 'Tt'.includes(is.state)) return 'stopped'
    const used = (is?.used ?? 0) - (beat.used ?? 0)
    if (used >= BUSY_FOR) return `busy for ${(used / 1000).toFixed(1)} s of processor time`
    return silent >= SILENT_FOR ? 'silent' : undefined
  }

  function look(): void {
    const wasAway = now() - looked > LATE_AFTER
    looked = now()
    for (const [worker, beat] of beats) {
      if (wasAway) beat.at = looked
      const how = beat.isHeld ? undefined : howHeld(worker, beat)
      if (how === undefined) continue
      beat.isHeld = true
      held(worker, how)
    }
  }

  const timer = setInterval(look, BEAT_EVERY)
  timer.unref()
  return {
    look,
    heard(worker) {
      const beat = beats.get(worker)
      if (beat === undefined) beats.set(worker, { at: now(), used: undefined, isHeld: false })
      else beat.at = now()
    },
    forget: (worker) => beats.delete(worker),
    late: () => [...beats].flatMap(([worker, { at }]) => (now() - at > LATE_AFTER ? worker : [])),
    close: () => clearInterval(timer),
  }
}
