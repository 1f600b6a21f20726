import { inTime, LATE } from '../ground/flow/deadline.ts'
import type { Cause } from '../scan/shared/cause.ts'
import type { RememberedVerdict } from './copies/verdict-query.ts'

/** The outcome of a scan, for the copies that wait for it. */
export type ScanEnd =
  | { readonly kind: 'verdict'; readonly verdict: RememberedVerdict }
  /** Another process scanned the message. Its verdict, if there is one, is remembered. */
  | { readonly kind: 'elsewhere' }
  /** The scanners could not tell. */
  | ({ readonly kind: 'unknown' } & CouldNotTell)
  /** There is no verdict that copies could use: because of a limit, local policy or an error. */
  | { readonly kind: 'nothing' }

/** Why the scanners could not tell, as in a ScanResult. */
export interface CouldNotTell {
  readonly why: string
  readonly cause: Cause
}

/** A scan that is under way. */
export interface ScanInFlight {
  /** Always resolves, and never rejects. */
  readonly ended: Promise<ScanEnd>
  /** The other process that scans; undefined for a scan of this process, which must end in every case. */
  readonly from: number | undefined
  end(end: ScanEnd): void
}

/** Hears of scans of this process that begin and end, to tell the other processes of the host. */
export interface ScansWatch {
  begun(fingerprint: string, within: number): void
  ended(fingerprint: string, end: ScanEnd): void
}

const NOTHING: ScanEnd = { kind: 'nothing' }

/**
 * The scans under way, of all processes of the host, by the message's fingerprint: the first copy is
 * scanned, the others wait.
 */
export class ScansInFlight {
  readonly #watch: ScansWatch | undefined
  readonly #scans = new Map<string, ScanInFlight>()

  constructor(watch?: ScansWatch) {
    this.#watch = watch
  }

  of(fingerprint: string): ScanInFlight | undefined {
    return this.#scans.get(fingerprint)
  }

  /** Begins a scan that takes at most `within` milliseconds. */
  begin(fingerprint: string, within: number): ScanInFlight {
    const scan = this.#add(fingerprint, undefined, (end) => this.#watch?.ended(fingerprint, end))
    this.#watch?.begun(fingerprint, within)
    return scan
  }

  /** Another process began a scan. If this process is scanning the message, too, both scans go on. */
  begunElsewhere(fingerprint: string, from: number, within: number): void {
    if (this.of(fingerprint) !== undefined) return
    const scan = this.#add(fingerprint, from, () => clearTimeout(timer))
    const timer = setTimeout(() => scan.end(NOTHING), within)
    timer.unref()
  }

  endedElsewhere(fingerprint: string, from: number, end: ScanEnd): void {
    const scan = this.of(fingerprint)
    if (scan?.from === from) scan.end(end)
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

/** Resolves to the outcome of the scan, or to undefined after so many milliseconds. */
export async function endedWithin(
  { ended }: ScanInFlight,
  milliseconds: number,
): Promise<ScanEnd | undefined> {
  const end = await inTime(ended, Math.max(1, milliseconds))
  return end === LATE ? undefined : end
}
