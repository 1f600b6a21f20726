import { ABORTED, TIMED_OUT, unlessAborted, withTimeout } from '../../../base/flow/timeout.ts'

/** Milliseconds for which a suspect waits until nothing else is scanned, while nothing new begins. */
const IDLE_TIMEOUT = 2_000
/** Milliseconds for which it then has the process for itself. Other messages wait no longer. */
const ALONE_FOR = 10_000

/**
 * The scans of one process, which run concurrently. A suspect is scanned alone: it was being scanned together
 * with other messages when a scanner or a worker died. Suspects are scanned one at a time.
 */
export class SuspectGate {
  readonly #scans = new Set<GatedScan>()
  /** Resolves when new scans may begin, or undefined if they may begin now. */
  #gate: Promise<void> | undefined
  /** The end of the last suspect in the queue, or undefined if there is none. */
  #lastLone: Promise<void> | undefined
  #onIdle = () => {}

  /**
   * Resolves when the scan may begin. Resolves to undefined if the signal is aborted first, or if a suspect
   * could not be scanned alone.
   */
  async begin(isSuspect: boolean, signal: AbortSignal): Promise<GatedScan | undefined> {
    if (isSuspect) return this.#beginLone(signal)
    while (this.#gate !== undefined) {
      if ((await unlessAborted(this.#gate, signal)) === ABORTED) return undefined
    }
    return this.#open(false, () => {})
  }

  async #beginLone(signal: AbortSignal): Promise<GatedScan | undefined> {
    const before = this.#lastLone
    const own = event()
    this.#lastLone = own.comes
    const leave = () => {
      if (this.#lastLone === own.comes) this.#lastLone = undefined
      own.come()
    }
    if (before !== undefined && (await unlessAborted(before, signal)) === ABORTED) {
      void before.then(leave) // later suspects continue to wait for earlier ones
      return undefined
    }
    const gate = event()
    this.#gate = gate.comes
    const goOn = () => {
      if (this.#gate === gate.comes) this.#gate = undefined
      gate.come()
    }
    const waited = await withTimeout(unlessAborted(this.#idle(), signal), IDLE_TIMEOUT)
    if (waited === TIMED_OUT || waited === ABORTED) {
      goOn()
      leave()
      return undefined
    }
    const timer = setTimeout(goOn, ALONE_FOR).unref()
    return this.#open(true, () => {
      clearTimeout(timer)
      goOn()
      leave()
    })
  }

  #idle(): Promise<void> {
    if (this.#scans.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  #open(isLone: boolean, onEnd: () => void): GatedScan {
    const scan = new GatedScan(isLone, () => {
      this.#scans.delete(scan)
      if (this.#scans.size === 0) this.#onIdle()
      onEnd()
    })
    this.#scans.add(scan)
    if (this.#scans.size > 1) for (const other of this.#scans) other.meetOthers()
    return scan
  }
}

/** A scan that has begun. */
export class GatedScan {
  /** Whether the message is a suspect, and nothing else was scanned when its scan began. */
  readonly isLone: boolean
  readonly end: () => void
  #hasMetOthers = false

  constructor(isLone: boolean, end: () => void) {
    this.isLone = isLone
    this.end = end
  }

  /**
   * Whether a death now is caused by this message: no other one was being scanned, or it is a lone suspect.
   */
  get wasAlone(): boolean {
    return this.isLone || !this.#hasMetOthers
  }

  meetOthers(): void {
    this.#hasMetOthers = true
  }
}

/** Returns an event that occurs once, for all that wait for it. */
function event(): { readonly comes: Promise<void>; come(): void } {
  let come = () => {}
  const comes = new Promise<void>((resolve) => {
    come = resolve
  })
  return { comes, come: () => come() }
}
