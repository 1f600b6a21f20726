import type { ScanResult } from '../scanners/shared/scan-result.ts'
import type { RememberedVerdict } from './copies/verdict-query.ts'

/** The outcome of a scan, for the copies that wait for it. */
export type ScanEnd =
  | { readonly kind: 'verdict'; readonly verdict: RememberedVerdict }
  /** Another process scanned the message. Its verdict, if there is one, is remembered. */
  | { readonly kind: 'elsewhere' }
  /** The scanners could not tell. */
  | { readonly kind: 'unknown'; readonly result: ScanResult }
  /** There is no verdict that copies could use: because of a limit, local policy or an error. */
  | { readonly kind: 'nothing' }

/** A scan that is under way. */
interface ScanInFlight {
  /** Always resolves, and never rejects. */
  readonly ended: Promise<ScanEnd>
  /** The other process that scans; undefined for a scan of this process, which must end in every case. */
  readonly from: number | undefined
  end(end: ScanEnd): void
}

/**
 * What a process tells the others of its scans. A verdict and the end of its scan come in one
 * message.
 */
export type ScanEvent =
  | { readonly is: 'begun'; readonly fingerprint: string; readonly within: number }
  | { readonly is: 'ended'; readonly fingerprint: string; readonly unknown?: ScanResult }

const NOTHING: ScanEnd = { kind: 'nothing' }

/**
 * The scans under way, of all processes of the host, by the message's fingerprint: the first copy is
 * scanned, the others wait.
 */
export class ScansInFlight {
  readonly #tell: (event: ScanEvent) => void
  readonly #scans = new Map<string, ScanInFlight>()

  /** `tell` takes what the other processes are to hear. */
  constructor(tell: (event: ScanEvent) => void = () => {}) {
    this.#tell = tell
  }

  of(fingerprint: string): ScanInFlight | undefined {
    return this.#scans.get(fingerprint)
  }

  /** Begins a scan that takes at most `within` milliseconds. */
  begin(fingerprint: string, within: number): ScanInFlight {
    const scan = this.#add(fingerprint, undefined, (end) => {
      const unknown = end.kind === 'unknown' && { unknown: end.result }
      this.#tell({ is: 'ended', fingerprint, ...unknown })
    })
    this.#tell({ is: 'begun', fingerprint, within })
    return scan
  }

  /**
   * Takes what another process told. If this process is scanning the message, too, both scans go on.
   */
  hear(event: ScanEvent, from: number): void {
    const before = this.of(event.fingerprint)
    if (event.is === 'ended') {
      const { unknown } = event
      const end: ScanEnd = unknown ? { kind: 'unknown', result: unknown } : { kind: 'elsewhere' }
      if (before?.from === from) before.end(end)
    } else if (before === undefined) {
      const scan = this.#add(event.fingerprint, from, () => clearTimeout(timer))
      const timer = setTimeout(() => scan.end(NOTHING), event.within)
      timer.unref()
    }
  }

  /** Another process has ended: its scans will not come to an end. */
  left(from: number): void {
    for (const scan of this.#scans.values()) if (scan.from === from) scan.end(NOTHING)
  }

  #add(
    fingerprint: string,
    from: number | undefined,
    whenEnded: (end: ScanEnd) => void,
  ): ScanInFlight {
    const scans = this.#scans
    let settle: ((end: ScanEnd) => void) | undefined
    const ended = new Promise<ScanEnd>((resolve) => {
      settle = resolve
    })
    const scan: ScanInFlight = {
      ended,
      from,
      end(end) {
        if (settle === undefined) return
        if (scans.get(fingerprint) === scan) scans.delete(fingerprint)
        settle(end)
        settle = undefined
        whenEnded(end)
      },
    }
    scans.set(fingerprint, scan)
    return scan
  }
}
