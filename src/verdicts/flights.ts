import { inTime, LATE } from '../runtime/deadline.ts'
import type { Cause } from '../scan/shared/cause.ts'
import type { RememberedVerdict } from './verdict.ts'

/** How the scan of a message ended, for copies that wait for it. */
export type Landing =
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

/** A scan that is under way; `landed` always resolves, and never rejects. */
export interface Flight {
  readonly landed: Promise<Landing>
}

/** A scan of this process, which must land in every case. */
export interface OwnFlight extends Flight {
  land(landing: Landing): void
}

/** The messages that are being scanned, by fingerprint: the first copy is scanned, the others wait. */
export interface Flights {
  of(fingerprint: Buffer): Flight | undefined
  /** `within`: milliseconds that it takes at most. */
  begin(fingerprint: Buffer, within: number): OwnFlight
}

/** Tells the other processes of the host. */
export interface FlightWatch {
  begun(fingerprint: Buffer, within: number): void
  landed(fingerprint: Buffer, landing: Landing): void
}

export function createFlights(watch?: FlightWatch): Flights {
  const flying = new Map<string, Flight>()
  return {
    of: (fingerprint) => flying.get(nameOf(fingerprint)),
    begin(fingerprint, within) {
      const name = nameOf(fingerprint)
      let settle: ((landing: Landing) => void) | undefined
      const landed = new Promise<Landing>((resolve) => {
        settle = resolve
      })
      const flight: OwnFlight = {
        landed,
        land(landing) {
          if (settle === undefined) return
          if (flying.get(name) === flight) flying.delete(name)
          settle(landing)
          settle = undefined
          watch?.landed(fingerprint, landing)
        },
      }
      flying.set(name, flight)
      watch?.begun(fingerprint, within)
      return flight
    },
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('latin1')
}

/** How the flight ended, or undefined if that takes longer than so many milliseconds. */
export async function landedWithin(
  { landed }: Flight,
  milliseconds: number,
): Promise<Landing | undefined> {
  const landing = await inTime(landed, Math.max(1, milliseconds))
  return landing === LATE ? undefined : landing
}
