import type { ScanResult } from '../../scanners/findings/scan-result.ts'
import type { CachedVerdict } from './fresh.ts'

/** The outcome of a scan, for the copies that wait for it. */
export type ScanEnd =
  /** `mayLast` is false if the verdict counts only for the copies that wait now. */
  | { readonly kind: 'verdict'; readonly verdict: CachedVerdict; readonly mayLast: boolean }
  /** Another process scanned the message, or the scan did not end: copies look for a verdict again. */
  | { readonly kind: 'elsewhere' }
  /** The answer of the scanners is unknown. */
  | { readonly kind: 'unknown'; readonly result: ScanResult }
  /** There is no verdict that copies could use: because of a limit, a ban or an error. */
  | { readonly kind: 'nothing' }

/** A scan that is under way. */
interface ScanForCopies {
  /** Always resolves, and never rejects. A scan of this process must end in every case. */
  readonly ended: Promise<ScanEnd>
  end(end: ScanEnd): void
}

/**
 * The events that a process sends to the others about its scans. A verdict and the end of its scan are sent
 * together.
 */
export type ScanEvent =
  | { readonly kind: 'begun'; readonly fingerprint: string; readonly within: number }
  | { readonly kind: 'ended'; readonly fingerprint: string; readonly unknown?: ScanResult }

export const NO_VERDICT: ScanEnd = { kind: 'nothing' }

/**
 * The scans under way in all processes of the host, by the message's fingerprint: the first copy is scanned,
 * and the others wait. If two processes have begun before they received each other's event, the one with the
 * smaller id is first.
 */
export class ScansForCopies {
  readonly #self: number
  readonly #notify: (event: ScanEvent) => void
  /** By the id of the process that scans. */
  readonly #scans = new Map<string, Map<number, ScanForCopies>>()

  /** `self` is the id of this process. `notify` sends an event to the other processes. */
  constructor(self = process.pid, notify: (event: ScanEvent) => void = () => {}) {
    this.#self = self
    this.#notify = notify
  }

  /** Returns the first scan of the message, or undefined if there is none. */
  of(fingerprint: string): ScanForCopies | undefined {
    const scans = this.#scans.get(fingerprint)
    return scans?.get(Math.min(...scans.keys()))
  }

  /** Begins a scan that takes at most `within` milliseconds. */
  begin(fingerprint: string, within: number): ScanForCopies {
    const scan = this.#add(fingerprint, this.#self, (end) => {
      const unknown = end.kind === 'unknown' && { unknown: end.result }
      this.#notify({ kind: 'ended', fingerprint, ...unknown })
    })
    this.#notify({ kind: 'begun', fingerprint, within })
    return scan
  }

  /** Handles an event of another process. */
  receive(event: ScanEvent, from: number): void {
    const { fingerprint } = event
    if (event.kind === 'ended') {
      const { unknown } = event
      const end: ScanEnd = unknown ? { kind: 'unknown', result: unknown } : { kind: 'elsewhere' }
      this.#scans.get(fingerprint)?.get(from)?.end(end)
    } else {
      const scan = this.#add(fingerprint, from, () => clearTimeout(timer))
      const timer = setTimeout(() => scan.end(NO_VERDICT), event.within)
      timer.unref()
    }
  }

  /** Notes that another process has ended: its scans will not finish. */
  left(from: number): void {
    for (const scans of this.#scans.values()) scans.get(from)?.end(NO_VERDICT)
  }

  #add(fingerprint: string, by: number, whenEnded: (end: ScanEnd) => void): ScanForCopies {
    const scans = this.#scans.get(fingerprint) ?? new Map<number, ScanForCopies>()
    let settle: ((end: ScanEnd) => void) | undefined
    const ended = new Promise<ScanEnd>((resolve) => {
      settle = resolve
    })
    const scan: ScanForCopies = {
      ended,
      end: (end) => {
        if (settle === undefined) return
        if (scans.get(by) === scan) {
          scans.delete(by)
          if (scans.size === 0) this.#scans.delete(fingerprint)
        }
        settle(end)
        settle = undefined
        whenEnded(end)
      },
    }
    this.#scans.set(fingerprint, scans.set(by, scan))
    return scan
  }
}
