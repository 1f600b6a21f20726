import { inTime, LATE } from '../ground/flow/deadline.ts'
import type { Cause } from '../scan/shared/cause.ts'
import type { RememberedVerdict } from './verdict.ts'

/** How the scan of a message ended, for copies that wait for it. */
export type ScanEnd =
  | { readonly kind: 'verdict'; readonly verdict: RememberedVerdict }
  /** Another process scanned it; its verdict, if any, is in the store. */
  | { readonly kind: 'elsewhere' }
  /** Its scanners could not tell. */
  | ({ readonly kind: 'unknown' } & CouldNotTell)
  /** No verdict that copies could use: a limit, local policy, an error. */
  | { readonly kind: 'nothing' }

/** Both as of a scan's result. */
export interface CouldNotTell {
  readonly why: string
  readonly cause: Cause
}

/** A scan that is under way; `ended` always resolves, and never rejects. */
export interface ScanInFlight {
  readonly ended: Promise<ScanEnd>
}

/** A scan of this process, which must end in every case. */
export interface OwnScan extends ScanInFlight {
  end(end: ScanEnd): void
}

/** The messages that are being scanned, by fingerprint: the first copy is scanned, the others wait. */
export interface ScansInFlight {
  of(fingerprint: Buffer): ScanInFlight | undefined
  /** `within`: milliseconds that it takes at most. */
  begin(fingerprint: Buffer, within: number): OwnScan
}

/** Tells the other processes of the host. */
export interface ScansWatch {
  begun(fingerprint: Buffer, within: number): void
  ended(fingerprint: Buffer, end: ScanEnd): void
}

export function createScansInFlight(watch?: ScansWatch): ScansInFlight {
  const scans = new Map<string, ScanInFlight>()
  return {
    of: (fingerprint) => scans.get(nameOf(fingerprint)),
    begin(fingerprint, within) {
      const name = nameOf(fingerprint)
      let settle: ((end: ScanEnd) => void) | undefined
      const ended = new Promise<ScanEnd>((resolve) => {
        settle = resolve
      })
      const scan: OwnScan = {
        ended,
        end(end) {
          if (settle === undefined) return
          if (scans.get(name) === scan) scans.delete(name)
          settle(end)
          settle = undefined
          watch?.ended(fingerprint, end)
        },
      }
      scans.set(name, scan)
      watch?.begun(fingerprint, within)
      return scan
    },
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('latin1')
}

/** How the scan ended, or undefined if that takes longer than so many milliseconds. */
export async function endedWithin(
  { ended }: ScanInFlight,
  milliseconds: number,
): Promise<ScanEnd | undefined> {
  const end = await inTime(ended, Math.max(1, milliseconds))
  return end === LATE ? undefined : end
}
